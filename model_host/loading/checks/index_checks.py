"""Checks of the indices in a model that compiled code uses without a bounds check.

scikit-learn's trees, histogram predictors and neighbour trees hold indices into their own arrays;
an index out of bounds would read arbitrary memory at the first prediction.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse
from sklearn.ensemble import IsolationForest
from sklearn.ensemble._forest import BaseForest
from sklearn.ensemble._gb import BaseGradientBoosting
from sklearn.ensemble._hist_gradient_boosting.gradient_boosting import BaseHistGradientBoosting
from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor
from sklearn.metrics import DistanceMetric
from sklearn.neighbors import BallTree, KDTree
from sklearn.tree import BaseDecisionTree
from sklearn.tree._tree import Tree

from model_host.loading.reading_state import damaged

_OUTSIDE = "a {} leads outside itself"


def check_indices(part: Any) -> None:
    """Check the indices in ``part``. Raises HostError for one out of bounds."""
    if isinstance(part, Tree):
        _check_tree(part)
    elif isinstance(part, TreePredictor):
        _check_predictor(part)
    elif isinstance(part, KDTree | BallTree):
        _check_neighbour_tree(part)
    elif isinstance(part, DistanceMetric):
        _check_metric(part)
    elif isinstance(part, np.random.RandomState | np.random.Generator):
        _check_generator(part)
    elif scipy.sparse.issparse(part):
        _check_sparse(part)
    elif isinstance(part, BaseDecisionTree):
        _check_own_tree(part)
    elif isinstance(part, BaseForest | BaseGradientBoosting | IsolationForest):
        _check_trees(part)
    elif isinstance(part, BaseHistGradientBoosting):
        _check_histogram_features(part)


def _descends(left: Any, right: Any, inner: Any) -> bool:
    """Whether the children of every inner node lie behind it and inside the tree: then every walk
    from the root ends, and ends inside."""
    count = len(inner)
    numbers = np.flatnonzero(inner)
    return all(
        bool(((child[inner] > numbers) & (child[inner] < count)).all()) for child in (left, right)
    )


def _check_tree(tree: Any) -> None:
    inner = tree.children_left != -1
    features = tree.feature[inner]
    if (
        tree.node_count < 1
        or tree.n_outputs < 1
        or (tree.n_classes < 1).any()
        or not _descends(tree.children_left, tree.children_right, inner)
        or (features < 0).any()
        or (features >= tree.n_features).any()
        or _depth(tree) > tree.max_depth + 1  # of which paths are allotted
    ):
        raise damaged(_OUTSIDE.format("decision tree"))


def _depth(tree: Any) -> int:
    """The number of nodes on the longest path. Before scikit-learn 1.3 a tree does not tell."""
    if hasattr(tree, "compute_node_depths"):
        return int(tree.compute_node_depths().max())
    depth, level = 0, np.array([0])
    while len(level) and depth <= tree.max_depth + 1:
        depth += 1
        level = level[tree.children_left[level] != -1]
        level = np.unique([tree.children_left[level], tree.children_right[level]])
    return depth


def _check_predictor(predictor: Any) -> None:
    try:
        nodes, sets = predictor.nodes, predictor.raw_left_cat_bitsets
        inner = nodes["is_leaf"] == 0
        by_category = nodes["bitset_idx"][inner & (nodes["is_categorical"] != 0)]
        fits = (
            len(nodes) > 0
            and _descends(nodes["left"].astype(np.int64), nodes["right"].astype(np.int64), inner)
            and sets.shape == predictor.binned_left_cat_bitsets.shape
            and (by_category < len(sets)).all()
            and (nodes["feature_idx"][inner] >= 0).all()
        )
    except (TypeError, ValueError, IndexError, AttributeError) as error:
        raise damaged(_OUTSIDE.format("histogram tree")) from error
    if not fits:
        raise damaged(_OUTSIDE.format("histogram tree"))


def _check_neighbour_tree(tree: Any) -> None:
    data, places, nodes, bounds, leaf, levels, count, *_, metric, weights = tree.__getstate__()
    rows, columns = data.shape
    numbers = np.arange(len(nodes))
    if not (
        0 < levels < 48
        and leaf > 0
        and count == len(nodes) == 2**levels - 1
        and places.shape == (rows,)
        and ((places >= 0) & (places < rows)).all()
        and bounds.shape == (2 if isinstance(tree, KDTree) else 1, count, columns)
        and isinstance(metric, DistanceMetric)
        and _measures(metric, columns)
        and (weights is None or weights.shape == (rows,))
        and (nodes["idx_start"] >= 0).all()
        and (nodes["idx_start"] <= nodes["idx_end"]).all()
        and (nodes["idx_end"] <= rows).all()
        and (2 * numbers[nodes["is_leaf"] == 0] + 2 < count).all()
    ):
        raise damaged(_OUTSIDE.format("tree of neighbours"))


def _check_metric(metric: Any) -> None:
    """Check that a metric's matrix has as many rows as it takes columns."""
    _, vector, matrix = metric.__getstate__()[:3]
    if vector.ndim != 1 or matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise damaged(_OUTSIDE.format(type(metric).__name__))


