"""States and names that are honest one by one and together are not; and boosters, by a setting.

Thought through beside these by reading our code and that of the libraries, and found closed, but
without a test of their own: text that says it is a type (`np.str_` as a name of a field);
sub-arrays, titles and metadata in a dtype; a dtype whose size or flags lie; a field of objects
inside a field; scalars of structured and of empty types; masks of another length; keys of other
bit generators; `__slots__`, `(None, slots)` states and states that are no dict; a class, a module's
attribute or an `np.memmap` through an alias; `__setstate_cython__` and every `__pyx_unpickle_*`
but the two that have a maker; a second state after the first through the memo; a state given to an
array before its memory is there; tokenizers, analyzers, metrics, kernels, scorers and `func`s that
are not on the list; `memory` that is an object; steps that are text, numbers or classes; dicts with
a node's key in skops at every depth; JSON nodes that pose as types.

Left to the limits of time and memory: regular expressions that backtrack, dicts whose keys collide,
and parameters that only ask for much (`n_neighbors`, `max_iter`).
"""

from __future__ import annotations

import copy
import pickle
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skops.io
from sklearn.base import BaseEstimator
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from flows.model_host.byte_stream import ByteStream
from flows.model_host.pickle_machine import read_pickle
from flows.model_host.protocol.errors import HostError
from flows.model_host.reading import Reading
from flows.model_host.safe_load import load
from tests.flows.model_host.estimators import amounts, numbers, specimen
from tests.flows.model_host.every_estimator import every
from tests.flows.model_host.test_hostile_files import (
    Call,
    appears,
    dies,
    dumped,
    infected,
    named,
    open_plainly,
    program,
    refusal_of,
    text,
)


def test_the_fields_of_an_array_type_cannot_be_changed_after_they_were_checked() -> None:
    """NumPy keeps the very dict of the state; set an item of it later, and numbers are objects."""
    dtype = pickle.dumps(np.dtype([("a", "f8")]), 2)[2:-1]
    fields = dtype[dtype.index(b"}q") + 2 :][:1]
    array = (
        named("numpy._core.multiarray", "_reconstruct")
        + named("numpy", "ndarray")
        + b"K\x00\x85C\x01b\x87R(K\x01K\x01\x85"
        + dtype
        + b"\x89C\x08AAAAAAAAtb"
    )
    poison = b"h" + fields + text("a") + pickle.dumps(np.dtype("O"), 2)[2:-1] + b"K\x00\x86s0"
    data = program(array, poison)

    loaded = read_pickle(ByteStream(data, 1 << 20), Reading(frozenset(), 1000))

    assert loaded["a"].dtype == np.float64
    assert dies(data, "print(model['a'])")


def test_a_method_that_depends_on_the_steps_cannot_be_replaced_either() -> None:
    model = copy.deepcopy(specimen("mixed columns, forest").estimator)
    model.predict = np.max
    data = dumped(model)

    refusal_of(data, "replaces `predict` of the class Pipeline")

    assert open_plainly(data).predict is np.max


def test_a_constant_of_a_class_cannot_be_replaced() -> None:
    """It says which of libsvm's machines the arrays are for."""
    model = copy.deepcopy(every("SVC").estimator)
    model._impl = "epsilon_svr"
    data = dumped(model)

    refusal_of(data, "replaces `_impl` of the class SVC")

    assert open_plainly(data)._impl == "epsilon_svr"


@pytest.mark.parametrize("write", [pickle.dumps, skops.io.dumps])
def test_no_attribute_is_special_in_any_format(write: Any) -> None:
    model = LinearRegression()
    vars(model)["__sklearn_is_fitted__"] = np.max
    data = write(model)

    refusal_of(data, "sets a special attribute of a LinearRegression")

    plain = open_plainly(data) if write is pickle.dumps else skops.io.loads(data, ["numpy.max"])
    assert plain.__sklearn_is_fitted__ is np.max


