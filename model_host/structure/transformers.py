"""The output columns of each kind of transformer, from the columns that reach it.

Every rule takes the fitted transformer, its signals in order, the routes to record facts in and its
path for the diagram, and returns the output signals.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial, singledispatch
from operator import itemgetter
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import OneToOneFeatureMixin
from sklearn.compose import ColumnTransformer
from sklearn.exceptions import NotFittedError
from sklearn.experimental import enable_iterative_imputer  # noqa: F401  (makes it importable)
from sklearn.feature_extraction import DictVectorizer, FeatureHasher
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer
from sklearn.feature_selection import SelectorMixin
from sklearn.impute import IterativeImputer, KNNImputer, MissingIndicator, SimpleImputer
from sklearn.kernel_approximation import AdditiveChi2Sampler
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    OneHotEncoder,
    OrdinalEncoder,
)
from sklearn.utils import check_array

from model_host.moved import FrozenEstimator, TargetEncoder
from model_host.protocol.inputs import Kind, Scalar
from model_host.structure.anatomy import key_of, steps_of, vocabulary_of
from model_host.structure.input_facts import Handling
from model_host.structure.routes import (
    UNREADABLE,
    Routes,
    is_sklearn,
    join,
    learn_categories,
    lose,
    take_numbers,
)
from model_host.structure.scalars import as_scalar, is_missing
from model_host.structure.step_columns import MOST_SIGNALS, Gap, Signal, Signals, spread, together
from model_host.structure.training_values import training_values

_WIDTHS = ("n_output_features_", "n_features_out_", "_n_features_out")
"""The attributes in which fitted transformers keep their number of output columns:
PolynomialFeatures, SplineTransformer, and all that number their columns (decompositions, clusters,
projections, kernel maps)."""


_OTHER_SHAPES = (np.ravel, np.reshape, np.squeeze, np.asarray, np.array, np.copy)
"""Functions that leave the values of a single column as they are."""
_ELEMENTWISE = (np.clip, np.round, np.around, np.fix)
"""Functions of numbers, value by value, that NumPy does not make as ufuncs."""


def follow(step: Any, signals: Signals, routes: Routes, path: str | None) -> Signals:
    """Return the signals that a transformer makes of its input signals."""
    if step is None or isinstance(step, str):
        return () if step == "drop" else signals
    routes.visit(path, step, signals)
    try:
        return _transform(step, signals, routes, path)
    except NotFittedError:
        raise
    except UNREADABLE:
        return lose(step, signals, routes)


@singledispatch
def _transform(step: Any, signals: Signals, routes: Routes, path: str | None) -> Signals:
    if not is_sklearn(step):
        return lose(step, signals, routes)
    aligned = take_numbers(step, signals, routes)
    if isinstance(step, OneToOneFeatureMixin):
        return [replace(one, raw=None) for one in aligned]
    return [replace(together(aligned), raw=None)] * _width(step)


@_transform.register
def _(step: Pipeline, signals: Signals, routes: Routes, path: str | None) -> Signals:
    for name, inner in steps_of(step):
        signals = follow(inner, signals, routes, join(path, name))
    return signals


@_transform.register
def _(step: FrozenEstimator, signals: Signals, routes: Routes, path: str | None) -> Signals:
    return follow(step.estimator, signals, routes, join(path, "estimator"))


@_transform.register
def _(step: FeatureUnion, signals: Signals, routes: Routes, path: str | None) -> Signals:
    made: list[Signal] = []
    for name, inner in step.transformer_list:
        made += follow(inner, signals, routes, join(path, name))
    return made


@_transform.register
def _(step: ColumnTransformer, signals: Signals, routes: Routes, path: str | None) -> Signals:
    aligned = spread(signals, step.n_features_in_)
    made: list[Signal] = []
    for name, inner, _columns in step.transformers_:
        # Names, slices, masks and callables, already resolved to positions by the fit.
        chosen = [aligned[i % len(aligned)] for i in step._transformer_to_input_indices[name]]
        made += follow(inner, chosen, routes, join(path, name)) if chosen else ()
    return made


@_transform.register
def _(step: SelectorMixin, signals: Signals, routes: Routes, path: str | None) -> Signals:
    aligned = take_numbers(step, signals, routes)
    chosen = np.flatnonzero(step.get_support())
    return [aligned[i] for i in chosen] if len(aligned) == step.n_features_in_ else aligned


@_transform.register
def _(step: FunctionTransformer, signals: Signals, routes: Routes, path: str | None) -> Signals:
    """Nothing, a check, a choice of columns, another shape of one column, or one of NumPy's own
    elementwise functions can be followed."""
    function = step.func.func if isinstance(step.func, partial) else step.func
    if function is None or function is check_array:
        return signals
    if isinstance(function, itemgetter):
        return _chosen(step, function, signals) or lose(step, signals, routes)
    if _is_one_of(function, _OTHER_SHAPES):
        return signals if len(signals) == 1 else lose(step, signals, routes)
    if not isinstance(function, np.ufunc) and not _is_one_of(function, _ELEMENTWISE):
        return lose(step, signals, routes)
    routes.use(signals)
    for signal in signals:
        if column := routes.raw(signal):
            column.learn(f"FunctionTransformer ({function.__name__})", kind=Kind.FLOAT)
        if step.validate:
            routes.refuse(signal.gaps)
    return [replace(one, raw=None) for one in signals]


def _is_one_of(function: Any, known: tuple[Any, ...]) -> bool:
    return any(function is one for one in known)


def _chosen(step: FunctionTransformer, function: Any, signals: Signals) -> list[Signal]:
    """The columns that an ``itemgetter`` takes from the frame it was fitted on; none where it takes
    something else."""
    names = list(getattr(step, "feature_names_in_", ()))
    items = function.__reduce__()[1]
    asked = items[0] if len(items) == 1 and isinstance(items[0], list) else list(items)
    if len(names) != len(signals) or not all(one in names for one in asked):
        return []
    return [signals[names.index(one)] for one in asked]


@_transform.register(CountVectorizer)
@_transform.register(HashingVectorizer)
def _(step: Any, signals: Signals, routes: Routes, path: str | None) -> Signals:
    routes.use(signals)
    for signal in signals:
        if column := routes.raw(signal):
            column.learn(type(step).__name__, kind=Kind.STRING)
            column.learn(f"{type(step).__name__} (words it knows)", typical=_common_words(step))
        routes.refuse(signal.gaps)
    width = len(getattr(step, "vocabulary_", ())) or getattr(step, "n_features", 1)
    return [Signal(together(signals).origins)] * (width if width <= MOST_SIGNALS else 1)


@_transform.register
def _(step: DictVectorizer, signals: Signals, routes: Routes, path: str | None) -> Signals:
    """Of each key the texts it knows are categories; a number goes on as it is. What it does not
    know, and what is not given, it leaves out."""
    vocabulary = vocabulary_of(step)
    aligned = dict(zip(vocabulary, spread(signals, len(vocabulary)), strict=False))
    source = "DictVectorizer (what is not given counts as 0)"
    for name, texts in vocabulary.items():
        signal = aligned[name] = aligned.get(name, together(signals))
        routes.handle(signal.gaps, Handling(1, source, None if texts else 0.0))
        aligned[name] = signal = replace(signal, gaps=frozenset())
        if texts:
            known = np.array(texts, dtype=object)
            learn_categories(step, known, signal, routes, is_strict=False)
        elif column := routes.raw(signal):
            column.learn("DictVectorizer", kind=Kind.FLOAT)
    routes.use(list(aligned.values()))
    if len(step.feature_names_) > MOST_SIGNALS:
        return [Signal(together(list(aligned.values())).origins)]
    made: list[Signal] = []
    for feature in step.feature_names_:
        name, text = key_of(step, feature)
        signal = aligned.get(name, Signal(frozenset()))
        is_number = text is None and not vocabulary.get(name)
        made.append(signal if is_number else Signal(signal.origins))
    return made


@_transform.register
def _(step: FeatureHasher, signals: Signals, routes: Routes, path: str | None) -> Signals:
    return lose(step, signals, routes)


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
        filled = learn_categories(step, known, signal, routes, is_strict=is_strict)
        keeps_gap = isinstance(step, OrdinalEncoder) and is_missing(step.encoded_missing_value)
        # To the encoder None is a category like any other; only NaN stays missing.
        still = frozenset(gap for gap in filled if keeps_gap and gap.form is np.nan)
        made += [Signal(signal.origins, None, still)] * width
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
            column.learn("SimpleImputer", kind=Kind.FLOAT if is_numeric else None)
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
            column.learn(name, kind=Kind.FLOAT)
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
        if column := routes.raw(signal):
            column.readings.setdefault(str(marker), f"{marker} (not known)")
    routes.handle(closed, Handling(1, source, value))
    refused = frozenset(gap for gap in signal.gaps - closed if gap.form is np.nan)
    routes.refuse(refused)
    return replace(signal, gaps=signal.gaps - closed - refused)


def _indicated(step: Any, aligned: Signals) -> list[Signal]:
    """The columns that an imputer adds to tell what was missing."""
    indicator = getattr(step, "indicator_", None)
    return [] if indicator is None else [Signal(aligned[i].origins) for i in indicator.features_]


def _width(step: Any) -> int:
    """The number of columns that a transformer makes; 1 if it is unknown or too large to follow."""
    try:
        count = _columns_made(step)
        return int(count) if 0 < count <= MOST_SIGNALS else 1
    except UNREADABLE:
        return 1


def _columns_made(step: Any) -> Any:
    """The number of output columns that the fit stored. The names of the columns are only requested
    from transformers that make few: a polynomial would list billions."""
    for attribute in _WIDTHS:
        if (count := getattr(step, attribute, None)) is not None:
            return count
    if isinstance(step, AdditiveChi2Sampler):
        return step.n_features_in_ * (2 * step.sample_steps - 1)
    if isinstance(step, KBinsDiscretizer) and step.encode != "ordinal":
        return step.n_bins_.sum()
    if isinstance(step, TargetEncoder):
        return len(step.encodings_)
    takes_few = getattr(step, "n_features_in_", 1) <= MOST_SIGNALS
    return len(step.get_feature_names_out()) if takes_few else 1


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
