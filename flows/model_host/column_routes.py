"""Follows every input column through a fitted model and keeps what is learnt on the way.

A column enters as a ``Signal`` that carries its own values. Imputers and selectors leave it so; a
scaler or an encoder makes another signal of it. While it still carries the values a person enters,
each step that sees it tells something about it: its kind, its categories, a typical value. With
it travels a ``Gap`` for each way of writing "not known", until a step fills or refuses it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial, singledispatch
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import OneToOneFeatureMixin
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import StackingClassifier, StackingRegressor
from sklearn.exceptions import NotFittedError
from sklearn.experimental import enable_iterative_imputer  # noqa: F401  (makes it importable)
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer
from sklearn.feature_selection import SelectorMixin
from sklearn.impute import IterativeImputer, KNNImputer, MissingIndicator, SimpleImputer
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    OneHotEncoder,
    OrdinalEncoder,
    TargetEncoder,
)
from sklearn.utils import check_array, get_tags
from sklearn.utils.validation import check_is_fitted

from .anatomy import members, steps_of
from .input_columns import Handling, InputColumn
from .protocol import Scalar
from .scalars import NotAScalar, as_scalar, is_missing
from .signals import MOST_SIGNALS, Gap, Signal, Signals, distinct, spread, together
from .training_values import HISTOGRAM_BOOSTING, saw_missing_values, training_values

_UNREADABLE = (AttributeError, IndexError, KeyError, TypeError, ValueError)
"""What reading the attributes of an estimator of another version may raise."""


@dataclass
class Routes:
    """The columns of one model, every estimator in it, what reached each of them (by ``id``), and
    the steps for the diagram."""

    columns: list[InputColumn]
    visited: list[Any] = field(default_factory=list)
    inputs_of: dict[int, tuple[Signal, ...]] = field(default_factory=dict)
    steps: list[tuple[str, Any, tuple[int, ...]]] = field(default_factory=list)

    def visit(self, path: str | None, estimator: Any, signals: Signals) -> None:
        """Note that the signals reach an estimator. Raises NotFittedError."""
        if _is_sklearn(estimator):
            check_is_fitted(estimator)
        self.visited.append(estimator)
        self.inputs_of[id(estimator)] = tuple(signals)
        if path is not None:
            self.steps.append((path, estimator, tuple(sorted(together(signals).origins))))

    def raw(self, signal: Signal) -> InputColumn | None:
        return None if signal.raw is None else self.columns[signal.raw]

    def use(self, signals: Signals) -> None:
        for signal in distinct(signals):
            for column in signal.origins:
                self.columns[column].is_used = True

    def refuse(self, gaps: Iterable[Gap]) -> None:
        for gap in gaps:
            self.columns[gap.column].refused.add(gap.marker)

    def handle(self, gaps: Iterable[Gap], handling: Handling) -> None:
        for gap in gaps:
            self.columns[gap.column].handle(gap.marker, handling)


@lru_cache(maxsize=2)
def routes_of(estimator: Any, width: int) -> Routes:
    """Follow ``width`` input columns through the fitted ``estimator``, which is not changed.

    Remembered for the estimator last asked about: a fitted estimator does not change. Raises
    NotFittedError where a part of it was never fitted.
    """
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
                signals = _follow(step, signals, routes, _join(path, step_name))
            _predict(last, signals, routes, _join(path, name))
        elif inside := members(estimator):
            for name, member in inside:
                _predict(member, signals, routes, _join(path, name))
            _judge(estimator, signals, routes, path)
        elif isinstance(estimator, HISTOGRAM_BOOSTING):
            _boost(estimator, signals, routes)
        elif _is_sklearn(estimator):
            _take_numbers(estimator, signals, routes, saw_missing_values(estimator))
        else:
            _lose(estimator, signals, routes)
    except NotFittedError:
        raise
    except _UNREADABLE:
        _lose(estimator, signals, routes)


def _judge(estimator: Any, signals: Signals, routes: Routes, path: str | None) -> None:
    """A stack's last estimator, which gets the members' answers and perhaps the columns too."""
    if isinstance(estimator, StackingClassifier | StackingRegressor):
        final, seen = estimator.final_estimator_, signals if estimator.passthrough else ()
        routes.visit(_join(path, "final"), final, seen)
        if seen:
            _take_numbers(final, [replace(one, raw=one.raw) for one in seen], routes)


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
            _learn_categories(estimator, known, aligned[index], routes, is_strict=False)
    name = type(estimator).__name__
    for index, signal in enumerate(aligned):
        column = routes.raw(signal)
        if column is not None and index not in encoded:
            column.learn(name, kind="float")
            if values and values.typical is not None and not np.isnan(values.typical[index]):
                column.learn(values.source, typical=float(values.typical[index]))
    routes.use(aligned)
    for signal in aligned:
        routes.handle(signal.gaps, Handling(2, f"{name} takes missing values"))


def _follow(step: Any, signals: Signals, routes: Routes, path: str | None) -> Signals:
    """What a transformer makes of the signals."""
    if step is None or isinstance(step, str):
        return () if step == "drop" else signals
    routes.visit(path, step, signals)
    try:
        return _transform(step, signals, routes, path)
    except NotFittedError:
        raise
    except _UNREADABLE:
        return _lose(step, signals, routes)


@singledispatch
def _transform(step: Any, signals: Signals, routes: Routes, path: str | None) -> Signals:
    if not _is_sklearn(step):
        return _lose(step, signals, routes)
    aligned = _take_numbers(step, signals, routes)
    if isinstance(step, OneToOneFeatureMixin):
        return [replace(one, raw=None) for one in aligned]
    return [replace(together(aligned), raw=None)] * _width(step)


@_transform.register
def _(step: Pipeline, signals: Signals, routes: Routes, path: str | None) -> Signals:
    for name, inner in steps_of(step):
        signals = _follow(inner, signals, routes, _join(path, name))
    return signals


@_transform.register
def _(step: FeatureUnion, signals: Signals, routes: Routes, path: str | None) -> Signals:
    made: list[Signal] = []
    for name, inner in step.transformer_list:
        made += _follow(inner, signals, routes, _join(path, name))
    return made


@_transform.register
def _(step: ColumnTransformer, signals: Signals, routes: Routes, path: str | None) -> Signals:
    aligned = spread(signals, step.n_features_in_)
    made: list[Signal] = []
    for name, inner, _columns in step.transformers_:
        # Names, slices, masks and callables, already resolved to positions by the fit.
        chosen = [aligned[i % len(aligned)] for i in step._transformer_to_input_indices[name]]
        made += _follow(inner, chosen, routes, _join(path, name)) if chosen else ()
    return made


@_transform.register
def _(step: SelectorMixin, signals: Signals, routes: Routes, path: str | None) -> Signals:
    aligned = _take_numbers(step, signals, routes)
    chosen = np.flatnonzero(step.get_support())
    return [aligned[i] for i in chosen] if len(aligned) == step.n_features_in_ else aligned


@_transform.register
def _(step: FunctionTransformer, signals: Signals, routes: Routes, path: str | None) -> Signals:
    """Nothing, a check, or one of numpy's own elementwise functions can be followed."""
    function = step.func
    if function is None or (isinstance(function, partial) and function.func is check_array):
        return signals
    if not isinstance(function, np.ufunc):
        return _lose(step, signals, routes)
    routes.use(signals)
    for signal in signals:
        if column := routes.raw(signal):
            column.learn(f"FunctionTransformer ({function.__name__})", kind="float")
        if step.validate:
            routes.refuse(signal.gaps)
    return [replace(one, raw=None) for one in signals]


