import io
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.logging import ContextFilter, LineFormatter
from config.text.plain_text import (
    escaped,
    isolated,
    listed,
    settled,
    unfit,
    unfit_in_name,
    unturned,
)

ESC, RLO, FSI, PDI = "\x1b", "\u202e", "\u2068", "\u2069"


@given(st.text())
def test_nothing_escaped_ends_a_line_or_steers_or_turns(text: str) -> None:
    plain = escaped(text)
    assert len(plain.splitlines()) <= 1
    assert not unfit(plain)
    assert unturned(plain) == plain
    assert plain.encode().decode() == plain


def test_what_is_escaped_can_still_be_read() -> None:
    assert escaped(f"a{ESC}[31m\r\n{RLO}b\x9b\ud800é") == r"a\x1b[31m\r\n\u202eb\x9b\ud800é"
    assert escaped("a\nb\r", keep="\n") == "a\nb\\r"


@pytest.mark.parametrize(
    ("character", "found"),
    [("\x00", "U+0000"), (ESC, "U+001B"), ("\x85", "U+0085"), ("\udfff", "U+DFFF"), ("\t", "")],
)
def test_an_unfit_character_is_named(character: str, found: str) -> None:
    assert unfit(f"a{character}b") == found


@pytest.mark.parametrize("character", ["\n", "\t", ESC, RLO, FSI, "\u2028"])
def test_a_name_stays_on_its_line_and_turns_nothing(character: str) -> None:
    assert unfit_in_name(f"Loan{character}risk") == f"U+{ord(character):04X}"
    assert not unfit_in_name("מחיר 👩‍🔬 Größe")


@given(st.text(f"a \n{ESC}{RLO}\u202a\u202c{FSI}\u2066\u2067{PDI}"))
def test_in_a_settled_text_every_line_closes_what_it_opens(text: str) -> None:
    plain = settled(text)
    assert len(plain.split("\n")) == len(text.split("\n"))
    for line in plain.split("\n"):
        depth = 0
        for character in line:
            assert character in f"a {FSI}\u2066\u2067{PDI}"
            depth += (character != PDI) - (character == PDI) if character not in "a " else 0
            assert depth >= 0
        assert depth == 0
    assert settled(plain) == plain


def test_a_name_is_isolated_where_it_could_turn_a_sentence() -> None:
    assert isolated("Loan risk v4, Größe → 🙂") == "Loan risk v4, Größe → 🙂"
    assert isolated("מחיר") == f"{FSI}מחיר{PDI}"
    assert isolated(f"a{RLO}b{PDI}") == f"{FSI}ab{PDI}"
    assert settled(f"of {isolated(f'a{RLO}b')} v3") == f"of {FSI}ab{PDI} v3"


def test_a_line_of_the_log_is_one_line_and_steers_no_terminal() -> None:
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.addFilter(ContextFilter())
    handler.setFormatter(LineFormatter("%(levelname)s %(message)s%(context)s"))
    logger = logging.Logger("test")
    logger.addHandler(handler)
    try:
        raise ValueError(f"bad{ESC}[2J\r")
    except ValueError:
        logger.exception("failed name=%s", f"x{ESC}[31m\nINFO forged {RLO}")
    first, *trace = written.getvalue().split("\n")
    assert first == r"ERROR failed name=x\x1b[31m\nINFO forged \u202e"
    assert trace[0] == "Traceback (most recent call last):"
    assert trace[-2] == r"ValueError: bad\x1b[2J\r"


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ([], ""),
        (["A"], "A"),
        (["A", "B"], "A and B"),
        (["A", "B", "C"], "A, B and C"),
        (["A", "B", "C", "D"], "A, B, C and D"),
        (["A", "B", "C", "D", "E"], "A, B, C and 2 more groups"),
        (["אב", "B"], "\u2068אב\u2069 and B"),
    ],
)
def test_names_are_listed_for_a_sentence_and_many_are_counted(names: list[str], said: str) -> None:
    assert listed(names, "groups") == said
