"""States and names that are honest singly and hostile together; and boosters, by a setting.

Thought through beside these by reading our code and that of the libraries, and found closed, but
without a test of their own: text that says it is a type (`np.str_` as a name of a field);
sub-arrays, titles and metadata in a dtype; a dtype whose size or flags lie; a field of objects
inside a field; scalars of structured and of empty types; masks of another length; keys of other
bit generators; `__slots__`, `(None, slots)` states and states that are no dict; a class, a module's
attribute or an `np.memmap` through an alias; `__setstate_cython__` and every `__pyx_unpickle_*`
but the two that have a maker; a second state after the first through the memo; a state given to an
array before its memory is there; tokenizers, analyzers, metrics, kernels, scorers and `func`s that
are not on the list; `memory` that is an object; steps that are text, numbers or classes; dicts with
a node's key in skops at every depth; JSON nodes that pose as types.

Left to the limits of time and memory: regular expressions that backtrack, dicts whose keys collide,
and parameters that only ask for much (`n_neighbors`, `max_iter`).
"""

from __future__ import annotations

import copy
import functools
import operator
import pickle
import sys
import types
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import scipy.special
import skops.io
from scipy.interpolate import BSpline
from scipy.spatial import distance
from sklearn.base import BaseEstimator
from sklearn.cluster import FeatureAgglomeration
from sklearn.cluster._kmeans import _kmeans_single_lloyd
from sklearn.feature_extraction.text import (
    CountVectorizer,
    TfidfVectorizer,
    strip_accents_ascii,
    strip_tags,
)
from sklearn.feature_selection import SelectKBest, f_classif, mutual_info_regression
from sklearn.gaussian_process.kernels import RBF
from sklearn.impute import SimpleImputer
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.metrics import f1_score
from sklearn.metrics.pairwise import chi2_kernel, laplacian_kernel, rbf_kernel
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import MultinomialNB
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, normalize
from sklearn.svm import SVR
from sklearn.utils import Bunch, check_array

from model_host.loading.byte_stream import ByteStream
from model_host.loading.checks.function_roles import _resolved
from model_host.loading.pickle_machine import read_pickle
from model_host.loading.reading_state import Reading
from model_host.loading.safe_load import load
from model_host.protocol.errors import HostError
from tests.model_host.estimators import amounts, numbers, specimen
from tests.model_host.every_estimator import every
from tests.model_host.test_hostile_files import (
    Call,
    appears,
    dies,
    dumped,
    infected,
    named,
    open_plainly,
    program,
    refusal_of,
    text,
)


def test_the_fields_of_an_array_type_cannot_be_changed_after_they_were_checked() -> None:
    """NumPy keeps the very dict of the state; set an item of it later, and numbers are objects."""
    dtype = pickle.dumps(np.dtype([("a", "f8")]), 2)[2:-1]
    fields = dtype[dtype.index(b"}q") + 2 :][:1]
    array = (
        named("numpy._core.multiarray", "_reconstruct")
        + named("numpy", "ndarray")
        + b"K\x00\x85C\x01b\x87R(K\x01K\x01\x85"
        + dtype
        + b"\x89C\x08AAAAAAAAtb"
    )
    poison = b"h" + fields + text("a") + pickle.dumps(np.dtype("O"), 2)[2:-1] + b"K\x00\x86s0"
    data = program(array, poison)

    loaded = read_pickle(ByteStream(data, 1 << 20), Reading(frozenset(), 1000))

    assert loaded["a"].dtype == np.float64
    assert dies(data, "print(model['a'])")


def test_a_method_that_depends_on_the_steps_cannot_be_replaced_either() -> None:
    model = copy.deepcopy(specimen("mixed columns, forest").estimator)
    model.predict = np.max
    data = dumped(model)

    refusal_of(data, "replaces `predict` of the class Pipeline")

    assert open_plainly(data).predict is np.max


def test_a_constant_of_a_class_cannot_be_replaced() -> None:
    """It says which of libsvm's machines the arrays are for."""
    model = copy.deepcopy(every("SVC").estimator)
    model._impl = "epsilon_svr"
    data = dumped(model)

    refusal_of(data, "replaces `_impl` of the class SVC")

    assert open_plainly(data)._impl == "epsilon_svr"


