"""The tracing of every input column through a fitted model, and the facts collected on the way.

A column enters as a ``Signal`` that carries its own values. Imputers and selectors keep it; a
scaler or an encoder turns it into another signal. While it still carries the values that a person
enters, each step that receives it adds a fact: its kind, its categories, a typical value. The
signal also carries a ``Gap`` for each encoding of "not known", until a step fills or refuses it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.ensemble import StackingClassifier, StackingRegressor
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import Pipeline

from model_host.protocol.inputs import Kind
from model_host.structure.anatomy import members, steps_of
from model_host.structure.input_facts import Handling, InputColumn
from model_host.structure.routes import (
    UNREADABLE,
    Routes,
    is_sklearn,
    join,
    learn_categories,
    lose,
    take_numbers,
)
from model_host.structure.step_columns import Gap, Signal, Signals, spread
from model_host.structure.training_values import (
    HISTOGRAM_BOOSTING,
    saw_missing_values,
    training_values,
)
from model_host.structure.transformers import follow

_last: tuple[Any, int, Routes] | None = None


def routes_of(estimator: Any, width: int) -> Routes:
    """Return the routes of ``width`` input columns through the fitted ``estimator``.

    Remembered for the estimator last asked about, since a fitted one does not change (by identity:
    not every estimator can be hashed). Raises NotFittedError where a part was never fitted.
    """
    global _last
    if _last is None or _last[0] is not estimator or _last[1] != width:
        _last = (estimator, width, _routes(estimator, width))
    return _last[2]


def _routes(estimator: Any, width: int) -> Routes:
    entered = [
        Signal(frozenset({i}), i, frozenset({Gap(i, np.nan, np.nan), Gap(i, None, None)}))
        for i in range(width)
    ]
    routes = Routes([InputColumn() for _ in entered])
    _predict(estimator, entered, routes, "")
    return routes


def _predict(estimator: Any, signals: Signals, routes: Routes, path: str | None) -> None:
    """The signals arrive where ``predict`` is called."""
    routes.visit(path, estimator, signals)
    try:
        if isinstance(estimator, Pipeline):
            *before, (name, last) = steps_of(estimator)
            for step_name, step in before:
                signals = follow(step, signals, routes, join(path, step_name))
            _predict(last, signals, routes, join(path, name))
        elif inside := members(estimator):
            for name, member in inside:
                _predict(member, signals, routes, join(path, name))
            _judge(estimator, signals, routes, path)
        elif isinstance(estimator, HISTOGRAM_BOOSTING):
            _boost(estimator, signals, routes)
        elif is_sklearn(estimator):
            take_numbers(estimator, signals, routes, saw_missing_values(estimator))
        else:
            lose(estimator, signals, routes)
    except NotFittedError:
        raise
    except UNREADABLE:
        lose(estimator, signals, routes)


def _judge(estimator: Any, signals: Signals, routes: Routes, path: str | None) -> None:
    """A stack's last estimator, which gets the members' answers and perhaps the columns too."""
    if isinstance(estimator, StackingClassifier | StackingRegressor):
        final, seen = estimator.final_estimator_, signals if estimator.passthrough else ()
        routes.visit(join(path, "final"), final, seen)
        if seen:
            take_numbers(final, seen, routes)


def _boost(estimator: Any, signals: Signals, routes: Routes) -> None:
    """Histogram boosting encodes its own categories, and takes missing values in every column."""
    aligned = spread(signals, estimator.n_features_in_)
    encoded: list[int] = []
    values = None
    if estimator.is_categorical_ is None:
        values = training_values(estimator, len(aligned))
    else:
        encoded = np.flatnonzero(estimator.is_categorical_).tolist()
        encoder = estimator._preprocessor.named_transformers_["encoder"]
        for index, known in zip(encoded, encoder.categories_, strict=True):
            learn_categories(estimator, known, aligned[index], routes, is_strict=False)
    name = type(estimator).__name__
    for index, signal in enumerate(aligned):
        column = routes.raw(signal)
        if column is not None and index not in encoded:
            column.learn(name, kind=Kind.FLOAT)
            if values and values.typical is not None and not np.isnan(values.typical[index]):
                column.learn(values.source, typical=float(values.typical[index]))
    routes.use(aligned)
    for signal in aligned:
        routes.handle(signal.gaps, Handling(2, f"{name} takes missing values"))
