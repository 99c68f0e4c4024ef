"""Learnt parameters that are NaN or infinite: refused by name; honest NaN and infinity stay."""

from __future__ import annotations

import copy
import pickle
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.sparse
from sklearn.compose import make_column_transformer
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.experimental import enable_iterative_imputer  # noqa: F401  (it lets it be named)
from sklearn.feature_selection import SelectKBest
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import Matern
from sklearn.impute import IterativeImputer, KNNImputer, SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import DistanceMetric
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import BernoulliNB, MultinomialNB
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    MaxAbsScaler,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
    TargetEncoder,
)
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from model_host.loading.safe_load import load
from model_host.protocol.errors import HostError
from tests.model_host.estimators import specimen
from tests.model_host.every_estimator import NAMES, NO_NEW_ROWS, every, parts_of
from tests.model_host.other_stacks import answers
from tests.model_host.test_corpus import same

NAN, INF = float("nan"), float("inf")
NOT_WEIGHTS = {("SelectKBest", "scores_"), ("TargetEncoder", "categories_")}
"""NaN is honest there: the score of a constant column, and the category of what is missing."""


# One number of any model


def refusal_of(model: Any) -> HostError:
    with pytest.raises(HostError) as caught:
        load(pickle.dumps(model), "pickle")
    return caught.value


@pytest.mark.parametrize("number", [NAN, INF, -INF])
def test_weights_that_are_no_numbers_are_refused_with_their_place(number: float) -> None:
    model = copy.deepcopy(specimen("logistic regression").estimator)
    model[-1].coef_[0, 1] = number

    assert refusal_of(model).message == (
        "`coef_` of the LogisticRegression holds numbers that are not finite (NaN or infinity): "
        "the model would answer, but its answers would mean nothing. Train it again, look at what "
        "it learnt, then save it."
    )
    assert answers(model, specimen("logistic regression").row)[0].shape == (1,)


def with_threshold(name: str, number: float) -> Any:
    model = copy.deepcopy(every(name).estimator)
    if name.startswith("Hist"):
        nodes = model._predictors[0][0].nodes
        nodes["num_threshold"][nodes["is_leaf"] == 0] = number
    else:
        model.tree_.threshold[model.tree_.children_left != -1] = number
    return model


@pytest.mark.parametrize("name", ["DecisionTreeClassifier", "HistGradientBoostingRegressor"])
def test_a_tree_that_asks_for_no_number_is_refused(name: str) -> None:
    for number in (NAN, -INF):
        assert "`thresholds` of the" in refusal_of(with_threshold(name, number)).message

    load(pickle.dumps(with_threshold(name, INF)), "pickle")


@pytest.mark.parametrize("number", [NAN, INF])
def test_a_leaf_that_says_no_number_is_refused(number: float) -> None:
    tree = copy.deepcopy(every("DecisionTreeRegressor").estimator)
    tree.tree_.value[-1] = number
    boosting = copy.deepcopy(every("HistGradientBoostingClassifier").estimator)
    nodes = boosting._predictors[-1][-1].nodes
    nodes["value"][-1] = number

    assert "`values` of the decision tree" in refusal_of(tree).message
    assert "`values` of the histogram tree" in refusal_of(boosting).message


def test_a_metric_of_no_numbers_is_refused() -> None:
    by_object = KNeighborsRegressor(
        metric=DistanceMetric.get_metric("seuclidean", V=np.full(3, NAN)), algorithm="brute"
    )
    by_name = KNeighborsRegressor(metric="minkowski", metric_params={"w": np.ones(3)})
    by_tree = KNeighborsRegressor(
        metric="seuclidean", metric_params={"V": np.ones(3)}, algorithm="ball_tree"
    )
    for model in (by_object, by_name, by_tree):
        model.fit(ROWS, AMOUNTS)
    by_name.effective_metric_params_["w"] = np.full(3, NAN)
    state = list(by_tree._tree.__getstate__())
    scales = list(state[11].__getstate__())
    scales[1] = np.full(3, NAN)
    state[11].__setstate__(tuple(scales))
    by_tree._tree.__setstate__(tuple(state))

    assert "`numbers` of the SEuclideanDistance" in refusal_of(by_object).message
    assert "`effective_metric_params_` of the KNeighbors" in refusal_of(by_name).message
    assert "`numbers` of the SEuclideanDistance" in refusal_of(by_tree).message


