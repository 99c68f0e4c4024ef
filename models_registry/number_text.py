"""Reading and writing numbers as people type them. Pure; the rules are PRODUCT 1.5's."""

import math
import re
from dataclasses import dataclass

MAX_EXACT_INTEGER = 2**53
"""Beyond this a float64 no longer holds every whole number, so what is stored could differ from
what was typed."""

_SPACES = str.maketrans("", "", " \u00a0\u2009\u202f'\u2019")
_PLAIN = re.compile(r"[+-]?[0-9]+(?:[.,][0-9]+)*(?:[eE][+-]?[0-9]{1,3})?|[+-]?[.,][0-9]+")


@dataclass(frozen=True)
class NumberProblem:
    """Why a text is no number. ``readings`` are what it might mean, for the person to choose."""

    message: str
    readings: tuple[str, ...] = ()


def parse_number(text: str, *, decimal_mark: str = "") -> float | NumberProblem:
    """Read ``text`` as a finite float64.

    One ``.`` or ``,`` followed by anything but exactly three digits is the decimal mark. With both,
    the last one is, and the other must group by three. A single mark followed by exactly three
    digits is decided by ``decimal_mark`` ("." or ",", from the person's number format); where that
    is empty the text is ambiguous. Spaces and apostrophes group. ASCII digits only.
    """
    compact = text.strip().translate(_SPACES).replace("\u2212", "-")
    if not _PLAIN.fullmatch(compact):
        return NumberProblem("This is not a number.")
    mantissa, exponent = re.fullmatch(r"([^eE]*)([eE].*)?", compact).groups("")  # type: ignore[union-attr]
    plain = _with_decimal_point(mantissa, decimal_mark)
    if isinstance(plain, NumberProblem):
        return plain
    number = float(plain + exponent)
    if not math.isfinite(number):
        return NumberProblem("This number is too large.")
    return number + 0.0  # minus zero becomes zero, as PostgreSQL stores it


def _with_decimal_point(mantissa: str, decimal_mark: str) -> str | NumberProblem:
    marks = [character for character in mantissa if character in ".,"]
    if not marks:
        return mantissa
    mark = marks[-1]
    group = "," if mark == "." else "."
    whole, fraction = mantissa.rsplit(mark, 1)
    if len(set(marks)) == 2:
        if mark in whole or not _groups_by_three(whole, group):
            return NumberProblem("This is not a number.")
        return f"{whole.replace(group, '')}.{fraction}"
    if len(marks) > 1:
        if not _groups_by_three(mantissa, mark):
            return NumberProblem("This is not a number.")
        return mantissa.replace(mark, "")
    if len(fraction) != 3 or whole.lstrip("+-") in {"", "0"} or len(whole.lstrip("+-")) > 3:
        return f"{whole}.{fraction}"
    if not decimal_mark:
        sign = "-" if whole.startswith("-") else ""
        digits = whole.lstrip("+-")
        readings = (f"{sign}{digits}{fraction}", f"{sign}{digits}.{fraction}")
        return NumberProblem(f"Write {readings[0]} or {readings[1]}?", readings)
    return f"{whole}.{fraction}" if mark == decimal_mark else whole + fraction


def _groups_by_three(text: str, group: str) -> bool:
    first, *rest = text.lstrip("+-").split(group)
    return 1 <= len(first) <= 3 and all(len(part) == 3 for part in rest)


def show_number(number: float) -> str:
    """A number to read: as typed, with thousands grouped from 10,000 on (years stay years)."""
    text = format_number(number)
    if abs(number) < 10_000 or "e" in text:
        return text
    whole, point, fraction = text.partition(".")
    return f"{int(whole):,}{point}{fraction}"


def brief_number(number: float) -> str:
    """A number to read where its last digits say nothing: four significant ones."""
    return show_number(float(f"{number:.4g}"))


MONEY = {"€", "$", "£", "¥"}


def with_unit(text: str, unit: str) -> str:
    """A value and its unit: before it for money, after it for the rest."""
    if not unit:
        return text
    return f"{unit} {text}" if unit in MONEY else f"{text} {unit}"


def format_number(number: float) -> str:
    """The shortest text that reads back as the same number; whole numbers without a point."""
    if float(number).is_integer() and abs(number) < 1e15:
        return str(int(number))
    return repr(float(number))


def typed(number: str, decimal_mark: str) -> str:
    """A number that is written with a point, as the person would type it, so that it reads back as
    the same one: with their mark; without one, three decimals would look like thousands."""
    mantissa, e, exponent = number.partition("e")
    whole, point, fraction = mantissa.partition(".")
    if not point:
        return number
    if not decimal_mark and len(fraction) == 3:
        fraction += "0"
    return f"{whole}{decimal_mark or point}{fraction}{e}{exponent}"