@pytest.mark.parametrize("write", [pickle.dumps, skops.io.dumps])
def test_no_attribute_is_special_in_any_format(write: Any) -> None:
    model = LinearRegression()
    vars(model)["__sklearn_is_fitted__"] = np.max
    data = write(model)

    refusal_of(data, "sets a special attribute of a LinearRegression")

    plain = open_plainly(data) if write is pickle.dumps else skops.io.loads(data, ["numpy.max"])
    assert plain.__sklearn_is_fitted__ is np.max


def test_a_model_cannot_keep_the_inputs_of_one_prediction_for_the_next() -> None:
    kept = {"out": np.zeros((1, 4)), "where": np.zeros((1, 4), bool)}
    keeping = FunctionTransformer(np.positive, kw_args=kept)
    model = make_pipeline(keeping, Ridge())
    model.steps[1][1].fit(numbers().to_numpy(), amounts())
    data = dumped(model)

    refusal_of(data, "has its function write to an array of the model")

    plain = open_plainly(data)[0]
    plain.kw_args["where"][:] = True
    plain.transform(np.full((1, 4), 7.0))
    plain.kw_args["where"][:] = False
    assert plain.transform(np.full((1, 4), 1.0)).tolist() == [[7.0] * 4]


MAPPINGS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "OrderedDict": OrderedDict,
    "defaultdict": lambda given: defaultdict(int, given),
    "Bunch": lambda given: Bunch(**given),
}


@pytest.mark.parametrize("write", [pickle.dumps, skops.io.dumps])
@pytest.mark.parametrize("kind", MAPPINGS)
def test_no_mapping_hides_that_a_function_writes_to_the_model(kind: str, write: Any) -> None:
    kept = np.zeros((1, 4))
    for keywords in ("kw_args", "inv_kw_args"):
        model = make_pipeline(FunctionTransformer(np.positive), Ridge())
        model.steps[1][1].fit(numbers().to_numpy(), amounts())
        vars(model[0])[keywords] = MAPPINGS[kind]({"out": kept})

        refusal_of(write(model), "has its function write to an array of the model")

    keeping = FunctionTransformer(np.positive, kw_args=MAPPINGS[kind]({"out": kept}))
    assert keeping.transform(np.full((1, 4), 7.0)) is kept


@pytest.mark.parametrize("kind", MAPPINGS)
def test_words_of_one_person_do_not_enter_the_vocabulary(kind: str) -> None:
    model = make_pipeline(CountVectorizer(), MultinomialNB()).fit(["good day", "bad day"], [0, 1])
    known = dict(model[0].vocabulary_)
    model[0].vocabulary_ = MAPPINGS[kind](known)
    data = pickle.dumps(model)

    loaded = load(data, "pickle").estimator

    assert loaded.predict(["good secret"]).shape == (1,)
    assert type(loaded[0].vocabulary_) is dict
    assert loaded[0].vocabulary_ == known
    if kind == "defaultdict":
        plain = pickle.loads(data)
        with pytest.raises(ValueError, match="features"):
            plain.predict(["good secret"])
        assert "secret" in plain[0].vocabulary_


def test_a_mapping_deep_inside_makes_no_entries_either() -> None:
    model = infected((defaultdict(list), [{"in": defaultdict(int, {"a": 1})}]))

    (first, (second,)) = load(pickle.dumps(model), "pickle").estimator.extra_[0]

    for mapping in (first, second["in"]):
        with pytest.raises(KeyError):
            mapping["b"]


# Functions


def transformation(function: Any) -> Any:
    model = make_pipeline(FunctionTransformer(np.abs), Ridge())
    model.steps[1][1].fit(numbers().to_numpy(), amounts())
    model[0].func = function
    return model


def with_attribute(name: str, attribute: str, function: Any) -> Any:
    model = copy.deepcopy(every(name).estimator)
    vars(model[0] if isinstance(model, Pipeline) else model)[attribute] = function
    return model


def scorer_of(function: Any) -> Any:
    model = copy.deepcopy(specimen("tuned threshold").estimator)
    model._curve_scorer._score_func = function
    return model


