"""Opens a model file from a stranger: nothing that the file names is run, only looked up.

The boundary is the sandbox around this process; this loader is the filter inside it. ``load`` reads
joblib files (plain and compressed), pickles of protocols 2 to 5 and skops files, each against the
same allow-list, walks over the result, and gives an estimator that is fitted and can predict. Every
other outcome is one HostError with a sentence an admin can act on.
"""

from __future__ import annotations

import re
import traceback
import warnings
from dataclasses import dataclass
from typing import Any

from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

from .byte_stream import ByteStream
from .formats import describe, detect_format
from .loaded_graph import settle
from .pickle_machine import read_pickle
from .protocol import Format, HostError, TypeName
from .reading import Reading, damaged
from .skops_reader import read_skops

UNPACKED_BYTES = 2 * 1024**3
_VERSION = re.compile(
    rb"_sklearn_version\W{0,9}?(?:\x8c.|X.\0\0\0)(\d+\.\d+[\w.]{0,20})", re.DOTALL
)
_CUT_OFF = "The file ends in the middle: it is cut off or damaged. Upload it again."


@dataclass(frozen=True)
class Loaded:
    """A fitted estimator with ``predict``; every (module, name) the file named, sorted; and the
    versions of libraries that the file records, by distribution name (``scikit-learn``)."""

    estimator: Any
    types: tuple[TypeName, ...]
    libraries: dict[str, str]


def load(
    data: bytes | memoryview,
    format: Format,
    *,
    approved: frozenset[TypeName] = frozenset(),
) -> Loaded:
    """The estimator in ``data``. What the bytes show counts, not the ``format`` that was claimed.

    ``approved``: (module, name) pairs that a superuser trusts for this very file. Raises HostError
    LOAD, with the pairs that were ``refused`` where names were the reason; MemoryError passes.
    """
    found = detect_format(head := bytes(data[:4096]))
    if found is None:
        seems = describe(head)
        raise HostError(
            "LOAD",
            "The file is not a model file of joblib, pickle or skops"
            + (f"; it seems to be {seems}." if seems else "."),
        )
    reading = Reading(approved=approved)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            root = read_skops(data, reading) if found == "skops" else _read(data, reading)
            reading.check_finished()
            settle(root, approved)
    except HostError:
        raise
    except MemoryError:
        raise
    except EOFError as error:
        raise HostError("LOAD", _CUT_OFF, traceback=traceback.format_exc()) from error
    except Exception as error:
        raise _failure(data, error) from error
    _check_root(root)
    return Loaded(root, tuple(sorted(reading.named)), reading.libraries)


def _read(data: bytes | memoryview, reading: Reading) -> Any:
    stream = ByteStream(data, UNPACKED_BYTES)
    root = read_pickle(stream, reading)
    if not reading.unknown and not stream.at_end:
        raise damaged("more bytes follow the model")
    return root


def _failure(data: bytes | memoryview, error: Exception) -> HostError:
    """A failure that we did not foresee: another version of scikit-learn, or damage."""
    return HostError(
        "LOAD", f"The file is damaged: {error}"[:500], traceback=traceback.format_exc()
    )


def _check_root(root: Any) -> None:
    """The root is an estimator that is fitted and can predict."""
    kind = type(root).__name__
    if not isinstance(root, BaseEstimator) and not hasattr(root, "predict"):
        raise HostError("LOAD", f"The file holds a {kind}, not a model.{_advice(root)}")
    if not hasattr(root, "predict"):
        raise HostError("LOAD", f"The file holds a {_described(root)}, which cannot predict.")
    try:
        check_is_fitted(root)
    except NotFittedError as error:
        raise HostError(
            "LOAD",
            f"The file holds a {kind} that was never fitted. Call fit, then save it again.",
        ) from error
    except TypeError as error:
        raise HostError("LOAD", f"The file holds a {kind}, not a model: it has no fit.") from error


def _described(root: Any) -> str:
    """A pipeline is named with the step at its end, which is what predicts."""
    kind = type(root).__name__
    steps = getattr(root, "steps", None)
    return f"{kind} that ends in a {type(steps[-1][1]).__name__}" if steps else kind


def _advice(root: Any) -> str:
    """Where the model is, if it was packed with other things."""
    items = (
        root.items()
        if isinstance(root, dict)
        else enumerate(root)
        if isinstance(root, list | tuple)
        else ()
    )
    for key, item in items:
        if hasattr(item, "predict"):
            return (
                f" Save what it holds under {str(key)[:60]!r}, a {type(item).__name__}, by itself."
            )
    return ""
