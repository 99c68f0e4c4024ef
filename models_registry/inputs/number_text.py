"""Parsing and formatting of numbers as people type them. Pure.

A whole number is always a Python int, since a float64 does not hold every whole number beyond
2**53, and identifiers have more digits than that.
"""

import math
import re
import unicodedata
from dataclasses import dataclass
from decimal import Decimal

MAX_WHOLE, MIN_WHOLE = 2**64 - 1, -(2**63)
"""The whole numbers that a column of a table can hold."""

_WRITTEN: dict[int, str | None] = {
    **dict.fromkeys(map(ord, " \u00a0\u2007\u2009\u202f'\u2019\u066c"), None),
    **dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2212\ufe63\uff0d"), "-"),
    ord("\uff0b"): "+",
    ord("\uff0c"): ",",
    ord("\uff0e"): ".",
    ord("\u066b"): ".",
}
"""Typographic characters: digit separators are removed; others become a minus, a plus or a decimal
mark."""
_PLAIN = re.compile(
    r"[+-]?(?:[0-9]+(?:[.,][0-9]+)*[.,]?|[.,][0-9]+)(?:[eE][+-]?[0-9]{1,3})?", re.ASCII
)
_BY_THREE = re.compile(r"[0-9]{1,3}(?:,[0-9]{3})+")
_INDIAN = re.compile(r"[0-9]{1,2}(?:,[0-9]{2})+,[0-9]{3}")
NO_NUMBER = "This is not a number."
_LONGEST = 400
"""Characters: the largest float64 has 309 digits."""
_BAD_GROUPS = "This is not a number: digits are grouped by three, as in 1,234,567, or as 12,34,567."


@dataclass(frozen=True)
class NumberProblem:
    """The reason why a text is not a number. ``readings`` are its possible meanings, for the person
    to choose."""

    message: str
    readings: tuple[str, ...] = ()


def parse_number(text: str, *, decimal_mark: str = "") -> int | float | NumberProblem:
    """Read ``text`` as a number: an int where no mark and no exponent is written, else a finite
    float64.

    One ``.`` or ``,`` followed by anything but exactly three digits is the decimal mark. With both,
    the last one is, and the other must group: by three, or as in India 12,34,567. A single mark
    followed by exactly three digits is decided by ``decimal_mark`` ("." or ",", from the person's
    number format); where that is empty the text is ambiguous. Spaces and apostrophes group. Digits
    of every script count.
    """
    if "\u066b" in text:  # the Arabic decimal mark has no other use
        decimal_mark = "."
    compact = text.strip().translate(_WRITTEN)
    if not compact.isascii():
        compact = "".join(map(_ascii_digit, compact))
    if len(compact) > _LONGEST or not _PLAIN.fullmatch(compact):
        return NumberProblem(NO_NUMBER)
    mantissa, e, power = compact.replace("E", "e").partition("e")
    exponent = e + power
    plain = _with_decimal_point(mantissa, decimal_mark)
    if isinstance(plain, NumberProblem):
        return plain
    number = float(plain + exponent)
    if not math.isfinite(number):
        return NumberProblem("This number is too large.")
    if "." in plain or exponent:
        return number + 0.0  # minus zero becomes zero, as PostgreSQL stores it
    return int(plain)


def _ascii_digit(character: str) -> str:
    return character if character.isascii() else str(unicodedata.decimal(character, character))


def _with_decimal_point(mantissa: str, decimal_mark: str) -> str | NumberProblem:
    marks = [character for character in mantissa if character in ".,"]
    if not marks:
        return mantissa
    mark = marks[-1]
    group = "," if mark == "." else "."
    whole, fraction = mantissa.rsplit(mark, 1)
    if len(set(marks)) == 2:
        if mark in whole or not _is_grouped(whole, group):
            return NumberProblem(_BAD_GROUPS)
        return f"{whole.replace(group, '')}.{fraction or 0}"
    if len(marks) > 1:
        if not _is_grouped(mantissa, mark):
            return NumberProblem(_BAD_GROUPS)
        return mantissa.replace(mark, "")
    if len(fraction) != 3 or whole.lstrip("+-") in {"", "0"} or len(whole.lstrip("+-")) > 3:
        return f"{whole}.{fraction or 0}"
    if not decimal_mark:
        sign = "-" if whole.startswith("-") else ""
        digits = whole.lstrip("+-")
        readings = (f"{sign}{digits}{fraction}", f"{sign}{digits}.{fraction}")
        return NumberProblem(f"Write {readings[0]} or {readings[1]}?", readings)
    return f"{whole}.{fraction}" if mark == decimal_mark else whole + fraction


