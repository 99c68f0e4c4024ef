"""Checks for learnt parameters that are NaN or infinite, with which every answer would be
meaningless.

Weights that a prediction reads must be finite. NaN and infinity are allowed elsewhere: as markers
of missing values, in attributes that only describe the training, in the threshold that separates
every value from missing ones, and in the scale of a column that was empty.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any, cast

import numpy as np
import pandas as pd
import scipy.sparse
from scipy.interpolate import BSpline
from sklearn.base import BaseEstimator
from sklearn.decomposition import PCA, FactorAnalysis, IncrementalPCA
from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import Kernel
from sklearn.impute import KNNImputer, SimpleImputer
from sklearn.linear_model import ARDRegression, BayesianRidge
from sklearn.metrics import DistanceMetric
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import BallTree, KDTree
from sklearn.neighbors._base import NeighborsBase
from sklearn.preprocessing import (
    MaxAbsScaler,
    MinMaxScaler,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
)
from sklearn.tree._tree import Tree

from model_host.loading.reading_state import damaged
from model_host.protocol.errors import HostError

_READ = """
    coef_ intercept_ coefs_ intercepts_ dual_coef_ _dual_coef_ _intercept_ support_vectors_
    _probA _probB _gamma offset_ best_threshold_ means_ scalings_ rotations_ xbar_ priors_
    centroids_ sigma_ X_offset_ X_scale_ _x_mean _x_std _y_mean _y_std x_rotations_
    theta_ var_ class_prior_ weights_ covariances_ precisions_cholesky_ mean_precision_
    degrees_of_freedom_ weight_concentration_ location_ precision_
    estimator_weights_ _baseline_prediction _average_path_length_per_tree _decision_path_lengths
    X_thresholds_ y_thresholds_ X_min_ X_max_ a_ b_ beta_ constant_ weights transformer_weights
    _fit_X _y _lrd _distances_fit_X_ cluster_centers_ subcluster_centers_ _subcluster_norms
    center _X_mean X_ label_distributions_ X_train_ L_ alpha_ pi_ W_sr_ _y_train_mean
    _y_train_std X_fit_ K_fit_rows_ K_fit_all_ _BaseLibSVM__Xfit
    components_ mean_ noise_variance_ eigenvalues_ eigenvectors_ dist_matrix_ embedding_
    exp_dirichlet_component_ intercept_hidden_ dictionary random_weights_ random_offset_
    normalization_ idf_ encodings_ target_mean_ bin_edges_ references_ within_class_std_dev_
    learning_rate