def spline() -> Any:
    return BSpline(np.arange(8.0), np.ones(4), 3)


OUT_OF_PLACE: dict[str, tuple[Callable[[], Any], str]] = {
    "a step of k-means as a transformation": (
        lambda: transformation(_kmeans_single_lloyd),
        "function `_kmeans_single_lloyd` as `func` of a FunctionTransformer",
    ),
    "a score as a transformation": (
        lambda: transformation(mutual_info_regression),
        "function `mutual_info_regression` as `func` of a FunctionTransformer",
    ),
    "a measure as a transformation": (
        lambda: transformation(f1_score),
        "function `f1_score` as `func` of a FunctionTransformer",
    ),
    "a type as a transformation": (
        lambda: transformation(list),
        "type `list` as `func` of a FunctionTransformer",
    ),
    "a function of numbers as a kernel": (
        lambda: with_attribute("SVR", "kernel", np.positive),
        "function `positive` as `kernel` of a SVR",
    ),
    "a function of numbers as a metric": (
        lambda: with_attribute("KNeighborsRegressor", "metric", np.positive),
        "function `positive` as `metric` of a KNeighborsRegressor",
    ),
    "a function of numbers as a measure in use": (
        lambda: with_attribute("KNeighborsRegressor", "effective_metric_", np.positive),
        "function `positive` as `effective_metric_` of a KNeighborsRegressor",
    ),
    "a sum as weights": (
        lambda: with_attribute("KNeighborsRegressor", "weights", np.sum),
        "function `sum` as `weights` of a KNeighborsRegressor",
    ),
    "a type as a tokenizer": (
        lambda: with_attribute("CountVectorizer", "tokenizer", list),
        "type `list` as `tokenizer` of a CountVectorizer",
    ),
    "a function of arrays as an analyzer": (
        lambda: with_attribute("HashingVectorizer", "analyzer", np.ravel),
        "function `ravel` as `analyzer` of a HashingVectorizer",
    ),
    "a sum as a score": (
        lambda: with_attribute("SelectKBest", "score_func", np.sum),
        "function `sum` as `score_func` of a SelectKBest",
    ),
    "a score as a pool": (
        lambda: with_attribute("FeatureAgglomeration", "pooling_func", f_classif),
        "function `f_classif` as `pooling_func` of a FeatureAgglomeration",
    ),
    "a function of numbers as a step of k-means": (
        lambda: with_attribute("BisectingKMeans", "_kmeans_single", np.positive),
        "function `positive` as `_kmeans_single` of a BisectingKMeans",
    ),
    "a function of numbers as a measure": (
        lambda: scorer_of(np.positive),
        "function `positive` as `_score_func` of a _CurveScorer",
    ),
    "a function in a list of an attribute": (
        lambda: infected([{"a": (np.positive,)}]),
        "function `positive` as `extra_` of a LinearRegression",
    ),
    "a list as a transformation": (
        lambda: transformation([np.abs]),
        "object `list` as `func` of a FunctionTransformer",
    ),
    "a spline as a transformation": (
        lambda: transformation(spline()),
        "object `BSpline` as `func` of a FunctionTransformer",
    ),
    "a spline as a kernel": (
        lambda: with_attribute("SVR", "kernel", spline()),
        "object `BSpline` as `kernel` of a SVR",
    ),
    "a table as a transformation": (
        lambda: transformation(np.eye(2)),
        "object `ndarray` as `func` of a FunctionTransformer",
    ),
    "a spline as the importance of columns": (
        lambda: with_attribute("SelectFromModel", "importance_getter", spline()),
        "object `BSpline` as `importance_getter` of a SelectFromModel",
    ),
    "a partial where no function may be": (
        lambda: with_attribute("SVC", "kernel", functools.partial(check_array)),
        "function `partial` as `kernel` of a SVC",
    ),
}


@pytest.mark.parametrize("name", OUT_OF_PLACE)
def test_a_function_stands_only_where_honest_models_keep_it(name: str) -> None:
    make, words = OUT_OF_PLACE[name]
    data = pickle.dumps(make())

    error = refusal_of(data, words)

    assert "made by hand" not in error.message
    assert open_plainly(data) is not None


