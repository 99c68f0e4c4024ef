"""Numbers and durations for people, and whole numbers in addresses and forms. Pure.

A page formats its numbers for the person who reads it: 1,234.5, or 1.234,5 with a decimal comma.
Stored, searched and downloaded data always have the decimal point.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import overload

MINUS = "\u2212"

_decimal_mark: ContextVar[str] = ContextVar("decimal_mark", default="")
_SWAPPED = str.maketrans(".,", ",.")


@contextmanager
def written_with(decimal_mark: str) -> Iterator[None]:
    """Format the numbers for people inside the block with this decimal mark; an empty one is the
    point."""
    token = _decimal_mark.set(decimal_mark)
    try:
        yield
    finally:
        _decimal_mark.reset(token)


def written(number: str) -> str:
    """Return a number that is written as 1,234.5 in the notation of the person who reads it, with a
    real minus."""
    number = MINUS + number[1:] if number.startswith("-") else number
    return number.translate(_SWAPPED) if _decimal_mark.get() == "," else number


def count_text(count: int) -> str:
    """Format a count with its thousands grouped: 1,234."""
    return written(f"{count:,}")


def decimal_text(number: float, places: int) -> str:
    """Format a number with ``places`` decimals and its thousands grouped: 1,234.50."""
    return written(f"{number:,.{places}f}")


def percent_text(percent: float | None) -> str:
    """Format a percentage with one decimal; only exact values read as 0 or 100."""
    if percent is None:
        return "–"
    if percent in {0, 100}:
        return f"{percent:.0f}"
    text = f"{percent:.1f}"
    return written({"100.0": "> 99.9", "0.0": "< 0.1"}.get(text, text))


def seconds_text(seconds: float | None) -> str:
    """Format seconds in two or three digits: 0.16, 4.20, 31.0."""
    if seconds is None:
        return "–"
    return decimal_text(seconds, 3 if seconds < 0.1 else 2 if seconds < 10 else 1)


def milliseconds_text(milliseconds: float) -> str:
    """Format a duration with its unit: 0.42 ms, 7.3 ms, 1.25 s."""
    if milliseconds >= 1000:
        return f"{decimal_text(milliseconds / 1000, 2)} s"
    return f"{decimal_text(milliseconds, 1 if milliseconds >= 1 else 2)} ms"


def megabytes_text(size: int) -> str:
    """Format a number of bytes: 1,234 MB (of 1024 × 1024 bytes)."""
    return f"{decimal_text(size / 1024**2, 0)} MB"


@overload
def whole_number(text: str, *, digits: int = ...) -> int | None: ...
@overload
def whole_number(text: str, *, digits: int = ..., default: int) -> int: ...
def whole_number(text: str, *, digits: int = 18, default: int | None = None) -> int | None:
    """Return the number that ``text`` of a request writes with at most so many ``digits`` and
    nothing else, or ``default``. Eighteen digits fit into the id of every row."""
    return int(text) if text.isdecimal() and len(text) <= digits else default
