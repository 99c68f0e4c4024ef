import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models_registry.inputs.number_text import (
    NumberProblem,
    as_float,
    format_number,
    parse_number,
    show_number,
    span_text,
    with_unit,
)


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
        ("12,34,567", 1_234_567),
        ("-1,23,45,678.90", -12_345_678.9),
        ("1,23,456", 123_456),
        ("5.", 5),
        ("5,", 5),
        ("1,234.", 1234),
        (",5", 0.5),
        ("1\u2009234\u202f567", 1_234_567),
        ("\u20135", -5),
        ("١٢٣", 123),
        ("١٬٢٣٤٫٥", 1234.5),
        ("１２．５", 12.5),
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
        "5²",
        "½",
        "1e400",
        "0x10",
        "1.2.3",
        "1,23,45",
        "1,2,345,678",
        "12.34.567",
        "123,45,678",
        "9" * 5000,
        "0" * 5000,
        "12a",
        "--5",
        "\ud800",
        "5 5 e",
    ],
)
def test_what_is_no_finite_number_is_refused(text: str) -> None:
    assert isinstance(parse_number(text), NumberProblem)


def test_what_is_grouped_otherwise_is_told_how_digits_are_grouped() -> None:
    problem = parse_number("12,3456,7")
    assert isinstance(problem, NumberProblem)
    assert "grouped by three, as in 1,234,567, or as 12,34,567" in problem.message


@given(st.integers(-(2**64), 2**64))
def test_a_whole_number_keeps_every_digit(number: int) -> None:
    for text in (str(number), f"{number:,}", format_number(number)):
        read = parse_number(text, decimal_mark=".")
        assert read == number
        assert isinstance(read, int)


def test_a_whole_number_that_no_float_shows_stays_whole() -> None:
    assert as_float(2**53 + 1) == 2**53 + 1
    assert isinstance(as_float(2**53 + 1), int)
    assert isinstance(as_float(5), float)
    assert isinstance(as_float(10**22), float)


def test_minus_zero_becomes_zero() -> None:
    assert math.copysign(1, parse_number("-0")) == 1  # type: ignore[arg-type]


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_written_out_reads_back_as_itself(number: float) -> None:
    assert parse_number(format_number(number), decimal_mark=".") == number


@given(st.text(max_size=20))
def test_any_text_is_a_finite_number_or_a_problem(text: str) -> None:
    number = parse_number(text)
    assert isinstance(number, NumberProblem) or math.isfinite(number)


@pytest.mark.parametrize(
    ("text", "unit", "shown"),
    [
        ("1", "years", "1 year"),
        ("2", "years", "2 years"),
        ("0", "years", "0 years"),
        ("-1", "points", "-1 point"),
        ("1", "points per game", "1 point per game"),
        ("1", "boxes", "1 box"),
        ("1", "batteries", "1 battery"),
        ("1", "people", "1 person"),
        ("1", "siemens", "1 siemens"),
        ("1", "kg/m²", "1 kg/m²"),
        ("1", "ms", "1 ms"),
        ("1", "mass", "1 mass"),
        ("1", "€", "€ 1"),
        ("1", "Tbsps", "1 Tbsps"),
    ],
)
def test_a_unit_is_singular_after_one(text: str, unit: str, shown: str) -> None:
    assert with_unit(text, unit) == shown


def test_both_ends_of_an_amount_of_money_carry_the_sign() -> None:
    assert span_text("500", "to", "75,000", "€") == "€ 500 to € 75,000"
    assert span_text("18", "to", "100", "years") == "18 to 100 years"


@pytest.mark.parametrize(
    ("number", "unit", "shown"),
    [
        (5000, "€", "5,000"),
        (5000.25, "kg", "5,000.25"),
        (999, "€", "999"),
        (1998, "", "1998"),
        (1998, "year", "1998"),
        (19_980, "", "19,980"),
    ],
)
def test_thousands_are_grouped_beside_a_unit_and_years_stay_years(
    number: float, unit: str, shown: str
) -> None:
    assert show_number(number, unit) == shown