def test_a_model_cannot_keep_the_inputs_of_one_prediction_for_the_next() -> None:
    kept = {"out": np.zeros((1, 4)), "where": np.zeros((1, 4), bool)}
    keeping = FunctionTransformer(np.positive, kw_args=kept)
    model = make_pipeline(keeping, Ridge())
    model.steps[1][1].fit(numbers().to_numpy(), amounts())
    data = dumped(model)

    refusal_of(data, "has its function write to an array of the model")

    plain = open_plainly(data)[0]
    plain.kw_args["where"][:] = True
    plain.transform(np.full((1, 4), 7.0))
    plain.kw_args["where"][:] = False
    assert plain.transform(np.full((1, 4), 1.0)).tolist() == [[7.0] * 4]


def test_a_model_cannot_read_memory_that_was_never_filled() -> None:
    model = make_pipeline(FunctionTransformer(np.ndarray), Ridge())
    model.steps[1][1].fit(numbers().to_numpy(), amounts())
    data = dumped(model)

    refusal_of(data, "makes arrays of memory that was not filled")

    assert open_plainly(data)[0].transform([50, 3]).shape == (50, 3)


@pytest.mark.parametrize("attribute", ["metric", "kernel", "scoring", "tokenizer", "memory"])
def test_a_function_is_refused_whatever_attribute_it_hides_in(
    attribute: str, tmp_path: Path
) -> None:
    canary = tmp_path / "canary"
    model = infected()
    vars(model)[attribute] = Call(exec, f"open({str(canary)!r}, 'w').close()")
    data = dumped(model)

    refusal_of(data, "", ("builtins", "exec"))
    assert not canary.exists()

    open_plainly(data)
    assert appears(canary)


# Boosters


BOOSTERS = {
    "xgboost.core": "Booster",
    "xgboost.sklearn": "XGBClassifier",
    "lightgbm.basic": "Booster",
    "lightgbm.sklearn": "LGBMRegressor",
}


@pytest.mark.parametrize("module", BOOSTERS)
def test_a_booster_is_refused_with_the_setting_that_would_open_it(module: str) -> None:
    data = program(named(module, BOOSTERS[module]), b")\x81}b", protocol=2)

    error = refusal_of(data, "", (module, BOOSTERS[module]))

    assert "XGBoost and LightGBM are not opened here" in error.message
    assert "BOOSTERS_ALLOWED=1" in error.message


def test_a_booster_that_is_allowed_and_not_installed_is_told() -> None:
    data = program(named("xgboost.absent", "Booster"), b")\x81}b").replace(
        b"xgboost.absent", b"lightgbm.basic"
    )

    with pytest.raises(HostError, match="which this server does not have"):
        load(data, "pickle", boosters=True)


class Booster:
    """Stands for XGBoost's: its state is bytes that its own code parses."""

    parsed: bytes

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.parsed = bytes(state["handle"])


class XGBRegressor(BaseEstimator):
    def __init__(self, booster: Any = None) -> None:
        self.booster = booster

    def fit(self, X: Any, y: Any = None) -> XGBRegressor:
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def predict(self, X: Any) -> Any:
        return np.full(len(X), len(self.booster.parsed))


@pytest.fixture
def xgboost(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A library by that name, as far as a file sees it."""
    from flows.model_host import allow_list

    for module, kind in (("xgboost.core", Booster), ("xgboost.sklearn", XGBRegressor)):
        made = types.ModuleType(module)
        setattr(made, kind.__name__, kind)
        monkeypatch.setattr(kind, "__module__", module)
        monkeypatch.setitem(sys.modules, module, made)
    monkeypatch.setitem(sys.modules, "xgboost", types.ModuleType("xgboost"))
    yield
    allow_list.resolve.cache_clear()


def boosted(handle: Any) -> bytes:
    booster = Booster()
    vars(booster)["handle"] = handle
    return pickle.dumps(XGBRegressor(booster))


@pytest.mark.usefixtures("xgboost")
def test_a_booster_opens_where_the_setting_allows_it() -> None:
    data = boosted(bytearray(b"trees"))

    assert load(data, "pickle", boosters=True).estimator.predict([[1]]).tolist() == [5]
    with pytest.raises(HostError, match="BOOSTERS_ALLOWED=1"):
        load(data, "pickle")


@pytest.mark.usefixtures("xgboost")
def test_a_booster_without_bytes_to_parse_is_refused() -> None:
    for handle in (None, 7, ["trees"]):
        with pytest.raises(HostError, match="`Booster` is used with values"):
            load(boosted(handle), "pickle", boosters=True)
