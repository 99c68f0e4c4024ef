"""The interpreter of pickles, plain or joblib's, which never calls what the file names.

A pickle is a program for a small stack machine. This is our own such machine with the opcodes that
Python 3 writes in protocols 2 to 5, and no more: no extension codes, no INST or OBJ, no persistent
ids, no out-of-band buffers, no protocol 0 or 1. What a file names is an inert ``Named``, unless the
allow-list says that it may be a value; only REDUCE and NEWOBJ can use a ``Named``, and they run a
function of our own (``constructors/``). State can be set only on an object that this file has made,
and only once.

Unknown names do not end the reading at once: they and all that is made of them become ``Absent``,
which does nothing, and so does what is made of known names in a way that is refused. In the end
``leftovers.py`` tells whether the model can do without them; if not, one refusal lists them all.
"""

from __future__ import annotations

import math
import struct
from collections import OrderedDict, defaultdict
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.utils import Bunch

from model_host.loading.byte_stream import ByteStream
from model_host.loading.constructors import (  # noqa: F401  (they register)
    arrow_values,
    calls,
    frame_values,
    numpy_values,
    pandas_values,
    python_values,
    scipy_values,
    sklearn_values,
)
from model_host.loading.reading_state import (
    Absent,
    ArrayHeader,
    Made,
    Named,
    Reading,
    check_key,
    damaged,
)
from model_host.protocol.errors import HostError

LONGEST_NAME = 512
LONGEST_INTEGER = 64  # bytes; the state of a random generator has 17
ARRAY_BYTES = 2 * 1024**3
NESTING = 3
"""Pickles in object arrays in pickles; honest files have one such level."""
_PYTHON_2 = (b"U", b"T")
"""Its ``str``, which is text or bytes."""
_KEPT_ELSEWHERE = (b"P", b"Q", b"\x97", b"\x98")


def read_pickle(stream: ByteStream, reading: Reading) -> Any:
    """Read the object in ``stream``, up to its STOP. Nested pickles count towards ``reading``
    too."""
    reading.depth += 1
    if reading.depth > NESTING:
        raise damaged("pickles are nested in pickles too deeply")
    result = _Machine(stream, reading).run()
    reading.depth -= 1
    return result


def _unread(opcode: bytes) -> HostError:
    """The refusal of an operation that is not carried out here."""
    if opcode in _PYTHON_2:
        return HostError(
            "LOAD",
            "The file was written by Python 2, whose texts are not read here. Train the model "
            "again with the versions used here and save it.",
        )
    if opcode in _KEPT_ELSEWHERE:
        return HostError(
            "LOAD",
            "The file keeps parts of the object outside of it, which models do not need; "
            "torch.save does so, and pickles with buffers of their own. Save the fitted "
            "scikit-learn model with joblib.dump(model, 'model.joblib').",
        )
    return damaged(f"it uses the operation {opcode!r}, which models do not need")


