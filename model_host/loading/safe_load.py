"""The safe loading of an untrusted model file: names in the file are looked up, never run.

The boundary is the sandbox around this process; this loader is the filter inside it. ``load`` reads
joblib files (plain and compressed), pickles of protocols 2 to 5 and skops files, each against the
same allow-list, walks over the result, and gives an estimator that is fitted and can predict. Every
other outcome is one HostError with a sentence an admin can act on.
"""

from __future__ import annotations

import sys
import traceback
import warnings
import zipfile
from dataclasses import dataclass
from typing import Any

import sklearn
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

from model_host.loading.allow_list import BOOSTERS
from model_host.loading.byte_stream import CHUNK, ByteStream
from model_host.loading.checks.index_checks import always_check_sparse
from model_host.loading.checks.length_checks import always_check_sums
from model_host.loading.checks.loaded_graph import settle
from model_host.loading.file_formats import describe, detect_compression, detect_format, is_pickle
from model_host.loading.leftovers import leave_out
from model_host.loading.origin import saved_with, series
from model_host.loading.pickle_machine import read_pickle
from model_host.loading.reading_state import Reading, damaged, in_words, unknown_types
from model_host.loading.skops_reader import read_skops
from model_host.loading.split_files import (
    advice_on_object,
    refusal_of_dumps,
    refusal_of_parts,
    refusal_of_transformer,
    refusal_of_types,
)
from model_host.protocol.artifact import Format, TypeName
from model_host.protocol.errors import HostError

UNPACKED_BYTES = 2 * 1024**3
OPCODES = 20_000_000
"""Steps of a pickle; a vectorizer with a million terms needs some five million."""
MOST_DUMPS = 20
"""Objects in one file that are counted and named."""
_FORMER_MODULES = ("_loss",)
"""Modules of scikit-learn by names that it has no more: 1.7 saves the losses of gradient boosting
under the name of their compiled file, without its packages."""
always_check_sparse()
always_check_sums()
_CUT_OFF = "The file ends in the middle: it is cut off or damaged. Upload it again."
_DAMAGED = "The file is damaged: its content does not follow its own format. Upload it again."


@dataclass(frozen=True)
class Loaded:
    """A fitted estimator with ``predict``; every (module, name) the file named, sorted; and the
    versions of libraries that the file records, by distribution name (``scikit-learn``).
    ``left_out``: the sentence about what was left out, since it serves training alone, or "".
    ``is_constant``: no prediction is known to change it, so that nothing of one stays for the next;
    classes that a superuser approved and boosters may do as they like."""

    estimator: Any
    types: tuple[TypeName, ...]
    libraries: dict[str, str]
    is_constant: bool = False
    left_out: str = ""


def load(
    data: bytes | memoryview,
    format: Format,
    *,
    approved: frozenset[TypeName] = frozenset(),
    boosters: bool = False,
) -> Loaded:
    """Load the estimator in ``data``. The bytes decide the format, not the claimed ``format``.

    ``approved``: (module, name) pairs that a superuser trusts for this very file. ``boosters``:
    whether models of XGBoost and LightGBM open, too. Raises HostError LOAD, with the pairs that
    were ``refused`` where names were the reason; MemoryError passes.
    """
    found = detect_format(head := bytes(data[:4096]))
    if found is None:
        raise HostError("LOAD", f"The file {describe(head)}")
    reading = Reading(approved=approved, opcodes_left=OPCODES, boosters=boosters)
    root: Any = None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of another version: its number is in the answer
            objects = [read_skops(data, reading)] if found == "skops" else _read(data, reading)
            root = objects if len(objects) > 1 else objects[0]
            left_out = leave_out(root, reading)
            reading.check_finished()
            if types := refusal_of_types(root):
                raise HostError("LOAD", types)
            does_as_it_likes = reading.named & (approved | BOOSTERS.keys())
            is_constant = _settled(root, approved) and not does_as_it_likes
            if root is objects:
                is_of_joblib = any(module == "joblib.numpy_pickle" for module, _ in reading.named)
                raise HostError("LOAD", refusal_of_dumps(objects, is_of_joblib))
            _check_root(root)
    except MemoryError:
        raise
    except Exception as error:
        raise _refusal(data, reading, error, root) from error
    return Loaded(root, tuple(sorted(reading.named)), reading.libraries, is_constant, left_out)


def _read(data: bytes | memoryview, reading: Reading) -> list[Any]:
    """The objects that were dumped into the file one after the other: one, in a model's file."""
    stream = ByteStream(data, UNPACKED_BYTES)
    _check_unpacked(data, stream)
    objects = [read_pickle(stream, reading)]
    while stream.peek(1) == b"\x80" and len(objects) < MOST_DUMPS:
        objects.append(read_pickle(stream, reading))
    if not stream.at_end:
        raise damaged("more bytes follow the model")
    return objects