def test_a_function_that_the_libraries_here_lack_takes_no_other_along() -> None:
    assert _resolved(frozenset({("numpy", "abs"), ("numpy", "absent")})) == (np.abs,)


def test_a_ufunc_as_a_kernel_writes_one_persons_inputs_over_the_rows_it_was_trained_on() -> None:
    model = SVR(kernel="linear").fit(numbers().to_numpy(), amounts())
    model.kernel, rows = np.positive, np.zeros((1, 4))
    vars(model)["_BaseLibSVM__Xfit"] = rows

    refusal_of(pickle.dumps(model), "as `kernel` of a SVR")

    model._compute_kernel(np.full((1, 4), 7.0))
    assert rows.tolist() == [[7.0] * 4]


def test_an_object_is_looked_at_in_every_place_where_it_stands() -> None:
    model = transformation(np.abs)
    model[1].kept_ = model[0].func = spline()

    refusal_of(pickle.dumps(model), "object `BSpline` as `func` of a FunctionTransformer")


HONEST_FUNCTIONS: dict[str, Callable[[], Any]] = {
    "clipped": lambda: FunctionTransformer(np.clip, kw_args={"a_min": 0, "a_max": 9}),
    "summed up": lambda: FunctionTransformer(np.sum, kw_args={"axis": 1, "keepdims": True}),
    "an ordered mapping of keywords": lambda: FunctionTransformer(
        np.nan_to_num, kw_args=OrderedDict(nan=0.0)
    ),
    "logits": lambda: FunctionTransformer(scipy.special.expit),
    "filled with the highest": lambda: SimpleImputer(strategy=np.max),
    "pooled by the median": lambda: FeatureAgglomeration(2, pooling_func=np.median),
    "scored": lambda: SelectKBest(mutual_info_regression, k=2),
    "scored with keywords": lambda: SelectKBest(
        functools.partial(mutual_info_regression, random_state=0), k=2
    ),
    "reshaped": lambda: FunctionTransformer(np.reshape, kw_args={"shape": (-1, 4)}),
    "the larger of both": lambda: FunctionTransformer(functools.partial(np.maximum, 0.5)),
    "clipped by a partial": lambda: FunctionTransformer(
        functools.partial(np.clip, a_min=0, a_max=9)
    ),
    "rounded by a partial": lambda: FunctionTransformer(functools.partial(np.round, decimals=1)),
    "normalized": lambda: FunctionTransformer(normalize, kw_args={"norm": "l1"}),
    "error function": lambda: FunctionTransformer(scipy.special.erf),
    "a column": lambda: FunctionTransformer(operator.itemgetter((slice(None), slice(0, 2)))),
    "made flat and back": lambda: make_pipeline(
        FunctionTransformer(np.ndarray.ravel),
        FunctionTransformer(operator.methodcaller("reshape", -1, 4)),
    ),
    "as short numbers": lambda: FunctionTransformer(operator.methodcaller("astype", "float32")),
    "as a dense table": lambda: make_pipeline(
        OneHotEncoder(handle_unknown="ignore"),
        FunctionTransformer(operator.methodcaller("toarray")),
    ),
    "as a dense table by a method": lambda: make_pipeline(
        OneHotEncoder(handle_unknown="ignore"), FunctionTransformer(scipy.sparse.csr_matrix.toarray)
    ),
    "filled by its mean": lambda: SimpleImputer(strategy=np.nanmean),
}