@_transform.register(CountVectorizer)
@_transform.register(HashingVectorizer)
def _(step: Any, signals: Signals, routes: Routes, path: str | None) -> Signals:
    routes.use(signals)
    for signal in signals:
        if column := routes.raw(signal):
            column.learn(type(step).__name__, kind="string")
            column.learn(f"{type(step).__name__} (words it knows)", typical=_common_words(step))
        routes.refuse(signal.gaps)
    return [Signal(together(signals).origins)]


@_transform.register(OneHotEncoder)
@_transform.register(OrdinalEncoder)
@_transform.register(TargetEncoder)
def _(step: Any, signals: Signals, routes: Routes, path: str | None) -> Signals:
    aligned = spread(signals, len(step.categories_))
    is_strict = getattr(step, "handle_unknown", None) == "error"
    made: list[Signal] = []
    widths = getattr(step, "_n_features_outs", None) or [_width(step) // len(aligned)] * len(
        aligned
    )
    for signal, known, width in zip(aligned, step.categories_, widths, strict=True):
        filled = _learn_categories(step, known, signal, routes, is_strict=is_strict)
        keeps_gap = isinstance(step, OrdinalEncoder) and is_missing(step.encoded_missing_value)
        open_gaps = (replace(gap, form=np.nan) for gap in filled) if keeps_gap else ()
        made += [Signal(signal.origins, None, frozenset(open_gaps))] * width
    routes.use(aligned)
    return made


