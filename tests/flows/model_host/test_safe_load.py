"""What the loader says of files that are no good, and what it reports of those that are."""

from __future__ import annotations

import contextlib
import io
import pickle
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
import sklearn
import skops.io
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from flows.model_host.formats import describe, detect_compression, detect_format
from flows.model_host.protocol.artifact import TypeName
from flows.model_host.protocol.errors import HostError
from flows.model_host.safe_load import load
from tests.flows.model_host.estimators import amounts, numbers, specimen


def dumped(model: Any, compress: Any = 0) -> bytes:
    buffer = io.BytesIO()
    joblib.dump(model, buffer, compress=compress)
    return buffer.getvalue()


def refusal_of(data: bytes, approved: frozenset[TypeName] = frozenset()) -> HostError:
    with pytest.raises(HostError) as caught:
        load(data, "joblib", approved=approved)
    assert caught.value.code == "LOAD"
    return caught.value


class AddRatios(TransformerMixin, BaseEstimator):
    """A step that somebody wrote next to the training."""

    def fit(self, X: Any, y: Any = None) -> AddRatios:
        self.fitted_ = True
        return self

    def transform(self, X: Any) -> Any:
        return np.column_stack([X, np.ones(len(X))])


@pytest.fixture
def ratios() -> Iterator[types.ModuleType]:
    """An importable module that holds ``AddRatios``, as an admin would install it."""
    module = types.ModuleType("ratios")
    module.AddRatios = AddRatios  # type: ignore[attr-defined]
    before = AddRatios.__module__
    AddRatios.__module__ = "ratios"
    sys.modules["ratios"] = module
    yield module
    AddRatios.__module__ = before
    del sys.modules["ratios"]


def with_ratios() -> bytes:
    model = make_pipeline(AddRatios(), LinearRegression()).fit(numbers(), amounts())
    return pickle.dumps(model, 4)


# Types that are not known


@pytest.mark.usefixtures("ratios")
def test_a_class_of_the_training_script_gets_the_way_out() -> None:
    data = with_ratios().replace(b"\x8c\x06ratios", b"\x8c\x08__main__")

    error = refusal_of(data)

    assert error.message == (
        "The file needs `__main__.AddRatios`, which this server does not have. Define it in an "
        "importable module, install that module on the worker, and save the model again."
    )
    assert error.refused == (("__main__", "AddRatios"),)


@pytest.mark.usefixtures("ratios")
def test_a_class_of_a_module_that_is_not_on_the_list_is_named() -> None:
    error = refusal_of(with_ratios())

    assert error.message == (
        "The file names `ratios.AddRatios`, which is not on the list of known types."
    )
    assert error.refused == (("ratios", "AddRatios"),)


@pytest.mark.usefixtures("ratios")
def test_an_approved_class_opens_for_this_file() -> None:
    loaded = load(with_ratios(), "pickle", approved=frozenset({("ratios", "AddRatios")}))

    assert loaded.estimator.predict(numbers()[:1]).shape == (1,)
    assert ("ratios", "AddRatios") in loaded.types


def test_an_approved_class_that_is_not_installed_is_named() -> None:
    data = pickle.dumps(specimen("ridge").estimator, 4).replace(
        b"\x8c\x1bsklearn.linear_model._ridge\x94", b"\x8c\x06absent\x94"
    )

    error = refusal_of(data, frozenset({("absent", "Ridge")}))

    assert error.message == (
        "The file needs `absent.Ridge`, which this server does not have. "
        "Install it on the worker, or save the model again with the versions used here."
    )
    assert error.refused == error.absent == (("absent", "Ridge"),)


def test_approval_of_one_name_is_no_approval_of_another() -> None:
    data = pickle.dumps(specimen("ridge").estimator, 4).replace(
        b"\x8c\x1bsklearn.linear_model._ridge\x94", b"\x8c\x06absent\x94"
    )

    error = refusal_of(data, frozenset({("absent", "Lasso")}))

    assert error.refused == (("absent", "Ridge"),)


@pytest.mark.usefixtures("ratios")
def test_an_unknown_class_in_a_skops_file_is_named_and_can_be_approved() -> None:
    model = make_pipeline(AddRatios(), LinearRegression()).fit(numbers(), amounts())
    data = skops.io.dumps(model)

    assert refusal_of(data).refused == (("ratios", "AddRatios"),)
    loaded = load(data, "skops", approved=frozenset({("ratios", "AddRatios")}))
    assert loaded.estimator.predict(numbers()[:1]).shape == (1,)


def test_many_unknown_names_are_listed_and_counted() -> None:
    data = b"\x80\x02]" + b"".join(f"cpackage\nName{n}\na".encode() for n in range(300)) + b"."

    error = refusal_of(data)

    assert "`package.Name0`, `package.Name1`" in error.message
    assert "295 more" in error.message
    assert len(error.refused) == 100


