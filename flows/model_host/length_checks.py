"""Arrays whose lengths compiled code takes from one another: here they are seen to agree.

scikit-learn's ``fit`` makes them agree and its ``predict`` does not look again. A file may say
anything: an array shorter than the other one promises is read, or written, beyond its end.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse
from scipy.interpolate import BSpline
from sklearn.cluster import KMeans, MiniBatchKMeans
from sklearn.cluster._bisect_k_means import BisectingKMeans
from sklearn.compose import ColumnTransformer
from sklearn.ensemble._gb import BaseGradientBoosting
from sklearn.ensemble._hist_gradient_boosting.binning import _BinMapper
from sklearn.ensemble._hist_gradient_boosting.gradient_boosting import BaseHistGradientBoosting
from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor
from sklearn.neighbors import KNeighborsClassifier, RadiusNeighborsClassifier
from sklearn.neighbors._base import NeighborsBase
from sklearn.preprocessing import FunctionTransformer, OrdinalEncoder
from sklearn.svm._base import BaseLibSVM
from sklearn.tree import DecisionTreeRegressor
from sklearn.tree._tree import Tree

from .reading import damaged

_MISSHAPEN = (TypeError, ValueError, AttributeError, IndexError, KeyError, OverflowError)


def check_lengths(part: Any) -> None:
    """Raises HostError where arrays of ``part`` do not fit one another; unfitted, it has none."""
    for kind, fits in _FITS:
        if isinstance(part, kind):
            _check(part, fits)


def check_start(boosting: Any) -> None:
    """Raises HostError where a boosting's first sum has other columns than its stages add to. That
    is seen by asking for it, so every part must have been checked before."""
    if hasattr(boosting, "estimators_"):
        _check(boosting, _starts_as_wide)


def _check(part: Any, fits: Callable[[Any], bool]) -> None:
    try:
        agree = fits(part)
    except _MISSHAPEN as error:
        raise damaged(f"a {type(part).__name__} lacks what it needs") from error
    if not agree:
        raise damaged(f"the arrays of a {type(part).__name__} do not fit one another")


def _support_vectors_fit(machine: Any) -> bool:
    if not hasattr(machine, "support_vectors_"):
        return True
    counts, vectors, weights = machine._n_support, machine.support_vectors_, machine._dual_coef_
    classes, length = len(counts), len(machine.support_)
    pairs = classes * (classes - 1) // 2
    places = machine.support_
    if scipy.sparse.issparse(vectors):
        weighted = weights.data.shape == ((classes - 1) * length,)
    else:
        weighted = weights.shape == (classes - 1, length)
    if machine.kernel == "precomputed" or callable(machine.kernel):
        columns = bool(((places >= 0) & (places < machine.shape_fit_[0])).all())
    else:
        columns = vectors.shape == (length, machine.n_features_in_)
    return bool(
        classes >= 2
        and (counts >= 0).all()
        and (counts.sum() <= length or not hasattr(machine, "classes_"))
        and weighted
        and columns
        and machine._intercept_.shape == (pairs,)
        and machine._probA.shape == machine._probB.shape
        and machine._probA.size in (0, pairs)
    )


def _spline_fits(spline: Any) -> bool:
    """As SciPy's constructor asks it. The degree is a length, too."""
    knots, weights = spline.t, spline.c
    count = len(knots) - spline.k - 1
    return bool(
        type(spline.k) is int
        and 0 <= spline.k < 100
        and knots.ndim == 1
        and knots.dtype == weights.dtype == np.float64
        and count > spline.k
        and weights.ndim >= 1
        and len(weights) >= count
        and np.isfinite(knots).all()
        and (np.diff(knots) >= 0).all()
        and knots[spline.k] < knots[count]
    )


def _stages_fit(boosting: Any) -> bool:
    """Every stage is a tree of one number in each leaf."""
    if not hasattr(boosting, "estimators_"):
        return True
    return boosting.estimators_.ndim == 2 and all(
        type(tree) is DecisionTreeRegressor
        and type(tree.tree_) is Tree
        and tree.tree_.value.shape[1:] == (1, 1)
        for tree in boosting.estimators_.flat
    )