@_transform.register
def _(step: SimpleImputer, signals: Signals, routes: Routes, path: str | None) -> Signals:
    aligned = spread(signals, step.n_features_in_)
    statistics = step.statistics_[: len(aligned)]
    source = f"SimpleImputer ({str(step.strategy).replace('_', ' ')})"
    is_numeric = step.strategy in ("mean", "median") or step._fit_dtype.kind in "iuf"
    filled: list[Signal] = []
    for signal, statistic in zip(aligned, statistics, strict=True):
        value = None if is_missing(statistic) else as_scalar(statistic)
        if column := routes.raw(signal):
            column.learn("SimpleImputer", kind="float" if is_numeric else None)
            column.learn(source, default=value)
            column.learn(source, typical=None if step.strategy == "constant" else value)
        out = _fill(step, signal, routes, source, value if signal.raw is not None else None)
        is_dropped = (
            is_missing(statistic) and statistic is not None and not step.keep_empty_features
        )
        filled += [] if is_dropped and step.strategy != "constant" else [out]
    return filled + _indicated(step, aligned)


@_transform.register(KNNImputer)
@_transform.register(IterativeImputer)
def _(step: Any, signals: Signals, routes: Routes, path: str | None) -> Signals:
    aligned = spread(signals, step.n_features_in_)
    values = training_values(step, len(aligned))
    typical = values.typical if values.typical is not None else np.full(len(aligned), np.nan)
    name = type(step).__name__
    filled: list[Signal] = []
    for signal, middle in zip(aligned, typical, strict=True):
        if column := routes.raw(signal):
            column.learn(name, kind="float")
            column.learn(values.source, typical=None if np.isnan(middle) else float(middle))
        filled.append(_fill(step, signal, routes, name, None))
    return filled + _indicated(step, aligned)


@_transform.register
def _(step: MissingIndicator, signals: Signals, routes: Routes, path: str | None) -> Signals:
    aligned = spread(signals, step.n_features_in_)
    told = set(step.features_)
    for index, signal in enumerate(aligned):
        if index in told or not step.error_on_new or step.features == "all":
            _fill(step, signal, routes, "MissingIndicator", None)
        else:
            routes.refuse(signal.gaps)
    routes.use(aligned)
    return [Signal(aligned[i].origins) for i in step.features_]


def _fill(step: Any, signal: Signal, routes: Routes, source: str, value: Scalar) -> Signal:
    """Close the gaps that look like the imputer's ``missing_values``."""
    marker = step.missing_values
    routes.use([signal])
    if marker is pd.NA:
        closed = signal.gaps
    elif is_missing(marker) and marker is not None:
        closed = frozenset(gap for gap in signal.gaps if gap.form is np.nan)
    elif marker is None:
        closed = frozenset(gap for gap in signal.gaps if gap.form is None)
    else:
        closed = frozenset(Gap(column, marker, marker) for column in signal.origins)
    routes.handle(closed, Handling(1, source, value))
    refused = frozenset(gap for gap in signal.gaps - closed if gap.form is np.nan)
    routes.refuse(refused)
    return replace(signal, gaps=signal.gaps - closed - refused)


def _indicated(step: Any, aligned: Signals) -> list[Signal]:
    """The columns that an imputer adds to tell what was missing."""
    indicator = getattr(step, "indicator_", None)
    return [] if indicator is None else [Signal(aligned[i].origins) for i in indicator.features_]


