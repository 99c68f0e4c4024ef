"""Honest models with one number changed, so that compiled code would read beyond their arrays.

Those of ``KILLS``, and the vocabularies, are seen to end a plain process. Of the others it is only
seen that a plain opening takes the file: reading beyond the end may happen to survive, and no harm
is shown.

Read through beside these in the libraries' code, where they seem to end in an error of Python, and
without a test of their own: the shape of a tree's values and the fields of its nodes; a decision
tree of fewer columns inside a forest; components of NMF and topics of another width; labels of
agglomerated features; infrequent categories; hashes of count sketches.
"""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.sparse
import skops.io
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.linear_model import LinearRegression
from sklearn.metrics import DistanceMetric
from sklearn.neighbors import (
    KNeighborsClassifier,
    KNeighborsRegressor,
    LocalOutlierFactor,
    RadiusNeighborsClassifier,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeRegressor, ExtraTreeRegressor

from model_host.loading.safe_load import load
from tests.model_host.estimators import specimen
from tests.model_host.every_estimator import every
from tests.model_host.test_hostile_files import dies, open_plainly, refusal_of

ROWS = np.random.default_rng(0).normal(size=(200, 4))
CLASSES = np.arange(200) % 3
PREDICT = (
    "row = pickle.load(file)\nimport numpy\nfor _ in range(200): model.predict(row); "
    "numpy.zeros(50)"
)

Bent = tuple[Any, Any]


def taken(name: str) -> tuple[Any, Any]:
    """Return a fitted estimator that may be bent, and rows to predict."""
    return copy.deepcopy(every(name).estimator), every(name).row


def support_vectors_of_a_thousand_classes() -> Bent:
    model, row = taken("SVC")
    model._n_support = np.zeros(3000, np.int32)
    model._n_support[0] = len(model.support_vectors_)
    return model, row


def support_beyond_the_vectors() -> Bent:
    model, row = taken("SVC")
    model.support_ = np.zeros(5_000_000, np.int32)
    return model, row


def stages_wider_than_their_sum() -> Bent:
    """Writes what its leaves say behind the array of sums."""
    model, row = taken("GradientBoostingRegressor")
    model.estimators_ = np.repeat(model.estimators_[:1], 5_000, axis=1)
    return model, row


def neighbours(position: int, value: Any, **metric: Any) -> Bent:
    model = KNeighborsRegressor(algorithm="ball_tree", **metric).fit(ROWS, ROWS[:, 0])
    state = list(model._tree.__getstate__())
    state[position] = value
    model._tree.__setstate__(tuple(state))
    return model, ROWS[:1]


def metric_without_numbers(metric: str, position: int, width: int, **numbers: Any) -> Bent:
    rows = np.random.default_rng(0).normal(size=(50, width))
    model = KNeighborsRegressor(algorithm="ball_tree", metric=metric, metric_params=numbers)
    model.fit(rows, rows[:, 0])
    measure = model._tree.__getstate__()[11]
    state = list(measure.__getstate__())
    state[position] = state[position][:0]
    measure.__setstate__(tuple(state))
    return model, rows[:1]


def spline(**bent: Any) -> Bent:
    model = copy.deepcopy(specimen("splines").estimator)
    for name, value in bent.items():
        setattr(model[0].bsplines_[0], name, value)
    return model, specimen("splines").row


def hashed_nowhere() -> Bent:
    """Divides by nought in compiled code."""
    model, row = taken("HashingVectorizer")
    model[0].n_features = 0
    return model, row


def calibrated_by_nothing() -> Bent:
    model = SVC().fit(scipy.sparse.csr_matrix(ROWS), CLASSES)
    model.probability = model._effective_probability = True  # before scikit-learn 1.9 the former
    return model, ROWS[:1]


KILLS: dict[str, Callable[[], Bent]] = {
    "support vectors of a thousand classes": support_vectors_of_a_thousand_classes,
    "support beyond the vectors": support_beyond_the_vectors,
    "stages wider than their sum": stages_wider_than_their_sum,
    "neighbours without a metric": lambda: neighbours(11, None),
    "Mahalanobis without its matrix": lambda: metric_without_numbers(
        "mahalanobis", 2, width=500, VI=np.eye(500)
    ),
    "a spline of degree a hundred million": lambda: spline(k=10**8),
    "hashes into no columns": hashed_nowhere,
    "calibrated support vectors without calibration": calibrated_by_nothing,
}


@pytest.mark.parametrize("name", KILLS)
def test_a_model_that_would_end_its_process_is_refused(name: str) -> None:
    model, row = KILLS[name]()

    refusal_of(pickle.dumps(model, 5), "damaged or was made by hand")

    assert dies(pickle.dumps(model) + pickle.dumps(row), PREDICT)


def without(model: Any, attribute: str, value: Any) -> Any:
    vars(model)[attribute] = value
    return model


def without_in(name: str, attribute: str, value: Any) -> Any:
    """Return a pipeline, of which the first step is bent."""
    model, _ = taken(name)
    without(model[0], attribute, value)
    return model


def of_categories() -> Any:
    return copy.deepcopy(specimen("histogram boosting on categories").estimator)


def categories_without_bits() -> Any:
    model = of_categories()
    for predictor in (one for several in model._predictors for one in several):
        rows = len(predictor.raw_left_cat_bitsets)
        predictor.raw_left_cat_bitsets = np.zeros((rows, 0), np.uint32)
        predictor.binned_left_cat_bitsets = predictor.raw_left_cat_bitsets
    return model


def categories_that_are_none() -> Any:
    model = of_categories()
    model._bin_mapper.is_categorical_ = np.zeros(0, np.uint8)
    return model


def columns_dropped_before_the_trees() -> Any:
    model = of_categories()
    kept = [one for one in model._preprocessor.transformers_ if one[0] == "encoder"]
    model._preprocessor.transformers_ = kept
    return model


def labelled(kind: Any, labels: np.ndarray) -> Any:
    return without(kind(algorithm="brute").fit(ROWS, CLASSES), "_y", labels)


def clusters_of_one_column(name: str) -> Any:
    model, _ = taken(name)
    if name == "BisectingKMeans":
        model._bisecting_tree.left.center = np.zeros(1)
    model.cluster_centers_ = model.cluster_centers_[:, : 4 if name == "BisectingKMeans" else 1]
    return model


def wide(tree: Any) -> Any:
    """Return a fitted tree that looks at columns up to the 5,000th."""
    rows = np.random.default_rng(0).normal(size=(50, 5_000))
    return tree.fit(rows, rows[:, 4_999])


def with_a_tree_for_show(name: str) -> Any:
    """Return the attribute of a single tree, on an ensemble that asks others."""
    model, _ = taken(name)
    shown = np.ravel(model.estimators_)[0].tree_
    tree = wide(DecisionTreeRegressor(max_depth=4))
    tree.n_features_in_ = model.n_features_in_
    if isinstance(model.estimators_, list):
        model.estimators_[1:] = [tree, tree]
    else:
        model.estimators_[1:, :] = tree
    model.tree_ = shown
    return model


def isolation_by_other_columns() -> Any:
    model, _ = taken("IsolationForest")
    model.estimators_[1] = wide(ExtraTreeRegressor(max_depth=4))
    model.estimators_[1].n_features_in_ = model.n_features_in_
    return model


def a_tree_of_no_known_width() -> Any:
    model, _ = taken("DecisionTreeRegressor")
    del model.n_features_in_
    return model


def subclusters(**bent: Any) -> Any:
    model, _ = taken("Birch")
    vars(model).update(bent)
    return model


def neighbours_by(attribute: str, **numbers: Any) -> Any:
    model = KNeighborsRegressor(algorithm="brute").fit(ROWS, CLASSES)
    return without(model, attribute, numbers)


def columns_weighed_away() -> Any:
    model = of_categories()
    nothing = np.empty((1, 0))
    model._preprocessor.transformer_weights = {"numerical": nothing, "encoder": nothing}
    return model


def a_metric_of_one_column() -> Any:
    """In compiled code it looks at as many columns as it has rows."""
    rows = np.random.default_rng(0).normal(size=(50, 4))
    metric = DistanceMetric.get_metric("mahalanobis", VI=np.eye(4))
    state = list(metric.__getstate__())
    state[2] = state[2][:, :1].copy()
    metric.__setstate__(tuple(state))
    model = KNeighborsRegressor(algorithm="brute").fit(rows, rows[:, 0])
    return without(model, "metric", metric)


def splines_of_another_degree() -> Any:
    model = copy.deepcopy(specimen("splines").estimator)
    model[0].degree = 60
    return model


def diagonals_far_outside() -> Any:
    matrix = scipy.sparse.dia_matrix(np.eye(4))
    matrix.offsets = np.array([2**31 - 1], dtype=np.int32)
    return without(taken("Ridge")[0], "kept_", matrix)


def diagonals_without_data() -> Any:
    model, _ = taken("Ridge")
    matrix = scipy.sparse.dia_matrix(np.eye(4))
    matrix.offsets = np.arange(1000, dtype=np.int32)
    return without(model, "kept_", matrix)


READS_BEYOND: dict[str, Callable[[], Any]] = {
    "coefficients of fewer classes": lambda: without(
        taken("SVC")[0], "_dual_coef_", np.zeros((1, 1))
    ),
    "a support vector machine without intercepts": lambda: without(
        taken("NuSVC")[0], "_intercept_", np.zeros(1)
    ),
    "probabilities of a support vector machine": lambda: without(
        taken("SVC")[0], "_probA", np.zeros(3)
    ),
    "bounds of no dimension": lambda: neighbours(3, np.zeros((0, 7, 4)))[0],
    "2 to the power of 2 to the power of 61 nodes": lambda: neighbours(5, 2**61)[0],
    "leaves of no size": lambda: neighbours(4, 0)[0],
    "scaled distances without scales": lambda: metric_without_numbers(
        "seuclidean", 1, width=4, V=np.ones(4)
    )[0],
    "a spline without knots": lambda: spline(t=np.zeros(3))[0],
    "a spline without weights": lambda: spline(c=np.zeros(1))[0],
    "a spline of complex weights": lambda: spline(c=np.zeros(8, complex))[0],
    "a spline of a negative degree": lambda: spline(k=-5)[0],
    "categories without bits": categories_without_bits,
    "categories that are none": categories_that_are_none,
    "columns dropped before the trees": columns_dropped_before_the_trees,
    "labels beyond the classes": lambda: labelled(KNeighborsClassifier, CLASSES + 10**12),
    "labels below the classes": lambda: labelled(RadiusNeighborsClassifier, CLASSES - 10**12),
    "labels for some rows": lambda: labelled(KNeighborsClassifier, CLASSES[:5]),
    "centres of one column": lambda: clusters_of_one_column("KMeans"),
    "centres of one column, in batches": lambda: clusters_of_one_column("MiniBatchKMeans"),
    "a centre of one column inside": lambda: clusters_of_one_column("BisectingKMeans"),
    "neighbours of one column": lambda: without(
        KNeighborsRegressor(algorithm="brute").fit(ROWS, CLASSES), "_fit_X", ROWS[:, :1]
    ),
    "more neighbours than there are": lambda: without(
        KNeighborsRegressor(algorithm="brute").fit(ROWS, CLASSES), "n_samples_fit_", 10**9
    ),
    "densities of one row": lambda: without(
        LocalOutlierFactor(novelty=True).fit(ROWS), "_lrd", np.ones(1)
    ),
    "distances of one neighbour": lambda: without(
        LocalOutlierFactor(novelty=True).fit(ROWS), "_distances_fit_X_", np.ones((200, 1))
    ),
    "distances of one row": lambda: without(
        LocalOutlierFactor(novelty=True).fit(ROWS), "_distances_fit_X_", np.ones((1, 20))
    ),
    "diagonals without data": diagonals_without_data,
    "diagonals far outside": diagonals_far_outside,
    "a forest with a tree for show": lambda: with_a_tree_for_show("RandomForestRegressor"),
    "boosting with a tree for show": lambda: with_a_tree_for_show("GradientBoostingRegressor"),
    "an isolation forest of other columns": isolation_by_other_columns,
    "a tree of no known width": a_tree_of_no_known_width,
    "subclusters without their norms": lambda: subclusters(_subcluster_norms=np.zeros(1)),
    "subclusters without their labels": lambda: subclusters(subcluster_labels_=np.zeros(1, int)),
    "norms of rows among the numbers of a metric": lambda: neighbours_by(
        "effective_metric_params_", Y_norm_squared=np.zeros(1)
    ),
    "norms of inputs among the numbers of a metric": lambda: neighbours_by(
        "metric_params", X_norm_squared=np.zeros(1)
    ),
    "weights of a metric for other columns": lambda: neighbours_by(
        "effective_metric_params_", w=np.ones(1)
    ),
    "columns weighed away before the trees": columns_weighed_away,
    "a boosting that is still being fitted": lambda: without(
        taken("HistGradientBoostingRegressor")[0], "_in_fit", True
    ),
    "a billion trees in each round": lambda: without(
        taken("HistGradientBoostingClassifier")[0], "n_trees_per_iteration_", 10**9
    ),
    "support vectors of no classes": lambda: without(
        without(taken("SVC")[0], "_n_support", np.full(3, 10**7, np.int32)), "classes_", [0]
    ),
    "a metric of one column": a_metric_of_one_column,
    "splines of another degree": splines_of_another_degree,
    "polynomials with room for more": lambda: without_in(
        "PolynomialFeatures", "_n_out_full", 10**6
    ),
    "polynomials of which more are told": lambda: without_in(
        "PolynomialFeatures", "n_output_features_", 3
    ),
    "encodings of some columns": lambda: without_in("TargetEncoder", "encodings_", []),
    "a chain in which two have one place": lambda: without(
        taken("RegressorChain")[0], "order_", [0, 0]
    ),
}


@pytest.mark.parametrize("name", READS_BEYOND)
def test_a_model_whose_arrays_do_not_fit_one_another_is_refused(name: str) -> None:
    model = READS_BEYOND[name]()
    data = pickle.dumps(model)

    refusal_of(data, "damaged or was made by hand")

    assert type(open_plainly(data)) is type(model)


def test_a_tree_that_is_deeper_than_it_says_is_refused() -> None:
    """Its paths are written to an array that is as long as it says."""
    model, _ = taken("DecisionTreeRegressor")
    model.tree_.__setstate__({**model.tree_.__getstate__(), "max_depth": 0})
    data = pickle.dumps(model)

    refusal_of(data, "a decision tree leads outside itself")

    rows = pickle.dumps(np.random.default_rng(0).uniform(0, 1, (500_000, 4)))
    assert dies(data + rows, "model.decision_path(pickle.load(file))")


def test_a_first_sum_of_fewer_rows_is_refused_at_the_prediction() -> None:
    """Compiled code adds the stages to it, in a row for each row of the inputs."""
    model = GradientBoostingRegressor(n_estimators=2).fit(ROWS, ROWS[:, 0])
    highest = FunctionTransformer(np.max, kw_args={"axis": 0, "keepdims": True})
    model.init_ = make_pipeline(highest, LinearRegression()).fit(ROWS[:1], [1.0])
    rows = np.zeros((3_000_000, 4), np.float32)
    loaded = load(pickle.dumps(model), "pickle").estimator

    assert loaded.predict(rows[:1]).shape == (1,)
    with pytest.raises(ValueError, match="has not the shape of its stages"):
        loaded.predict(rows)

    assert dies(pickle.dumps(model) + pickle.dumps(rows), "model.predict(pickle.load(file))")


def test_room_that_is_not_filled_would_show_what_was_in_memory() -> None:
    """It is the room of what was computed before: of another prediction, say."""
    model, row = taken("PolynomialFeatures")
    model[0]._n_out_full += 1_000

    secret = np.full(1_000 * len(row) + 30, 7.0)
    del secret
    shown = model[0].transform(row)

    assert shown.shape[1] > 1_000
    refusal_of(pickle.dumps(model), "do not fit one another")


def test_a_model_bent_in_a_skops_file_is_refused_as_well() -> None:
    for bent in (support_beyond_the_vectors, stages_wider_than_their_sum):
        model, _ = bent()
        if bent is stages_wider_than_their_sum:
            model.estimators_ = model.estimators_[:, :50]

        refusal_of(skops.io.dumps(model), "do not fit one another")


@pytest.mark.parametrize(
    "bent", [{"axis": "first"}, {"extrapolate": "sideways"}, {"k": 3.0}], ids=str
)
def test_a_spline_whose_parts_are_of_other_types_is_refused(bent: dict[str, Any]) -> None:
    model, _ = spline(**bent)

    refusal_of(pickle.dumps(model), "`BSpline` is used with values that no honest file has")


def wide_vocabulary(name: str) -> Bent:
    model, row = taken(name)
    model[0].vocabulary_ = {word: n * 10**8 for word, n in model[0].vocabulary_.items()}
    return model, row


@pytest.mark.parametrize("name", ["DictVectorizer", "CountVectorizer"])
def test_a_vocabulary_that_points_outside_is_refused_at_the_prediction(name: str) -> None:
    """Its numbers become the indices of a sparse matrix, which SciPy would take on trust."""
    model, row = wide_vocabulary(name)
    loaded = load(pickle.dumps(model), "pickle").estimator

    with pytest.raises(ValueError, match=r"ind(ices|ex values) must be"):
        loaded.predict(row)

    assert dies(pickle.dumps(model) + pickle.dumps(row), PREDICT)


def test_a_pipeline_that_holds_itself_is_refused() -> None:
    model, _ = taken("Pipeline")
    model.steps.append(("again", model))
    data = pickle.dumps(model)

    refusal_of(data, "a part of it contains itself")

    again = open_plainly(data)
    assert again.steps[-1][1] is again


def test_threads_of_the_machine_that_trained_are_not_asked_for() -> None:
    model, row = taken("KMeans")
    model._n_threads = 1_000_000

    loaded = load(pickle.dumps(model), "pickle").estimator

    assert loaded._n_threads == 1
    assert loaded.predict(row).shape == (2,)