class _Machine:
    """One pickle's stack, marks and memo."""

    def __init__(self, stream: ByteStream, reading: Reading) -> None:
        self.stream = stream
        self.reading = reading
        self.stack: list[Any] = []
        self.marks: list[list[Any]] = []
        self.memo: dict[int, Any] = {}

    def run(self) -> Any:
        read_some, reading = self.stream.read_some, self.reading
        handlers = _HANDLERS
        if self.stream.read(1) != b"\x80" or self.stream.read(1)[0] not in (2, 3, 4, 5):
            raise HostError(
                "LOAD",
                "The file was written with pickle protocol 0 or 1, which is not read here. "
                "Save the model again with joblib.dump(model, file).",
            )
        while True:
            opcode = read_some(1)
            reading.opcodes_left -= 1
            if reading.opcodes_left < 0:
                raise HostError("LOAD", "The file takes more steps to open than a model may.")
            if opcode == b".":
                if len(self.stack) != 1 or self.marks:
                    raise damaged("it leaves values over")
                return self.stack.pop()
            handler = handlers.get(opcode)
            if handler is None:
                if not opcode:
                    raise EOFError
                raise _unread(opcode)
            handler(self)

    def pop_mark(self) -> list[Any]:
        items = self.stack
        self.stack = self.marks.pop()
        return items

    # Plain values

    def none(self) -> None:
        self.stack.append(None)

    def true(self) -> None:
        self.stack.append(True)

    def false(self) -> None:
        self.stack.append(False)

    def int4(self) -> None:
        self.stack.append(int.from_bytes(self.stream.read(4), "little", signed=True))

    def int1(self) -> None:
        self.stack.append(self.stream.read(1)[0])

    def int2(self) -> None:
        self.stack.append(int.from_bytes(self.stream.read(2), "little"))

    def long1(self) -> None:
        length = self.stream.read(1)[0]
        if length > LONGEST_INTEGER:
            raise damaged("it holds an integer of more digits than a model needs")
        self.stack.append(int.from_bytes(self.stream.read(length), "little", signed=True))

    def float8(self) -> None:
        self.stack.append(struct.unpack(">d", self.stream.read(8))[0])

    def _counted(self, width: int) -> bytes:
        return self.stream.read(int.from_bytes(self.stream.read(width), "little"))

    def text1(self) -> None:
        self.stack.append(str(self._counted(1), "utf-8", "surrogatepass"))

    def text4(self) -> None:
        self.stack.append(str(self._counted(4), "utf-8", "surrogatepass"))

    def text8(self) -> None:
        self.stack.append(str(self._counted(8), "utf-8", "surrogatepass"))

    def bytes1(self) -> None:
        self.stack.append(self._counted(1))

    def bytes4(self) -> None:
        self.stack.append(self._counted(4))

    def bytes8(self) -> None:
        self.stack.append(self._counted(8))

    def bytearray8(self) -> None:
        self.stack.append(bytearray(self._counted(8)))

    # Containers

    def mark(self) -> None:
        self.marks.append(self.stack)
        self.stack = []

    def pop(self) -> None:
        if self.stack:
            self.stack.pop()
        else:
            self.pop_mark()

    def drop_to_mark(self) -> None:
        self.pop_mark()

    def tuple0(self) -> None:
        self.stack.append(())

    def tuple1(self) -> None:
        self.stack[-1:] = [(self.stack[-1],)]

    def tuple2(self) -> None:
        self.stack[-2:] = [(self.stack[-2], self.stack[-1])]

    def tuple3(self) -> None:
        self.stack[-3:] = [(self.stack[-3], self.stack[-2], self.stack[-1])]

    def tuple_(self) -> None:
        items = self.pop_mark()
        self.stack.append(tuple(items))

    def list0(self) -> None:
        self.stack.append([])

    def dict0(self) -> None:
        self.stack.append({})

    def set0(self) -> None:
        self.stack.append(set())

    def frozenset_(self) -> None:
        items = self.pop_mark()
        for item in items:
            check_key(item)
        self.stack.append(frozenset(items))

    def append(self) -> None:
        self._extend([self.stack.pop()])

    def appends(self) -> None:
        self._extend(self.pop_mark())

    def _extend(self, items: list[Any]) -> None:
        target = self.stack[-1]
        if type(target) is list:
            target.extend(items)
        elif isinstance(target, Absent):
            target.parts.extend(items)
        else:
            raise damaged(f"it appends to a {type(target).__name__}")

    def add_items(self) -> None:
        items, target = self.pop_mark(), self.stack[-1]
        if isinstance(target, Absent):
            target.parts.extend(items)
            return
        if type(target) is not set:
            raise damaged(f"it adds members to a {type(target).__name__}")
        for item in items:
            check_key(item)
        target.update(items)

    def set_item(self) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self._set_items([key, value])

    def set_items(self) -> None:
        self._set_items(self.pop_mark())

    def _set_items(self, items: list[Any]) -> None:
        target = self.stack[-1]
        if isinstance(target, Absent):
            target.parts.extend(items)
            return
        if type(target) not in (dict, OrderedDict, defaultdict, Bunch):
            raise damaged(f"it sets items of a {type(target).__name__}")
        pairs = iter(items)
        for key, value in zip(pairs, pairs, strict=True):
            if type(key) is not str:
                check_key(key)
            target[key] = value

    # The memo

    def memoize(self) -> None:
        self.memo[len(self.memo)] = self.stack[-1]

    def put1(self) -> None:
        self.memo[self.stream.read(1)[0]] = self.stack[-1]

    def put4(self) -> None:
        self.memo[int.from_bytes(self.stream.read(4), "little")] = self.stack[-1]

    def get1(self) -> None:
        self.stack.append(self.memo[self.stream.read(1)[0]])

    def get4(self) -> None:
        self.stack.append(self.memo[int.from_bytes(self.stream.read(4), "little")])

    # Names and objects

    def frame(self) -> None:
        self.stream.read(8)  # How Python groups its writes; the content is the same without it.

    def global_(self) -> None:
        module = str(self.stream.read_line(LONGEST_NAME), "utf-8")
        self.stack.append(
            self.reading.find(module, str(self.stream.read_line(LONGEST_NAME), "utf-8"))
        )

    def stack_global(self) -> None:
        name, module = self.stack.pop(), self.stack.pop()
        if type(name) is not str or type(module) is not str:
            raise damaged("it names a type by something that is not text")
        if max(len(name), len(module)) > LONGEST_NAME:
            raise damaged("it names a type by a text of absurd length")
        self.stack.append(self.reading.find(module, name))

    def reduce(self) -> None:
        arguments, called = self.stack.pop(), self.stack.pop()
        if type(arguments) is not tuple:
            raise damaged("it calls something without a tuple of arguments")
        self._push(self.reading.make(calls.call, called, arguments))

    def new(self) -> None:
        arguments, cls = self.stack.pop(), self.stack.pop()
        if type(arguments) is not tuple:
            raise damaged("it makes an object without a tuple of arguments")
        self._push(self.reading.make(calls.instance, cls, arguments))

    def _push(self, made: Any) -> None:
        if isinstance(made, Made):
            self.reading.unbuilt[id(made.value)] = made
            made = made.value
        self.stack.append(made)

    def build(self) -> None:
        state, target = self.stack.pop(), self.stack[-1]
        if isinstance(target, Absent):
            target.parts.append(state)
            return
        made = self.reading.unbuilt.pop(id(target), None)
        if made is None or made.value is not target:
            kind = "type" if isinstance(target, Named) else type(target).__name__
            raise damaged(f"it sets the state of a {kind} that it did not make")
        if isinstance(target, ArrayHeader):
            self.stack[-1] = self._array(state)
        else:
            self.reading.set_state(made, state)

    def _array(self, header: Any) -> np.ndarray[Any, Any]:
        """The array whose bytes follow joblib's header; an object array follows as a pickle."""
        match header:
            case {"subclass": np.ndarray, "shape": tuple(shape), "order": "C" | "F" as order}:
                dtype = header.get("dtype")
            case _:
                raise damaged("it holds an array header of an unknown kind")
        if not isinstance(dtype, np.dtype) or not self.reading.is_built(dtype):
            raise damaged("it holds an array without a type")
        numpy_values.check_shape(shape)
        if dtype.hasobject:
            array = read_pickle(self.stream, self.reading)
            if type(array) is not np.ndarray or array.dtype != dtype or array.shape != shape:
                raise damaged("an array is not what its header says")
            return array
        if header.get("numpy_array_alignment_bytes") is not None:
            self.stream.read(self.stream.read(1)[0])
        size = math.prod(shape) * dtype.itemsize
        if size > ARRAY_BYTES:
            raise damaged("it claims an array larger than a model may hold")
        buffer = np.empty(size, np.uint8)
        self.stream.read_into(buffer.data)
        array = buffer.view(dtype) if size else np.empty(0, dtype)
        array = array.reshape(shape, order=order)
        return array if dtype.isnative else array.astype(dtype.newbyteorder("="))