HONEST_MODELS: dict[str, Callable[[], Any]] = {
    "a kernel": lambda: SVR(kernel=laplacian_kernel),
    "a kernel with a keyword": lambda: SVR(kernel=functools.partial(rbf_kernel, gamma=0.1)),
    "a kernel of positive numbers": lambda: SVR(kernel=chi2_kernel),
    "a kernel of a Gaussian process": lambda: KernelRidge(kernel=RBF(2.0)),
    "a distance": lambda: KNeighborsRegressor(metric=distance.braycurtis),
    "a distance in a table": lambda: KNeighborsRegressor(
        metric=distance.canberra, algorithm="brute"
    ),
    "a distance with a keyword": lambda: KNeighborsRegressor(
        metric=distance.minkowski, metric_params={"p": 3}
    ),
    "a distance with weights": lambda: KNeighborsRegressor(
        metric=distance.cityblock, metric_params={"w": np.arange(1.0, 5.0)}
    ),
}
HONEST_TEXTS: dict[str, Callable[[], Any]] = {
    "split": lambda: CountVectorizer(tokenizer=str.split, token_pattern=None),
    "in small letters": lambda: CountVectorizer(preprocessor=str.lower),
    "of one spelling": lambda: TfidfVectorizer(preprocessor=str.casefold),
    "lines": lambda: CountVectorizer(analyzer=str.splitlines),
    "without accents": lambda: CountVectorizer(strip_accents=strip_accents_ascii),
    "without tags": lambda: CountVectorizer(preprocessor=strip_tags),
    "by a caller": lambda: CountVectorizer(preprocessor=operator.methodcaller("title")),
}
UNKNOWN = "which is not on the list of known types"
MISUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "a text that is run": (lambda: str.format, f"names `builtins.getattr`, {UNKNOWN}"),
    "a method of files": (lambda: np.ndarray.tofile, f"names `builtins.getattr`, {UNKNOWN}"),
    "a method of types": (lambda: Call(getattr, dict, "pop"), f"`builtins.getattr`, {UNKNOWN}"),
    "an unknown method": (
        lambda: Call(getattr, str, "__class__"),
        f"`builtins.getattr`, {UNKNOWN}",
    ),
    "a method of text for a table": (lambda: str.lower, "function `lower` as `func` of a Function"),
    "a call that writes": (
        lambda: operator.methodcaller("tofile", "/tmp/x"),
        f"names `operator.methodcaller`, {UNKNOWN}",
    ),
    "a call that runs text": (
        lambda: operator.methodcaller("eval", "1"),
        f"names `operator.methodcaller`, {UNKNOWN}",
    ),
    "a call of a special method": (
        lambda: operator.methodcaller("__reduce__"),
        f"names `operator.methodcaller`, {UNKNOWN}",
    ),
    "a call of too much": (
        lambda: operator.methodcaller("astype", "S99999999"),
        f"names `operator.methodcaller`, {UNKNOWN}",
    ),
    "a call with a function": (
        lambda: operator.methodcaller("clip", np.abs),
        f"names `operator.methodcaller`, {UNKNOWN}",
    ),
    "an item that is none": (
        lambda: operator.itemgetter(np.abs),
        f"names `operator.itemgetter`, {UNKNOWN}",
    ),
    "attributes": (lambda: operator.attrgetter("T"), f"names `operator.attrgetter`, {UNKNOWN}"),
    "a partial that writes": (
        lambda: functools.partial(np.clip, out=np.zeros(3)),
        "`partial` is used with values",
    ),
    "a partial that keeps": (lambda: functools.partial(np.abs, where=False), "`partial` is used"),
    "a partial with a function": (
        lambda: functools.partial(np.sum, axis=np.abs),
        "`partial` is used with values",
    ),
    "a partial that gives an array to write to": (
        lambda: functools.partial(np.abs, 1.0),
        "`partial` is used with values",
    ),
    "a partial with the first array": (
        lambda: functools.partial(np.take, 1),
        "`partial` is used with values",
    ),
    "a partial of long values": (
        lambda: functools.partial(np.asarray, dtype="S99999999"),
        "`partial` is used with values",
    ),
    "a partial of a measure": (
        lambda: functools.partial(f1_score, average="macro"),
        "function `partial` as `func` of a FunctionTransformer",
    ),
    "a measure of rows": (lambda: distance.cosine, "function `cosine` as `func` of a Function"),
    "a kernel": (lambda: rbf_kernel, "function `rbf_kernel` as `func` of a FunctionTransformer"),
}


@pytest.mark.parametrize("name", HONEST_FUNCTIONS)
def test_an_honest_function_opens_where_its_class_expects_it(name: str) -> None:
    rows = numbers().to_numpy()
    model = make_pipeline(HONEST_FUNCTIONS[name](), Ridge()).fit(rows, amounts())

    loaded = load(pickle.dumps(model), "pickle").estimator

    assert loaded.predict(rows[:3]).tolist() == model.predict(rows[:3]).tolist()


