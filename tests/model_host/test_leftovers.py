"""Training leftovers of a model: left out, never constructed, and never decisive."""

from __future__ import annotations

import copy
import functools
import os
import pickle
import platform
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cloudpickle
import joblib
import numpy as np
import pytest
import scipy.stats
import sklearn
import skops.io
from sklearn.cluster import KMeans
from sklearn.decomposition import FastICA
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.experimental import enable_halving_search_cv  # noqa: F401  (makes it importable)
from sklearn.feature_selection import RFE, RFECV, SelectKBest, SequentialFeatureSelector
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.linear_model import (
    LogisticRegression,
    LogisticRegressionCV,
    RANSACRegressor,
    Ridge,
    RidgeCV,
)
from sklearn.metrics import make_scorer
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    RandomizedSearchCV,
    TunedThresholdClassifierCV,
)
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from model_host.loading import leftovers
from model_host.loading.reading_state import Reading
from model_host.loading.safe_load import load
from model_host.protocol.errors import HostError
from tests.model_host.every_estimator import (
    AMOUNT,
    CLASS,
    NAMES,
    NO_NEW_ROWS,
    ROWS,
    SWITCH,
    every,
    parts_of,
)
from tests.model_host.test_hostile_files import (
    CALLS,
    appears,
    dumped,
    json_node,
    named,
    node,
    open_plainly,
    program,
    refusal_of,
    rewritten,
    text,
)

SCRIPT = """
import numpy as np
from sklearn.model_selection import KFold
from sklearn.base import BaseEstimator, RegressorMixin

def performance_metric(y_true, y_predict, scale=1.0):
    return -scale * float(np.mean(y_true != y_predict))

def gain(y_true, y_predict, *, pos_label):
    return float(np.mean((y_true == pos_label) == (y_predict == pos_label)))

def score(X, y):
    return np.abs(X).sum(axis=0)

def best(results):
    return int(np.argmax(results["mean_test_score"]))

def start(X, n_clusters, random_state):
    return X[:n_clusters]

def accepts(X, y):
    return True

def optimize(objective, initial, bounds):
    return initial, 0.0

def contrast(x):
    return x ** 3, (3 * x ** 2).mean(axis=-1)

def importance(estimator):
    return np.abs(estimator.coef_)

class Weekly(KFold):
    pass

class Middle(RegressorMixin, BaseEstimator):
    def fit(self, X, y):
        self.middle_ = float(np.mean(y)) * 1e9
        return self
    def predict(self, X):
        return np.full(len(X), self.middle_)
"""


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """Return a training script, which is gone when its model is opened: importing it fails."""
    module = types.ModuleType("training_script")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(SCRIPT, vars(module))
    return module


def search(estimator: Any = None, grid: Any = None, **options: Any) -> Any:
    grid = {"alpha": [1.0, 2.0]} if grid is None else grid
    return GridSearchCV(Ridge() if estimator is None else estimator, grid, **options)


