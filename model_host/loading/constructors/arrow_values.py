"""Arrow's arrays from a file, decoded into NumPy's: the server need not have pyarrow.

pandas keeps texts in Arrow wherever pyarrow is installed, and a file then holds Arrow's buffers.
Each count and each offset of theirs is held against the length of the buffer that it points into.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from model_host.loading.constructors.calls import Arguments, maker
from model_host.loading.reading_state import Part, Reading, unfit
from model_host.protocol.errors import HostError

_TEXTS = {"string": "<i4", "utf8": "<i4", "large_string": "<i8", "large_utf8": "<i8"}
"""The types of the offsets of texts."""
_NUMBERS = {
    **{
        f"{sign}int{bits}": f"<{sign[:1] or 'i'}{bits // 8}"
        for sign in ("", "u")
        for bits in (8, 16, 32, 64)
    },
    "halffloat": "<f2",
    "float": "<f4",
    "double": "<f8",
}
_TIMES = re.compile(r"(timestamp|duration)\[(s|ms|us|ns)\]")


def arrow_values(part: object) -> np.ndarray[Any, Any]:
    """Decode an Arrow array of a file: texts and missing ones among them as objects."""
    if isinstance(part, Part) and part.kind == "Arrow array":
        values: np.ndarray[Any, Any] = part.content
        return values
    raise unfit("pyarrow.Array")


@maker("pyarrow.lib", "py_buffer")
def _buffer(reading: Reading, arguments: Arguments) -> Part:
    match arguments:
        case (bytes(content) | bytearray(content),):
            return Part("Arrow buffer", bytes(content))
    raise unfit("py_buffer")


@maker("pyarrow.lib", "type_for_alias")
def _type(reading: Reading, arguments: Arguments) -> Part:
    match arguments:
        case (str(name),):
            return Part("Arrow type", name)
    raise unfit("type_for_alias")


@maker("pyarrow.lib", "_restore_array")
def _array(reading: Reading, arguments: Arguments) -> Part:
    match arguments:
        case ((Part("Arrow type", name), int(length), int(), int(start), list(given), [], None),):
            buffers = [_content(buffer) for buffer in given]
            if min(length, start) >= 0:
                return Part("Arrow array", _decoded(name, length, start, buffers))
    raise unfit("pyarrow.Array")


@maker("pyarrow.lib", "chunked_array")
def _chunks(reading: Reading, arguments: Arguments) -> Part:
    match arguments:
        case (list(chunks), Part("Arrow type")):
            arrays = [arrow_values(chunk) for chunk in chunks]
            if len({array.dtype for array in arrays}) > 1:
                arrays = [array.astype(object) for array in arrays]
            joined = np.concatenate(arrays) if arrays else np.empty(0, object)
            return Part("Arrow array", joined)
    raise unfit("pyarrow.ChunkedArray")


def _content(buffer: object) -> bytes | None:
    match buffer:
        case None | Part("Arrow buffer"):
            return buffer.content if buffer else None
    raise unfit("pyarrow.Array")


def _decoded(
    name: str, length: int, start: int, buffers: list[bytes | None]
) -> np.ndarray[Any, Any]:
    """The ``length`` values from ``start`` on. The first buffer has a bit for each."""
    if name in _TEXTS:
        validity, offsets, letters = _exactly(3, buffers)
        values = _texts(_TEXTS[name], length, start, offsets, letters)
    else:
        validity, content = _exactly(2, buffers)
        values = _fixed(name, length, start, content)
    if validity is not None and length:
        there = _bits(length, start, validity)
        if not there.all():
            values = values.astype(object)
            values[~there] = pd.NA
    return values


def _exactly(count: int, buffers: list[bytes | None]) -> list[bytes | None]:
    if len(buffers) != count:
        raise unfit("pyarrow.Array")
    return buffers


def _fixed(name: str, length: int, start: int, content: bytes | None) -> np.ndarray[Any, Any]:
    """Values of a fixed width."""
    if name == "bool":
        return _bits(length, start, content)
    if name in _NUMBERS:
        return _numbers(_NUMBERS[name], length, start, content)
    if time := _TIMES.fullmatch(name):
        kind = "M8" if time[1] == "timestamp" else "m8"
        return _numbers("<i8", length, start, content).view(f"{kind}[{time[2]}]")
    raise HostError(
        "LOAD",
        f"The file keeps a pandas column of Arrow's type {name[:60]!a}, which is not read "
        "here. Convert the column to a type of NumPy before fit, then save the model again.",
    )


def _texts(
    dtype: str, length: int, start: int, offsets: bytes | None, letters: bytes | None
) -> np.ndarray[Any, Any]:
    """Each text ends where the next one begins, so that all together are no longer than
    ``letters``."""
    ends = _numbers(dtype, length + 1, start, offsets).tolist() if length else [0]
    letters = letters or b""
    if ends[0] < 0 or ends[-1] > len(letters) or ends != sorted(ends):
        raise unfit("pyarrow.Array")
    values = np.empty(length, object)
    for place, (begin, end) in enumerate(pairwise(ends)):
        values[place] = str(letters[begin:end], "utf-8")
    return values


def _numbers(dtype: str, length: int, start: int, content: bytes | None) -> np.ndarray[Any, Any]:
    size, content = np.dtype(dtype).itemsize, content or b""
    if (start + length) * size > len(content):
        raise unfit("pyarrow.Array")
    return np.frombuffer(content, dtype, length, start * size if length else 0).copy()


def _bits(length: int, start: int, content: bytes | None) -> np.ndarray[Any, Any]:
    first, last = start // 8, (start + length + 7) // 8
    piece = (content or b"")[first:last]
    if len(piece) * 8 < start % 8 + length:
        raise unfit("pyarrow.Array")
    bits = np.unpackbits(np.frombuffer(piece, np.uint8), bitorder="little")
    return bits[start % 8 : start % 8 + length].astype(bool)
