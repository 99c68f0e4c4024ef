"""Numbers and durations for people, and whole numbers in addresses and forms."""

from datetime import timedelta

import pytest
from django.template import engines

from config.text.numbers import (
    count_text,
    decimal_text,
    megabytes_text,
    milliseconds_text,
    percent_text,
    seconds_text,
    whole_number,
    written_with,
)


def test_numbers_are_written_with_the_mark_of_the_person_who_reads() -> None:
    with written_with(","):
        assert (count_text(1234567), decimal_text(1234.5, 2)) == ("1.234.567", "1.234,50")
        assert (seconds_text(0.16), milliseconds_text(7.25)) == ("0,16", "7,2 ms")
        assert (percent_text(98.44), percent_text(99.99)) == ("98,4", "> 99,9")
        assert megabytes_text(2**31) == "2.048 MB"
    assert (count_text(1234567), decimal_text(1234.5, 2)) == ("1,234,567", "1,234.50")


def test_a_negative_number_is_read_with_a_real_minus() -> None:
    assert (count_text(-1234), decimal_text(-39.32, 2)) == ("−1,234", "−39.32")
    with written_with(","):
        assert decimal_text(-39.32, 2) == "−39,32"


@pytest.mark.parametrize(("mark", "text"), [("", "1,234 0.50 s"), (",", "1.234 0,50 s")])
def test_templates_write_numbers_in_the_same_way(mark: str, text: str) -> None:
    template = engines["django"].from_string("{{ count|grouped }} {{ time|seconds:2 }}")
    with written_with(mark):
        assert template.render({"count": 1234, "time": timedelta(milliseconds=500)}) == text


def test_a_whole_number_is_read() -> None:
    assert whole_number("017") == 17


@pytest.mark.parametrize("text", ["", "-1", "+1", " 1", "1.0", "1e3", "²", "one", "9" * 19])
def test_anything_else_is_the_default(text: str) -> None:
    assert whole_number(text) is None
    assert whole_number(text, default=1) == 1


def test_more_digits_than_are_asked_for_are_no_number() -> None:
    assert whole_number("9999", digits=4) == 9999
    assert whole_number("10000", digits=4) is None
