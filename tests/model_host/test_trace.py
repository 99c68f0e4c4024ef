"""A traced prediction: the same answer, the steps of its computation, and no hidden value."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, RegressorMixin, TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.feature_extraction import DictVectorizer
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from model_host import wire
from model_host.answering import trace as tracing
from model_host.answering.prediction import predict
from model_host.answering.trace import predict_traced
from model_host.answering.trace_values import cells
from model_host.client import ModelHost
from model_host.protocol import codec
from model_host.protocol.artifact import Artifact, Limits
from model_host.protocol.errors import HostError
from model_host.protocol.inputs import Column, InputLayout, Kind, Scalar
from model_host.protocol.trace import MAX_TRACE, LostValue, StepTrace, Trace, TraceLevel
from model_host.structure.examine import examine, layout_of
from tests.model_host.estimators import FACTORIES, specimen

LIMITS = Limits(load_seconds=20, predict_seconds=20, memory_bytes=512 * 1024**2)
CITIES = ["Bern", "Oslo", "Rome"] * 10
PEOPLE = pd.DataFrame(
    {"age": np.arange(30.0), "salary": np.arange(30.0) * 1000 + 7, "city": CITIES}
)
LAYOUT = InputLayout(
    "frame", (Column("age", Kind.FLOAT), Column("salary", Kind.FLOAT), Column("city", Kind.CHOICE))
)
PERSON: dict[str, Scalar] = {"age": 4.0, "salary": 987_654.0, "city": "Oslo"}


def people_pipeline(last: Any = None) -> Pipeline:
    prepare = ColumnTransformer(
        [
            ("money", StandardScaler(), ["salary"]),
            ("age", Pipeline([("scale", StandardScaler())]), ["age"]),
            ("city", OneHotEncoder(), ["city"]),
        ]
    )
    pipeline = Pipeline([("prepare", prepare), ("answer", last or LinearRegression())])
    return pipeline.fit(PEOPLE, np.arange(30.0))


def traced(
    estimator: Any,
    inputs: dict[str, Scalar] | None = None,
    *,
    level: TraceLevel = "full",
    hidden: frozenset[str] = frozenset(),
) -> Trace:
    found = predict_traced(estimator, LAYOUT, inputs or PERSON, level=level, hidden=hidden)
    assert found.trace is not None
    return found.trace


def failed(estimator: Any, *, hidden: frozenset[str] = frozenset()) -> Trace:
    with pytest.raises(HostError) as raised:
        traced(estimator, hidden=hidden)
    assert raised.value.trace is not None
    return raised.value.trace


def step(trace: Trace, path: str) -> StepTrace:
    return next(one for one in trace.steps if one.path == path)


@pytest.mark.parametrize("level", ["steps", "full"])
@pytest.mark.parametrize("name", sorted(FACTORIES))
def test_watching_changes_neither_the_answer_nor_the_model(name: str, level: TraceLevel) -> None:
    estimator = specimen(name).estimator
    found = examine(estimator)
    if found.smoke_outputs is None or found.smoke_inputs is None:
        pytest.skip("a model that the examination cannot try")
    layout, inputs = layout_of(found.container, found.features), found.smoke_inputs
    file = pickle.dumps(estimator)
    unwatched, watched = pickle.loads(file), pickle.loads(file)

    expected = predict(unwatched, layout, inputs)
    answer = predict_traced(watched, layout, inputs, level=level, hidden=frozenset())

    assert replace(answer.outputs, seconds=0.0) == replace(expected, seconds=0.0)
    # Not to the file: a k-d tree counts its calls.
    assert _state(watched) == _state(unwatched)
    assert answer.trace is not None
    assert answer.trace.steps[0].path == ""
    assert {one.path for one in answer.trace.steps} <= {"", *(one.path for one in found.steps)}


def _state(model: Any) -> bytes:
    for part in (model, *model.get_params().values()):
        if isinstance(part, CountVectorizer):  # it notes an address
            vars(part).pop("_stop_words_id", None)
    return pickle.dumps(model)


def test_every_step_of_nested_pipelines_is_there_under_its_path() -> None:
    trace = traced(people_pipeline())
    assert [(one.path, one.estimator) for one in trace.steps] == [
        ("", "Pipeline"),
        ("prepare", "ColumnTransformer"),
        ("prepare.money", "StandardScaler"),
        ("prepare.age", "Pipeline"),
        ("prepare.age.scale", "StandardScaler"),
        ("prepare.city", "OneHotEncoder"),
        ("answer", "LinearRegression"),
    ]
    assert step(trace, "prepare").shape == (1, 5)
    assert step(trace, "prepare.age").milliseconds >= step(trace, "prepare.age.scale").milliseconds


def test_the_members_of_a_union_are_steps() -> None:
    union = FeatureUnion([("a", StandardScaler()), ("b", StandardScaler())])
    model = Pipeline([("both", union), ("answer", LogisticRegression())])
    model.fit(PEOPLE[["age", "salary"]], np.arange(30) % 2)
    columns = (Column("age", Kind.FLOAT, may_be_missing=True), LAYOUT.columns[1])
    layout = InputLayout("frame", columns)
    inputs = {"age": 4.0, "salary": 5.0}
    found = predict_traced(model, layout, inputs, level="steps", hidden=frozenset()).trace
    assert found is not None
    assert {"both", "both.a", "both.b", "answer"} <= {one.path for one in found.steps}


def test_a_full_trace_shows_the_row_and_what_each_step_made_of_it() -> None:
    trace = traced(people_pipeline())
    assert [(cell.name, cell.value) for cell in trace.frame] == [
        ("age", "4.0"), ("salary", "987654.0"), ("city", "Oslo"),
    ]  # fmt: skip
    assert [cell.value for cell in step(trace, "prepare.city").row] == ["0.0", "1.0", "0.0"]
    money = step(trace, "prepare.money")
    assert (money.dtypes, money.missing) == ({"float64": 1}, 0)
    assert money.minimum == money.maximum == pytest.approx(112.43, abs=0.01)
    assert trace.peak_bytes > trace.grown_bytes >= 0
    assert "scikit-learn" in trace.libraries


def test_a_trace_of_steps_shows_no_row() -> None:
    trace = traced(people_pipeline(), level="steps")
    assert not trace.frame
    assert not any(one.row for one in trace.steps)
    assert step(trace, "prepare.money").maximum is not None


class Boom(BaseEstimator, TransformerMixin):
    """Cannot transform, and says why with a value in it."""

    def fit(self, X: Any, y: Any = None) -> Boom:
        self.fitted_ = True
        return self

    def transform(self, X: Any) -> Any:
        if len(X) == 1:
            secret = np.asarray(X)[0, 0]
            warnings.warn(f"this looks odd: {secret}", stacklevel=1)
            raise RuntimeError(f"cannot use {secret}")
        return X


def booming() -> Pipeline:
    inner = ColumnTransformer([("boom", Boom(), ["salary"])], remainder="drop")
    return Pipeline([("prepare", inner), ("answer", LinearRegression())]).fit(
        PEOPLE, np.arange(30.0)
    )


def test_a_failure_names_its_step_and_shows_the_stack_with_variables() -> None:
    trace = failed(booming())
    assert trace.failing_step == "prepare.boom"
    assert [one.path for one in trace.steps if one.has_failed] == ["", "prepare", "prepare.boom"]
    assert trace.exception == "RuntimeError: cannot use 987654.0"
    assert "UserWarning: this looks odd: 987654.0" in trace.warnings[0]
    last = trace.stack[-1]
    assert (last.function, last.variables["secret"]) == ("transform", "np.float64(987654.0)")
    assert not any(frame.file == tracing.__file__ for frame in trace.stack)


def test_a_hidden_value_of_a_mapping_is_not_shown_among_the_others() -> None:
    rows = [{"salary": float(n), "age": n % 7} for n in range(40)]
    model = Pipeline([("keys", DictVectorizer()), ("answer", LinearRegression())])
    model.fit(rows, range(40))
    layout = InputLayout("records", (Column("age", Kind.FLOAT), Column("salary", Kind.FLOAT)))
    found = predict_traced(
        model,
        layout,
        {"age": 31.0, "salary": 987654.0},
        level="full",
        hidden=frozenset({"salary"}),
    )
    assert found.trace is not None
    assert [(cell.name, cell.value) for cell in found.trace.frame] == [
        ("age", "31.0"),
        ("salary", "[hidden]"),
    ]
    assert "987654" not in str(found.trace)


def test_a_failure_is_the_same_failure_watched() -> None:
    with pytest.raises(HostError) as plain:
        predict(booming(), LAYOUT, PERSON)
    with pytest.raises(HostError) as watched:
        traced(booming())
    assert (watched.value.code, watched.value.message) == (plain.value.code, plain.value.message)
    assert watched.value.traceback == plain.value.traceback


@pytest.mark.parametrize("make", [people_pipeline, booming])
def test_a_hidden_value_and_what_was_made_of_it_are_nowhere(make: Callable[[], Any]) -> None:
    hidden = frozenset({"salary"})
    trace = (
        traced(make(), hidden=hidden) if make is people_pipeline else failed(make(), hidden=hidden)
    )
    told = wire.frame(codec.to_json(trace)).decode(errors="replace")
    assert "987654" not in told
    assert "112.43" not in told  # scaled
    assert '"value":"[hidden]"' in told


def test_a_step_that_a_hidden_input_never_reaches_shows_its_values() -> None:
    trace = traced(people_pipeline(), hidden=frozenset({"salary"}))
    assert [cell.value for cell in step(trace, "prepare.city").row] == ["0.0", "1.0", "0.0"]
    assert [one.path for one in trace.steps if one.is_hidden] == [
        "", "prepare", "prepare.money", "answer",
    ]  # fmt: skip


class Slotted(RegressorMixin, BaseEstimator):
    """A model that keeps its own watch over its attributes."""

    def fit(self, X: Any, y: Any = None) -> Slotted:
        self.fitted_ = True
        return self

    def predict(self, X: Any) -> Any:
        return np.array([{"not": "a number"}], dtype=object)


def test_a_model_without_steps_is_one_step() -> None:
    (only,) = traced(Slotted().fit(None)).steps
    assert (only.path, only.estimator, only.shape) == ("", "Slotted", (1,))


def test_a_trace_that_is_too_large_gives_up_its_rows_first() -> None:
    wide = Trace(
        level="full",
        steps=tuple(
            StepTrace(str(number), "Wide", 1.0, row=cells(np.full((1, 50), "ü" * 60)))
            for number in range(200)
        ),
    )
    kept = tracing._bounded(wide)
    assert len(wire.frame(codec.to_json(kept))) <= MAX_TRACE
    assert len(kept.steps) == 200


def test_the_host_answers_with_the_trace_and_a_failure_carries_its_own(
    host: ModelHost, one_number: InputLayout, model: Callable[..., Artifact]
) -> None:
    inputs: dict[str, Scalar] = {"x0": 1.0}
    sound = model("answer_its_pid")
    plain = host.predict(sound, one_number, inputs, LIMITS)
    watched = host.trace(sound, one_number, inputs, LIMITS, level="steps")
    assert watched.outputs.targets == plain.targets
    assert watched.trace is not None
    assert [one.estimator for one in watched.trace.steps] == ["Does"]
    with pytest.raises(HostError) as raised:
        host.trace(model("raise_an_error"), one_number, inputs, LIMITS, level="full", is_fresh=True)
    assert raised.value.trace is not None
    assert raised.value.trace.failing_step == ""
    assert raised.value.trace.stack[-1].function == "raise_an_error"


def lossy_pipeline(function: Any, column: str = "age") -> Pipeline:
    prepare = ColumnTransformer(
        [
            ("money", StandardScaler(), ["salary"]),
            ("log", FunctionTransformer(function), [column]),
            ("city", OneHotEncoder(), ["city"]),
        ]
    )
    pipeline = Pipeline([("prepare", prepare), ("answer", LinearRegression())])
    return pipeline.fit(PEOPLE.assign(age=PEOPLE.age + 1), np.arange(30.0))


@pytest.mark.parametrize(
    ("function", "age", "value"),
    [(np.log, 0.0, "-inf"), (np.log, -1.0, "nan"), (np.reciprocal, 0.0, "inf")],
)
def test_the_step_that_lost_a_number_says_which_and_what_it_was_made_of(
    function: Any, age: float, value: str
) -> None:
    with pytest.raises(HostError) as raised:
        traced(lossy_pipeline(function), PERSON | {"age": age})
    trace = raised.value.trace
    assert trace is not None
    lost = step(trace, "prepare.log")
    assert lost.has_lost
    assert lost.lost == (LostValue(0, lost.lost[0].name, value, ("age",)),)
    parent = step(trace, "prepare")
    assert parent.has_lost
    assert parent.lost_count == 1
    assert parent.shape == (1, 5)
    assert not step(trace, "prepare.money").lost


def test_a_missing_value_that_came_in_was_not_lost_in_a_step() -> None:
    model = Pipeline([("scale", StandardScaler()), ("answer", HistGradientBoostingRegressor())])
    model.fit(PEOPLE[["age", "salary"]], np.arange(30.0))
    columns = (Column("age", Kind.FLOAT, may_be_missing=True), LAYOUT.columns[1])
    layout = InputLayout("frame", columns)
    found = predict_traced(
        model, layout, {"age": None, "salary": 5.0}, level="full", hidden=frozenset()
    )
    assert found.trace is not None
    scaled = step(found.trace, "scale")
    assert [one.value for one in scaled.lost] == ["nan"]
    assert not scaled.has_lost


def test_a_number_lost_of_a_hidden_input_is_not_shown() -> None:
    with pytest.raises(HostError) as raised:
        traced(lossy_pipeline(np.log), PERSON | {"age": 0.0}, hidden=frozenset({"age"}))
    assert raised.value.trace is not None
    assert not any(one.lost for one in raised.value.trace.steps)
