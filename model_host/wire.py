"""The encoding of the contract: dataclasses to JSON messages and back.

Reading is strict, because what comes back was written by a process that a model file may have taken
over: known fields only, finite numbers, no text that UTF-8 or PostgreSQL cannot hold.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields, is_dataclass
from functools import cache, partial
from struct import Struct
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from model_host.protocol import MAX_MESSAGE
from model_host.protocol.artifact import TypeName
from model_host.protocol.errors import ErrorCode, HostError
from model_host.protocol.trace import Trace

MESSAGE_LENGTH = Struct(">I")
ARTIFACT_LENGTH = Struct(">Q")
CONTROL_BYTES = 16 * 1024
"""The maximum size of a message between worker and zygote; the kernel delivers it in one piece."""

MAX_TEXT = 20_000
"""Letters of one text; a traceback is the longest."""
MAX_MESSAGE_TEXT, MAX_NAME, MAX_STEP, MAX_NAMES = 2_000, 300, 200, 200

T = TypeVar("T")


class MalformedMessage(ValueError):
    """A message that violates the contract; the error names the place, never the value."""


def frame(message: object, *, limit: int = MAX_MESSAGE) -> bytes:
    """Encode the message as bytes with its length in front. MalformedMessage if it is over
    ``limit``."""
    body = json.dumps(message, allow_nan=False, separators=(",", ":")).encode()
    if len(body) > limit:
        raise MalformedMessage(f"a message of {len(body)} bytes; {limit} are allowed")
    return MESSAGE_LENGTH.pack(len(body)) + body


def parse(body: bytes | bytearray) -> object:
    """Parse the JSON value in ``body``; MalformedMessage for anything that is not plain, finite
    JSON."""
    try:
        return json.loads(body.decode(), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise MalformedMessage(f"not JSON: {type(error).__name__}") from None


def to_json(value: object) -> Any:
    """Convert a dataclass of the contract to dicts, lists and scalars.

    ValueError for a number that is not finite, TypeError for a value of any other type (a NumPy
    integer or bool, say): whoever made the value must have made it plain.
    """
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError("a number that is not finite")
        return float(value)
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
    result: T = _reader(hint)(value)
    return result


def error_to_json(error: HostError) -> Any:
    """Convert ``error`` to the contents of a reply, its text made printable and bounded."""
    return {
        "code": error.code,
        "message": _printable(error.message)[:MAX_MESSAGE_TEXT],
        # The cause is at the end of a traceback.
        "traceback": _printable(error.traceback)[-MAX_TEXT:],
        "refused": _names_to_json(error.refused),
        "absent": _names_to_json(error.absent),
        "input": _printable(error.input)[:MAX_NAME],
        "lost": error.lost,
        "trace": to_json(error.trace),
        "step": _printable(error.step)[:MAX_STEP],
    }


def error_from_json(value: object) -> HostError:
    """Build the HostError of a reply, its text bounded here, too. A child cannot call itself lost:
    only the worker sees that."""
    given = from_json(_ErrorFields, value)
    return HostError(
        given.code,
        given.message[:MAX_MESSAGE_TEXT],
        traceback=given.traceback,
        refused=_bounded(given.refused),
        absent=_bounded(given.absent),
        input=given.input[:MAX_NAME],
        trace=given.trace,
        step=given.step[:MAX_STEP],
    )


@dataclass(frozen=True)
class _ErrorFields:
    code: ErrorCode
    message: str
    traceback: str
    refused: tuple[TypeName, ...]
    absent: tuple[TypeName, ...]
    input: str
    lost: bool
    trace: Trace | None = None
    step: str = ""


def _names_to_json(names: tuple[TypeName, ...]) -> list[list[str]]:
    return [[_printable(part)[:MAX_NAME] for part in name] for name in names[:MAX_NAMES]]


def _bounded(names: tuple[TypeName, ...]) -> tuple[TypeName, ...]:
    return tuple((module[:MAX_NAME], name[:MAX_NAME]) for module, name in names[:MAX_NAMES])


def _printable(text: str) -> str:
    return text.replace("\0", "\\x00").encode("utf-8", "backslashreplace").decode()


def _no_constant(name: str) -> object:
    raise ValueError(name)


def _refuse(expected: str, value: object) -> MalformedMessage:
    return MalformedMessage(f"expected {expected}, got {type(value).__name__}")


@cache
def _reader(hint: Any) -> Callable[[object], Any]:
    """The function that reads a value of the type ``hint`` out of parsed JSON."""
    if hint in _PLAIN:
        return _PLAIN[hint]
    if is_dataclass(hint) and isinstance(hint, type):
        readers = {name: _reader(kind) for name, kind in get_type_hints(hint).items()}
        required = {
            item.name
            for item in fields(hint)
            if item.default is MISSING and item.default_factory is MISSING
        }
        return partial(_read_dataclass, hint, readers, frozenset(required))
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Literal:
        return partial(_read_literal, arguments)
    if origin is Union or origin is UnionType:
        return partial(_read_union, tuple(_reader(argument) for argument in arguments))
    if origin is tuple and arguments[-1] is Ellipsis:
        return partial(_read_many, _reader(arguments[0]))
    if origin is tuple:
        return partial(_read_fixed, tuple(_reader(argument) for argument in arguments))
    if origin is dict and arguments[0] is str:
        return partial(_read_dict, _reader(arguments[1]))
    raise TypeError(f"{hint} has no place in a message")


def _read_dataclass(
    kind: type[Any],
    readers: dict[str, Callable[[object], Any]],
    required: frozenset[str],
    value: object,
) -> Any:
    if not isinstance(value, dict):
        raise _refuse(kind.__name__, value)
    if not required <= value.keys() <= readers.keys():
        raise MalformedMessage(f"{kind.__name__} with missing or unknown fields")
    read = {}
    for name, given in value.items():
        try:
            read[name] = readers[name](given)
        except MalformedMessage as error:
            raise MalformedMessage(f"{kind.__name__}.{name}: {error}") from None
    return kind(**read)


def _read_literal(allowed: tuple[Any, ...], value: object) -> Any:
    if not isinstance(value, str) or value not in allowed:
        raise _refuse(f"one of {', '.join(allowed)}", value)
    return value


def _read_union(readers: tuple[Callable[[object], Any], ...], value: object) -> Any:
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


def _read_none(value: object) -> None:
    if value is not None:
        raise _refuse("null", value)


_PLAIN: dict[Any, Callable[[object], Any]] = {
    bool: _read_bool,
    int: _read_int,
    float: _read_float,
    str: _read_str,
    NoneType: _read_none,
}
