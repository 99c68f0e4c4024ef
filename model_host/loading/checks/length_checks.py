"""Checks of arrays whose lengths compiled code assumes to agree.

scikit-learn's ``fit`` makes them agree and its ``predict`` does not check again. In a file they may
differ: an array that is shorter than another one implies is read, or written, beyond its end.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse
from scipy.interpolate import BSpline
from sklearn.cluster import Birch, KMeans, MiniBatchKMeans
from sklearn.cluster._bisect_k_means import BisectingKMeans
from sklearn.compose import ColumnTransformer
from sklearn.ensemble._gb import BaseGradientBoosting
from sklearn.ensemble._hist_gradient_boosting.binning import _BinMapper
from sklearn.ensemble._hist_gradient_boosting.gradient_boosting import BaseHistGradientBoosting
from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor
from sklearn.feature_extraction import FeatureHasher
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.multioutput import _BaseChain
from sklearn.neighbors import (
    KNeighborsClassifier,
    LocalOutlierFactor,
    RadiusNeighborsClassifier,
)
from sklearn.neighbors._base import NeighborsBase
from sklearn.preprocessing import (
    FunctionTransformer,
    OrdinalEncoder,
    PolynomialFeatures,
    SplineTransformer,
)
from sklearn.svm._base import BaseLibSVM, BaseSVC
from sklearn.tree import DecisionTreeRegressor
from sklearn.tree._tree import Tree
from sklearn.utils import check_array

from model_host.loading.allow_list import is_older
from model_host.loading.reading_state import damaged
from model_host.moved import TargetEncoder

_MISSHAPEN = (TypeError, ValueError, AttributeError, IndexError, KeyError, OverflowError)


def check_lengths(part: Any) -> None:
    """Check the lengths in ``part``. Raises HostError where arrays do not fit each other; unfitted,
    it has none."""
    for kind, fits in _FITS:
        if isinstance(part, kind):
            _check(part, fits)


def always_check_sums() -> None:
    """Make boosting check at each prediction whether its first sum is as high as its inputs and as
    wide as its stages: any model may give it, and compiled code adds the stages to it."""
    start = BaseGradientBoosting._raw_predict_init

    def checked(boosting: Any, rows: Any) -> Any:
        sums = start(boosting, rows)
        if sums.shape != (rows.shape[0], boosting.estimators_.shape[1]):
            raise ValueError("The first estimate of the boosting has not the shape of its stages.")
        return sums

    BaseGradientBoosting._raw_predict_init = checked


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
    is_calibrated = _says_probabilities(machine) or machine._probA.size > 0
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
        and (
            counts.sum() <= length and len(machine.classes_) == classes
            if isinstance(machine, BaseSVC)
            else classes == 2 and not is_calibrated
        )
        and weighted
        and columns
        and machine._intercept_.shape == (pairs,)
        and machine._probA.shape == machine._probB.shape == (pairs if is_calibrated else 0,)
    )


_TRUSTS_THE_PARAMETER = is_older("scikit-learn 1.9")
"""Asked when this module is imported: a locked process reads no metadata."""


def _says_probabilities(machine: Any) -> bool:
    """Whether compiled code is told that there are numbers for probabilities: before scikit-learn
    1.9 by the parameter itself, whatever that is."""
    if _TRUSTS_THE_PARAMETER:
        return bool(machine.probability)
    return bool(getattr(machine, "_effective_probability", False))


def _spline_fits(spline: Any) -> bool:
    """Whether the spline meets the requirements of SciPy's constructor. The degree is a length,
    too. All knots may be one: those of a column that never varied are, and SciPy evaluates them."""
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
    )


def _stages_fit(boosting: Any) -> bool:
    """Whether every stage is a tree of one number in each leaf; there is one for a number or two
    classes, else one for each class."""
    if not hasattr(boosting, "estimators_"):
        return True
    classes = len(getattr(boosting, "classes_", ()))
    width = classes if classes > 2 else 1
    fits = boosting.estimators_.shape == (len(boosting.estimators_), width)
    return (
        fits
        and _trees_each(boosting) == width
        and all(
            type(tree) is DecisionTreeRegressor
            and type(tree.tree_) is Tree
            and tree.tree_.value.shape[1:] == (1, 1)
            for tree in boosting.estimators_.flat
        )
    )


def _trees_each(boosting: Any) -> Any:
    """How many trees a stage has by the model's own word: by its loss's before scikit-learn 1.4."""
    if hasattr(boosting, "n_trees_per_iteration_"):
        return boosting.n_trees_per_iteration_
    return boosting._loss.K


def _histograms_fit(boosting: Any) -> bool:
    if not hasattr(boosting, "_predictors"):
        return True
    mapper, width = boosting._bin_mapper, boosting.n_features_in_
    by_category = np.asarray(mapper.is_categorical_)
    predictors = [one for several in boosting._predictors for one in several]
    classes = len(getattr(boosting, "classes_", ()))
    trees = classes if classes > 2 else 1
    preprocessor = getattr(boosting, "_preprocessor", None)  # since scikit-learn 1.4
    return (
        type(mapper) is _BinMapper
        and boosting.n_trees_per_iteration_ == trees
        and all(len(several) == trees for several in boosting._predictors)
        and np.shape(boosting._baseline_prediction) in ((), (1, trees))
        and by_category.shape == (width,)
        and len(mapper.bin_thresholds_) == width
        and all(_asks_categories_only(one, by_category) for one in predictors)
        and (preprocessor is None or _keeps_width(preprocessor, width))
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
        and not preprocessor.transformer_weights
        and all(type(part) is OrdinalEncoder or _only_checks(part) for part, _ in used)
        and all(np.asarray(chosen).dtype == np.bool_ for _, chosen in used)
        and sum(int(np.sum(chosen)) for _, chosen in used) == width
    )


def _only_checks(part: Any) -> bool:
    func = part.func if type(part) is FunctionTransformer else None
    is_check = isinstance(func, functools.partial) and func.func is check_array
    return is_check and not part.kw_args


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


def _densities_fit(factor: Any) -> bool:
    """Whether each training row has its density, and the distances to its neighbours."""
    if not hasattr(factor, "_lrd"):
        return True
    rows = (factor.n_samples_fit_,)
    return bool(
        np.shape(factor._lrd) == rows
        and np.shape(factor._distances_fit_X_) == (*rows, factor.n_neighbors_)
        and np.shape(getattr(factor, "negative_outlier_factor_", factor._lrd)) == rows
    )


def _metric_fits(neighbours: Any) -> bool:
    """Whether the metric's arguments besides rows are its own numbers, one for each column, and no
    norms of rows, which compiled code would take on trust."""
    width = getattr(neighbours, "n_features_in_", None)
    row, square = (width,), (width, width)
    shapes = {"w": (row,), "V": (row, square), "VI": (square,)}
    given = (neighbours.metric_params, getattr(neighbours, "effective_metric_params_", None))
    measure = getattr(neighbours, "effective_metric_", neighbours.metric)
    by_function = callable(neighbours.metric) and neighbours.metric is measure
    return by_function or all(
        np.shape(value) in shapes.get(name, ((),))
        for parameters in given
        for name, value in (parameters or {}).items()
    )


def _labels_fit(neighbours: Any) -> bool:
    """Whether each training row's label is one of the classes."""
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


