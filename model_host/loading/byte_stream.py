"""The bytes of a model file, decompressed as they are read, within a budget."""

from __future__ import annotations

import bz2
import io
import lzma
import zlib
from typing import Protocol, cast

from lz4.frame import LZ4FrameDecompressor

from model_host.loading.file_formats import Compression, detect_compression
from model_host.protocol.errors import HostError

CHUNK = 1 << 20
LZMA_MEMORY = 256 << 20  # level 9 needs 65 MiB; a header may ask for 4 GiB


class _Decompressor(Protocol):
    """The common interface of the decompressors of bz2, lzma and lz4."""

    eof: bool
    needs_input: bool
    unused_data: bytes | None

    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


class _Zlib:
    """zlib's and gzip's decompressor with the interface of the others."""

    def __init__(self, window_bits: int) -> None:
        self._inner = zlib.decompressobj(window_bits)
        self.needs_input = True

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        out = self._inner.decompress(self._inner.unconsumed_tail + data, max_length)
        # A full answer may have left output behind in zlib's own window.
        self.needs_input = not self._inner.unconsumed_tail and len(out) < max_length
        return out


def _decompressor(compression: Compression) -> _Decompressor:
    match compression:
        case "zlib":
            return cast("_Decompressor", _Zlib(zlib.MAX_WBITS))
        case "gzip":
            return cast("_Decompressor", _Zlib(zlib.MAX_WBITS | 16))
        case "bz2":
            return cast("_Decompressor", bz2.BZ2Decompressor())
        case "lzma" | "xz":
            return cast("_Decompressor", lzma.LZMADecompressor(memlimit=LZMA_MEMORY))
        case "lz4":
            return cast("_Decompressor", LZ4FrameDecompressor())


class _Plain(io.RawIOBase):
    """Bytes as a readable file, without a copy of them."""

    leftover = False
    complete = True

    def __init__(self, data: memoryview) -> None:
        self._data = data
        self._position = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        piece = self._data[self._position : self._position + len(buffer)]
        self._position += len(piece)
        buffer[: len(piece)] = piece
        return len(piece)


class _Inflating(io.RawIOBase):
    """One compressed stream as a readable file; never holds more than a chunk of its output."""

    def __init__(self, data: memoryview, compression: Compression, budget: int) -> None:
        self._data = data
        self._position = 0
        self._decompressor = _decompressor(compression)
        self._budget = budget

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        while not self._decompressor.eof:
            piece = b""
            if self._decompressor.needs_input:
                piece = bytes(self._data[self._position : self._position + CHUNK])
                self._position += len(piece)
                if not piece:
                    return 0
            out = self._decompressor.decompress(piece, len(buffer))
            if out:
                self._budget -= len(out)
                if self._budget < 0:
                    raise HostError("LOAD", "The file unpacks to more than a model may hold.")
                buffer[: len(out)] = out
                return len(out)
        return 0

    @property
    def complete(self) -> bool:
        """Whether the stream came to the end that it was written with."""
        return self._decompressor.eof

    @property
    def leftover(self) -> bool:
        """Whether compressed bytes follow the end of the stream."""
        return bool(self._decompressor.unused_data) or self._position < len(self._data)


class ByteStream:
    """The file's content from front to back. ``budget`` bounds the bytes that decompression may
    give; ``read`` raises EOFError where the file ends early."""

    def __init__(self, data: bytes | memoryview, budget: int) -> None:
        view = memoryview(data)
        compression = detect_compression(bytes(view[:16]))
        self._raw = _Inflating(view, compression, budget) if compression else _Plain(view)
        self._file = io.BufferedReader(self._raw, CHUNK)
        self.read_some = self._file.read

    def read(self, count: int) -> bytes:
        """Read exactly ``count`` bytes. A false length takes no more memory than the file has."""
        if count > CHUNK:
            starts = range(0, count, CHUNK)
            return b"".join(self.read(min(CHUNK, count - start)) for start in starts)
        data = self.read_some(count)
        if len(data) != count:
            raise EOFError
        return data

    def read_into(self, buffer: memoryview) -> None:
        """Fill ``buffer``, a flat view of bytes, chunk by chunk."""
        for start in range(0, len(buffer), CHUNK):
            piece = self.read(min(CHUNK, len(buffer) - start))
            buffer[start : start + len(piece)] = piece

    def read_line(self, longest: int) -> bytes:
        """Return the bytes up to the next line feed, without it."""
        line = self._file.readline(longest + 1)
        if not line.endswith(b"\n"):
            raise EOFError
        return line[:-1]

    def peek(self, count: int) -> bytes:
        """Return at most ``count`` of the next bytes without consuming them."""
        return self._file.peek(count)[:count]

    @property
    def at_end(self) -> bool:
        """Whether the stream is at its end. Raises EOFError if the checksum is missing."""
        if self.read_some(1):
            return False
        if not self._raw.complete:
            raise EOFError
        return not self._raw.leftover
