"""The parser of JSON that people supply, within limits: its depth and number of values are checked
before any object is built, and no value is lost or invented.

Two values under one key, numbers that are not finite and characters that cannot be stored are
refused, each with a sentence that names it.
"""

import json
import math
import re
from collections.abc import Iterable
from typing import Any

from config.text.plain_text import unfit

MAX_DEPTH = 20
MAX_VALUES = 50_000
MAX_KEY = 300
MAX_TEXT = 5_000
MAX_DIGITS = 300

# A string is one token, even one that does not end, so that the scan never turns back.
_TOKENS = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)|[\[{]|[\]}]|[,:]', re.DOTALL)


class BadJson(ValueError):
    """The text cannot be used; the message says why, beginning with what it is."""


class NumberTooLarge(BadJson):
    """A number is too large for a float64."""


class NotJson(BadJson):
    """The text is not JSON. ``line`` is the line of the error."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.line = line


def read_json(
    text: str,
    what: str,
    *,
    max_depth: int = MAX_DEPTH,
    max_values: int = MAX_VALUES,
    any_texts: bool = False,
    takes_nan: bool = False,
) -> Any:
    """Parse the JSON value in ``text``; ``what`` begins every error sentence ("The training
    configuration"). With ``any_texts`` the caller checks the texts that are values. With
    ``takes_nan``, NaN is None. Raises BadJson, of which NotJson for a text that is no JSON."""
    _scan(text, what, max_depth, max_values)
    try:
        value = json.loads(
            text,
            object_pairs_hook=lambda pairs: unique(pairs, what),
            parse_constant=lambda name: (
                None if takes_nan and name == "NaN" else _no_number(name, what)
            ),
            parse_float=lambda digits: _float(digits, what),
            parse_int=lambda digits: _int(digits, what),
        )
    except json.JSONDecodeError as error:
        raise NotJson(f"{what} is not valid JSON near line {error.lineno}.", error.lineno) from None
    check_texts(value, what, keys_only=any_texts)
    return value


def unique(pairs: Iterable[tuple[str, Any]], what: str, where: str = "") -> dict[str, Any]:
    """Return the pairs as a mapping. Raises BadJson for a key that comes twice."""
    mapping: dict[str, Any] = {}
    for key, value in pairs:
        if key in mapping:
            raise BadJson(
                f"{what} has the key {shown(key)} twice in one mapping{where}. Keep one of them."
            )
        mapping[key] = value
    return mapping


def check_texts(value: Any, what: str, place: str = "", *, keys_only: bool = False) -> None:
    """Raise BadJson for the first text or key in ``value`` that is too long or cannot be stored.
    ``value`` is no deeper than ``MAX_DEPTH``."""
    if isinstance(value, dict):
        for key, inner in value.items():
            check_text(key, f"{what}: the key {shown(key)}", MAX_KEY)
            check_texts(inner, what, f"{place}.{key}" if place else key, keys_only=keys_only)
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            check_texts(inner, what, f"{place}[{number}]", keys_only=keys_only)
    elif isinstance(value, str) and not keys_only:
        check_text(value, f"{what}: {shown(place)}" if place else what, MAX_TEXT)


def check_text(text: str, about: str, most: int) -> None:
    """Raise BadJson where the text is longer than ``most`` or holds what cannot be stored."""
    if len(text) > most:
        raise BadJson(f"{about} has {len(text):,} characters; at most {most:,} are taken.")
    if character := unfit(text):
        raise BadJson(f"{about} holds a character that cannot be stored ({character}).")


def shown(text: str) -> str:
    """Return the beginning of a text, in quotes, safe to display."""
    plain = "".join(character if not unfit(character) else "\ufffd" for character in text[:60])
    return f"“{plain}…”" if len(text) > 60 else f"“{plain}”"


def too_deep(what: str, max_depth: int = MAX_DEPTH) -> BadJson:
    return BadJson(f"{what} is nested too deeply: at most {max_depth} levels are read.")


def too_many(what: str, max_values: int = MAX_VALUES) -> BadJson:
    return BadJson(f"{what} holds too many values: at most {max_values:,} are read.")


def too_large(what: str, digits: str) -> BadJson:
    return NumberTooLarge(f"{what} has a number that is too large: {shown(digits)}.")


def _scan(text: str, what: str, max_depth: int, max_values: int) -> None:
    """Count levels and values without building any. Commas and colons stand between values, so
    there are never more of them than values."""
    depth = values = 0
    for token in _TOKENS.finditer(text):
        mark = token[0][0]
        if mark in "[{":
            depth += 1
            if depth > max_depth:
                raise too_deep(what, max_depth)
        elif mark in "]}":
            depth -= 1
        elif mark in ",:":
            values += 1
            if values > max_values:
                raise too_many(what, max_values)


def _no_number(name: str, what: str) -> Any:
    raise BadJson(f"{what} has {name}, which is no number that JSON knows. Leave the value out.")


def _float(digits: str, what: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise too_large(what, digits)
    return number


def _int(digits: str, what: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise too_large(what, digits)
    return int(digits)