@pytest.mark.parametrize("write", [pickle.dumps, skops.io.dumps])
@pytest.mark.parametrize("name", HONEST_MODELS)
def test_a_model_that_calls_a_public_function_answers_the_same(name: str, write: Any) -> None:
    model = HONEST_MODELS[name]().fit(abs(numbers().to_numpy()), amounts())
    rows = abs(numbers().to_numpy())[:5] + 0.1

    loaded = load(write(model), "pickle").estimator

    assert np.array_equal(loaded.predict(rows), model.predict(rows))


@pytest.mark.parametrize("name", HONEST_TEXTS)
def test_a_vectorizer_that_calls_a_method_of_texts_answers_the_same(name: str) -> None:
    model = make_pipeline(HONEST_TEXTS[name](), MultinomialNB())
    texts = [" Good <b>day</b>, é", "bad DAY "]
    model.fit(texts, [0, 1])

    loaded = load(pickle.dumps(model), "pickle").estimator

    assert np.array_equal(loaded.predict_proba(texts), model.predict_proba(texts))
    assert loaded[0].vocabulary_ == model[0].vocabulary_


def test_a_column_by_its_name_and_a_table_as_numbers_open() -> None:
    for function in (
        operator.itemgetter(["age", "width"]),
        pd.DataFrame.to_numpy,
        pd.DataFrame.abs,
        operator.methodcaller("fillna", 0.0),
    ):
        model = make_pipeline(FunctionTransformer(function), Ridge()).fit(numbers(), amounts())

        loaded = load(pickle.dumps(model), "pickle").estimator

        assert loaded.predict(numbers()[:3]).tolist() == model.predict(numbers()[:3]).tolist()


@pytest.mark.parametrize("name", MISUSED)
def test_a_known_function_is_used_in_no_other_way(name: str) -> None:
    make, words = MISUSED[name]
    model = make_pipeline(FunctionTransformer(np.abs), Ridge())
    model.steps[1][1].fit(numbers().to_numpy(), amounts())
    model[0].func = make()
    data = pickle.dumps(model)

    error = refusal_of(data, words)

    assert error.code == "LOAD"
    assert open_plainly(data)[0].func is not None


def test_what_a_partial_was_given_cannot_be_changed_afterwards() -> None:
    """The dict of its keywords is the file's own, which may set an item of it later."""
    partial = named("functools", "partial") + named("numpy", "clip") + b"\x85R"
    state = b"(" + named("numpy", "clip") + b")}q\x60" + text("a_min") + b"K\x01sNtb"
    data = program(partial, state, b"h\x60", text("out"), b"K\x07s0")

    loaded = read_pickle(ByteStream(data, 1 << 20), Reading(frozenset(), 1000))

    assert loaded.keywords == {"a_min": 1}
    assert open_plainly(data).keywords == {"a_min": 1, "out": 7}


def test_a_distance_that_is_called_is_one_of_the_list_in_the_tree_as_well() -> None:
    model = KNeighborsRegressor(metric=distance.canberra).fit(numbers().to_numpy(), amounts())
    state = model._tree.__getstate__()
    for function, keywords in (
        (np.sum, {}),
        (len, {}),
        (distance.canberra, {"w": np.array([abs], object)}),
    ):
        measure = state[11]
        measure.__setstate__((*measure.__getstate__()[:3], function, keywords))
        model._tree.__setstate__((*state[:11], measure, state[12]))

        refusal_of(pickle.dumps(model), "")


def test_a_function_as_the_metric_hides_no_other_measure() -> None:
    model = KNeighborsRegressor(algorithm="brute").fit(numbers().to_numpy(), amounts())
    model.metric = distance.canberra
    model.effective_metric_params_ = {"Y_norm_squared": np.zeros(1)}

    refusal_of(pickle.dumps(model), "the arrays of a KNeighborsRegressor do not fit one another")