def _measures(metric: Any, columns: int) -> bool:
    """Whether the metric's own numbers are as many as the columns, where it has such."""
    _, vector, matrix = metric.__getstate__()[:3]
    kind = type(metric).__name__.rstrip("0123456789")
    if kind == "MahalanobisDistance":
        return bool(matrix.shape == (columns, columns))
    if kind == "SEuclideanDistance" or (kind == "MinkowskiDistance" and vector.size > 0):
        return bool(vector.shape == (columns,))
    return kind != "HaversineDistance" or columns == 2


def _check_generator(generator: Any) -> None:
    source = getattr(generator, "bit_generator", None) or generator._bit_generator
    state = source.state
    position = state["state"].get("pos", 0) if isinstance(state["state"], dict) else 0
    if not (0 <= position <= 624 and 0 <= state.get("buffer_pos", 0) <= 4):
        raise damaged(_OUTSIDE.format("random generator"))


def _check_sparse(matrix: Any) -> None:
    try:
        fits = all(type(length) is int and length >= 0 for length in matrix.shape)
        match matrix.format:
            case "csr" | "csc":
                matrix.check_format(full_check=True)
            case "coo":
                matrix._check()
            case _:
                offsets, (rows, columns) = matrix.offsets, matrix.shape
                fits = fits and len(np.unique(offsets)) == len(offsets) == len(matrix.data)
                fits = fits and matrix.data.ndim == 2 and offsets.dtype.kind == "i"
                fits = fits and bool(((offsets > -rows) & (offsets < columns)).all())
    except (ValueError, AttributeError, TypeError, IndexError) as error:
        raise damaged(_OUTSIDE.format("sparse matrix")) from error
    if not fits:
        raise damaged(_OUTSIDE.format("sparse matrix"))


def always_check_sparse() -> None:
    """Make SciPy check every index of every sparse matrix from now on, not only of those in the
    file: fitted numbers become indices at each prediction, as the vocabulary of a vectorizer."""
    kind = scipy.sparse._compressed._cs_matrix
    checked = kind.check_format
    kind.check_format = lambda matrix, full_check=True: checked(matrix, True)


def _check_own_tree(part: Any) -> None:
    """Check that the estimator accepts as many columns as its tree uses."""
    if not hasattr(part, "tree_"):
        return
    told = (getattr(part, "n_features_in_", None), getattr(part, "n_outputs_", None))
    tree = part.tree_
    if type(tree) is not Tree or (tree.n_features, tree.n_outputs) != told:
        raise damaged(_OUTSIDE.format(type(part).__name__))


def _check_trees(part: Any) -> None:
    """An ensemble checks its inputs once, for all of the trees that it asks. Those of an isolation
    forest are asked for as many columns as each has drawn."""
    drawn = "_max_features" if isinstance(part, IsolationForest) else "n_features_in_"
    expected = getattr(part, drawn, None)
    for owner in np.ravel(getattr(part, "estimators_", [])):
        tree: Any = getattr(owner, "tree_", None)
        fits = isinstance(owner, BaseDecisionTree) and type(tree) is Tree
        if not fits or tree.n_features != expected:
            raise damaged(_OUTSIDE.format(type(part).__name__))


def _check_histogram_features(part: Any) -> None:
    expected = getattr(part, "n_features_in_", 0)
    if getattr(part, "_in_fit", False):  # then it takes its inputs as they come
        raise damaged(_OUTSIDE.format(type(part).__name__))
    for predictor in (one for several in getattr(part, "_predictors", ()) for one in several):
        if not isinstance(predictor, TreePredictor):
            raise damaged(_OUTSIDE.format(type(part).__name__))
        nodes = predictor.nodes
        if (nodes["feature_idx"][nodes["is_leaf"] == 0] >= expected).any():
            raise damaged(_OUTSIDE.format(type(part).__name__))