def test_a_name_cannot_smuggle_control_characters_into_a_sentence() -> None:
    name = "\x1b[2J‮evil".encode()
    data = b"\x80\x04\x8c\x01a\x8c" + bytes([len(name)]) + name + b"\x93."

    assert refusal_of(data).message.isascii()
    assert "\x1b" not in refusal_of(data).message


# What the file holds


def test_an_estimator_that_cannot_predict_is_named() -> None:
    error = refusal_of(dumped(StandardScaler().fit(numbers())))

    assert error.message == "The file holds a StandardScaler, which cannot predict."


def test_a_pipeline_that_cannot_predict_is_named_with_its_end() -> None:
    error = refusal_of(dumped(make_pipeline(StandardScaler()).fit(numbers())))

    assert error.message == (
        "The file holds a Pipeline that ends in a StandardScaler, which cannot predict."
    )


@pytest.mark.parametrize(
    "model", [LogisticRegression(), make_pipeline(StandardScaler(), LogisticRegression())]
)
def test_an_estimator_that_was_never_fitted_is_named(model: Any) -> None:
    assert refusal_of(dumped(model)).message == (
        f"The file holds a {type(model).__name__} that was never fitted. "
        "Call fit, then save it again."
    )


@pytest.mark.parametrize(("packed", "kind"), [({}, "dict"), ([], "list"), (np.zeros(3), "ndarray")])
def test_what_is_no_model_is_named(packed: Any, kind: str) -> None:
    assert refusal_of(dumped(packed)).message == f"The file holds a {kind}, not a model."


def test_a_dict_with_a_model_in_it_gets_the_way_out() -> None:
    packed = {"columns": ["a"], "model": specimen("ridge").estimator}

    assert refusal_of(dumped(packed)).message == (
        "The file holds a dict, not a model. Save the Ridge that it holds at 'model' by itself."
    )


# Bytes that are no model


@pytest.mark.parametrize(
    ("content", "seems"),
    [
        (b"", "; it seems to be an empty file."),
        (b"age,income\n1,2\n", "."),
        (b'{"model": 1}', "; it seems to be JSON text."),
        (b"\x89HDF\r\n\x1a\n" + b"\0" * 90, "; it seems to be an HDF5 file, as Keras writes it."),
        (b"\x89PNG\r\n\x1a\n", "; it seems to be a PNG picture."),
        (b"\x7fELF" + b"\0" * 90, "; it seems to be a program."),
        (
            pickle.dumps(LinearRegression(), 0),
            "; it seems to be a pickle of protocol 0 or 1; save it again with joblib.dump.",
        ),
    ],
)
def test_a_file_that_is_no_model_file_is_told_from_one(content: bytes, seems: str) -> None:
    assert refusal_of(content).message == (
        f"The file is not a model file of joblib, pickle or skops{seems}"
    )


@pytest.mark.parametrize(
    "compress", [0, ("zlib", 3), ("gzip", 3), ("bz2", 3), ("xz", 3), ("lz4", 3)]
)
@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9, 0.999])
def test_a_file_that_was_cut_off_is_told(compress: Any, kept: float) -> None:
    data = dumped(specimen("random forest").estimator, compress)

    assert refusal_of(data[: int(len(data) * kept)]).message == (
        "The file ends in the middle: it is cut off or damaged. Upload it again."
    )