def libraries_parts(root: Any) -> list[Any]:
    """Return every object of scikit-learn's and SciPy's in ``root``, once."""
    return [
        one for one in parts_of(root) if type(one).__module__.startswith(("sklearn.", "scipy."))
    ]


def without_number(value: Any) -> Any:
    """As ``value``, with NaN for each number in it; None where it has none."""
    if isinstance(value, float | np.floating):
        return NAN
    if isinstance(value, np.ndarray) and value.dtype.kind == "f" and value.size:
        return np.full_like(value, NAN)
    if scipy.sparse.issparse(value) and value.dtype.kind == "f":
        emptied = value.copy()
        emptied.data[:] = NAN
        return emptied
    if isinstance(value, list | tuple) and value:
        inner = [without_number(one) for one in value]
        return None if any(one is None for one in inner) else type(value)(inner)
    if isinstance(value, np.ndarray) and value.dtype == object and value.size:
        inner = [without_number(one) for one in value.ravel().tolist()]
        if all(isinstance(one, np.ndarray) for one in inner):
            emptied = np.empty(len(inner), object)
            for place, one in enumerate(inner):
                emptied[place] = one
            return emptied.reshape(value.shape)
    return None


@pytest.mark.parametrize("name", [name for name in NAMES if name not in NO_NEW_ROWS])
def test_no_estimator_answers_by_what_is_no_number(name: str) -> None:
    """Every number that any part of it keeps becomes NaN in turn: then the file is refused, or the
    prediction fails, or it does not depend on that number."""
    row, data = every(name).row, pickle.dumps(every(name).estimator)
    expected = answers(load(data, "pickle").estimator, row)
    silent = set()
    for place, part in enumerate(libraries_parts(pickle.loads(data))):
        for attribute, value in vars(part).items():
            emptied = without_number(value)
            if emptied is None or attribute.endswith("_bounds"):
                continue
            model = pickle.loads(data)
            bent = libraries_parts(model)[place]
            vars(bent)[attribute] = emptied
            try:
                answer = answers(load(pickle.dumps(model), "pickle").estimator, row)
            except (HostError, ValueError, IndexError, TypeError):
                continue
            if not same(answer, expected):
                silent.add((type(bent).__name__, attribute))

    assert silent <= NOT_WEIGHTS


def test_records_are_no_numbers() -> None:
    model = Ridge().fit(ROWS, AMOUNTS)
    record = np.zeros(3, [("a", float), ("b", float)])
    for value in (record, record[0], [record], {"a": np.array([record[0]], object)}):
        model.coef_ = value

        assert "keeps records where a model learns numbers" in refusal_of(model).message


# Honest numbers that are none

ROWS = np.random.default_rng(5).uniform(0.1, 1.1, size=(40, 3))
EMPTY_COLUMN = np.column_stack([ROWS, np.full(40, NAN)])
SOME_MISSING = np.where(ROWS < 0.3, NAN, ROWS)
CLASSES = np.arange(40) % 2
AMOUNTS = ROWS.sum(axis=1)


def on_empty_column(transformer: Any) -> Any:
    filled = SimpleImputer(keep_empty_features=True)
    return make_pipeline(transformer, filled, Ridge()).fit(EMPTY_COLUMN, AMOUNTS)


def all_or_missing(tree: Any) -> Any:
    """Values go to one side and what is missing goes to the other: by a threshold of infinity."""
    column = np.array([[1.0], [2.0], [3.0], [NAN], [NAN], [NAN]] * 10)
    return tree.fit(column, np.isnan(column[:, 0]).astype(int))