def _starts_as_wide(boosting: Any) -> bool:
    row = np.zeros((1, boosting.n_features_in_), dtype=np.float32)
    start = boosting._raw_predict_init(row)
    return bool(start.shape == (1, boosting.estimators_.shape[1]))


def _histograms_fit(boosting: Any) -> bool:
    if not hasattr(boosting, "_predictors"):
        return True
    mapper, width = boosting._bin_mapper, boosting.n_features_in_
    by_category = np.asarray(mapper.is_categorical_)
    predictors = [one for several in boosting._predictors for one in several]
    return (
        type(mapper) is _BinMapper
        and by_category.shape == (width,)
        and len(mapper.bin_thresholds_) == width
        and all(_asks_categories_only(one, by_category) for one in predictors)
        and (boosting._preprocessor is None or _keeps_width(boosting._preprocessor, width))
    )


def _asks_categories_only(predictor: Any, by_category: np.ndarray[Any, Any]) -> bool:
    nodes = predictor.nodes
    asking = nodes[(nodes["is_leaf"] == 0) & (nodes["is_categorical"] != 0)]
    return bool((by_category[asking["feature_idx"]] != 0).all())


def _keeps_width(preprocessor: Any, width: int) -> bool:
    """Whether it is what boosting itself puts before its trees, which gives back every column."""
    used = [(part, chosen) for _, part, chosen in preprocessor.transformers_ if np.any(chosen)]
    return (
        type(preprocessor) is ColumnTransformer
        and preprocessor.n_features_in_ == width
        and all(type(part) is OrdinalEncoder or _only_checks(part) for part, _ in used)
        and all(np.asarray(chosen).dtype == np.bool_ for _, chosen in used)
        and sum(int(np.sum(chosen)) for _, chosen in used) == width
    )


def _only_checks(part: Any) -> bool:
    return type(part) is FunctionTransformer and isinstance(part.func, functools.partial)


def _bitsets_fit(predictor: Any) -> bool:
    return bool(predictor.raw_left_cat_bitsets.shape[1:] == (8,))


def _neighbours_fit(neighbours: Any) -> bool:
    if getattr(neighbours, "_fit_X", None) is None:
        return True
    rows = neighbours._fit_X
    tree = neighbours._tree
    fits = rows.shape[0] == neighbours.n_samples_fit_ and (
        neighbours.effective_metric_ == "precomputed"
        or (rows.ndim == 2 and rows.shape[1] == neighbours.n_features_in_)
    )
    return fits and (tree is None or tree.data.shape == rows.shape)


def _labels_fit(neighbours: Any) -> bool:
    """Each training row's label is one of the classes."""
    if not hasattr(neighbours, "_y"):
        return True
    labels, classes = neighbours._y, neighbours.classes_
    outputs = [classes] if labels.ndim == 1 else classes
    columns = labels.reshape(len(labels), -1).T
    return (
        len(labels) == neighbours.n_samples_fit_
        and labels.dtype.kind == "i"
        and len(columns) == len(outputs)
        and all(
            bool(((column >= 0) & (column < len(known))).all())
            for column, known in zip(columns, outputs, strict=True)
        )
    )


def _centres_fit(clusters: Any) -> bool:
    if not hasattr(clusters, "cluster_centers_"):
        return True
    width = clusters.n_features_in_
    waiting = [getattr(clusters, "_bisecting_tree", None)]
    centres = [clusters.cluster_centers_]
    while waiting and len(centres) < 1_000_000:
        if (node := waiting.pop()) is not None:
            centres.append(node.center.reshape(1, -1))
            waiting += [node.left, node.right]
    return not waiting and all(one.ndim == 2 and one.shape[1] == width for one in centres)


_FITS: tuple[tuple[Any, Callable[[Any], bool]], ...] = (
    (BaseLibSVM, _support_vectors_fit),
    (BSpline, _spline_fits),
    (BaseGradientBoosting, _stages_fit),
    (BaseHistGradientBoosting, _histograms_fit),
    (TreePredictor, _bitsets_fit),
    (NeighborsBase, _neighbours_fit),
    (KNeighborsClassifier | RadiusNeighborsClassifier, _labels_fit),
    (KMeans | MiniBatchKMeans | BisectingKMeans, _centres_fit),
)