_HANDLERS: dict[bytes, Callable[[_Machine], None]] = {
    b"N": _Machine.none,
    b"\x88": _Machine.true,
    b"\x89": _Machine.false,
    b"J": _Machine.int4,
    b"K": _Machine.int1,
    b"M": _Machine.int2,
    b"\x8a": _Machine.long1,
    b"G": _Machine.float8,
    b"\x8c": _Machine.text1,
    b"X": _Machine.text4,
    b"\x8d": _Machine.text8,
    b"C": _Machine.bytes1,
    b"B": _Machine.bytes4,
    b"\x8e": _Machine.bytes8,
    b"\x96": _Machine.bytearray8,
    b"(": _Machine.mark,
    b"0": _Machine.pop,
    b"1": _Machine.drop_to_mark,
    b")": _Machine.tuple0,
    b"\x85": _Machine.tuple1,
    b"\x86": _Machine.tuple2,
    b"\x87": _Machine.tuple3,
    b"t": _Machine.tuple_,
    b"]": _Machine.list0,
    b"}": _Machine.dict0,
    b"\x8f": _Machine.set0,
    b"\x91": _Machine.frozenset_,
    b"a": _Machine.append,
    b"e": _Machine.appends,
    b"\x90": _Machine.add_items,
    b"s": _Machine.set_item,
    b"u": _Machine.set_items,
    b"\x94": _Machine.memoize,
    b"q": _Machine.put1,
    b"r": _Machine.put4,
    b"h": _Machine.get1,
    b"j": _Machine.get4,
    b"\x95": _Machine.frame,
    b"c": _Machine.global_,
    b"\x93": _Machine.stack_global,
    b"R": _Machine.reduce,
    b"\x81": _Machine.new,
    b"b": _Machine.build,
}
