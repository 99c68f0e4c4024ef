"""What a file is, told from its first bytes. Standard library only: the flow side asks it too."""

from __future__ import annotations

from typing import Literal

from .protocol.artifact import Format

Compression = Literal["zlib", "gzip", "bz2", "lzma", "xz", "lz4"]

_COMPRESSIONS: tuple[tuple[bytes, Compression], ...] = (
    (b"\x1f\x8b", "gzip"),
    (b"BZh", "bz2"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"\x5d\x00\x00", "lzma"),
    (b"\x04\x22\x4d\x18", "lz4"),
)
# A zlib stream has no magic, but only four first pairs are written in practice (RFC 1950).
_ZLIB_HEADERS = (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda")

_OTHERS: tuple[tuple[bytes, str], ...] = (
    (b"\x89HDF", "an HDF5 file, as Keras writes it"),
    (b"\x80\x06", "a pickle of a newer protocol than 5"),
    (b"ccopy_reg\n", "a pickle of protocol 0 or 1; save it again with joblib.dump"),
    (b"ccopyreg\n", "a pickle of protocol 0 or 1; save it again with joblib.dump"),
    (b"{", "JSON text"),
    (b"<", "XML or HTML text"),
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"%PDF", "a PDF document"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"PAR1", "a Parquet table"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
)


def detect_compression(head: bytes) -> Compression | None:
    """How the file is compressed, None where it is not."""
    for magic, compression in _COMPRESSIONS:
        if head.startswith(magic):
            return compression
    return "zlib" if head.startswith(_ZLIB_HEADERS) else None


def detect_format(head: bytes) -> Format | None:
    """The format that the first bytes (some 4 KiB) show, None where it is no model file we open.

    Every compressed file counts as joblib's, which alone compresses. Between joblib and pickle
    the name of joblib's array wrapper decides; both are read by the same loader.
    """
    if head.startswith(b"PK\x03\x04"):
        return "skops"
    if detect_compression(head) is not None:
        return "joblib"
    if len(head) > 1 and head[0] == 0x80 and 0 <= head[1] <= 5:
        return "joblib" if b"joblib.numpy_pickle" in head else "pickle"
    return None


def describe(head: bytes) -> str:
    """What a file that is no model file seems to be, as words for a sentence; empty if unknown."""
    if not head:
        return "an empty file"
    return next((words for magic, words in _OTHERS if head.startswith(magic)), "")