def _is_grouped(text: str, group: str) -> bool:
    digits = text.lstrip("+-")
    by_three = _BY_THREE.fullmatch(digits.replace(group, ","))
    return bool(by_three or (group == "," and _INDIAN.fullmatch(digits)))


def as_float(number: int | float) -> int | float:
    """Return the number as a float64 that shows the same digits; a whole number without such a
    float64 is returned unchanged."""
    nearest = float(number)
    return nearest if isinstance(number, float) or Decimal(repr(nearest)) == number else number


def is_whole(number: int | float) -> bool:
    return isinstance(number, int) or number.is_integer()


def show_number(number: int | float, unit: str = "") -> str:
    """Format a number for display: as typed, with thousands grouped. A number without a unit may
    be a year: four digits stay as they are."""
    text = format_number(number)
    if abs(number) < (10_000 if unit in {"", "year"} else 1_000) or "e" in text:
        return text
    whole, point, fraction = text.partition(".")
    return f"{int(whole):,}{point}{fraction}"


def brief_number(number: int | float, unit: str = "") -> str:
    """Format a number for display with four significant digits."""
    brief = float(f"{number:.4g}")
    return show_number(brief if math.isfinite(brief) else number, unit)


MONEY = {"€", "$", "£", "¥"}
_SINGULAR = {"people": "person", "children": "child", "feet": "foot", "inches": "inch"}
_ONE_AS_MANY = {"celsius", "siemens", "series", "species", "gauss", "lens", "gas", "bus"}
"""Words that end in s for one, too."""


def with_unit(text: str, unit: str) -> str:
    """Join a value and its unit: before the value for money, after it otherwise, and in the
    singular after 1."""
    if not unit:
        return text
    return f"{unit} {text}" if unit in MONEY else f"{text} {unit_after(text, unit)}"


def unit_after(text: str, unit: str) -> str:
    """Return the unit as it stands after a number: "year" after 1 where it is "years"."""
    return singular(unit) if text in {"1", "-1", "−1"} else unit


def singular(unit: str) -> str:
    """Return a unit that is a plural English word, or begins with one, for one thing: "years",
    "points per game"."""
    word, blank, rest = unit.partition(" ")
    if word in _SINGULAR:
        return _SINGULAR[word] + blank + rest
    is_plural = len(word) > 2 and word.isascii() and word.isalpha() and word.islower()
    if not is_plural or word in _ONE_AS_MANY or not word.endswith("s") or word[-2] in "sui":
        return unit
    if word.endswith("ies") and len(word) > 4:
        return f"{word[:-3]}y{blank}{rest}"
    one = word[:-2] if word.endswith(("sses", "shes", "ches", "xes")) else word[:-1]
    return one + blank + rest


def span_text(low: str, joint: str, high: str, unit: str) -> str:
    """Join two numbers and their unit: "18 to 100 years", "€ 500 to € 75,000"."""
    if unit in MONEY:
        return f"{with_unit(low, unit)} {joint} {with_unit(high, unit)}"
    return with_unit(f"{low} {joint} {high}", unit)


def format_number(number: int | float) -> str:
    """Format a number as the shortest text that reads back as the same number; whole numbers
    without a point."""
    if isinstance(number, int):
        return str(int(number))
    is_exact = number.is_integer() and abs(number) <= 2**53
    return str(int(number)) if is_exact else repr(float(number))


def typed(number: str, decimal_mark: str) -> str:
    """Convert a number written with a point to the person's number format, so that it reads back as
    the same one: with their mark; without one, three decimals would look like thousands."""
    mantissa, e, exponent = number.partition("e")
    whole, point, fraction = mantissa.partition(".")
    if not point:
        return number
    if not decimal_mark and len(fraction) == 3:
        fraction += "0"
    return f"{whole}{decimal_mark or point}{fraction}{e}{exponent}"
