"""The JSON form of frozen dataclasses: of the messages, and of what is stored of them.

Reading is strict, because a message may come from a process that a model file has taken over: known
fields only, finite numbers, no text that UTF-8 or PostgreSQL cannot hold. ``stored`` reads a row
that another version of the product may have written: fields that are unknown now are passed over,
and a text may have any length.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import MISSING, fields, is_dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache, partial
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

MAX_TEXT = 20_000
"""Letters of one text of a message; a traceback is the longest."""

T = TypeVar("T")


class MalformedMessage(ValueError):
    """JSON that violates the contract; the error names the place, never the value."""


def to_json(value: object) -> Any:
    """Convert a dataclass of the contract to dicts, lists and scalars; a time to ISO 8601.

    ValueError for a number that is not finite, TypeError for a value of any other type (a NumPy
    integer or bool, say): whoever made the value must have made it plain.
    """
    if isinstance(value, StrEnum):
        return value.value
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError("a number that is not finite")
        return float(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, tuple | list):
        return [to_json(item) for item in value]
    if isinstance(value, dict):
        return {str(key): to_json(item) for key, item in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        return {item.name: to_json(getattr(value, item.name)) for item in fields(value)}
    raise TypeError(f"a {type(value).__name__} does not travel")


def from_json(kind: type[T], value: object) -> T:
    """Build the dataclass ``kind`` from parsed JSON; MalformedMessage where a field is unknown,
    missing, of another type, not finite, or text that is too long, or has a NUL or a lone
    surrogate."""
    hint: Any = kind
    result: T = _reader(hint, False)(value)
    return result


def stored(kind: type[T], value: object) -> T:
    """Build the dataclass ``kind`` from a JSON column that ``to_json`` filled. A field that is
    missing gets its default, one that is unknown is passed over; MalformedMessage as in
    ``from_json`` otherwise."""
    hint: Any = kind
    result: T = _reader(hint, True)(value)
    return result


def _refuse(expected: str, value: object) -> MalformedMessage:
    return MalformedMessage(f"expected {expected}, got {type(value).__name__}")


@cache
def _reader(hint: Any, is_stored: bool) -> Callable[[object], Any]:
    """The function that reads a value of the type ``hint`` out of parsed JSON."""
    if hint is str and is_stored:
        return _read_stored_str
    if hint in _PLAIN:
        return _PLAIN[hint]
    if is_dataclass(hint) and isinstance(hint, type):
        of = {name: _reader(kind, is_stored) for name, kind in get_type_hints(hint).items()}
        required = {
            item.name
            for item in fields(hint)
            if item.default is MISSING and item.default_factory is MISSING
        }
        return partial(_read_dataclass, hint, of, frozenset(required), is_stored)
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return partial(_read_enum, hint)
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Literal:
        return partial(_read_literal, arguments)
    if origin is Union or origin is UnionType:
        readers = tuple(_reader(argument, is_stored) for argument in arguments)
        return partial(_read_union, _by_type(arguments, readers), readers)
    if origin is tuple and arguments[-1] is Ellipsis:
        return partial(_read_many, _reader(arguments[0], is_stored))
    if origin is tuple:
        return partial(_read_fixed, tuple(_reader(argument, is_stored) for argument in arguments))
    if origin is dict and arguments[0] is str:
        return partial(_read_dict, _reader(arguments[1], is_stored))
    raise TypeError(f"{hint} has no place in a message")


def _read_dataclass(
    kind: type[Any],
    readers: dict[str, Callable[[object], Any]],
    required: frozenset[str],
    is_stored: bool,
    value: object,
) -> Any:
    if not isinstance(value, dict):
        raise _refuse(kind.__name__, value)
    if not required <= value.keys() or not (is_stored or value.keys() <= readers.keys()):
        raise MalformedMessage(f"{kind.__name__} with missing or unknown fields")
    read, name = {}, ""
    try:
        for name, given in value.items():
            if name in readers:
                read[name] = readers[name](given)
    except MalformedMessage as error:
        raise MalformedMessage(f"{kind.__name__}.{name}: {error}") from None
    return kind(**read)


def _read_literal(allowed: tuple[Any, ...], value: object) -> Any:
    if not isinstance(value, str) or value not in allowed:
        raise _refuse(f"one of {', '.join(allowed)}", value)
    return value


def _read_enum(kind: type[StrEnum], value: object) -> StrEnum:
    return kind(_read_literal(tuple(kind), value))


def _by_type(
    arguments: tuple[Any, ...], readers: tuple[Callable[[object], Any], ...]
) -> dict[type, Callable[[object], Any]]:
    """The reader of each plain type: the first of the union that takes it. Lists read thousands of
    scalars, so that trying one type after the other takes too long."""
    found: dict[type, Callable[[object], Any]] = {}
    for argument, reader in zip(arguments, readers, strict=True):
        for kind in (int, float) if argument is float else (argument,):
            if argument in _PLAIN:
                found.setdefault(kind, reader)
    return found


def _read_union(
    by_type: dict[type, Callable[[object], Any]],
    readers: tuple[Callable[[object], Any], ...],
    value: object,
) -> Any:
    if (quick := by_type.get(type(value))) is not None:
        return quick(value)
    for reader in readers[:-1]:
        try:
            return reader(value)
        except MalformedMessage:
            continue
    return readers[-1](value)


def _read_many(reader: Callable[[object], Any], value: object) -> tuple[Any, ...]:
    if not isinstance(value, list):
        raise _refuse("a list", value)
    return tuple(reader(item) for item in value)


def _read_fixed(readers: tuple[Callable[[object], Any], ...], value: object) -> tuple[Any, ...]:
    if not isinstance(value, list) or len(value) != len(readers):
        raise _refuse(f"a list of {len(readers)}", value)
    return tuple(reader(item) for reader, item in zip(readers, value, strict=True))


def _read_dict(reader: Callable[[object], Any], value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _refuse("an object", value)
    return {_read_str(key): reader(item) for key, item in value.items()}


def _read_bool(value: object) -> bool:
    if not isinstance(value, bool):
        raise _refuse("true or false", value)
    return value


def _read_int(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise _refuse("a whole number", value)
    return value


def _read_float(value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise _refuse("a number", value)
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise MalformedMessage("a number that is not finite")
    return number


def _read_str(value: object) -> str:
    if not isinstance(value, str):
        raise _refuse("text", value)
    if "\0" in value or (not value.isascii() and any("\ud800" <= c <= "\udfff" for c in value)):
        raise MalformedMessage("text with a NUL or a lone surrogate")
    if len(value) > MAX_TEXT:
        raise MalformedMessage(f"a text of {len(value)} characters")
    return value


def _read_stored_str(value: object) -> str:
    if not isinstance(value, str):
        raise _refuse("text", value)
    return value


def _read_datetime(value: object) -> datetime:
    text = _read_str(value)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise MalformedMessage("a time that is not in ISO 8601") from None
    if moment.tzinfo is None:
        raise MalformedMessage("a time without a zone")
    return moment


def _read_none(value: object) -> None:
    if value is not None:
        raise _refuse("null", value)


_PLAIN: dict[Any, Callable[[object], Any]] = {
    bool: _read_bool,
    int: _read_int,
    float: _read_float,
    str: _read_str,
    datetime: _read_datetime,
    NoneType: _read_none,
}