def _subclusters_fit(clusters: Any) -> bool:
    """Whether each subcluster has its label, and the squared length that distances are computed
    from."""
    if not hasattr(clusters, "subcluster_centers_"):
        return True
    centres = clusters.subcluster_centers_
    return bool(
        centres.shape == (len(centres), clusters.n_features_in_)
        and clusters._subcluster_norms.shape == (len(centres),)
        and clusters.subcluster_labels_.shape == (len(centres),)
    )


def _splines_fit(transformer: Any) -> bool:
    """Whether every column has a spline of the degree from which the columns are counted."""
    splines = getattr(transformer, "bsplines_", ())
    return all(type(one) is BSpline and one.k == transformer.degree for one in splines)


def _polynomials_fit(transformer: Any) -> bool:
    """Whether as many columns are allocated as are filled: others would show uninitialised
    memory."""
    if not hasattr(transformer, "n_output_features_"):
        return True
    told = (transformer._n_out_full, transformer.n_output_features_)
    degrees = (transformer._min_degree, transformer._max_degree)
    return all(isinstance(degree, int | np.integer) for degree in degrees) and told == tuple(
        PolynomialFeatures._num_combinations(
            transformer.n_features_in_,
            least,
            transformer._max_degree,
            transformer.interaction_only,
            transformer.include_bias,
        )
        for least in (0, transformer._min_degree)
    )


def _encodings_fit(encoder: Any) -> bool:
    """Whether each column has its numbers, for each class where there are several: as above."""
    if not hasattr(encoder, "encodings_"):
        return True
    several = len(encoder.classes_) if encoder.target_type_ == "multiclass" else 1
    return bool(len(encoder.encodings_) == encoder.n_features_in_ * several)


def _chain_fits(chain: Any) -> bool:
    """Whether each model of a chain has its place, and no two have the same one: as above."""
    if not hasattr(chain, "order_"):
        return True
    return bool(sorted(chain.order_) == list(range(len(chain.estimators_))))


def _hashes_somewhere(hasher: Any) -> bool:
    """A hash is divided by the number of columns."""
    return isinstance(hasher.n_features, int | np.integer) and bool(0 < hasher.n_features < 2**31)


_FITS: tuple[tuple[Any, Callable[[Any], bool]], ...] = (
    (BaseLibSVM, _support_vectors_fit),
    (BSpline, _spline_fits),
    (BaseGradientBoosting, _stages_fit),
    (BaseHistGradientBoosting, _histograms_fit),
    (TreePredictor, _bitsets_fit),
    (NeighborsBase, _neighbours_fit),
    (NeighborsBase, _metric_fits),
    (LocalOutlierFactor, _densities_fit),
    (KNeighborsClassifier | RadiusNeighborsClassifier, _labels_fit),
    (KMeans | MiniBatchKMeans | BisectingKMeans, _centres_fit),
    (Birch, _subclusters_fit),
    (SplineTransformer, _splines_fit),
    (FeatureHasher | HashingVectorizer, _hashes_somewhere),
    (PolynomialFeatures, _polynomials_fit),
    (TargetEncoder, _encodings_fit),
    (_BaseChain, _chain_fits),
)