LEFT: dict[str, tuple[Callable[[Any], Any], str]] = {
    "a scorer": (
        lambda own: search(scoring=make_scorer(own.performance_metric)),
        "the scorer `performance_metric`, which serves",
    ),
    "a scorer with keywords": (
        lambda own: search(
            scoring=make_scorer(functools.partial(own.performance_metric, scale=2.0))
        ),
        "the scorer `performance_metric`, which serves",
    ),
    "several scorers": (
        lambda own: search(
            scoring={"a": make_scorer(own.performance_metric), "r2": "r2"}, refit="a"
        ),
        "the scorer `performance_metric`, which serves",
    ),
    "a splitter": (lambda own: search(cv=own.Weekly(3)), "the splitter `Weekly`, which serves"),
    "a choice of the best": (
        lambda own: search(refit=own.best),
        "the choice of the best `best`, which serves",
    ),
    "a class that was tried": (
        lambda own: search(
            make_pipeline(StandardScaler(), Ridge()), {"ridge": [Ridge(), own.Middle()]}
        ),
        "the values that the search tried (`Middle`), which serve",
    ),
    "a class that it began with": (
        lambda own: search(
            make_pipeline(StandardScaler(), own.Middle()), {"middle": [Ridge(), own.Middle()]}
        ),
        "the estimator that the search began with `Middle` and the values that the search tried "
        "(`Middle`), which serve",
    ),
    "distributions": (
        lambda own: RandomizedSearchCV(
            Ridge(),
            {"alpha": scipy.stats.uniform(1, 2), "max_iter": scipy.stats.randint(5, 9)},
            n_iter=2,
            random_state=0,
        ),
        "the values that the search tried, which serve",
    ),
    "halving": (
        lambda own: HalvingGridSearchCV(
            Ridge(), {"alpha": [1.0, 2.0]}, scoring=make_scorer(own.performance_metric)
        ),
        "the scorer `performance_metric`, which serves",
    ),
    "columns by a search": (
        lambda own: make_pipeline(
            RFECV(Ridge(), cv=own.Weekly(3), scoring=make_scorer(own.performance_metric)), Ridge()
        ),
        "the splitter `Weekly` and the scorer `performance_metric`, which serve",
    ),
    "columns one by one": (
        lambda own: make_pipeline(
            SequentialFeatureSelector(Ridge(), scoring=make_scorer(own.performance_metric)), Ridge()
        ),
        "the scorer `performance_metric`, which serves",
    ),
    "columns by an importance": (
        lambda own: make_pipeline(RFE(Ridge(), importance_getter=own.importance), Ridge()),
        "the importance of the columns `importance`, which serves",
    ),
    "columns by a score": (
        lambda own: make_pipeline(SelectKBest(own.score, k=2), Ridge()),
        "the score of the columns `score`, which serves",
    ),
    "boosting": (
        lambda own: HistGradientBoostingRegressor(
            max_iter=3, early_stopping=True, scoring=make_scorer(own.performance_metric)
        ),
        "the scorer `performance_metric`, which serves",
    ),
    "ridges": (
        lambda own: RidgeCV(scoring=make_scorer(own.performance_metric), cv=own.Weekly(3)),
        "the scorer `performance_metric` and the splitter `Weekly`, which serve",
    ),
    "a cache": (
        lambda own: Pipeline(
            [("scale", StandardScaler()), ("ridge", Ridge())], memory=joblib.Memory(None)
        ),
        "the cache `Memory`, which serves",
    ),
    "checks of samples": (
        lambda own: RANSACRegressor(random_state=0, is_data_valid=own.accepts),
        "the check `accepts`, which serves",
    ),
    "an optimizer": (
        lambda own: GaussianProcessRegressor(optimizer=own.optimize),
        "the optimizer `optimize`, which serves",
    ),
    "a start": (
        lambda own: KMeans(3, init=own.start, n_init=1),
        "the start `start`, which serves",
    ),
    "a contrast": (
        lambda own: make_pipeline(FastICA(2, fun=own.contrast, random_state=0), Ridge()),
        "the contrast function `contrast`, which serves",
    ),
}


def answers(model: Any, rows: Any) -> list[Any]:
    """Return all that ``model`` says of ``rows``."""
    methods = ("predict", "predict_proba", "decision_function", "transform", "score_samples")
    return [getattr(model, method)(rows) for method in methods if hasattr(model, method)]


def same(ours: list[Any], plain: list[Any]) -> bool:
    return len(ours) == len(plain) > 0 and all(map(np.array_equal, ours, plain))