def _learn_categories(
    step: Any, known: Any, signal: Signal, routes: Routes, *, is_strict: bool
) -> frozenset[Gap]:
    """Take over an encoder's categories; the gaps that the encoder knows as a category."""
    name = type(step).__name__
    missing = {None if value is None else np.nan for value in known if is_missing(value)}
    if isinstance(step, HISTOGRAM_BOOSTING):
        missing = {np.nan, None}
    if column := routes.raw(signal):
        try:
            values = tuple(as_scalar(value) for value in known if not is_missing(value))
        except NotAScalar:
            column.lost_at = f"{name} has categories that are no numbers or texts"
            return frozenset()
        is_boolean = len(values) == 2 and all(isinstance(value, bool) for value in values)
        column.learn(name, kind="boolean" if is_boolean else "choice")
        if column.kind == "float":  # a number in one branch, a category in another
            column.kind, column.sources["kind"] = "choice", name
        column.learn(f"{name} (first category)", typical=values[0] if values else None)
        column.sources.setdefault("choices", name)
        column.vocabularies.append((values, is_strict))
        column.holds_objects |= known.dtype == object
    filled = frozenset(gap for gap in signal.gaps if gap.form in missing)
    routes.handle(filled, Handling(0, f"{name} knows missing as a category"))
    routes.refuse(signal.gaps - filled)
    return filled


def _take_numbers(
    estimator: Any, signals: Signals, routes: Routes, saw_missing: Any = None
) -> list[Signal]:
    """An estimator of scikit-learn that computes with numbers: its columns are numbers, and missing
    values pass only where it says so; trees say it of every column, so they must have seen some."""
    aligned = spread(signals, getattr(estimator, "n_features_in_", len(signals)))
    values = training_values(estimator, len(aligned))
    allows_missing = bool(get_tags(estimator).input_tags.allow_nan)
    name = type(estimator).__name__
    routes.use(aligned)
    passed: list[Signal] = []
    for index, signal in enumerate(aligned):
        if column := routes.raw(signal):
            column.learn(name, kind="float")
            for fact in ("minimum", "maximum", "typical"):
                numbers = getattr(values, fact)
                if numbers is not None and not np.isnan(numbers[index]):
                    column.learn(values.source, **{fact: float(numbers[index])})
        open_gaps = signal.gaps if allows_missing else frozenset()
        if saw_missing is not None:
            open_gaps = open_gaps if saw_missing[index] else frozenset()
            routes.handle(open_gaps, Handling(2, f"{name} was trained with missing values"))
        routes.refuse(signal.gaps - open_gaps)
        passed.append(replace(signal, gaps=open_gaps))
    return passed


def _lose(step: Any, signals: Signals, routes: Routes) -> list[Signal]:
    """Nothing can be said of what the step does with its columns."""
    routes.use(signals)
    for signal in distinct(signals):
        if column := routes.raw(signal):
            column.lost_at = type(step).__name__
        routes.refuse(signal.gaps)
    return [Signal(together(signals).origins)]


def _width(step: Any) -> int:
    """How many columns a transformer makes; 1 where that is not known or too many to follow."""
    try:
        count = len(step.get_feature_names_out())
    except _UNREADABLE:
        return 1
    return count if 0 < count <= MOST_SIGNALS else 1


def _common_words(vectorizer: Any) -> str | None:
    """A short text of words the vectorizer knows, the most common first where it keeps weights."""
    vocabulary = getattr(vectorizer, "vocabulary_", None)
    if not vocabulary or vectorizer.analyzer != "word":
        return None
    weights = getattr(vectorizer, "idf_", None)
    words = [word for word in vocabulary if isinstance(word, str) and " " not in word]
    if weights is not None:
        words.sort(key=lambda word: (weights[vocabulary[word]], word))
    return " ".join(words[:5]) or None


def _is_sklearn(estimator: Any) -> bool:
    return type(estimator).__module__.partition(".")[0] == "sklearn"


def _join(path: str | None, name: str | None) -> str | None:
    if path is None or name is None:
        return None
    return f"{path}.{name}" if path else name
