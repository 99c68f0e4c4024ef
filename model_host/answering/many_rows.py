"""Predictions of many rows, each equal (``==``) to the prediction of the row alone.

A library may add numbers up in another order for many rows than for one: BLAS multiplies a matrix
by other steps than a vector, and NumPy sums a column-wise table otherwise than a row. Answers then
differ in their last digits. So only what computes each row by itself, whatever stands beside it, is
called with all rows at once (``WHOLE``); after such steps, linear models are called with what the
steps made of all rows, and multiply it with their coefficients row by row (``_Coefficients``); any
other model answers each row by a prediction of its own.

A row about which anything is unusual (an error, a warning, an answer that is no plain value) is
predicted alone, too: `model_host/answering/prediction.py` alone knows what is said of it.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import issparse
from sklearn import dummy, ensemble, linear_model, tree
from sklearn.compose import ColumnTransformer
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.model_selection._search import BaseSearchCV
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import (
    Binarizer,
    KBinsDiscretizer,
    MaxAbsScaler,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    RobustScaler,
    StandardScaler,
)

from model_host.answering.intervals import gives_interval
from model_host.answering.lost_numbers import may_have_lost
from model_host.answering.prediction import predict, undisturbed
from model_host.answering.row_tables import single_rows, tables
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
from model_host.structure.anatomy import classes_by_target, labels, steps_of, target_names, task_of
from model_host.structure.followed_inputs import routes_of
from model_host.structure.report_limits import SENTENCE, TEXT
from model_host.structure.scalars import is_plain_text
from model_host.wire import printable

WHOLE = frozenset(
    {
        tree.DecisionTreeClassifier,
        tree.DecisionTreeRegressor,
        tree.ExtraTreeClassifier,
        tree.ExtraTreeRegressor,
        ensemble.RandomForestClassifier,
        ensemble.RandomForestRegressor,
        ensemble.ExtraTreesClassifier,
        ensemble.ExtraTreesRegressor,
        ensemble.HistGradientBoostingClassifier,
        ensemble.HistGradientBoostingRegressor,
        ensemble.GradientBoostingClassifier,
        ensemble.GradientBoostingRegressor,
        ensemble.IsolationForest,
        dummy.DummyClassifier,
        dummy.DummyRegressor,
    }
)
"""The models that compute every row by itself: they walk trees, and add up tree by tree."""
SHARES_FIRST = frozenset({ensemble.RandomForestClassifier, ensemble.ExtraTreesClassifier})
"""The models whose label follows from the probabilities, which are computed once."""
STEPS = frozenset(
    {
        StandardScaler,
        MinMaxScaler,
        MaxAbsScaler,
        RobustScaler,
        Binarizer,
        KBinsDiscretizer,
        OneHotEncoder,
        OrdinalEncoder,
        SimpleImputer,
        MissingIndicator,
    }
)
"""The steps that compute every cell by itself."""
PRODUCTS: frozenset[type[Any]] = frozenset(
    {
        linear_model.LinearRegression,
        linear_model.Ridge,
        linear_model.RidgeCV,
        linear_model.Lasso,
        linear_model.LassoCV,
        linear_model.ElasticNet,
        linear_model.ElasticNetCV,
        linear_model.SGDRegressor,
        linear_model.HuberRegressor,
        linear_model.LogisticRegression,
        linear_model.LogisticRegressionCV,
        linear_model.SGDClassifier,
        linear_model.RidgeClassifier,
        linear_model.RidgeClassifierCV,
    }
)
"""The models that multiply the rows with their coefficients, and compute each row by itself from
there on."""
ROW_BY_ROW = frozenset(
    {linear_model.PoissonRegressor, linear_model.GammaRegressor, linear_model.TweedieRegressor}
)
"""The models that keep no state of a prediction, but whose numbers depend on the number of rows:
NumPy takes another way to ``exp`` of one number than of many."""
MOST_KINDS = 64
"""Rows whose cells have the same types are asked together; with more kinds of rows than this, the
rest is predicted one by one."""

_Ask = Callable[[str], Any]
"""The result of a method of the model for all rows together; None where it has no such method."""


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
    return _way(estimator) is not None


def _way(estimator: Any) -> tuple[list[Any], Any, bool] | None:
    """The steps to take with all rows, the model behind them, and whether it takes all rows, too.
    None where the answers might be others than those to one row."""
    if isinstance(estimator, BaseSearchCV):
        return _way(estimator.best_estimator_)
    if type(estimator) is Pipeline:
        *before, (_, last) = steps_of(estimator)
        if not all(_is_step(step) for _, step in before) or type(last) is Pipeline:
            return None
        found = _way(last)
        return None if found is None else ([step for _, step in before], last, found[2])
    if type(estimator) in ROW_BY_ROW | PRODUCTS:
        return [], estimator, False
    init = getattr(estimator, "init_", None)
    is_plain = init is None or isinstance(init, str) or type(init) in WHOLE
    return ([], estimator, True) if type(estimator) in WHOLE and is_plain else None


def _is_step(step: Any) -> bool:
    if isinstance(step, str):
        return step in ("passthrough", "drop")
    if type(step) is Pipeline:
        return all(_is_step(one) for _, one in steps_of(step))
    if type(step) is ColumnTransformer:
        return all(_is_step(one) for _, one, _ in step.transformers_)
    if type(step) is FeatureUnion:
        return all(_is_step(one) for _, one in step.transformer_list)
    # scikit-learn puts its own there for "passthrough", with neither function.
    is_passed = type(step).__name__ == "FunctionTransformer" and step.func is None
    return type(step) in STEPS or is_passed


def _together(
    estimator: Any, layout: InputLayout, rows: Sequence[Sequence[Scalar]], answers: _Answers
) -> list[int]:
    """Answer as many rows as can be together; return the others, in their order."""
    alone: set[int] = set()
    way = _way(estimator)
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
                columns, odd = _columns(estimator, _asking(way, table), len(places))
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


def _asking(way: tuple[list[Any], Any, bool], table: Any) -> _Ask:
    """How to ask the model behind the steps, which are taken once."""
    steps, last, is_whole = way
    for step in steps:
        table = step.transform(table)
    made: list[Any] = []
    shares: list[Any] = []

    def whole(method: str) -> Any:
        if type(last) in SHARES_FIRST:
            shares.extend([] if shares else [last.predict_proba(table)])
            if method == "predict_proba":
                return shares[0]
            # Its own ``predict`` asks itself for the probabilities, and takes the first largest.
            vars(last)["predict_proba"] = lambda given: shares[0]
            try:
                return last.predict(table)
            finally:
                del vars(last)["predict_proba"]
        call = getattr(last, method, None)
        return None if call is None else call(table)

    def row_by_row(method: str) -> Any:
        if (call := getattr(last, method, None)) is None:
            return None
        if (answer := _by_products(last, method, table)) is not None:
            return answer
        made.extend([] if made else single_rows(table))
        return np.concatenate([np.asarray(call(row)) for row in made])

    return whole if is_whole else row_by_row


class _Coefficients(np.ndarray):
    """Coefficients that multiply a table as they multiply its rows alone: each by itself, at the
    beginning of memory of its own. ``multiplied`` are the numbers of rows of such tables."""

    multiplied: list[int]

    def __array_finalize__(self, made_from: Any) -> None:
        self.multiplied = getattr(made_from, "multiplied", [])

    def __rmatmul__(self, table: Any) -> Any:
        self.multiplied.append(len(table))
        numbers = self.view(np.ndarray)
        rows = (np.array(table[place : place + 1], order="C") for place in range(len(table)))
        return np.concatenate([row @ numbers for row in rows])


def _by_products(model: Any, method: str, table: Any) -> Any:
    """The answers of a linear model to all rows, whose products are those of the rows alone; None
    where they would not be."""
    known = vars(model).get("coef_")
    if type(model) not in PRODUCTS or type(known) is not np.ndarray:
        return None
    if issparse(table):  # SciPy adds up row by row
        return getattr(model, method)(table) if table.format == "csr" else None
    vars(model)["coef_"] = coefficients = known.view(_Coefficients)
    try:
        answer = getattr(model, method)(table)
    finally:
        vars(model)["coef_"] = known
    return answer if set(coefficients.multiplied) == {len(table)} else None


def _columns(estimator: Any, ask: _Ask, count: int) -> tuple[list[dict[str, Any]], set[int]]:
    """One mapping of lists for each target, and the places of rows that are unusual."""
    answer = np.asarray(ask("predict"))
    if answer.ndim not in (1, 2) or len(answer) != count:
        return [], set(range(count))
    by_target = answer.reshape(count, -1).T
    odd: set[int] = set()
    task = task_of(estimator)
    shares = scores = None
    if task in ("classification", "clustering"):
        shares = ask("predict_proba")
    if shares is None and task in ("classification", "outlier detection"):
        scores = ask("decision_function")
    columns = []
    for index, (name, values) in enumerate(
        zip(target_names(len(by_target)), by_target, strict=True)
    ):
        column: dict[str, Any] = {"name": name, "values": _values(values, odd), "classes": ()}
        column |= {"confidences": [], "probabilities": [], "scores": []}
        if shares is not None:
            column |= _shares(estimator, index, len(by_target), shares, values, odd)
        elif scores is not None:
            column["scores"] = _scores(estimator, np.asarray(scores), by_target, index, odd)
        columns.append(column)
    return columns, odd


def _values(values: Any, odd: set[int]) -> list[Scalar]:
    """The values as the contract's scalars; the places of others are added to ``odd``."""
    if values.dtype.kind == "f":
        odd.update(np.flatnonzero(~np.isfinite(values)).tolist())
        return [float(value) for value in values.tolist()]
    if values.dtype.kind in "biu":
        return list(values.tolist())
    if values.dtype.kind == "U":
        values = values.astype(object)
    kept: list[Scalar] = []
    for place, value in enumerate(values.tolist()):
        if not isinstance(value, str) or len(value) > TEXT or not is_plain_text(value):
            odd.add(place)
        kept.append(str(value) if isinstance(value, str) else None)
    return kept