def test_boosting_takes_no_function_for_its_check_of_the_columns() -> None:
    model = copy.deepcopy(specimen("histogram boosting on categories").estimator)
    boosting = model if hasattr(model, "_preprocessor") else model[-1]
    part = [
        one
        for _, one, _ in getattr(boosting._preprocessor, "transformers_", [])
        if isinstance(one, FunctionTransformer)
    ]
    for one in part:
        one.func = functools.partial(np.reshape, shape=(-1, 1))

    assert part
    refusal_of(pickle.dumps(model), "do not fit one another")


def test_weights_by_a_function_of_the_distance_open() -> None:
    model = KNeighborsRegressor(weights=np.reciprocal).fit(numbers().to_numpy(), amounts())

    loaded = load(pickle.dumps(model), "pickle").estimator

    assert loaded.predict(numbers().to_numpy()[:1] + 1).shape == (1,)


def test_a_search_over_functions_opens() -> None:
    search = GridSearchCV(
        make_pipeline(FunctionTransformer(np.abs), Ridge()),
        {"functiontransformer__func": [np.abs, np.square]},
        cv=2,
    ).fit(numbers().to_numpy(), amounts())

    loaded = load(pickle.dumps(search), "pickle").estimator

    assert loaded.best_params_ == search.best_params_


def test_types_may_stand_where_nobody_calls_them() -> None:
    model = infected({"length": np.float64, "age": int})

    assert load(pickle.dumps(model), "pickle").estimator.extra_ == model.extra_


# What hides from a walk, and walks that do not end


def test_values_under_a_mask_are_looked_at() -> None:
    """NumPy tells of the cells of a masked array that they are None."""
    bent = copy.deepcopy(every("DecisionTreeRegressor").estimator)
    nodes = {**bent.tree_.__getstate__()}
    nodes["nodes"] = nodes["nodes"].copy()
    nodes["nodes"]["left_child"][0] = nodes["nodes"]["right_child"][0] = 10**9
    bent.tree_.__setstate__(nodes)
    for name in ("BaggingRegressor", "VotingRegressor"):
        model = copy.deepcopy(every(name).estimator)
        model.estimators_ = np.ma.MaskedArray(np.array([bent, bent], object), mask=[True, True])

        refusal_of(pickle.dumps(model), "values are hidden by a mask as `estimators_`")
    search = copy.deepcopy(specimen("grid search").estimator)
    search.cv_results_["hidden"] = np.ma.MaskedArray(np.array([bent], object), mask=[True])

    refusal_of(pickle.dumps(search), "a decision tree leads outside itself")

    assert pickle.loads(pickle.dumps(model)).estimators_.tolist() == [None, None]


def voting_of(inner: Any) -> Any:
    model = copy.deepcopy(every("VotingRegressor").estimator)
    model.estimators_, model.estimators = [inner, inner], [("a", inner), ("b", inner)]
    return model


def test_a_model_of_itself_and_one_of_a_billion_models_are_refused_at_once() -> None:
    itself = voting_of(every("Ridge").estimator)
    itself.estimators_[0] = itself
    many = every("Ridge").estimator
    for _ in range(30):
        many = voting_of(many)

    refusal_of(pickle.dumps(itself), "a part of it contains itself")
    refusal_of(pickle.dumps(many), "contain one another over and over")


def test_a_few_models_inside_one_another_open() -> None:
    model = every("Ridge").estimator
    for _ in range(4):
        model = voting_of(model)

    assert load(pickle.dumps(model), "pickle").estimator.predict(every("Ridge").row).shape == (2,)


# Texts that look into objects


def test_no_text_of_a_file_looks_into_the_inside_of_objects() -> None:
    selected = copy.deepcopy(every("SelectFromModel").estimator)
    selected[0].importance_getter = "__class__.__init__.__globals__"
    named_columns = copy.deepcopy(every("ColumnTransformer").estimator)

    refusal_of(pickle.dumps(selected), "looks into the inside of objects")
    for pattern in ("{transformer_name.__class__}", "{feature_name:>99999999999}", "{0}", "{x!r}"):
        named_columns[0].verbose_feature_names_out = pattern
        refusal_of(pickle.dumps(named_columns), "names its columns by more than their names")

    named_columns[0].verbose_feature_names_out = "{feature_name}_of_{transformer_name}"
    load(pickle.dumps(named_columns), "pickle")


