"""The facts that a fitted numeric estimator still holds about its training columns."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import (
    BaseEnsemble,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
)
from sklearn.experimental import enable_iterative_imputer  # noqa: F401  (makes it importable)
from sklearn.impute import IterativeImputer, KNNImputer
from sklearn.isotonic import IsotonicRegression
from sklearn.naive_bayes import CategoricalNB
from sklearn.preprocessing import (
    KBinsDiscretizer,
    MaxAbsScaler,
    MinMaxScaler,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    SplineTransformer,
)
from sklearn.tree import BaseDecisionTree

Numbers = npt.NDArray[np.float64]

HISTOGRAM_BOOSTING = (HistGradientBoostingClassifier, HistGradientBoostingRegressor)
_ROWS = ("_fit_X", "X_train_", "support_vectors_", "cluster_centers_", "centroids_", "theta_")
"""Attributes that hold rows in the units of the training data, one column for each input."""
_CENTRES = ("mean_", "xbar_", "X_offset_")
_MOST_TREES = 50


@dataclass(frozen=True)
class TrainingValues:
    """One number for each input of the estimator, NaN where it is not known; all in the units in
    which the estimator gets them. ``source`` names where they were read."""

    source: str
    minimum: Numbers | None = None
    maximum: Numbers | None = None
    typical: Numbers | None = None


def training_values(estimator: Any, width: int) -> TrainingValues:
    """Return ranges and typical values of the ``width`` columns the estimator was fitted on, as far
    as it keeps them. Never fails: what has another shape than expected is not known."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        found = _read(estimator)
    return TrainingValues(
        f"{type(estimator).__name__} ({found.source})" if found.source else "",
        *(_checked(one, width) for one in (found.minimum, found.maximum, found.typical)),
    )


def _read(estimator: Any) -> TrainingValues:
    if isinstance(estimator, MinMaxScaler):
        return _span("training range", estimator.data_min_, estimator.data_max_)
    if isinstance(estimator, MaxAbsScaler):
        top = estimator.max_abs_
        return TrainingValues("largest magnitude", -top, top, top / 2)
    if isinstance(estimator, RobustScaler):
        return TrainingValues("median", typical=estimator.center_)
    if isinstance(estimator, QuantileTransformer):
        steps = estimator.quantiles_
        return TrainingValues("quantiles", steps[0], steps[-1], steps[len(steps) // 2])
    if isinstance(estimator, KBinsDiscretizer):
        edges = estimator.bin_edges_
        return _span("bin edges", [one[0] for one in edges], [one[-1] for one in edges])
    if isinstance(estimator, SplineTransformer):
        knots = [one.t[one.k : len(one.t) - one.k] for one in estimator.bsplines_]
        return _span("knots", [one[0] for one in knots], [one[-1] for one in knots])
    if isinstance(estimator, CategoricalNB):
        last = estimator.n_categories_ - 1
        return TrainingValues("categories", last * 0, last)
    if isinstance(estimator, PowerTransformer):
        origin = np.zeros((1, len(estimator.lambdas_)))
        return TrainingValues("centre", typical=estimator.inverse_transform(origin)[0])
    if isinstance(estimator, IterativeImputer):
        return TrainingValues("starting value", typical=estimator.initial_imputer_.statistics_)
    if isinstance(estimator, KNNImputer):
        return TrainingValues("training median", typical=np.nanmedian(estimator._fit_X, axis=0))
    if isinstance(estimator, IsotonicRegression):
        return _span("training range", [estimator.X_min_], [estimator.X_max_])
    if isinstance(estimator, HISTOGRAM_BOOSTING):
        edges = estimator._bin_mapper.bin_thresholds_
        middles = [one[len(one) // 2] if len(one) else np.nan for one in edges]
        return TrainingValues("middle bin", typical=np.asarray(middles))
    if isinstance(estimator, BaseDecisionTree | BaseEnsemble):
        return _middle_splits(estimator)
    for name in _CENTRES:
        if getattr(estimator, name, None) is not None:
            return TrainingValues("mean", typical=getattr(estimator, name))
    for name in _ROWS:
        rows = getattr(estimator, name, None)
        if isinstance(rows, np.ndarray) and rows.ndim == 2 and len(rows):
            return TrainingValues("median of what it keeps", typical=np.nanmedian(rows, axis=0))
    return TrainingValues("")


def saw_missing_values(estimator: Any) -> npt.NDArray[np.bool_] | None:
    """Return for each column whether it provably had missing values when the trees were grown.

    A split of a column without missing values sends them to its larger side (scikit-learn's tree
    builder says so); a split that sends them elsewhere has seen some. None where no trees are.
    """
    trees = _trees(estimator)
    if not trees:
        return None
    seen = np.zeros(trees[0].n_features, dtype=bool)
    for tree in trees:
        inner = np.flatnonzero(tree.children_left >= 0)
        count, left, right = tree.n_node_samples, tree.children_left, tree.children_right
        larger_is_left = count[left[inner]] > count[right[inner]]
        sends_left = np.asarray(tree.missing_go_to_left)[inner].astype(bool)
        seen[tree.feature[inner][sends_left != larger_is_left]] = True
    return seen


def _trees(estimator: Any) -> list[Any]:
    """The grown ``Tree`` objects of a tree, or of an ensemble whose trees see every column."""
    grown = np.ravel(np.asarray(getattr(estimator, "estimators_", estimator), dtype=object))
    trees = [one.tree_ for one in grown if isinstance(one, BaseDecisionTree)]
    return trees if len(trees) == len(grown) else []


def _middle_splits(estimator: Any) -> TrainingValues:
    """The median of the thresholds at which the trees split each column."""
    trees = _trees(estimator)[:_MOST_TREES]
    if not trees:
        return TrainingValues("")
    columns = np.concatenate([tree.feature for tree in trees])
    cuts = np.concatenate([tree.threshold for tree in trees])
    middles = np.full(trees[0].n_features, np.nan)
    for column in np.unique(columns[columns >= 0]):
        middles[column] = np.median(cuts[columns == column])
    return TrainingValues("middle of its splits", typical=middles)


def _span(source: str, low: Any, high: Any) -> TrainingValues:
    lows, highs = np.asarray(low, dtype=float), np.asarray(high, dtype=float)
    return TrainingValues(source, lows, highs, lows + (highs - lows) / 2)


def _checked(values: Any, width: int) -> Numbers | None:
    """One float64 for each column, infinities as NaN; None where the shape is another one."""
    try:
        numbers = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        return None
    if numbers.shape != (width,):
        return None
    return np.where(np.isfinite(numbers), numbers, np.nan)
