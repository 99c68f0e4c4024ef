"""Whole numbers in addresses and forms."""

from typing import overload


@overload
def whole_number(text: str, *, digits: int = ...) -> int | None: ...
@overload
def whole_number(text: str, *, digits: int = ..., default: int) -> int: ...
def whole_number(text: str, *, digits: int = 18, default: int | None = None) -> int | None:
    """Return the number that ``text`` of a request writes with at most so many ``digits`` and
    nothing else, or ``default``. Eighteen digits fit into the id of every row."""
    return int(text) if text.isdecimal() and len(text) <= digits else default
