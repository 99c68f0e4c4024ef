"""Constructors of Python's own types."""

from __future__ import annotations

import datetime
import functools
import operator
from collections import OrderedDict, defaultdict
from decimal import Decimal
from typing import Any

import numpy as np

from model_host.loading.checks.function_roles import (
    ARRAY_METHODS,
    FUNCTIONS,
    KEEPING,
    TEXT_METHODS,
    is_short,
    may_be_partial,
)
from model_host.loading.constructors.calls import Arguments, maker
from model_host.loading.reading_state import Absent, Made, Named, Reading, check_key, unfit
from model_host.protocol.errors import HostError

LONGEST_DECIMAL = 400
"""The maximum number of digits before and after the decimal point."""


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


@maker("decimal", "Decimal")
def _decimal(reading: Reading, arguments: Arguments) -> Decimal:
    match arguments:
        case (str(text),) if len(text) <= LONGEST_DECIMAL:
            number = Decimal(text)
            if not number.is_finite() or abs(number.adjusted()) <= LONGEST_DECIMAL:
                return number
    raise unfit("Decimal")


@maker("functools", "partial")
def _partial(reading: Reading, arguments: Arguments) -> Made:
    match arguments:
        case (Named(entry),) if entry.name == "methodcaller":
            raise HostError(
                "LOAD",
                "The file has an `operator.methodcaller` with keywords, which are not taken. Give "
                "the method its values without their names: methodcaller('fillna', 0), not "
                "methodcaller('fillna', value=0). Then train and save the model again.",
            )
    if len(arguments) != 1 or not may_be_partial(arguments[0]):
        raise unfit("partial")
    return Made(functools.partial(arguments[0]), _build_partial, needs_state=True)


def _build_partial(reading: Reading, value: Any, state: Any) -> None:
    match state:
        case (function, tuple(given), dict(keywords), None | {}) if function is value.func:
            takes = function.nin - 1 if isinstance(function, np.ufunc) else 0
            numbers = all(isinstance(one, int | float | np.number) for one in given)
            if not numbers or len(given) > takes or not check_keywords(keywords):
                raise unfit("partial")
            # Copies: the file keeps the dict and its lists, and could change them afterwards.
            copied = {
                name: list(one) if type(one) is list else one for name, one in keywords.items()
            }
            value.__setstate__((function, given, copied, None))
        case _:
            raise unfit("partial")


def check_keywords(keywords: dict[str, Any]) -> bool:
    """Return whether these are keywords that a function may have: plain values and lists of such,
    and none that has it write to an array or make one of texts of any length."""
    if not all(type(name) is str for name in keywords) or KEEPING & keywords.keys():
        return False
    for name, given in keywords.items():
        for one in given if type(given) is list else [given]:
            if isinstance(one, FUNCTIONS):
                return False
            if isinstance(one, np.ndarray):
                raise HostError(
                    "LOAD",
                    "The file gives an array to a function by `functools.partial`, which takes "
                    "plain values and lists here. Give it as a list (array.tolist()), or as "
                    "kw_args of the FunctionTransformer, then train and save the model again.",
                )
            check_key(one)
            if isinstance(one, Absent) or (name == "dtype" and not is_short(one)):
                return False
    return True


@maker("builtins", "getattr")
def _method(reading: Reading, arguments: Arguments) -> Any:
    match arguments:
        case (cls, str(name)) if cls is str and name in TEXT_METHODS:
            return getattr(str, name)
        case (cls, str(name)) if cls is np.ndarray and name in ARRAY_METHODS:
            return getattr(np.ndarray, name)
    raise unfit("getattr")


def _is_place(one: Any) -> bool:
    """Whether ``one`` is the name or the place of a column, or of several."""
    if isinstance(one, slice):
        return all(end is None or type(end) is int for end in (one.start, one.stop, one.step))
    return type(one) in (str, int)


@maker("operator", "itemgetter")
def _item_getter(reading: Reading, arguments: Arguments) -> Any:
    if not arguments:
        raise unfit("itemgetter")
    places = [list(one) if type(one) is list else one for one in arguments]
    for place in places:
        if not all(map(_is_place, place if type(place) in (list, tuple) else [place])):
            raise unfit("itemgetter")
    return operator.itemgetter(*places)


_CALLED = {
    "abs": 0,
    "astype": 1,
    "clip": 2,
    "copy": 0,
    "fillna": 1,
    "flatten": 0,
    "isna": 0,
    "notna": 0,
    "ravel": 0,
    "reshape": 2,
    "round": 1,
    "squeeze": 0,
    "to_numpy": 0,
    "toarray": 0,
    "tocsc": 0,
    "tocsr": 0,
    "todense": 0,
    "transpose": 0,
} | dict.fromkeys(TEXT_METHODS, 0)
"""The methods of tables, arrays and texts that a file may call, and how many plain values it may
give them."""


@maker("operator", "methodcaller")
def _method_caller(reading: Reading, arguments: Arguments) -> Any:
    match arguments:
        case (str(name), *given) if len(given) <= _CALLED.get(name, -1):
            plain = all(type(one) in (str, int, float, bool, type(None)) for one in given)
            if all(map(is_short, given)) if name == "astype" else plain:
                return operator.methodcaller(name, *given)
    raise unfit("methodcaller")
