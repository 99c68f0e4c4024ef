"""Many rows at once: each answer equals, to the last bit, that of a prediction of the row alone."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression

from model_host import client
from model_host.answering.many_rows.predictions import first_of, predict_many
from model_host.answering.many_rows.row_by_row import PRODUCTS, WHOLE
from model_host.answering.prediction import predict
from model_host.client import ModelHost
from model_host.protocol.artifact import Artifact, Limits
from model_host.protocol.errors import HostError
from model_host.protocol.examination import Examination, ProposedFeature
from model_host.protocol.inputs import Column, InputLayout, Kind, Requirement, Scalar
from model_host.protocol.outputs import ManyOutputs, Outputs, RowFailure
from model_host.structure.examine import examine, layout_of
from tests.model_host.estimators import NAMES, numbers, specimen

ROWS = 40
Row = Sequence[Scalar]


def alone(estimator: Any, layout: InputLayout, row: Row) -> Outputs | tuple[str, str, str]:
    """Return the prediction of one row without its time and notes, or its error."""
    names = [column.name for column in layout.columns]
    try:
        outputs = predict(estimator, layout, dict(zip(names, row, strict=True)))
    except HostError as error:
        return error.code, error.message, error.input
    return replace(outputs, seconds=0.0, notes=())


def together(many: ManyOutputs) -> list[Outputs | tuple[str, str, str]]:
    found = many.by_row()
    return [
        (one.code, one.message, one.input)
        if isinstance(one := found[row], RowFailure)
        else replace(one, seconds=0.0, notes=())
        for row in range(many.count)
    ]


def value_of(feature: ProposedFeature, typical: Scalar, rng: random.Random) -> Scalar:
    if feature.requirement is Requirement.MAY_BE_MISSING and rng.random() < 0.15:
        return None
    if feature.choices:
        return rng.choice(feature.choices).value
    if feature.kind is Kind.BOOLEAN:
        return rng.random() < 0.5
    if isinstance(typical, float) or feature.kind is Kind.FLOAT:
        return float(typical or 1) * rng.uniform(0.2, 3) + rng.choice([0.0, 0.1])
    if isinstance(typical, int) and not isinstance(typical, bool):
        return typical + rng.randrange(5)
    if isinstance(typical, str):
        return " ".join(rng.sample((typical + " good bad slow quick").split(), 3))
    return typical


def rows_for(found: Examination, count: int = ROWS) -> list[list[Scalar]]:
    rng = random.Random(7)
    usual = found.smoke_inputs or {}
    return [
        [value_of(one, usual.get(one.name), rng) for one in found.features] for _ in range(count)
    ]


@pytest.mark.parametrize("name", NAMES)
def test_each_of_many_rows_is_answered_as_if_it_were_alone(name: str) -> None:
    model = specimen(name)
    found = examine(model.estimator, {}, [])
    layout, rows = layout_of(found.container, found.features), rows_for(found)

    many = predict_many(model.estimator, layout, rows, seconds=600)

    assert many.count == ROWS
    assert together(many) == [alone(model.estimator, layout, row) for row in rows]


def forest(count: int = 20) -> tuple[RandomForestClassifier, InputLayout, list[list[Scalar]]]:
    frame = numbers()
    model = RandomForestClassifier(8, random_state=0).fit(frame, np.arange(len(frame)) % 3)
    layout = InputLayout("frame", tuple(Column(name, Kind.FLOAT) for name in frame))
    return model, layout, frame.head(count).to_numpy().tolist()


def test_a_row_that_the_model_refuses_fails_alone() -> None:
    model, layout, rows = forest()
    rows[7][0] = 1e300

    many = predict_many(model, layout, rows, seconds=600)

    (failure,) = many.failures
    assert (failure.row, failure.code) == (7, "INPUT")
    assert together(many) == [alone(model, layout, row) for row in rows]


def test_a_value_of_another_kind_fails_alone() -> None:
    model, layout, rows = forest()
    rows[0][1], rows[19][2] = "seven", None

    many = predict_many(model, layout, rows, seconds=600)

    assert [one.row for one in many.failures] == [0, 19]
    assert together(many) == [alone(model, layout, row) for row in rows]


def test_a_forest_is_asked_for_all_rows_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    model, layout, rows = forest()
    asked = asked_of(RandomForestClassifier, monkeypatch)

    predict_many(model, layout, rows, seconds=600)

    assert asked == [20]


def linear(kind: type[Any], width: int, classes: int) -> tuple[Any, InputLayout, list[list[float]]]:
    """Return a linear model with random coefficients for so many inputs, and rows for it."""
    rng = np.random.default_rng(width)
    model = kind().set_params(**({"cv": 2} if "cv" in kind().get_params() else {}))
    is_classifier = hasattr(kind, "decision_function")
    targets = np.arange(24) % classes if is_classifier else rng.normal(size=24)
    model.fit(rng.normal(size=(24, 3)), targets)
    model.coef_ = rng.normal(size=(*model.coef_.shape[:-1], width))
    model.n_features_in_ = width
    columns = tuple(Column(f"x{place}", Kind.FLOAT) for place in range(width))
    return model, InputLayout("array", columns), rng.normal(size=(9, width)).tolist()


@pytest.mark.parametrize("classes", [2, 3, 12])
@pytest.mark.parametrize("kind", sorted(PRODUCTS, key=str))
def test_a_linear_model_multiplies_many_rows_as_it_multiplies_each_alone(
    kind: type[Any], classes: int
) -> None:
    for width in (1, 3, 8, 17, 129):
        model, layout, rows = linear(kind, width, classes)
        known = model.coef_

        many = predict_many(model, layout, rows, seconds=600)

        assert together(many) == [alone(model, layout, row) for row in rows]
        assert model.coef_ is known


def asked_of(kind: type[Any], monkeypatch: pytest.MonkeyPatch, own: Any = None) -> list[int]:
    """Return the numbers of rows that ``predict`` is asked for from now on."""
    asked: list[int] = []
    own = own or kind.predict

    def counted(self: Any, table: Any) -> Any:
        asked.append(len(table))
        return own(self, table)

    monkeypatch.setattr(kind, "predict", counted)
    return asked


def test_a_linear_model_is_asked_for_all_rows_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    model, layout, rows = linear(LinearRegression, 4, 2)
    asked = asked_of(LinearRegression, monkeypatch)

    predict_many(model, layout, rows, seconds=600)

    assert asked == [9]


def test_a_linear_model_that_multiplies_otherwise_is_asked_row_by_row(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model, layout, rows = linear(LinearRegression, 4, 2)
    asked = asked_of(
        LinearRegression, monkeypatch, lambda self, table: table @ np.asarray(self.coef_)
    )

    many = predict_many(model, layout, rows, seconds=600)

    assert asked == [9] + [1] * 9
    assert together(many) == [alone(model, layout, row) for row in rows]


def test_the_first_rows_are_told_once_the_time_has_passed() -> None:
    model = specimen("gaussian naive bayes").estimator
    found = examine(model, {}, [])

    many = predict_many(
        model, layout_of(found.container, found.features), rows_for(found), seconds=0
    )

    assert many.count == 1
    assert sorted(many.by_row()) == [0]


def test_a_model_that_may_change_answers_one_row_at_a_time() -> None:
    model, layout, rows = forest()

    assert predict_many(model, layout, rows, seconds=600, is_constant=False).count == 1


def test_the_first_of_many_answers_are_those_of_these_rows() -> None:
    model, layout, rows = forest()
    rows[3][0] = 1e300
    many = predict_many(model, layout, rows, seconds=600)

    assert together(first_of(many, 5)) == together(many)[:5]


def test_every_model_that_takes_all_rows_at_once_is_in_the_corpus() -> None:
    seen = {type(specimen(name).estimator) for name in NAMES}
    behind = {type(specimen("mixed columns, forest").estimator.steps[-1][1])}

    assert seen | behind >= WHOLE


LIMITS = Limits()


def test_a_locked_process_answers_many_rows(
    host: ModelHost, model: Callable[..., Artifact], one_number: InputLayout
) -> None:
    rows = [[float(n)] for n in range(5)]
    file = model("answer_its_pid")
    expected = [
        replace(host.predict(file, one_number, {"x0": row[0]}, LIMITS), seconds=0.0, notes=())
        for row in rows
    ]
    found: list[Any] = []

    while len(found) < len(rows):
        found += together(host.predict_many(file, one_number, rows[len(found) :], LIMITS))

    assert found == expected


def test_answers_to_other_rows_than_those_asked_are_refused(
    host: ModelHost,
    model: Callable[..., Artifact],
    one_number: InputLayout,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    many = ManyOutputs("regression", 1, rows=(3,))
    read = client._read
    monkeypatch.setattr(
        client, "_read", lambda kind, told: many if kind is ManyOutputs else read(kind, told)
    )

    with pytest.raises(HostError, match="other rows"):
        host.predict_many(model("answer_its_pid"), one_number, [[1.0]], LIMITS)