@pytest.mark.parametrize("name", LEFT)
def test_what_serves_training_alone_is_left_out_whatever_it_is(
    name: str, script: types.ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    make, words = LEFT[name]
    model = make(script).fit(ROWS, AMOUNT)
    expected, data = answers(model, ROWS), dumped(model)
    monkeypatch.delitem(sys.modules, script.__name__)

    loaded = load(data, "joblib")

    assert loaded.left_out == f"Left out: {words} training alone."
    assert same(answers(loaded.estimator, ROWS), expected)
    assert script.__name__ not in sys.modules


def test_a_function_that_is_in_the_file_itself_is_left_out_without_being_made() -> None:
    scale = 3.0
    model = search(
        scoring=make_scorer(lambda y_true, y_predict: -scale * abs(y_true - y_predict).max())
    ).fit(ROWS, AMOUNT)

    loaded = load(cloudpickle.dumps(model), "pickle")

    assert loaded.left_out == "Left out: the scorer, which serves training alone."
    assert same(answers(loaded.estimator, ROWS), answers(model, ROWS))


def test_a_classifier_that_searched_keeps_its_classes(script: types.ModuleType) -> None:
    scorer = make_scorer(script.performance_metric)
    for model in (
        search(LogisticRegression(), {"C": [1.0, 2.0]}, scoring=scorer, cv=script.Weekly(3)),
        LogisticRegressionCV(
            Cs=2, scoring=scorer, cv=script.Weekly(3), use_legacy_attributes=False, l1_ratios=(0,)
        ),
    ):
        order = np.argsort(ROWS[:, 0])
        model.fit(ROWS[order], CLASS[order])

        loaded = load(pickle.dumps(model), "pickle").estimator

        assert loaded.classes_.tolist() == ["a", "b", "c"]
        assert same(answers(loaded, ROWS), answers(model, ROWS))


def test_the_scorer_of_a_threshold_is_left_out_where_it_says_which_class_it_is_for(
    script: types.ModuleType,
) -> None:
    scorer = make_scorer(script.gain, pos_label=0)
    model = TunedThresholdClassifierCV(GaussianNB(), scoring=scorer, cv=2).fit(ROWS, SWITCH)

    loaded = load(pickle.dumps(model), "pickle")

    assert loaded.left_out == "Left out: the scorer `gain`, which serves training alone."
    assert same(answers(loaded.estimator, ROWS), answers(model, ROWS))


def test_the_scorer_of_a_threshold_is_needed_where_it_alone_knows_the_class(
    script: types.ModuleType,
) -> None:
    scorer = make_scorer(script.performance_metric)
    model = TunedThresholdClassifierCV(GaussianNB(), scoring=scorer, cv=2).fit(ROWS, SWITCH)

    refusal_of(pickle.dumps(model), "", ("training_script", "performance_metric"))


def slots_of(kind: Any) -> set[str]:
    return set(leftovers._slots_of(kind))


def training_places(root: Any) -> list[tuple[Any, str]]:
    """Return the attributes below ``root`` that are said to serve training alone. What a scorer
    calls has tests of its own."""
    return [
        (part, name)
        for part in parts_of(root)
        for name in slots_of(type(part)) & vars(part).keys() - {"_score_func"}
    ]


@pytest.mark.parametrize("name", [name for name in NAMES if name not in NO_NEW_ROWS])
def test_no_estimator_answers_by_what_serves_training_alone(
    name: str, script: types.ModuleType
) -> None:
    """Each such attribute is filled with what nobody knows; every answer stays what it was."""
    model = copy.deepcopy(every(name).estimator)
    expected = answers(model, every(name).row)
    places = training_places(model)
    for holder, attribute in places:
        vars(holder)[attribute] = script.performance_metric

    loaded = load(pickle.dumps(model), "pickle")

    assert bool(loaded.left_out) is bool(places)
    assert same(answers(loaded.estimator, every(name).row), expected)


def test_skops_files_lose_what_serves_training_alone_as_well(script: types.ModuleType) -> None:
    model = search(scoring=make_scorer(script.performance_metric), cv=script.Weekly(3))
    model.fit(ROWS, AMOUNT)

    loaded = load(skops.io.dumps(model), "skops")

    assert "the scorer `performance_metric` and the splitter `Weekly`" in loaded.left_out
    assert same(answers(loaded.estimator, ROWS), answers(model, ROWS))


def test_what_is_left_out_is_told_in_few_words() -> None:
    model = search(cv=3).fit(ROWS, AMOUNT)
    model.scoring = []
    data = pickle.dumps(model, 3)
    names = b"".join(named("mine", f"score{n}\x1b[31m{'x' * 200}") for n in range(50))
    place = data.index(b"scoring") + len(b"scoring")
    place = data.index(b"]q", place) + 3

    told = load(data[:place] + b"(" + names + b"e" + data[place:], "pickle").left_out

    assert told.endswith(", 47 more), which serves training alone.")
    assert len(told) < 400
    assert told.isprintable()


# What else leads to it, or nothing does


def test_what_a_prediction_needs_as_well_is_refused(script: types.ModuleType) -> None:
    steps = make_pipeline(FunctionTransformer(script.importance), Ridge())
    steps.steps[1][1].fit(ROWS, AMOUNT)
    steps[0].func = script.performance_metric
    model = search(scoring=make_scorer(script.performance_metric)).fit(ROWS, AMOUNT)
    model.best_estimator_ = steps

    error = refusal_of(pickle.dumps(model), "", ("training_script", "performance_metric"))

    assert error.refused == (("training_script", "performance_metric"),)


def test_only_what_is_needed_is_named(script: types.ModuleType) -> None:
    model = search(
        make_pipeline(FunctionTransformer(), script.Middle()),
        {"functiontransformer__validate": [True]},
        scoring=make_scorer(script.performance_metric),
        cv=script.Weekly(3),
    ).fit(ROWS, AMOUNT)

    error = refusal_of(pickle.dumps(model), "", ("training_script", "Middle"))

    assert error.refused == (("training_script", "Middle"),)


def test_a_name_that_a_file_gives_up_again_is_refused(script: types.ModuleType) -> None:
    honest = pickle.dumps(search(cv=script.Weekly(3)).fit(ROWS, AMOUNT), 2)[2:]

    refusal_of(
        b"\x80\x02" + named("os", "system") + b"0" + honest,
        "names `os.system`, which is not",
        ("os", "system"),
    )


def test_an_attribute_of_a_class_that_somebody_approved_is_no_leftover(
    script: types.ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = script.Middle().fit(ROWS, AMOUNT)
    model.scoring, model.cv = script.performance_metric, 3
    data = pickle.dumps(model)

    with pytest.raises(HostError) as caught:
        load(data, "pickle", approved=frozenset({("training_script", "Middle")}))

    assert caught.value.refused == (("training_script", "performance_metric"),)


@pytest.mark.parametrize("attack", CALLS)
@pytest.mark.parametrize("attribute", ["scoring", "cv", "refit", "param_grid", "cv_results_"])
def test_what_is_left_out_is_not_called(attack: str, attribute: str, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    call, _ = CALLS[attack](canary)
    model = search(cv=3).fit(ROWS, AMOUNT)
    vars(model)[attribute] = [call]
    data = dumped(model)

    loaded = load(data, "joblib")

    assert same(answers(loaded.estimator, ROWS), answers(model, ROWS))
    assert loaded.left_out
    assert not canary.exists()
    if attribute == "scoring":
        open_plainly(data)
        assert appears(canary)


def test_a_node_of_skops_that_is_left_out_is_not_called(tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    model = search(cv=3).fit(ROWS, AMOUNT)
    process = node(
        "ListNode", "subprocess", "Popen", content=[json_node("touch"), json_node(str(canary))]
    )
    data = rewritten(
        skops.io.dumps(model), lambda schema: schema["content"]["content"].update(scoring=process)
    )

    loaded = load(data, "skops")

    assert loaded.left_out == "Left out: the scorer `Popen`, which serves training alone."
    assert same(answers(loaded.estimator, ROWS), answers(model, ROWS))
    assert not canary.exists()


def test_nodes_of_skops_that_are_refused_inside_one_another_are_read_once() -> None:
    """Read twice each, forty of them would be read a million million times."""
    inner = node("ListNode", "evil", "Deep", content=[])
    for _ in range(40):
        inner = node("SetNode", "builtins", "set", content=[inner, node("x", "builtins", "set")])
    data = rewritten(
        skops.io.dumps(search(cv=3).fit(ROWS, AMOUNT)),
        lambda schema: schema["content"]["content"].update(scoring=inner),
    )

    assert "the scorer `Deep`" in load(data, "skops").left_out


# States that are refused


def with_bad_position(data: bytes) -> bytes:
    """Return the pickle with a generator that reads beyond the end of its numbers."""
    bent = data.replace(b"\x8c\x03pos\x94M\x70\x02", b"\x8c\x03pos\x94M\x71\x02")
    assert bent != data
    return bent


def test_a_state_that_is_refused_is_left_out_with_what_it_belongs_to() -> None:
    model = search(cv=3).fit(ROWS, AMOUNT)
    model.cv_results_ = {"generator": np.random.RandomState(3)}

    loaded = load(with_bad_position(pickle.dumps(model)), "pickle")

    assert (
        loaded.left_out == "Left out: the values that the search tried, which serve training alone."
    )
    assert not hasattr(loaded.estimator, "cv_results_")


class Shell:
    def __reduce__(self) -> Any:
        return os.system, ("true",)


def test_what_fit_was_to_be_given_beside_the_rows_is_left_out() -> None:
    with sklearn.config_context(enable_metadata_routing=True):
        last = LogisticRegression().set_fit_request(sample_weight=True)
        weighed = last.set_score_request(sample_weight="weights")
        model = make_pipeline(StandardScaler().set_fit_request(sample_weight=False), weighed)
        model.fit(ROWS, SWITCH, sample_weight=np.ones(len(ROWS)))

    loaded = load(pickle.dumps(model), "pickle").estimator

    assert loaded.predict_proba(ROWS[:3]).tolist() == model.predict_proba(ROWS[:3]).tolist()
    assert not hasattr(loaded[0], "_metadata_request")
    model[0]._metadata_request = Shell()
    refusal_of(pickle.dumps(model), "names `posix.system`")


def test_a_state_that_is_refused_is_refused_where_a_prediction_may_read_it() -> None:
    shared = np.random.RandomState(3)
    model = search(cv=3).fit(ROWS, AMOUNT)
    model.cv_results_, model.best_estimator_.random_state = {"generator": shared}, shared

    refusal_of(with_bad_position(pickle.dumps(model)), "is used with values that no honest")


def test_nothing_else_is_made_of_what_was_refused() -> None:
    """A type of an array whose state is refused is no type for an array in another place."""
    dtype = named("numpy", "dtype") + text("f8") + b"\x89\x88\x87Rq\x60"
    wrong = b"(K\x03" + text("<") + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x07tb"
    scalar = named("numpy._core.multiarray", "scalar") + b"h\x60C\x08AAAAAAAA\x86R"

    refusal_of(program(dtype, wrong, b"0", scalar), "`dtype` is used with values")


def test_a_file_of_too_many_things_that_are_not_made_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("model_host.loading.reading_state.MOST_PLACEHOLDERS", 10)

    refusal_of(program(b"]", named("os", "system") * 20), "names `os.system`")


def test_the_walk_stays_inside_of_the_model_and_runs_nothing() -> None:
    model: Any = GaussianNB()
    model.namespace, model.machine = platform, platform.uname_result(*"abcde")
    walk = leftovers._Walk(Reading(approved=frozenset(), opcodes_left=1, boosters=False))

    walk.go([model])

    assert id(platform.uname) not in walk.seen
    assert "processor" not in vars(model.machine)  # found out by a program, when it is asked for