def test_a_skops_file_that_was_cut_off_is_told() -> None:
    data = skops.io.dumps(specimen("ridge").estimator)

    assert "cut off or damaged" in refusal_of(data[: len(data) // 2]).message


def test_bytes_after_the_model_are_refused() -> None:
    for data in (dumped(specimen("ridge").estimator), dumped(specimen("ridge").estimator, 3)):
        assert "more bytes follow the model" in refusal_of(data + b"x").message
        assert "more bytes follow the model" in refusal_of(data + data).message


def test_an_archive_that_skops_did_not_write_is_told(tmp_path: Path) -> None:
    np.savez(tmp_path / "arrays.npz", np.zeros(3))

    error = refusal_of((tmp_path / "arrays.npz").read_bytes())

    assert "a zip archive, but not one that skops writes" in error.message


def test_a_damaged_file_never_escapes_as_another_error() -> None:
    """Every single byte of a small model changed in turn: it opens, or it is refused."""
    data = pickle.dumps(specimen("nearest neighbours, k-d tree").estimator, 4)
    rng = np.random.default_rng(0)
    for position in range(0, len(data), 3):
        broken = bytearray(data)
        broken[position] ^= int(rng.integers(1, 256))
        with contextlib.suppress(HostError):
            load(bytes(broken), "pickle")


# Versions


def of_version(version: bytes, model: str = "decision tree") -> bytes:
    own = sklearn.__version__.encode()
    data = pickle.dumps(specimen(model).estimator, 4)
    return data.replace(
        bytes([len(own)]) + own + b"\x94", bytes([len(version)]) + version + b"\x94"
    )


def test_the_version_that_the_file_records_is_reported() -> None:
    assert load(of_version(b"1.7.2"), "pickle").libraries == {"scikit-learn": "1.7.2"}
    assert load(of_version(b"0.24.1"), "pickle").libraries == {"scikit-learn": "0.24.1"}


def test_a_file_of_another_version_that_does_not_open_names_both() -> None:
    """Before scikit-learn 1.3 the nodes of a tree had one field fewer."""
    data = of_version(b"1.2.2").replace(b"missing_go_to_left", b"something_elsewhat")

    assert refusal_of(data).message == (
        f"The file was saved with scikit-learn 1.2.2 and does not open with {sklearn.__version__}, "
        "which runs here. Train the model again with scikit-learn 1.9 and save it."
    )


def test_a_type_that_moved_since_is_told_with_the_versions() -> None:
    data = of_version(b"0.21.3").replace(
        b"\x8c\x15sklearn.tree._classes", b"\x8c\x11sklearn.tree.tree"
    )

    error = refusal_of(data)

    assert error.refused == error.absent == (("sklearn.tree.tree", "DecisionTreeClassifier"),)
    assert error.message == (
        "The file was saved with scikit-learn 0.21.3 and names "
        f"`sklearn.tree.tree.DecisionTreeClassifier`, which scikit-learn {sklearn.__version__} on "
        "this server does not have. Train the model again with scikit-learn 1.9 and save it."
    )


def test_boosting_with_a_loss_that_scikit_learn_has_no_more_is_to_be_trained_again() -> None:
    """1.7 saves a loss under the name of its compiled file, which nothing here can import."""
    data = of_version(b"1.7.2", "gradient boosting regressor").replace(
        b"\x8c\x13sklearn._loss._loss\x94\x8c\x0bCyHuberLoss",
        b"\x8c\x05_loss\x94\x8c\x0bCyLogitLoss",
    )

    error = refusal_of(data)

    assert error.absent == (("_loss", "CyLogitLoss"),)
    assert error.message == (
        "The file was saved with scikit-learn 1.7.2 and names `_loss.CyLogitLoss`, which "
        f"scikit-learn {sklearn.__version__} on this server does not have. Train the model again "
        "with scikit-learn 1.9 and save it."
    )


def test_a_type_of_scikit_learn_that_is_here_and_not_listed_is_not_blamed_on_the_version() -> None:
    data = of_version(b"1.7.2").replace(
        b"\x8c\x16DecisionTreeClassifier", b"\x8c\x10BaseDecisionTree"
    )

    error = refusal_of(data)

    assert (error.refused, error.absent) == ((("sklearn.tree._classes", "BaseDecisionTree"),), ())
    assert "which is not on the list of known types" in error.message


def test_a_file_of_another_version_that_was_cut_off_is_told_so() -> None:
    data = of_version(b"1.2.2")

    assert "cut off" in refusal_of(data[:-30]).message


def test_an_old_version_does_not_excuse_a_foreign_name() -> None:
    data = of_version(b"0.21.3").replace(b"\x8c\x15sklearn.tree._classes", b"\x8c\x05posix")

    assert refusal_of(data).message == (
        "The file names `posix.DecisionTreeClassifier`, which is not on the list of known types."
    )


# The report and the formats


def test_the_types_are_those_that_the_file_names_sorted() -> None:
    loaded = load(pickle.dumps(specimen("linear regression on arrays").estimator, 2), "pickle")

    assert loaded.types == (
        ("_codecs", "encode"),
        ("numpy", "dtype"),
        ("numpy", "ndarray"),
        ("numpy._core.multiarray", "_reconstruct"),
        ("numpy._core.multiarray", "scalar"),
        ("sklearn.linear_model._base", "LinearRegression"),
    )


def test_the_bytes_count_and_not_the_name_that_was_claimed() -> None:
    data = skops.io.dumps(specimen("ridge").estimator)

    assert type(load(memoryview(data), "pickle").estimator).__name__ == "Ridge"
    assert type(load(memoryview(dumped(specimen("ridge").estimator)), "skops").estimator).__name__


def test_every_format_is_known_by_its_first_bytes() -> None:
    model = specimen("ridge").estimator

    assert detect_format(dumped(model)[:4096]) == "joblib"
    assert detect_format(pickle.dumps(model)[:4096]) == "pickle"
    assert detect_format(skops.io.dumps(model)[:4096]) == "skops"
    for name in ("zlib", "gzip", "bz2", "xz", "lzma", "lz4"):
        head = dumped(model, (name, 3))[:4096]
        assert detect_format(head) == "joblib"
        assert detect_compression(head) == name
    assert detect_format(b"age,income") is None
    assert describe(b"%PDF-1.7") == "a PDF document"
