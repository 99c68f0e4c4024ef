"""The version of scikit-learn that a file says it was saved with."""

import hashlib
import io
import lzma
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import pytest
import sklearn
import skops.io

from model_host.client import ModelHost
from model_host.loading import origin
from model_host.loading.origin import saved_with
from model_host.protocol.artifact import Artifact, Limits
from tests.model_host.estimators import specimen


def by_joblib(compress: Any) -> Callable[[Any], bytes]:
    def write(model: Any) -> bytes:
        file = io.BytesIO()
        joblib.dump(model, file, compress=compress)
        return file.getvalue()

    return write


WRITERS: dict[str, Callable[[Any], bytes]] = {
    "joblib": by_joblib(0),
    **{name: by_joblib((name, 3)) for name in ("zlib", "gzip", "bz2", "xz", "lzma", "lz4")},
    **{
        f"pickle {protocol}": lambda model, protocol=protocol: pickle.dumps(model, protocol)
        for protocol in (2, 3, 4, 5)
    },
    "skops": skops.io.dumps,
}


@pytest.mark.parametrize("written", WRITERS)
def test_every_format_says_which_scikit_learn_saved_it(written: str) -> None:
    assert saved_with(WRITERS[written](specimen("ridge").estimator)) == sklearn.__version__


def test_the_version_is_found_where_a_piece_of_the_file_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = pickle.dumps(specimen("ridge").estimator)
    monkeypatch.setattr(origin, "CHUNK", data.index(b"_sklearn_version") + 7)

    assert saved_with(data) == sklearn.__version__


@pytest.mark.parametrize(
    "data",
    [
        pickle.dumps({"alpha": 1.0}),
        b"no model at all",
        b"PK\x03\x04 and no archive",
        lzma.compress(pickle.dumps(specimen("ridge").estimator))[:60],
    ],
    ids=["a dict", "text", "a broken archive", "a file that was cut off"],
)
def test_a_file_that_does_not_say_has_no_version(data: bytes) -> None:
    assert saved_with(data) == ""


def test_a_file_that_unpacks_without_end_is_searched_up_to_a_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(origin, "SEARCHED_BYTES", 1 << 20)
    hidden = bytes(4 << 20) + pickle.dumps(specimen("ridge").estimator)

    assert saved_with(lzma.compress(hidden)) == ""


def test_a_locked_process_tells_the_version(host: ModelHost, tmp_path: Path) -> None:
    path = tmp_path / "ridge.pickle"
    path.write_bytes(data := pickle.dumps(specimen("ridge").estimator))
    artifact = Artifact(hashlib.sha256(data).hexdigest(), path, "pickle")

    assert host.origin(artifact, Limits()).scikit_learn == sklearn.__version__
