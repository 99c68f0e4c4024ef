import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models_registry.number_text import NumberProblem, format_number, parse_number


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("5", 5),
        ("5.5", 5.5),
        ("5,5", 5.5),
        ("1,234.5", 1234.5),
        ("1.234,5", 1234.5),
        ("1,234,567", 1_234_567),
        ("1 234,5", 1234.5),
        ("1'234.5", 1234.5),
        ("-0,5", -0.5),
        ("\u22125", -5),
        ("1e-3", 0.001),
        (".5", 0.5),
        ("0.125", 0.125),
        ("1234.567", 1234.567),
        (" 42 ", 42),
    ],
)
def test_a_number_is_read_in_either_decimal_convention(text: str, number: float) -> None:
    assert parse_number(text) == number


def test_a_single_mark_before_three_digits_is_asked_about() -> None:
    problem = parse_number("1,234")
    assert problem == NumberProblem("Write 1234 or 1.234?", ("1234", "1.234"))


def test_the_persons_number_format_decides_what_would_be_ambiguous() -> None:
    assert parse_number("1,234", decimal_mark=",") == 1.234
    assert parse_number("1,234", decimal_mark=".") == 1234


@pytest.mark.parametrize(
    "text",
    [
        "nan",
        "inf",
        "-Infinity",
        "1_000",
        "١٢٣",
        "1e400",
        "0x10",
        "1.2.3",
        "1,23,456",
        "12a",
        "--5",
        "\ud800",
        "5 5 e",
    ],
)
def test_what_is_no_finite_number_is_refused(text: str) -> None:
    assert isinstance(parse_number(text), NumberProblem)


def test_minus_zero_becomes_zero() -> None:
    assert math.copysign(1, parse_number("-0")) == 1  # type: ignore[arg-type]


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_written_out_reads_back_as_itself(number: float) -> None:
    assert parse_number(format_number(number), decimal_mark=".") == number


@given(st.text(max_size=20))
def test_any_text_is_a_finite_number_or_a_problem(text: str) -> None:
    number = parse_number(text)
    assert isinstance(number, NumberProblem) or math.isfinite(number)
