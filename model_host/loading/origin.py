"""The version of scikit-learn that a file says it was saved with, found without opening the file.

Every estimator of scikit-learn saves the version beside its state as ``_sklearn_version``. The
search looks for the bytes by which pickles and skops write that; it builds nothing.
"""

from __future__ import annotations

import io
import re
import zipfile

from model_host.loading.byte_stream import CHUNK, ByteStream
from model_host.loading.file_formats import detect_format

SEARCHED_BYTES = 1024**3
"""The number of unpacked bytes of a file that are searched."""
_OVERLAP = 64
"""The bytes of a record, at most, so that one which spans two pieces is found."""
_NUMBER = rb"(\d+\.\d+(?:\.\d+)?(?:\.?(?:a|b|rc|dev|post)\d+)?)"
_IN_A_PICKLE = re.compile(
    rb"_sklearn_version(?:\x94|q.|r....)?(?:\x8c.|X....)" + _NUMBER, re.DOTALL
)
_IN_A_SCHEMA = re.compile(
    rb'"_sklearn_version": ?\{[^{}]{0,300}?"content": ?"\\"' + _NUMBER + rb'\\""'
)


def saved_with(data: bytes | memoryview) -> str:
    """Return the version of scikit-learn ("1.5.2") that saved the first estimator in the file; ""
    where the file does not record one, or is damaged before that place."""
    try:
        if detect_format(bytes(data[:4096])) == "skops":
            with zipfile.ZipFile(io.BytesIO(data)) as archive, archive.open("schema.json") as file:
                return _found(_IN_A_SCHEMA, file.read(SEARCHED_BYTES // 16))
        stream = ByteStream(data, SEARCHED_BYTES)
        window = b""
        while piece := stream.read_some(CHUNK):
            if version := _found(_IN_A_PICKLE, window + piece):
                return version
            window = piece[-_OVERLAP:]
    except MemoryError:
        raise
    except Exception:
        return ""  # damaged: its version is not known
    return ""


def series(version: str) -> str:
    """Return the major and minor version: "1.9" of "1.9.1"."""
    return ".".join(version.split(".")[:2])


def _found(pattern: re.Pattern[bytes], text: bytes) -> str:
    found = pattern.search(text)
    return found[1].decode("ascii") if found else ""