def _settled(root: Any, approved: frozenset[TypeName]) -> bool:
    """Whether nothing of the object changes in use, by ``settle``. A table beside a model need not
    be valid, since neither is served."""
    try:
        return settle(root, approved)
    except HostError:
        if split := refusal_of_parts(root, is_checked=False):
            raise HostError("LOAD", split) from None
        raise


def _check_unpacked(data: bytes | memoryview, stream: ByteStream) -> None:
    """Raise HostError if the decompressed content is not a pickle."""
    compression = detect_compression(bytes(data[:16]))
    if compression is None or is_pickle(head := stream.peek(CHUNK)) or not head:
        return
    if detect_format(head) is None:
        raise HostError("LOAD", f"What the {compression} file holds {describe(head)}")
    raise HostError(
        "LOAD",
        f"The file is packed twice: a model file was compressed once more, with {compression}. "
        "Unpack it once and upload the result.",
    )


def _refusal(data: bytes | memoryview, reading: Reading, error: Exception, root: Any) -> HostError:
    """The sentence for a file that did not open. Unknown names come first: what follows from them
    would only confuse, but where they are parts of what no approval makes a model. Then another
    version of scikit-learn, then the error's own words."""
    if reading.unknown and (split := refusal_of_parts(root, is_checked=False)):
        refusal = HostError("LOAD", split)
    elif reading.unknown:
        refusal = unknown_types(tuple(reading.unknown))
        refusal.message += advice_on_object(root)
    elif isinstance(error, HostError):
        refusal = error
    else:
        refusal = HostError("LOAD", _CUT_OFF if _is_cut_off(error) else _DAMAGED)
    gone = tuple(name for name in refusal.refused if _is_gone(*name))
    refusal.absent = refusal.absent or gone
    refusal.message = _of_another_version(data, reading, refusal, gone) or refusal.message
    refusal.traceback = refusal.traceback or traceback.format_exc()[-8000:]
    return refusal


def _of_another_version(
    data: bytes | memoryview, reading: Reading, refusal: HostError, gone: tuple[TypeName, ...]
) -> str:
    """The sentence where another version of scikit-learn wrote the file and that may be why it does
    not open: for what is ``gone`` since, or breaks rules that were others then. Else ""."""
    here, saved = sklearn.__version__, reading.libraries.get("scikit-learn")
    saved = saved or saved_with(data)
    again = train_again()
    if is_of_this_version(saved):
        return ""
    if gone:
        by = f"was saved with scikit-learn {saved} and " if saved else ""
        return (
            f"The file {by}names {in_words(gone)}, which scikit-learn {here} on this server does "
            f"not have. {again}"
        )
    misuses = refusal.refused and all(_is_own(module) for module, _ in refusal.refused)
    is_damaged = refusal.message.startswith("The file is damaged")
    if not saved or reading.unknown or not (misuses or is_damaged):
        return ""
    reason = f" ({refusal.message.rstrip('.')})" if misuses else ""
    return (
        f"The file was saved with scikit-learn {saved} and does not open with {here}, which runs "
        f"here{reason}. {again}"
    )


def is_of_this_version(saved: str) -> bool:
    """Return whether the version of scikit-learn that saved a file is the one that runs here, up to
    its last number; False for "", where the file does not record it."""
    return series(saved) == series(sklearn.__version__)


def train_again() -> str:
    """Return the advice where another version of scikit-learn is the cause."""
    return f"Train the model again with scikit-learn {series(sklearn.__version__)} and save it."


def _is_own(module: str) -> bool:
    return module.partition(".")[0] == "sklearn" or module in _FORMER_MODULES


def _is_gone(module: str, name: str) -> bool:
    """Whether it is a name of scikit-learn that the one running here does not have. All that models
    need of that is in memory: a locked process could not import it."""
    return _is_own(module) and not hasattr(sys.modules.get(module), name)


def _is_cut_off(error: Exception) -> bool:
    """Whether the bytes ended too early; a zip archive then has lost the directory at its end."""
    return isinstance(error, EOFError | zipfile.BadZipFile)


def _check_root(root: Any) -> None:
    """The root is an estimator that is fitted and can predict."""
    kind = type(root).__name__
    if not isinstance(root, BaseEstimator) and not hasattr(root, "predict"):
        raise HostError("LOAD", refusal_of_parts(root))
    if not hasattr(root, "predict"):
        raise HostError("LOAD", refusal_of_transformer(root))
    try:
        check_is_fitted(root)
    except NotFittedError as error:
        raise HostError(
            "LOAD",
            f"The file holds a {kind} that was never fitted. Call fit, then save it again.",
        ) from error
    except TypeError as error:
        way_out = (
            " Save the estimator around it, XGBClassifier, LGBMRegressor or the like, instead."
            if kind == "Booster"
            else ""
        )
        raise HostError(
            "LOAD", f"The file holds a {kind}, not a model: it has no fit.{way_out}"
        ) from error
