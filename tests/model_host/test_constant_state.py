"""Isolation of predictions: nothing of one stays in a model for the next."""

from __future__ import annotations

import contextlib
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.sparse
from sklearn.kernel_ridge import KernelRidge
from sklearn.metrics import DistanceMetric
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsRegressor

from model_host.answering.curve import curve
from model_host.answering.explanation import explain
from model_host.answering.intervals import gives_interval
from model_host.answering.prediction import predict
from model_host.answering.trace import predict_traced
from model_host.loading.safe_load import load
from model_host.locked.child import _state_of
from model_host.protocol.errors import HostError
from model_host.protocol.inputs import Column, InputLayout, Kind, Scalar
from model_host.structure.examine import examine, layout_of
from tests.model_host.estimators import NAMES, specimen
from tests.model_host.every_estimator import NAMES as CLASSES
from tests.model_host.every_estimator import NO_NEW_ROWS, every
from tests.model_host.test_learnt_numbers import libraries_parts

_STAND_IN: dict[str, Scalar] = {
    "float": 0.5, "integer": 1, "string": "good", "boolean": True, "unused": "anything",
}  # fmt: skip
NO_WIDTH = {"DictVectorizer", "FeatureHasher"}
"""They do not say how many inputs they take, and so are not served."""


def is_unchanged(model: Any) -> bool:
    """Return whether the model is the same to the last byte after all that people may ask of it."""
    loaded = load(pickle.dumps(model), "pickle")
    estimator, before = loaded.estimator, _state_of(loaded.estimator)
    found = examine(estimator)
    layout = layout_of(found.container, found.features)
    inputs: dict[str, Scalar] = {}
    for one in found.features:
        known = [one.typical, *[choice.value for choice in one.choices], _STAND_IN.get(one.kind)]
        inputs[one.name] = next(value for value in known if value is not None)
    others = {name: value + 1 if type(value) is float else value for name, value in inputs.items()}
    name = found.features[0].name
    asked: list[Callable[[], object]] = [
        lambda: predict(estimator, layout, inputs),
        lambda: predict(estimator, layout, others),
        lambda: predict_traced(estimator, layout, inputs, level="full", hidden=frozenset()),
        lambda: explain(estimator, layout, inputs, others, seed=1, seconds=60),
        lambda: curve(estimator, layout, inputs, name, [inputs[name], others[name]]),
    ]
    for ask in asked:
        with contextlib.suppress(HostError):  # of inputs that it does not know
            ask()
    assert loaded.is_constant
    return before == _state_of(estimator) != b""


@pytest.mark.parametrize("name", NAMES)
def test_an_honest_model_is_the_same_after_it_was_asked(name: str) -> None:
    assert is_unchanged(specimen(name).estimator)


@pytest.mark.parametrize(
    "name", [name for name in CLASSES if name not in NO_NEW_ROWS and name not in NO_WIDTH]
)
def test_every_estimator_is_the_same_after_it_was_asked(name: str) -> None:
    assert is_unchanged(every(name).estimator)


def test_some_of_them_give_an_interval() -> None:
    assert any(gives_interval(specimen(name).estimator) for name in NAMES)


def test_no_array_of_a_loaded_model_can_be_written_to() -> None:
    for name in NAMES:
        for part in libraries_parts(
            load(pickle.dumps(specimen(name).estimator), "pickle").estimator
        ):
            own = type(part).__module__.startswith("sklearn.")
            for attribute, value in vars(part).items() if own else ():
                if type(value) is np.ndarray and value.dtype != object and attribute[:1] != "_":
                    assert not value.flags.writeable, (name, type(part).__name__, attribute)


def test_rows_that_a_prediction_may_put_in_order_are_not_held_to_stay_as_they_are() -> None:
    rows = scipy.sparse.csr_matrix(np.random.default_rng(0).uniform(1, 2, size=(20, 4)))
    rows.indices = rows.indices.reshape(20, 4)[:, ::-1].ravel().copy()
    rows.has_sorted_indices = False
    model = KernelRidge(kernel="laplacian").fit(rows.toarray(), np.arange(20))
    model.X_fit_ = rows
    loaded = load(pickle.dumps(model), "pickle")
    before = _state_of(loaded.estimator)

    answer = loaded.estimator.predict(rows[:3])

    assert answer.tolist() == model.predict(rows[:3]).tolist()
    assert before != _state_of(loaded.estimator)
    assert not loaded.is_constant


def test_what_a_file_says_of_the_order_of_its_rows_is_not_believed() -> None:
    rows = scipy.sparse.csr_matrix(np.eye(3))
    rows.indices[:] = 0
    rows.has_canonical_format = True
    model = GaussianNB().fit(np.eye(3), [0, 1, 2])
    model.kept_ = scipy.sparse.csr_matrix((np.ones(2), [1, 0], [0, 2]), shape=(1, 2))
    model.kept_.has_sorted_indices = True

    kept = load(pickle.dumps(model), "pickle").estimator.kept_

    assert not kept.has_sorted_indices
    assert not kept.has_canonical_format


def test_a_model_that_cannot_be_told_from_another_has_no_state() -> None:
    model = GaussianNB()
    model.kept_ = lambda: None

    assert _state_of(model) == b""


def test_a_metric_that_is_an_object_keeps_no_difference_for_the_next_prediction() -> None:
    """scikit-learn's Mahalanobis distance between sparse rows leaves it in a buffer, and reads it
    where both rows have nothing."""
    rows = scipy.sparse.csr_matrix(np.array([[0.0, 2, 0], [0, 0, 3], [0, 4, 0], [0, 0, 5]]))
    metric = DistanceMetric.get_metric("mahalanobis", VI=np.eye(3))
    model = KNeighborsRegressor(1, algorithm="brute", metric=metric).fit(rows, [1.0, 2, 3, 4])
    layout = InputLayout("array", tuple(Column(f"x{n}", Kind.FLOAT) for n in range(3)))
    estimator = load(pickle.dumps(model), "pickle").estimator
    plain = pickle.loads(pickle.dumps(model))

    def distance(of: Any) -> float:
        return float(of.kneighbors(scipy.sparse.csr_matrix([[0.0, 1, 0]]))[0][0, 0])

    alone = distance(estimator)
    plain.kneighbors(scipy.sparse.csr_matrix([[900.0, 0, 0]]))
    for value in (900.0, 0.0):
        with contextlib.suppress(HostError):
            predict(estimator, layout, {"x0": value, "x1": 0.0, "x2": 0.0})

    assert distance(estimator) == alone
    assert distance(plain) != alone
