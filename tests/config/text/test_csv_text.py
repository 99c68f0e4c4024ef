import csv
import io
import math
import re
from datetime import datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.text.csv_text import LINES_PER_CHUNK, csv_lines, csv_response, safe_text, typed_text

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"))
CELLS = st.one_of(TEXTS, st.none(), st.booleans(), st.integers(), st.floats())
NUMBER = r"[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?"
# A number, and nothing that a spreadsheet with a decimal comma would go on with.
NO_FORMULA = re.compile(rf"[+-]{NUMBER}(?:$|,(?:{NUMBER})?(?:$|[,;|\t\r\n])|,[^0-9])")
SIGNS = tuple("=+-@＝＋－＠﹦﹢﹣﹫")
TRIGGERS = (*SIGNS, "\t", "\r", "\n")
LOOKED_PAST = " \u00a0\u3000\u200b\u200e\u202e\u2066\ufeff\x01\x1b\x7f"


def read(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))


@given(st.lists(st.lists(CELLS, min_size=2, max_size=2)))
def test_what_is_written_is_what_a_reader_gets(rows: list[list[Any]]) -> None:
    content = b"".join(csv_lines(["a", "b"], rows))
    assert content.startswith(b"\xef\xbb\xbfa,b\r\n")
    for (first, *rest), row in zip(read(content)[1:], rows, strict=True):
        cells = [safe_text(value) for value in row]
        assert rest == cells[1:]
        assert first in {cells[0], f"'{cells[0]}"}


@given(st.floats() | st.integers())
def test_a_number_comes_back_to_the_last_bit_and_is_never_prefixed(number: float) -> None:
    back = type(number)(safe_text(number))
    assert back == number or (math.isnan(back) and math.isnan(number))


@given(TEXTS)
def test_a_text_changes_by_apostrophes_alone_and_reads_back(text: str) -> None:
    assert safe_text(text).replace("'", "") == text.replace("'", "")
    if "'" not in text:
        assert typed_text(safe_text(text)) == text


@given(st.text(LOOKED_PAST), st.sampled_from(TRIGGERS), TEXTS)
def test_no_text_begins_as_a_formula(space: str, trigger: str, rest: str) -> None:
    written = safe_text(f"{space}{trigger}{rest}x")
    assert written.startswith(f"'{space}{trigger}")


@given(
    st.lists(
        st.lists(st.text([*SIGNS, *LOOKED_PAST, *";|\t\r\n\"',a1"]), min_size=2, max_size=3),
        min_size=1,
    ),
    st.sampled_from(";|\t"),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_NONE]),
)
def test_no_cell_is_a_formula_where_another_separator_is_used(
    rows: list[list[str]], separator: str, quoting: Literal[0, 3]
) -> None:
    """What a spreadsheet reads that takes our commas for text, whatever it makes of quotes."""
    content = b"".join(csv_lines(["name", "note"], rows)).decode("utf-8-sig")
    lines = io.StringIO(content, newline="")
    for row in csv.reader(lines, delimiter=separator, quoting=quoting):
        for cell in row:
            begins = cell.lstrip(LOOKED_PAST + "\t\r\n")
            assert begins[:1] not in SIGNS or NO_FORMULA.match(begins), row


def test_a_number_and_the_text_beside_it_are_no_formula_where_the_comma_is_decimal() -> None:
    attack = "5+cmd|' /C calc'!A0"
    for first in (-1, "-1", "+2"):
        content = b"".join(csv_lines(["amount", "note"], [[first, attack]])).decode("utf-8-sig")
        assert content.splitlines()[1] == f"'{first},{attack}"
    for beside in ("", "5", -5, "5 %", "Main Street"):
        content = b"".join(csv_lines(["amount", "note"], [["-1", beside]])).decode("utf-8-sig")
        assert content.splitlines()[1].startswith("-1,") is (beside != "5 %")


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("a;=1+1", "a;'=1+1"),
        ("a;\u200b -cmd", "a;'\u200b -cmd"),
        ("Plan:\n- one", "Plan:\n'- one"),
        ("a\t@x", "a\t'@x"),
        ('a;"=1"', 'a;\'"=1"'),
        ("a; b, -5", "a; b, -5"),
        ('["a", "-b"]', '["a", "-b"]'),
    ],
)
def test_a_part_behind_another_separator_is_guarded_as_a_cell_is(text: str, written: str) -> None:
    assert safe_text(text) == written


@pytest.mark.parametrize("text", ["-5", "+1.5", "-1e-3", "5", "a=b", "mail@example.com", "", "'=1"])
def test_a_plain_number_or_a_harmless_text_stays_as_it_is(text: str) -> None:
    assert safe_text(text) == text


@pytest.mark.parametrize("text", ["-5+3", "+49 30 1234", "-1,5", "--5", " -5", "=1", "－１"])
def test_what_only_looks_like_a_number_is_made_text(text: str) -> None:
    assert safe_text(text) == f"'{text}"


def test_a_header_goes_through_the_same_rule() -> None:
    assert read(b"".join(csv_lines(["=cmd()", "x,y"], []))) == [["'=cmd()", "x,y"]]


def test_values_have_one_form_each() -> None:
    at = datetime(2026, 3, 29, 3, 30, tzinfo=ZoneInfo("Europe/Berlin"))
    values = [None, True, 1e22, 0.1, at, {"a": "ä"}, ["-"], "a\x00b", "\ud800"]
    line = b"".join(csv_lines([], [values])).decode().splitlines()[1]
    assert next(csv.reader([line])) == [
        "", "true", "1e+22", "0.1", "2026-03-29T03:30:00+02:00", '{"a": "ä"}', '["-"]', "ab", "?",
    ]  # fmt: skip


def test_a_download_streams_every_line_under_its_name() -> None:
    count = LINES_PER_CHUNK * 2 + 1
    response = csv_response("Périodes v1.csv", ["n"], ([n] for n in range(count)))
    chunks = [bytes(chunk) for chunk in response.streaming_content]  # type: ignore[union-attr]
    assert len(chunks) == 3
    assert read(b"".join(chunks)) == [["n"], *[[str(n)] for n in range(count)]]
    assert response["Content-Disposition"].startswith("attachment; filename*=utf-8''P%C3%A9riodes")