def _shares(
    estimator: Any, index: int, targets: int, shares: Any, values: Any, odd: set[int]
) -> dict[str, Any]:
    """The probability of each class and that of the answer, as in `confidence.py`; unusual is what
    it would speak of."""
    if isinstance(shares, list):
        table = np.asarray(shares[index], dtype=np.float64)
    elif targets == 1:
        table = np.asarray(shares, dtype=np.float64)
    else:
        applies = np.asarray(shares, dtype=np.float64)[:, index]
        table = np.stack([1 - applies, applies], axis=1)
    known = classes_by_target(estimator)
    classes = known[index] if known and len(known) == targets else None
    if classes is None or len(classes) != table.shape[1]:
        classes = tuple(range(table.shape[1]))
    places = {value: place for place, value in reversed(list(enumerate(classes)))}
    chosen = np.array([places.get(value, -1) for value in values.tolist()])
    own = table[np.arange(len(table)), chosen]
    is_honest = np.isfinite(table).all(axis=1) & (table >= 0).all(axis=1)
    is_honest &= abs(table.sum(axis=1) - 1) <= 0.0099  # what is nearer to the limit is asked alone
    odd.update(np.flatnonzero(~is_honest | (chosen < 0) | (table.max(axis=1) > own)).tolist())
    return {
        "classes": labels(classes),
        "confidences": own.tolist(),
        "probabilities": [tuple(row) for row in table.tolist()],
    }


def _scores(
    estimator: Any, scores: Any, by_target: Any, index: int, odd: set[int]
) -> list[float | None]:
    """The score of each answer, where there is one number for each."""
    if scores.ndim != 1 or len(by_target) != 1:
        odd.update(range(by_target.shape[1]))
        return [None] * by_target.shape[1]
    odd.update(np.flatnonzero(~np.isfinite(scores)).tolist())
    return [float(score) for score in scores.tolist()]


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
    columns = [_column(target) for target in targets]
    if any(target.text or target.interval for target in targets):
        return False
    if answers.columns and not _is_alike(answers.columns, columns):
        return False
    if any(column["confidences"] == [None] for column in columns):
        return False
    _extend(answers, columns, [0], [row])
    return True


def _column(target: TargetOutput) -> dict[str, Any]:
    shares = target.probabilities
    return {
        "name": target.name,
        "values": [target.value],
        "classes": tuple(share.value for share in shares),
        "confidences": [target.confidence] if shares else [],
        "probabilities": [tuple(share.probability for share in shares)] if shares else [],
        "scores": [] if target.score is None else [target.score],
    }
