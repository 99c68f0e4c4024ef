"""What a file may have Python's own types made of."""

from __future__ import annotations

import datetime
import functools
from collections import OrderedDict, defaultdict
from typing import Any

import numpy as np
from sklearn.utils import check_array

from .makers import Arguments, maker, unfit
from .reading import Made, Named, Reading, check_key


@maker("builtins", "bytes")
def _bytes(reading: Reading, arguments: Arguments) -> bytes:
    if arguments:
        raise unfit("bytes")
    return b""


@maker("builtins", "bytearray")
def _bytearray(reading: Reading, arguments: Arguments) -> bytearray:
    match arguments:
        case ():
            return bytearray()
        case (bytes(content),):
            return bytearray(content)
        case (str(text), "latin-1"):
            return bytearray(text, "latin-1")
    raise unfit("bytearray")


@maker("_codecs", "encode")
def _encode(reading: Reading, arguments: Arguments) -> bytes:
    match arguments:
        case (str(text), "latin1"):
            return text.encode("latin-1")
    raise unfit("encode")


@maker("builtins", "complex")
def _complex(reading: Reading, arguments: Arguments) -> complex:
    match arguments:
        case (float(real), float(imaginary)):
            return complex(real, imaginary)
    raise unfit("complex")


@maker("builtins", "slice")
def _slice(reading: Reading, arguments: Arguments) -> slice:
    if len(arguments) != 3 or not all(
        end is None or isinstance(end, int | str | np.integer) for end in arguments
    ):
        raise unfit("slice")
    return slice(*arguments)


def _members(arguments: Arguments) -> list[Any]:
    match arguments:
        case (list(members),):
            for member in members:
                check_key(member)
            return members
    raise unfit("set")


@maker("builtins", "set")
def _set(reading: Reading, arguments: Arguments) -> set[Any]:
    return set(_members(arguments))


@maker("builtins", "frozenset")
def _frozenset(reading: Reading, arguments: Arguments) -> frozenset[Any]:
    return frozenset(_members(arguments))


@maker("collections", "OrderedDict")
def _ordered_dict(reading: Reading, arguments: Arguments) -> OrderedDict[Any, Any]:
    if arguments:
        raise unfit("OrderedDict")
    return OrderedDict()


@maker("collections", "defaultdict")
def _defaultdict(reading: Reading, arguments: Arguments) -> defaultdict[Any, Any]:
    match arguments:
        case (Named(entry),) if entry.name == "OrderedDict":  # LightGBM's scores
            return defaultdict(OrderedDict)
        case () | (None,):
            return defaultdict(None)
        case (type() as factory,) if factory in (int, float, str, list, dict):
            return defaultdict(factory)
    raise unfit("defaultdict")


@maker("datetime", "datetime")
def _datetime(reading: Reading, arguments: Arguments) -> datetime.datetime:
    match arguments:
        case (bytes(packed),) | (bytes(packed), datetime.timezone()) if len(packed) == 10:
            return datetime.datetime(*arguments)  # noqa: DTZ001
    raise unfit("datetime")


@maker("datetime", "date")
def _date(reading: Reading, arguments: Arguments) -> datetime.date:
    match arguments:
        case (bytes(packed),) if len(packed) == 4:
            return datetime.date(packed)  # type: ignore[call-arg, arg-type]
    raise unfit("date")


@maker("datetime", "time")
def _time(reading: Reading, arguments: Arguments) -> datetime.time:
    match arguments:
        case (bytes(packed),) | (bytes(packed), datetime.timezone()) if len(packed) == 6:
            return datetime.time(*arguments)
    raise unfit("time")


@maker("datetime", "timedelta")
def _timedelta(reading: Reading, arguments: Arguments) -> datetime.timedelta:
    match arguments:
        case (int(days), int(seconds), int(microseconds)):
            return datetime.timedelta(days, seconds, microseconds)
    raise unfit("timedelta")


@maker("datetime", "timezone")
def _timezone(reading: Reading, arguments: Arguments) -> datetime.timezone:
    match arguments:
        case (datetime.timedelta(),) | (datetime.timedelta(), str()):
            return datetime.timezone(*arguments)
    raise unfit("timezone")


@maker("functools", "partial")
def _partial(reading: Reading, arguments: Arguments) -> Made:
    if len(arguments) != 1 or arguments[0] is not check_array:
        raise unfit("partial")
    return Made(functools.partial(check_array), _build_partial, needs_state=True)


def _build_partial(reading: Reading, value: Any, state: Any) -> None:
    match state:
        case (function, (), dict(keywords), None | {}) if function is check_array:
            for argument in keywords.values():
                for part in argument if type(argument) is list else [argument]:
                    check_key(part)
            value.__setstate__((check_array, (), keywords, None))
        case _:
            raise unfit("partial")
