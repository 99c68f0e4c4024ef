"""Whole numbers in addresses and forms."""

import pytest

from config.numbers import whole_number


def test_a_whole_number_is_read() -> None:
    assert whole_number("017") == 17


@pytest.mark.parametrize("text", ["", "-1", "+1", " 1", "1.0", "1e3", "²", "one", "9" * 19])
def test_anything_else_is_the_default(text: str) -> None:
    assert whole_number(text) is None
    assert whole_number(text, default=1) == 1


def test_more_digits_than_are_asked_for_are_no_number() -> None:
    assert whole_number("9999", digits=4) == 9999
    assert whole_number("10000", digits=4) is None
