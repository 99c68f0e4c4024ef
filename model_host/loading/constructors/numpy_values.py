"""Constructors of NumPy's types, arrays and random generators, each number checked."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np

from model_host.loading.constructors.calls import Arguments, maker
from model_host.loading.reading_state import Made, Named, Reading, check_key, resolve, unfit

_DTYPE = re.compile(r"b1|[iu][1248]|f[248]|f16|c8|c16|O8?|[USV]\d{1,6}|[Mm]8")
_TIME_UNITS = frozenset({"Y", "M", "W", "D", "h", "m", "s", "ms", "us", "ns", "generic"})
MOST_DIMENSIONS = 32


def check_shape(shape: object) -> None:
    if (
        type(shape) is not tuple
        or len(shape) > MOST_DIMENSIONS
        or not all(type(length) is int and 0 <= length < 2**40 for length in shape)
    ):
        raise unfit("shape")


def check_array_type(dtype: np.dtype[Any]) -> None:
    """Check that ``dtype`` is one of numbers, texts or times, or a plain record of such."""
    for part in [dtype[name] for name in dtype.names] if dtype.names else [dtype]:
        if part.names or part.subdtype or not _DTYPE.fullmatch(re.sub(r"\[.*", "", part.str[1:])):
            raise unfit("dtype")
        if part.hasobject or part.itemsize == 0:
            raise unfit("dtype")


@maker("numpy", "dtype")
def _dtype(reading: Reading, arguments: Arguments) -> Made:
    match arguments:
        case (str(text), False | 0, True | 1) if _DTYPE.fullmatch(text):
            return Made(np.dtype(text, False, True), _build_dtype, needs_state=True)
    raise unfit("dtype")


def _build_dtype(reading: Reading, value: np.dtype[Any], state: Any) -> None:
    """Accepts the state only if it is what NumPy itself gives for the type it describes: a type
    that lies about its size or its objects would turn bytes into pointers."""
    if type(state) is not tuple or len(state) not in (8, 9):
        raise unfit("dtype")
    _, order, _, names, fields, itemsize, _, flags = state[:8]
    described = value
    if type(names) is tuple and type(fields) is dict and type(itemsize) is int:
        parts = [fields.get(name) for name in names]
        for part in parts:
            if type(part) is not tuple or len(part) < 2 or not _is_plain(reading, part[0]):
                raise unfit("dtype")
        described = np.dtype(
            {
                "names": list(names),
                "formats": [part[0] for part in parts if part],
                "offsets": [part[1] for part in parts if part],
                "itemsize": itemsize,
            },
            align=bool(type(flags) is int and flags & 0x80),
        )
    elif value.kind in "mM" and len(state) == 9:
        match state[8]:
            case (None | {} as notes, (bytes(unit), int(count), 1, 1)) if (
                not notes and unit.decode("ascii") in _TIME_UNITS
            ):
                described = np.dtype(f"{value.kind}8[{count}{unit.decode('ascii')}]")
                # Where there are no notes, NumPy writes {} until 2.3 and None since.
                given = described.__reduce__()[2][8][0]
                state = (*state[:8], (given, state[8][1]))
            case _:
                raise unfit("dtype")
    if order == ">":
        described = described.newbyteorder(">")
    own = described.__reduce__()[2]
    if own != state:
        raise unfit("dtype")
    # Never the file's own state: a dtype keeps the dict of its fields, and the file keeps it, too.
    value.__setstate__(own)  # type: ignore[attr-defined]


def _is_plain(reading: Reading, dtype: object) -> bool:
    return isinstance(dtype, np.dtype) and reading.is_built(dtype) and not dtype.hasobject


def _check_content(reading: Reading, shape: Any, dtype: Any, raw: Any) -> None:
    """Check that ``raw`` is as many bytes, or for an object array as many items, as the shape
    says."""
    check_shape(shape)
    if not isinstance(dtype, np.dtype) or not reading.is_built(dtype):
        raise unfit("ndarray")
    count = math.prod(shape)
    if dtype.hasobject:
        fits = dtype == np.dtype(object) and type(raw) is list and len(raw) == count
    else:
        fits = (
            type(raw) in (bytes, bytearray)
            and dtype.itemsize > 0
            and len(raw) == count * dtype.itemsize
        )
    if not fits:
        raise unfit("ndarray")


@maker("numpy._core.multiarray", "_reconstruct")
def _array(reading: Reading, arguments: Arguments) -> Made:
    match arguments:
        case (cls, (0,), b"b" | "b") if cls is np.ndarray:
            return Made(np.ndarray((0,), "b"), _build_array, needs_state=True)
    raise unfit("ndarray")


def _build_array(reading: Reading, value: Any, state: Any) -> None:
    match state:
        case (1, shape, dtype, bool(fortran) | int(fortran), raw):
            _check_content(reading, shape, dtype, raw)
            value.__setstate__((1, shape, dtype, fortran, raw))
        case _:
            raise unfit("ndarray")


@maker("numpy._core.numeric", "_frombuffer")
def _array_from_buffer(reading: Reading, arguments: Arguments) -> np.ndarray[Any, Any]:
    raw, dtype, shape, order, axes = arguments if len(arguments) == 5 else (*arguments, None)
    _check_content(reading, shape, dtype, raw)
    if dtype.hasobject:
        raise unfit("ndarray")
    flat = np.frombuffer(raw, dtype)
    if order == "K" and type(axes) is tuple and sorted(axes) == list(range(len(shape))):
        return flat.reshape(shape).transpose(axes)  # written in the order of its strides
    if order not in ("C", "F") or axes is not None:
        raise unfit("ndarray")
    return flat.reshape(shape, order=order)


@maker("numpy._core.multiarray", "scalar")
def _scalar(reading: Reading, arguments: Arguments) -> Any:
    match arguments:
        case (dtype, bytes(raw)) if _is_plain(reading, dtype) and dtype.itemsize == len(raw):
            return np.frombuffer(raw, dtype)[0] if raw else dtype.type()
    raise unfit("scalar")


@maker("numpy.ma.core", "_mareconstruct")
def _masked_array(reading: Reading, arguments: Arguments) -> Made:
    match arguments:
        case (cls, base, (0,), b"b" | "b") if cls is np.ma.MaskedArray and base is np.ndarray:
            empty = np.ma.core._mareconstruct(cls, base, (0,), "b")  # type: ignore[attr-defined]
            return Made(empty, _build_masked, needs_state=True)
    raise unfit("MaskedArray")


def _build_masked(reading: Reading, value: Any, state: Any) -> None:
    match state:
        case (1, shape, dtype, bool(fortran) | int(fortran), raw, bytes(mask), fill):
            _check_content(reading, shape, dtype, raw)
            if len(mask) != math.prod(shape) or dtype.names:
                raise unfit("MaskedArray")
            if isinstance(fill, np.ndarray):
                fill = fill.item() if fill.shape == () else None
            check_key(fill)
            value.__setstate__((1, shape, dtype, fortran, raw, mask, fill))
        case _:
            raise unfit("MaskedArray")


_BIT_GENERATORS = {
    "MT19937": "numpy.random._mt19937",
    "PCG64": "numpy.random._pcg64",
    "PCG64DXSM": "numpy.random._pcg64",
    "Philox": "numpy.random._philox",
    "SFC64": "numpy.random._sfc64",
}


@maker("numpy.random._pickle", "__bit_generator_ctor")
def _bit_generator(reading: Reading, arguments: Arguments) -> Made:
    match arguments:
        case (Named(entry),) if _BIT_GENERATORS.get(entry.name) == entry.module:
            return Made(resolve(entry)(0), _build_bit_generator, needs_state=True)
        case (str(name),):  # as NumPy 1 writes it
            return Made(named_bit_generator(name), _build_bit_generator, needs_state=True)
    raise unfit("BitGenerator")


def named_bit_generator(name: object) -> np.random.BitGenerator:
    """Return a bit generator of the kind ``name``, whose state is still to be set."""
    if type(name) is not str or name not in _BIT_GENERATORS:
        raise unfit("BitGenerator")
    made: np.random.BitGenerator = getattr(np.random, name)(0)
    return made


def _given_bit_generator(arguments: Arguments) -> tuple[np.random.BitGenerator, bool]:
    """The bit generator of a RandomState or a Generator, and whether its state is still to be set.

    NumPy 2 gives the bit generator, NumPy 1 its name and the function that makes one of it."""
    match arguments:
        case (np.random.BitGenerator() as given, *_):
            return given, False
        case (str(name),):
            return named_bit_generator(name), True
        case (str(name), Named(entry)) if entry.name == "__bit_generator_ctor":
            return named_bit_generator(name), True
    raise unfit("random generator")


def _build_bit_generator(reading: Reading, value: Any, state: Any) -> None:
    if type(state) is tuple and len(state) == 2:
        state = state[0]  # beside it the seed, which only makes further generators
    value.state = _generator_state(value, state)


def _generator_state(value: Any, state: Any) -> dict[str, Any]:
    """The state, checked: a position beyond the end reads beyond the end."""
    name = type(value).__name__
    if type(state) is not dict or state.get("bit_generator") != name:
        raise unfit(name)
    checked: dict[str, Any] | None = None
    match name, state:
        case "MT19937", {"state": {"key": key, "pos": int(pos)}} if 0 <= pos <= 624:
            checked = {"state": {"key": _words(key, 624), "pos": pos}}
        case "PCG64" | "PCG64DXSM", {"state": {"state": int(number), "inc": int(step)}}:
            checked = {"state": {"state": number, "inc": step}}
        case "SFC64", {"state": {"state": words}}:
            checked = {"state": {"state": _words(words, 4)}}
        case "Philox", {
            "state": {"counter": counter, "key": key},
            "buffer": buffer,
            "buffer_pos": int(pos),
        } if 0 <= pos <= 4:
            checked = {
                "state": {"counter": _words(counter, 4), "key": _words(key, 2)},
                "buffer": _words(buffer, 4),
                "buffer_pos": pos,
            }
    if checked is None:
        raise unfit(name)
    if name != "MT19937":
        match state:
            case {"has_uint32": 0 | 1 as has_spare, "uinteger": int(spare)}:
                checked |= {"has_uint32": has_spare, "uinteger": spare}
            case _:
                raise unfit(name)
    return {"bit_generator": name, **checked}


def _words(value: object, count: int) -> np.ndarray[Any, Any]:
    if type(value) is not np.ndarray or value.shape != (count,) or value.dtype.kind != "u":
        raise unfit("random generator")
    return value


@maker("numpy.random._pickle", "__randomstate_ctor")
def _random_state(reading: Reading, arguments: Arguments) -> Made:
    source, needs_state = _given_bit_generator(arguments)
    return Made(np.random.RandomState(source), _build_random_state, needs_state)


def _build_random_state(reading: Reading, value: Any, state: Any) -> None:
    match state:
        case {"has_gauss": 0 | 1 as has_gauss, "gauss": float(gauss)}:
            checked = _generator_state(value._bit_generator, state)
            value.set_state({**checked, "has_gauss": has_gauss, "gauss": gauss})
        case _:
            raise unfit("RandomState")


@maker("numpy.random._pickle", "__generator_ctor")
def _generator(reading: Reading, arguments: Arguments) -> Made:
    source, needs_state = _given_bit_generator(arguments)
    return Made(np.random.Generator(source), _build_generator, needs_state)


def _build_generator(reading: Reading, value: Any, state: Any) -> None:
    value.bit_generator.state = _generator_state(value.bit_generator, state)