def test_a_number_of_columns_is_a_number() -> None:
    for width in (-5, None, np.ma.masked_array([3], mask=[True]), 2.5):
        model = LinearRegression().fit(numbers(), amounts())
        model.n_features_in_ = width

        refusal_of(pickle.dumps(model), "a number of columns that is none")


def test_a_model_cannot_read_memory_that_was_never_filled() -> None:
    model = make_pipeline(FunctionTransformer(np.ndarray), Ridge())
    model.steps[1][1].fit(numbers().to_numpy(), amounts())
    data = dumped(model)

    refusal_of(data, "makes arrays of memory that was not filled")

    assert open_plainly(data)[0].transform([50, 3]).shape == (50, 3)


@pytest.mark.parametrize("attribute", ["metric", "kernel", "scoring", "tokenizer", "memory"])
def test_a_function_is_refused_whatever_attribute_it_hides_in(
    attribute: str, tmp_path: Path
) -> None:
    canary = tmp_path / "canary"
    model = infected()
    vars(model)[attribute] = Call(exec, f"open({str(canary)!r}, 'w').close()")
    data = dumped(model)

    refusal_of(data, "", ("builtins", "exec"))
    assert not canary.exists()

    open_plainly(data)
    assert appears(canary)


# Boosters


BOOSTERS = {
    "xgboost.core": "Booster",
    "xgboost.sklearn": "XGBClassifier",
    "lightgbm.basic": "Booster",
    "lightgbm.sklearn": "LGBMRegressor",
}


@pytest.mark.parametrize("module", BOOSTERS)
def test_a_booster_is_refused_with_the_setting_that_would_open_it(module: str) -> None:
    data = program(named(module, BOOSTERS[module]), b")\x81}b", protocol=2)

    error = refusal_of(data, "", (module, BOOSTERS[module]))

    assert "XGBoost and LightGBM are not opened here" in error.message
    assert "BOOSTERS_ALLOWED=1" in error.message


def test_a_booster_that_is_allowed_and_not_installed_is_told() -> None:
    data = program(named("xgboost.absent", "Booster"), b")\x81}b").replace(
        b"xgboost.absent", b"lightgbm.basic"
    )

    with pytest.raises(HostError, match="which this server does not have"):
        load(data, "pickle", boosters=True)


class Booster:
    """Stands for XGBoost's: its state is bytes that its own code parses."""

    parsed: bytes

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.parsed = bytes(state["handle"])


class XGBRegressor(BaseEstimator):
    def __init__(self, booster: Any = None) -> None:
        self.booster = booster

    def fit(self, X: Any, y: Any = None) -> XGBRegressor:
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def predict(self, X: Any) -> Any:
        return np.full(len(X), len(self.booster.parsed))


@pytest.fixture
def xgboost(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A library by that name, as far as a file sees it."""
    from model_host.loading import allow_list

    for module, kind in (("xgboost.core", Booster), ("xgboost.sklearn", XGBRegressor)):
        made = types.ModuleType(module)
        setattr(made, kind.__name__, kind)
        monkeypatch.setattr(kind, "__module__", module)
        monkeypatch.setitem(sys.modules, module, made)
    monkeypatch.setitem(sys.modules, "xgboost", types.ModuleType("xgboost"))
    yield
    allow_list.resolve.cache_clear()


def boosted(handle: Any) -> bytes:
    booster = Booster()
    vars(booster)["handle"] = handle
    return pickle.dumps(XGBRegressor(booster))


@pytest.mark.usefixtures("xgboost")
def test_a_booster_opens_where_the_setting_allows_it() -> None:
    data = boosted(bytearray(b"trees"))

    assert load(data, "pickle", boosters=True).estimator.predict([[1]]).tolist() == [5]
    with pytest.raises(HostError, match="BOOSTERS_ALLOWED=1"):
        load(data, "pickle")


@pytest.mark.usefixtures("xgboost")
def test_a_booster_without_bytes_to_parse_is_refused() -> None:
    for handle in (None, 7, ["trees"]):
        with pytest.raises(HostError, match="`Booster` is used with values"):
            load(boosted(handle), "pickle", boosters=True)
