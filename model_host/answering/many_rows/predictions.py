"""Predictions of many rows, each equal (``==``) to the prediction of the row alone.

Models that compute each row by itself are asked for all of them together (`row_by_row.py`); any
other model answers each row by a prediction of its own. A row about which anything is unusual (an
error, a warning, an answer that is no plain value) is predicted alone, too:
`model_host/answering/prediction.py` alone knows what is said of it.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from model_host.answering.intervals import gives_interval
from model_host.answering.lost_numbers import may_have_lost
from model_host.answering.many_rows.answer_columns import column_of, columns_of
from model_host.answering.many_rows.row_by_row import asking, way_of
from model_host.answering.many_rows.row_tables import tables
from model_host.answering.prediction import predict, undisturbed
from model_host.protocol.errors import HostError
from model_host.protocol.inputs import InputLayout, Scalar
from model_host.protocol.outputs import (
    ManyOutputs,
    Outputs,
    RowFailure,
    RowOutputs,
    TargetAnswers,
    TargetOutput,
)
from model_host.structure.anatomy import task_of
from model_host.structure.followed_inputs import routes_of
from model_host.structure.report_limits import SENTENCE
from model_host.wire import printable

MOST_KINDS = 64
"""Rows whose cells have the same types are asked together; with more kinds of rows than this, the
rest is predicted one by one."""


@dataclass
class _Answers:
    """The answers so far, by row."""

    rows: list[int] = field(default_factory=list)
    columns: list[dict[str, Any]] = field(default_factory=list)
    singles: dict[int, Outputs] = field(default_factory=dict)
    failures: dict[int, RowFailure] = field(default_factory=dict)
    notes: dict[str, None] = field(default_factory=dict)


def predict_many(
    estimator: Any,
    layout: InputLayout,
    rows: Sequence[Sequence[Scalar]],
    *,
    seconds: float,
    is_constant: bool = True,
    judge: Callable[[HostError], HostError] = lambda error: error,
) -> ManyOutputs:
    """Return the answers to the first of the rows, at least to one: to no more once so many
    ``seconds`` have passed. Unless the model ``is_constant``, to one alone, so that no row is
    answered by a model that another one changed. ``judge`` says what is to blame for an error; that
    the file is (LOAD) is raised. MemoryError passes through."""
    started = time.perf_counter()
    answers = _Answers()
    left = list(range(len(rows))) if is_constant else [0]
    if is_constant and _is_followed(estimator, layout):
        left = _together(estimator, layout, rows, answers)
    count = len(rows) if is_constant else 1
    for row in left:
        if row != left[0] and time.perf_counter() - started > seconds:
            count = row
            break
        _alone(estimator, layout, rows[row], row, answers, judge)
    return _first(count, answers, task_of(estimator), time.perf_counter() - started)


def first_of(many: ManyOutputs, count: int) -> ManyOutputs:
    """Return the answers to the first ``count`` of the rows."""
    places = [place for place, row in enumerate(many.rows) if row < count]
    return ManyOutputs(
        many.task,
        count,
        tuple(many.rows[place] for place in places),
        tuple(_taken(one, places) for one in many.targets) if places else (),
        tuple(one for one in many.singles if one.row < count),
        tuple(one for one in many.failures if one.row < count),
        many.notes,
        many.seconds,
    )


def _taken(answers: TargetAnswers, places: list[int]) -> TargetAnswers:
    def of(given: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(given[place] for place in places) if given else ()

    return replace(
        answers,
        values=of(answers.values),
        confidences=of(answers.confidences),
        probabilities=of(answers.probabilities),
        scores=of(answers.scores),
        intervals=of(answers.intervals),
    )


def _first(count: int, answers: _Answers, task: Any, seconds: float) -> ManyOutputs:
    whole = ManyOutputs(
        task,
        count,
        tuple(answers.rows),
        tuple(TargetAnswers(**column) for column in answers.columns),
        tuple(RowOutputs(row, one) for row, one in sorted(answers.singles.items())),
        tuple(one for _, one in sorted(answers.failures.items())),
        tuple(list(answers.notes)[:20]),
        seconds,
    )
    is_all = all(row < count for row in (*answers.rows, *answers.failures))
    return whole if is_all else first_of(whole, count)


def _is_followed(estimator: Any, layout: InputLayout) -> bool:
    """Whether the model takes a table, and is made of what is known to compute row by row."""
    if layout.container not in ("frame", "array") or gives_interval(estimator):
        return False
    if routes_of(estimator, len(layout.columns)).has_own_code:
        return False
    return way_of(estimator) is not None


def _together(
    estimator: Any, layout: InputLayout, rows: Sequence[Sequence[Scalar]], answers: _Answers
) -> list[int]:
    """Answer as many rows as can be together; return the others, in their order."""
    alone: set[int] = set()
    way = way_of(estimator)
    if way is None:
        raise ValueError("a model that is not followed")
    for number, (table, places) in enumerate(tables(estimator, layout, rows, alone)):
        if number >= MOST_KINDS:
            alone.update(places)
        else:
            _answer(estimator, layout, way, table, places, answers, alone)
    return sorted(alone)


def _answer(
    estimator: Any,
    layout: InputLayout,
    way: tuple[list[Any], Any, bool],
    table: Any,
    places: list[int],
    answers: _Answers,
    alone: set[int],
) -> None:
    """Answer the rows of one table; where the model raises or speaks of a lost number, each half by
    itself, down to the row that it is about."""
    try:
        with warnings.catch_warnings(record=True) as raised:
            warnings.simplefilter("always")
            with undisturbed(estimator, len(layout.columns)):
                # of a copy, since a step may work in the table itself, and halves of it may follow
                asked = asking(way, table.copy())
                columns, odd = columns_of(estimator, asked, len(places))
        is_lost = may_have_lost(estimator, layout, raised)
    except MemoryError:
        raise
    except Exception:  # The model's code may raise anything; each row tells by itself.
        is_lost = True
    if is_lost:
        if len(places) == 1:
            alone.update(places)
            return
        middle = len(places) // 2
        for half in (slice(0, middle), slice(middle, None)):
            part = table.iloc[half].copy() if isinstance(table, pd.DataFrame) else table[half]
            _answer(estimator, layout, way, part, places[half], answers, alone)
        return
    for one in raised:
        answers.notes[f"{one.category.__name__}: {one.message}"[:300]] = None
    alone.update(places[place] for place in odd)
    kept = [place for place in range(len(places)) if place not in odd]
    if kept and answers.columns and not _is_alike(answers.columns, columns):
        alone.update(places)
    elif kept:
        _extend(answers, columns, kept, places)


def _is_alike(before: list[dict[str, Any]], now: list[dict[str, Any]]) -> bool:
    """Whether the answers to both have the same lists, and of the same classes."""
    return [_shape(one) for one in before] == [_shape(one) for one in now]


def _shape(column: dict[str, Any]) -> list[Any]:
    classes = [(type(one), one) for one in column["classes"]]
    return [column["name"], classes, *(bool(column[name]) for name in ("confidences", "scores"))]


def _extend(
    answers: _Answers, columns: list[dict[str, Any]], kept: list[int], places: list[int]
) -> None:
    is_all = len(kept) == len(places)
    answers.rows += [places[place] for place in kept]
    if not answers.columns:
        answers.columns = [
            {"name": one["name"], "classes": one["classes"]}
            | {name: [] for name in ("values", "confidences", "probabilities", "scores")}
            for one in columns
        ]
    for target, column in zip(answers.columns, columns, strict=True):
        for name in ("values", "confidences", "probabilities", "scores"):
            given = column[name]
            if given:
                target[name] += given if is_all else [given[place] for place in kept]


def _alone(
    estimator: Any,
    layout: InputLayout,
    values: Sequence[Scalar],
    row: int,
    answers: _Answers,
    judge: Callable[[HostError], HostError],
) -> None:
    """Predict one row by itself."""
    names = [column.name for column in layout.columns]
    try:
        outputs = predict(estimator, layout, dict(zip(names, values, strict=True)))
    except HostError as error:
        told = judge(error)
        if told.code == "LOAD":
            raise told from error
        sentence = printable(told.message)[:SENTENCE]
        answers.failures[row] = RowFailure(row, told.code, sentence, told.input)
        return
    answers.notes |= dict.fromkeys(outputs.notes)
    if outputs.warnings or outputs.lost or not _joins(answers, row, outputs.targets):
        answers.singles[row] = Outputs(
            outputs.task, outputs.targets, outputs.warnings, lost=outputs.lost
        )


def _joins(answers: _Answers, row: int, targets: tuple[TargetOutput, ...]) -> bool:
    """Add plain answers of one row to the lists, if they fit there."""
    columns = [column_of(target) for target in targets]
    if any(target.text or target.interval for target in targets):
        return False
    if answers.columns and not _is_alike(answers.columns, columns):
        return False
    if any(column["confidences"] == [None] for column in columns):
        return False
    _extend(answers, columns, [0], [row])
    return True
