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
from typing import Any

import numpy as np

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
from model_host.loading.pickle_stack import HANDLERS, Stack, opcode
from model_host.loading.reading_state import (
    Absent,
    ArrayHeader,
    Made,
    Named,
    Reading,
    damaged,
)
from model_host.protocol.errors import HostError

LONGEST_NAME = 512
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


def _unread(code: bytes) -> HostError:
    """The refusal of an operation that is not carried out here."""
    if code in _PYTHON_2:
        return HostError(
            "LOAD",
            "The file was written by Python 2, whose texts are not read here. Train the model "
            "again with the versions used here and save it.",
        )
    if code in _KEPT_ELSEWHERE:
        return HostError(
            "LOAD",
            "The file keeps parts of the object outside of it, which models do not need; "
            "torch.save does so, and pickles with buffers of their own. Save the fitted "
            "scikit-learn model with joblib.dump(model, 'model.joblib').",
        )
    return damaged(f"it uses the operation {code!r}, which models do not need")


class _Machine(Stack):
    """The machine that runs one pickle."""

    def __init__(self, stream: ByteStream, reading: Reading) -> None:
        super().__init__(stream)
        self.reading = reading

    def run(self) -> Any:
        read_some, reading, handlers = self.stream.read_some, self.reading, HANDLERS
        if self.stream.read(1) != b"\x80" or self.stream.read(1)[0] not in (2, 3, 4, 5):
            raise HostError(
                "LOAD",
                "The file was written with pickle protocol 0 or 1, which is not read here. "
                "Save the model again with joblib.dump(model, file).",
            )
        while True:
            code = read_some(1)
            reading.opcodes_left -= 1
            if reading.opcodes_left < 0:
                raise HostError("LOAD", "The file takes more steps to open than a model may.")
            if code == b".":
                if len(self.stack) != 1 or self.marks:
                    raise damaged("it leaves values over")
                return self.stack.pop()
            handler = handlers.get(code)
            if handler is None:
                if not code:
                    raise EOFError
                raise _unread(code)
            handler(self)

    # Names and objects

    @opcode(b"\x95")
    def frame(self) -> None:
        self.stream.read(8)  # How Python groups its writes; the content is the same without it.

    @opcode(b"c")
    def global_(self) -> None:
        module = str(self.stream.read_line(LONGEST_NAME), "utf-8")
        self.stack.append(
            self.reading.find(module, str(self.stream.read_line(LONGEST_NAME), "utf-8"))
        )

    @opcode(b"\x93")
    def stack_global(self) -> None:
        name, module = self.stack.pop(), self.stack.pop()
        if type(name) is not str or type(module) is not str:
            raise damaged("it names a type by something that is not text")
        if max(len(name), len(module)) > LONGEST_NAME:
            raise damaged("it names a type by a text of absurd length")
        self.stack.append(self.reading.find(module, name))

    @opcode(b"R")
    def reduce(self) -> None:
        arguments, called = self.stack.pop(), self.stack.pop()
        if type(arguments) is not tuple:
            raise damaged("it calls something without a tuple of arguments")
        self._push(self.reading.make(calls.call, called, arguments))

    @opcode(b"\x81")
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

    @opcode(b"b")
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