"""
_WEIGHTS = frozenset(_READ.split())
"""The attributes that predictions of scikit-learn's classes read, by the names that its classes
share: of linear models, support vectors and networks; of mixtures; of ensembles; of neighbours and
kernels; of transformers."""
_OF_SOME: dict[str, tuple[type, ...]] = {
    "var_": (GaussianNB,),
    "noise_variance_": (FactorAnalysis,),
    "alpha_": (GaussianProcessRegressor, BayesianRidge, ARDRegression),
}
"""Names of weights that in other classes only describe the training."""
_LOGARITHMS = frozenset({"class_log_prior_", "feature_log_prob_"})
"""Attributes that may be minus infinity, the logarithm of 0."""
_OF_COLUMNS: dict[type, tuple[str, ...]] = {
    StandardScaler: ("mean_", "var_", "scale_"),
    MinMaxScaler: ("min_", "scale_", "data_min_", "data_max_"),
    MaxAbsScaler: ("scale_", "max_abs_"),
    RobustScaler: ("center_", "scale_"),
    PowerTransformer: ("lambdas_",),
    QuantileTransformer: ("quantiles_",),
}
"""The attributes that these classes learn per column: NaN for a column without values."""
_MARKS = frozenset(
    {"missing_values", "fill_value", "unknown_value", "encoded_missing_value", "error_score"}
)
"""Parameters that name the marker of missing values."""


def check_learnt_numbers(part: Any) -> None:
    """Check the learnt numbers of ``part``. Raises HostError, which names the place of NaN or
    infinity."""
    if isinstance(part, Tree):
        _check_tree(part)
    elif isinstance(part, KDTree | BallTree):
        rows, metric = (part.__getstate__()[place] for place in (0, 11))
        _check("data", "search tree", rows)
        check_learnt_numbers(metric)
    elif isinstance(part, DistanceMetric):
        _check("numbers", type(part).__name__.rstrip("0123456789"), part.__getstate__()[1:])
    elif not type(part).__module__.startswith(("sklearn.", "scipy.interpolate.")):
        return
    elif isinstance(part, TreePredictor):
        _check_predictor(part)
    elif isinstance(part, BSpline):
        _check("coefficients", "BSpline", [part.t, part.c])
    elif isinstance(part, Kernel):
        _check_kernel(part)
    elif hasattr(part, "__dict__"):
        _check_attributes(part, vars(part))


def _check(name: str, holder: str, value: Any, is_fit: Callable[[Any], Any] = np.isfinite) -> None:
    if not all(bool(np.all(is_fit(numbers))) for numbers in _numbers(value)):
        raise HostError(
            "LOAD",
            f"`{name}` of the {holder} holds numbers that are not finite (NaN or infinity): the "
            "model would answer, but its answers would mean nothing. Train it again, look at what "
            "it learnt, then save it.",
        )


def _numbers(value: Any, depth: int = 0) -> Iterator[np.ndarray[Any, Any]]:
    """The numbers with a point in ``value``, in arrays; those in its lists and dicts, too."""
    if getattr(value, "dtype", np.dtype(float)).kind == "V":
        raise damaged("it keeps records where a model learns numbers")
    if isinstance(value, float | complex | np.inexact):
        yield np.asarray(value)
    elif scipy.sparse.issparse(value):
        yield from _numbers(value.data)
    elif isinstance(value, np.ndarray) and value.dtype.kind in "fc":
        yield value
    elif depth < 3 and isinstance(value, pd.Series | pd.DataFrame | pd.Index):
        yield from _numbers(value.to_numpy(), depth + 1)
    elif depth < 3 and isinstance(value, Mapping):
        for one in value.values():
            yield from _numbers(one, depth + 1)
    elif depth < 3 and isinstance(value, np.ndarray) and value.dtype == np.dtype(object):
        yield from _numbers(value.ravel().tolist(), depth)
    elif depth < 3 and isinstance(value, list | tuple):
        for one in value:
            yield from _numbers(one, depth + 1)


def _is_number(numbers: Any) -> Any:
    return ~np.isnan(numbers)


def _is_logarithm(numbers: Any) -> Any:
    return numbers < np.inf


def _is_threshold(numbers: Any) -> Any:
    """Infinity sends every value to the left and only what is missing to the right."""
    return numbers > -np.inf


def _check_attributes(part: Any, attributes: dict[str, Any]) -> None:
    name = type(part).__name__
    skipped: set[str] = set()
    for kind, of_columns in _OF_COLUMNS.items():
        if isinstance(part, kind):
            _check_columns(part, of_columns)
            skipped |= set(of_columns)
    if isinstance(part, KNNImputer) or (isinstance(part, NeighborsBase) and _may_miss(part)):
        skipped.add("_fit_X")
    skipped |= {one for one, kinds in _OF_SOME.items() if not isinstance(part, kinds)}
    for attribute in sorted((_WEIGHTS & attributes.keys()) - skipped):
        _check(attribute, name, attributes[attribute])
    for attribute in ("metric_params", "effective_metric_params_"):
        for parameter in {"w", "V", "VI"} & (attributes.get(attribute) or {}).keys():
            _check(attribute, name, attributes[attribute][parameter])
    for attribute in sorted(_LOGARITHMS & attributes.keys()):
        _check(attribute, name, attributes[attribute], _is_logarithm)
    if isinstance(part, PCA | IncrementalPCA) and part.whiten:
        _check("explained_variance_", name, attributes.get("explained_variance_"))
    if isinstance(part, SimpleImputer):
        _check("statistics_", name, attributes.get("statistics_"), lambda one: ~np.isinf(one))
    if isinstance(part, BaseEstimator):
        for parameter in _parameters(cast("Any", type(part))):
            if isinstance(attributes.get(parameter), float):
                _check(parameter, name, attributes[parameter], _is_number)


@cache
def _parameters(kind: Any) -> tuple[str, ...]:
    """The parameters that say how the class works."""
    return tuple(name for name in kind._get_param_names() if name not in _MARKS)


def _may_miss(neighbours: Any) -> bool:
    """Whether its measure takes rows that lack values."""
    metric = getattr(neighbours, "effective_metric_", None)
    return metric == "nan_euclidean" or callable(metric)


def _check_columns(scaler: Any, names: tuple[str, ...]) -> None:
    """Each column has numbers, or was empty: then all that was learnt of it is NaN."""
    learnt = [
        np.atleast_2d(one) for name in names if (one := getattr(scaler, name, None)) is not None
    ]
    if not learnt or any(one.dtype.kind not in "f" for one in learnt):
        return
    empty = np.isnan(learnt[0]).all(axis=0)
    if isinstance(scaler, StandardScaler):
        seen = getattr(scaler, "n_samples_seen_", 1)  # one that was made by hand does not say
        empty = empty & (np.asarray(seen) == 0)
    for name, numbers in zip(names, learnt, strict=False):
        fits = np.isfinite(numbers).all(axis=0) | (empty & np.isnan(numbers).all(axis=0))
        _check(name, type(scaler).__name__, np.where(fits, 0.0, np.nan))


def _check_kernel(kernel: Any) -> None:
    for name, value in vars(kernel).items():
        if not name.endswith("_bounds"):  # a Matern kernel of infinite nu is a smooth one
            is_fit = _is_number if name == "nu" else np.isfinite
            _check(name, type(kernel).__name__, value, is_fit)


def _check_tree(tree: Any) -> None:
    is_leaf = tree.children_left == -1
    _check("thresholds", "decision tree", tree.threshold[~is_leaf], _is_threshold)
    _check("values", "decision tree", tree.value[is_leaf])


def _check_predictor(predictor: Any) -> None:
    nodes = predictor.nodes
    is_leaf, by_category = nodes["is_leaf"] != 0, nodes["is_categorical"] != 0
    inner = nodes["num_threshold"][~is_leaf & ~by_category]
    _check("thresholds", "histogram tree", inner, _is_threshold)
    _check("values", "histogram tree", nodes["value"][is_leaf])
