"""The stack of a pickle, its marks and its memo, and the operations of plain values and containers.

Only lists, sets and dicts of Python's own take items, and only plain values are hashed.
"""

from __future__ import annotations

import struct
from collections import OrderedDict, defaultdict
from collections.abc import Callable
from typing import Any

from sklearn.utils import Bunch

from model_host.loading.byte_stream import ByteStream
from model_host.loading.reading_state import Absent, check_key, damaged

LONGEST_INTEGER = 64  # bytes; the state of a random generator has 17

Handler = Callable[[Any], None]

HANDLERS: dict[bytes, Handler] = {}
"""The methods that carry out an operation, by its opcode."""


def opcode(code: bytes) -> Callable[[Handler], Handler]:
    def register(handler: Handler) -> Handler:
        HANDLERS[code] = handler
        return handler

    return register


class Stack:
    """One pickle's stack, marks and memo. Values are read from ``stream``."""

    def __init__(self, stream: ByteStream) -> None:
        self.stream = stream
        self.stack: list[Any] = []
        self.marks: list[list[Any]] = []
        self.memo: dict[int, Any] = {}

    def pop_mark(self) -> list[Any]:
        items = self.stack
        self.stack = self.marks.pop()
        return items

    # Plain values

    @opcode(b"N")
    def none(self) -> None:
        self.stack.append(None)

    @opcode(b"\x88")
    def true(self) -> None:
        self.stack.append(True)

    @opcode(b"\x89")
    def false(self) -> None:
        self.stack.append(False)

    @opcode(b"J")
    def int4(self) -> None:
        self.stack.append(int.from_bytes(self.stream.read(4), "little", signed=True))

    @opcode(b"K")
    def int1(self) -> None:
        self.stack.append(self.stream.read(1)[0])

    @opcode(b"M")
    def int2(self) -> None:
        self.stack.append(int.from_bytes(self.stream.read(2), "little"))

    @opcode(b"\x8a")
    def long1(self) -> None:
        length = self.stream.read(1)[0]
        if length > LONGEST_INTEGER:
            raise damaged("it holds an integer of more digits than a model needs")
        self.stack.append(int.from_bytes(self.stream.read(length), "little", signed=True))

    @opcode(b"G")
    def float8(self) -> None:
        self.stack.append(struct.unpack(">d", self.stream.read(8))[0])

    def _counted(self, width: int) -> bytes:
        return self.stream.read(int.from_bytes(self.stream.read(width), "little"))

    @opcode(b"\x8c")
    def text1(self) -> None:
        self.stack.append(str(self._counted(1), "utf-8", "surrogatepass"))

    @opcode(b"X")
    def text4(self) -> None:
        self.stack.append(str(self._counted(4), "utf-8", "surrogatepass"))

    @opcode(b"\x8d")
    def text8(self) -> None:
        self.stack.append(str(self._counted(8), "utf-8", "surrogatepass"))

    @opcode(b"C")
    def bytes1(self) -> None:
        self.stack.append(self._counted(1))

    @opcode(b"B")
    def bytes4(self) -> None:
        self.stack.append(self._counted(4))

    @opcode(b"\x8e")
    def bytes8(self) -> None:
        self.stack.append(self._counted(8))

    @opcode(b"\x96")
    def bytearray8(self) -> None:
        self.stack.append(bytearray(self._counted(8)))

    # Containers

    @opcode(b"(")
    def mark(self) -> None:
        self.marks.append(self.stack)
        self.stack = []

    @opcode(b"0")
    def pop(self) -> None:
        if self.stack:
            self.stack.pop()
        else:
            self.pop_mark()

    @opcode(b"1")
    def drop_to_mark(self) -> None:
        self.pop_mark()

    @opcode(b")")
    def tuple0(self) -> None:
        self.stack.append(())

    @opcode(b"\x85")
    def tuple1(self) -> None:
        self.stack[-1:] = [(self.stack[-1],)]

    @opcode(b"\x86")
    def tuple2(self) -> None:
        self.stack[-2:] = [(self.stack[-2], self.stack[-1])]

    @opcode(b"\x87")
    def tuple3(self) -> None:
        self.stack[-3:] = [(self.stack[-3], self.stack[-2], self.stack[-1])]

    @opcode(b"t")
    def tuple_(self) -> None:
        items = self.pop_mark()
        self.stack.append(tuple(items))

    @opcode(b"]")
    def list0(self) -> None:
        self.stack.append([])

    @opcode(b"}")
    def dict0(self) -> None:
        self.stack.append({})

    @opcode(b"\x8f")
    def set0(self) -> None:
        self.stack.append(set())

    @opcode(b"\x91")
    def frozenset_(self) -> None:
        items = self.pop_mark()
        for item in items:
            check_key(item)
        self.stack.append(frozenset(items))

    @opcode(b"a")
    def append(self) -> None:
        self._extend([self.stack.pop()])

    @opcode(b"e")
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

    @opcode(b"\x90")
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

    @opcode(b"s")
    def set_item(self) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self._set_items([key, value])

    @opcode(b"u")
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

    @opcode(b"\x94")
    def memoize(self) -> None:
        self.memo[len(self.memo)] = self.stack[-1]

    @opcode(b"q")
    def put1(self) -> None:
        self.memo[self.stream.read(1)[0]] = self.stack[-1]

    @opcode(b"r")
    def put4(self) -> None:
        self.memo[int.from_bytes(self.stream.read(4), "little")] = self.stack[-1]

    @opcode(b"h")
    def get1(self) -> None:
        self.stack.append(self.memo[self.stream.read(1)[0]])

    @opcode(b"j")
    def get4(self) -> None:
        self.stack.append(self.memo[int.from_bytes(self.stream.read(4), "little")])