HONEST: dict[str, Callable[[], Any]] = {
    "a tree of what is missing": lambda: all_or_missing(DecisionTreeClassifier()),
    "a regression tree of what is missing": lambda: all_or_missing(DecisionTreeRegressor()),
    "a forest of what is missing": lambda: all_or_missing(RandomForestClassifier(3)),
    "boosting of what is missing": lambda: all_or_missing(
        HistGradientBoostingClassifier(max_iter=2, min_samples_leaf=1)
    ),
    "an imputer that drops an empty column": lambda: on_empty_column(SimpleImputer()),
    "an imputer that fills by neighbours": lambda: make_pipeline(KNNImputer(), Ridge()).fit(
        SOME_MISSING, AMOUNTS
    ),
    "an imputer that fills by models": lambda: make_pipeline(
        IterativeImputer(max_iter=2), Ridge()
    ).fit(SOME_MISSING, AMOUNTS),
    "an empty column, standardised": lambda: on_empty_column(StandardScaler()),
    "an empty column, between 0 and 1": lambda: on_empty_column(MinMaxScaler()),
    "an empty column, by its largest": lambda: on_empty_column(MaxAbsScaler()),
    "an empty column, by its quartiles": lambda: on_empty_column(RobustScaler()),
    "an empty column, by its quantiles": lambda: on_empty_column(
        QuantileTransformer(n_quantiles=5)
    ),
    "categories, one of them missing": lambda: make_pipeline(
        make_column_transformer(
            (OneHotEncoder(handle_unknown="ignore"), [0]),
            (OrdinalEncoder(encoded_missing_value=-1), [1]),
            (TargetEncoder(cv=2), [2]),
        ),
        Ridge(),
    ).fit(np.round(SOME_MISSING), AMOUNTS),
    "neighbours of rows with missing values": lambda: KNeighborsRegressor(
        metric="nan_euclidean"
    ).fit(SOME_MISSING, AMOUNTS),
    "Bayes without smoothing": lambda: MultinomialNB(alpha=0).fit(
        np.array([[1, 0], [0, 1]] * 20), CLASSES
    ),
    "Bayes of what never occurred": lambda: BernoulliNB(alpha=0).fit(
        np.array([[1, 0], [0, 1]] * 20), CLASSES
    ),
    "a forest too small to judge itself": lambda: RandomForestClassifier(
        2, oob_score=True, random_state=0
    ).fit(ROWS, CLASSES),
    "scores of a constant column": lambda: make_pipeline(
        SelectKBest(k=2), LogisticRegression()
    ).fit(np.column_stack([ROWS, np.ones(40)]), CLASSES),
    "a search of which a trial failed": lambda: GridSearchCV(
        Ridge(), {"alpha": [1.0, -1.0]}, cv=2
    ).fit(ROWS, AMOUNTS),
    "a smooth Matern kernel": lambda: GaussianProcessRegressor(Matern(nu=INF), optimizer=None).fit(
        ROWS, AMOUNTS
    ),
}


@pytest.mark.parametrize("name", HONEST)
def test_honest_numbers_that_are_none_open(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = HONEST[name]()
        row = np.ones((1, model.n_features_in_))
        loaded = load(pickle.dumps(model), "pickle").estimator

        assert same(answers(loaded, row), answers(model, row))


def test_a_column_that_was_not_empty_has_no_empty_scale() -> None:
    for scaler in (StandardScaler(), MinMaxScaler(), RobustScaler()):
        model = on_empty_column(scaler)
        model[0].scale_[0] = NAN

        assert "`scale_` of the" in refusal_of(model).message

    model = on_empty_column(StandardScaler())
    for learnt in (model[0].mean_, model[0].var_, model[0].scale_):
        learnt[0] = NAN

    assert "`mean_` of the StandardScaler" in refusal_of(model).message


def test_a_scaler_that_was_made_by_hand_opens_and_scales() -> None:
    """As people write a published score down: with the numbers alone."""
    scaler, model = StandardScaler(), LogisticRegression()
    scaler.mean_, scaler.scale_ = np.array([60.0, 1.4]), np.array([12.0, 0.3])
    model.coef_, model.intercept_ = np.array([[0.8, -0.2]]), np.array([-1.0])
    model.classes_ = np.array(["no", "yes"])
    score = make_pipeline(scaler, model)

    loaded = load(pickle.dumps(score), "pickle").estimator

    row = [[71.0, 1.1]]
    assert loaded.predict_proba(row).tolist() == score.predict_proba(row).tolist()
    scaler.mean_[0] = NAN
    assert "`mean_` of the StandardScaler" in refusal_of(score).message
