"""A prediction: scikit-learn's own, value for value, on the row that a person would have
written."""

from __future__ import annotations

import math
from functools import cache, partial
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
import scipy.special
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import config_context
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, TransformerMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    IsolationForest,
    RandomForestClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.gaussian_process import GaussianProcessClassifier, GaussianProcessRegressor
from sklearn.impute import IterativeImputer, SimpleImputer
from sklearn.linear_model import (
    ARDRegression,
    BayesianRidge,
    LinearRegression,
    LogisticRegression,
    Ridge,
    RidgeClassifier,
)
from sklearn.multioutput import MultiOutputClassifier
from sklearn.naive_bayes import CategoricalNB, GaussianNB, MultinomialNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    SplineTransformer,
    StandardScaler,
)
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from model_host.answering.curve import curve
from model_host.answering.explanation import explain
from model_host.answering.many_rows.predictions import predict_many
from model_host.answering.prediction import predict
from model_host.answering.trace import predict_traced
from model_host.protocol.errors import HostError
from model_host.protocol.inputs import Column, InputLayout, Kind, Scalar
from model_host.protocol.outputs import Outputs
from model_host.structure.examine import examine, layout_of

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

ROWS = 45
CITIES = ("Bern", "Oslo", "Rome")
ANSWERS = np.array([("no", "perhaps", "yes")[n % 3] for n in range(ROWS)])
FINALS = {
    "linear": LogisticRegression(max_iter=500),
    "svc": SVC(),
    "neighbours": KNeighborsClassifier(algorithm="brute"),  # a k-d tree counts its calls
    "tree": DecisionTreeClassifier(random_state=0),
    "forest": RandomForestClassifier(8, random_state=0),
    "boosting": GradientBoostingClassifier(n_estimators=4, random_state=0),
    "histogram boosting": HistGradientBoostingClassifier(max_iter=4),
    "perceptron": MLPClassifier((4,), solver="lbfgs", max_iter=20, random_state=0),
    "gaussian process": GaussianProcessClassifier(optimizer=None),
    "bayes": GaussianNB(),
    "calibrated": CalibratedClassifierCV(SVC(), cv=2),
    "voting": VotingClassifier([("a", GaussianNB()), ("b", SVC())]),
    "stacking": StackingClassifier([("a", GaussianNB()), ("b", SVC())], cv=2),
}


def table() -> pd.DataFrame:
    """45 rows of a number, a whole number, a category and a flag, each with missing values."""
    rng = np.random.default_rng(5)
    frame = pd.DataFrame(
        {
            "income": rng.normal(40_000, 9_000, ROWS),
            "visits": rng.integers(0, 9, ROWS).astype(float),
            "city": pd.Series([CITIES[n % 3] for n in range(ROWS)], dtype=object),
            "member": pd.Series([n % 4 < 2 for n in range(ROWS)], dtype=object),
        }
    )
    for offset, name in enumerate(frame):
        frame.loc[offset::11, name] = np.nan
    return frame


@cache
def mixed(final: str) -> Pipeline:
    """Numbers, categories and flags, each filled and encoded, before one of ``FINALS``."""
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    categories = make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder())
    preprocess = ColumnTransformer(
        [("num", numbers, ["income", "visits"]), ("cat", categories, ["city", "member"])],
        sparse_threshold=0,
    )
    return make_pipeline(preprocess, FINALS[final]).fit(table(), ANSWERS)


@cache
def layout(final: str) -> InputLayout:
    found = examine(mixed(final))
    return layout_of(found.container, found.features)


def frame_of(inputs: dict[str, Scalar]) -> pd.DataFrame:
    """Return the one-row frame that a person would write, missing values as NaN."""
    cells = {name: np.nan if value is None else value for name, value in inputs.items()}
    return pd.DataFrame([cells])


rows = st.fixed_dictionaries(
    {
        "income": st.none() | st.floats(-1e6, 1e6),
        "visits": st.none() | st.integers(0, 9).map(float),
        "city": st.none() | st.sampled_from(CITIES),
        "member": st.none() | st.booleans(),
    }
)


def assert_equal_to_scikit_learn(model: Any, row: Any, outputs: Outputs) -> None:
    """The label, the probability of that label and of every class are ``==`` scikit-learn's."""
    (target,) = outputs.targets
    label = model.predict(row)[0]
    assert target.value == label
    assert type(target.value) is type(label.item())
    if hasattr(model, "predict_proba"):
        table = model.predict_proba(row)[0]
        assert [one.value for one in target.probabilities] == model.classes_.tolist()
        assert [one.probability for one in target.probabilities] == table.tolist()
        assert target.confidence == table[model.classes_.tolist().index(label)]
    else:
        assert target.confidence is None
        assert target.probabilities == ()


@given(inputs=rows)
@settings(max_examples=40, deadline=None)
def test_any_valid_row_is_predicted_as_scikit_learn_does(inputs: dict[str, Scalar]) -> None:
    model = mixed("forest")
    outputs = predict(model, layout("forest"), inputs)
    assert_equal_to_scikit_learn(model, frame_of(inputs), outputs)


@pytest.mark.parametrize("final", FINALS)
def test_every_common_estimator_answers_as_scikit_learn_does(final: str) -> None:
    model = mixed(final)
    before = joblib.hash(model)
    several: list[dict[str, Scalar]] = [
        {"income": 31_000.5, "visits": 3.0, "city": "Oslo", "member": True},
        {"income": None, "visits": None, "city": None, "member": None},
        {"income": -1.0, "visits": 8.0, "city": "Rome", "member": False},
    ]
    for inputs in several:
        outputs = predict(model, layout(final), inputs)
        assert_equal_to_scikit_learn(model, frame_of(inputs), outputs)
        assert outputs.notes == ()
    assert joblib.hash(model) == before


def missing_frames() -> dict[str, pd.Series]:
    some = ["a", "b", "a", "c", "b", "a", "c"] * 3
    return {
        "NaN in objects": pd.Series([*some, np.nan, np.nan], dtype=object),
        "None in objects": pd.Series([*some, None, None], dtype=object),
        "pandas text": pd.Series([*some, None, None]),
        "pandas category": pd.Series([*some, None, None], dtype="category"),
        "numbers": pd.Series([*"121312112131211213121"] + [np.nan] * 2).astype(float),
        "numbers and None": pd.Series([*[1, 2, 3] * 7, None, None], dtype=object),
        "flags and None": pd.Series([*[True, False, True] * 7, None, None], dtype=object),
        "flags and NaN": pd.Series([*[True, False, True] * 7, np.nan, np.nan], dtype=object),
    }


@pytest.mark.parametrize("kind", missing_frames())
@pytest.mark.parametrize(
    "step",
    [
        make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder()),
        make_pipeline(
            SimpleImputer(strategy="most_frequent", missing_values=None), OrdinalEncoder()
        ),
        OneHotEncoder(),
        OrdinalEncoder(encoded_missing_value=-1),
    ],
    ids=["imputer", "imputer of None", "one-hot", "ordinal"],
)
def test_a_missing_value_is_written_as_the_training_data_wrote_it(step: Any, kind: str) -> None:
    frame = pd.DataFrame({"plan": missing_frames()[kind]})
    model = make_pipeline(step, LogisticRegression())
    answers = [n % 2 for n in range(len(frame))]
    try:
        model.fit(frame, answers)
    except (TypeError, ValueError):
        assert step.steps[0][1].missing_values is None  # None cannot be sought among floats
        return
    found = examine(model)
    assert found.features[0].requirement == "may_be_missing"
    for row in (frame.iloc[[0]], frame.iloc[[-1]]):
        cell = row["plan"].tolist()[0]
        value = None if cell is None or cell != cell else cell
        outputs = predict(model, layout_of(found.container, found.features), {"plan": value})
        assert_equal_to_scikit_learn(model, row, outputs)


def test_an_imputers_own_marker_is_what_it_gets_for_a_missing_value() -> None:
    frame = pd.DataFrame({"pay": [1.0, -999.0, 3.0, 4.0], "size": [1.0, 2.0, 3.0, 5.0]})
    imputer = SimpleImputer(missing_values=-999.0)
    model = make_pipeline(imputer, LinearRegression()).fit(frame, [1.0, 2.0, 3.0, 4.0])
    found = examine(model)
    outputs = predict(model, layout_of("frame", found.features), {"pay": None, "size": 2.0})
    assert outputs.targets[0].value == model.predict(frame_of({"pay": -999.0, "size": 2.0}))[0]


def test_columns_reach_the_model_in_training_order_with_the_types_of_their_kinds() -> None:
    seen: list[pd.DataFrame] = []

    class _Witness(RegressorMixin, BaseEstimator):
        def predict(self, frame: pd.DataFrame) -> Any:
            seen.append(frame)
            return np.array([0.0])

    columns = (
        Column("flag", Kind.BOOLEAN),
        Column("whole", Kind.INTEGER),
        Column("gap", Kind.INTEGER, may_be_missing=True),
        Column("real", Kind.FLOAT),
        Column("word", Kind.STRING),
        Column("code", Kind.CHOICE),
    )
    inputs: dict[str, Scalar] = {
        "code": 3, "word": "True", "real": 1, "gap": None, "whole": 2**53 + 1, "flag": True,
    }  # fmt: skip
    predict(_Witness(), InputLayout("frame", columns), inputs)
    (frame,) = seen
    assert frame.columns.tolist() == [column.name for column in columns]
    assert frame.dtypes.astype(str).tolist() == [
        "bool", "int64", "float64", "float64", "str", "int64",
    ]  # fmt: skip
    assert frame["whole"].tolist() == [2**53 + 1]
    assert frame["gap"].isna().all()


def test_an_array_model_gets_float64_and_answers_as_scikit_learn_does() -> None:
    rng = np.random.default_rng(0)
    model = Ridge().fit(rng.normal(size=(20, 3)).astype(np.float32), rng.normal(size=20))
    layout = InputLayout("array", tuple(Column(f"x{n}", Kind.FLOAT) for n in range(3)))
    outputs = predict(model, layout, {"x0": 0.1, "x1": -2, "x2": 7.5})
    assert outputs.targets[0].value == float(model.predict([[0.1, -2.0, 7.5]])[0])


def test_an_array_of_texts_and_numbers_keeps_both() -> None:
    rows = np.array([["Oslo", 1.0], ["Rome", 2.0], ["Oslo", 3.0]], dtype=object)
    preprocess = ColumnTransformer([("city", OneHotEncoder(), [0])], remainder="passthrough")
    model = make_pipeline(preprocess, LinearRegression()).fit(rows, [1.0, 2.0, 3.0])
    found = examine(model)
    assert found.container == "array"
    outputs = predict(model, layout_of("array", found.features), {"x0": "Rome", "x1": 2.5})
    assert outputs.targets[0].value == model.predict(np.array([["Rome", 2.5]], dtype=object))[0]


def test_a_pipeline_of_texts_gets_the_text() -> None:
    texts = ["good day", "bad day", "good night", "bad night"]
    model = make_pipeline(CountVectorizer(), MultinomialNB()).fit(texts, ["+", "-", "+", "-"])
    layout = InputLayout("texts", (Column("text", Kind.STRING),))
    outputs = predict(model, layout, {"text": "a good, good day"})
    assert_equal_to_scikit_learn(model, ["a good, good day"], outputs)


def test_categories_of_a_pandas_category_work_without_the_training_dtype() -> None:
    frame = table()[["income", "city"]].astype({"city": "category"})
    model = HistGradientBoostingClassifier(max_iter=4).fit(frame, ANSWERS)
    found = examine(model)
    for number in (0, 2, 13):
        row = frame.iloc[[number]]
        inputs = {name: None if pd.isna(cell) else cell for name, cell in row.iloc[0].items()}
        outputs = predict(model, layout_of("frame", found.features), inputs)
        assert_equal_to_scikit_learn(model, row, outputs)


def test_predictions_do_not_influence_one_another() -> None:
    imputer = IterativeImputer(sample_posterior=True, random_state=np.random.RandomState(1))
    frame = table()[["income", "visits"]]
    model = make_pipeline(imputer, Ridge()).fit(frame, range(ROWS))
    layout = layout_of("frame", examine(model).features)
    inputs: dict[str, Scalar] = {"income": None, "visits": 3.0}
    before = joblib.hash(model)
    first = predict(model, layout, inputs).targets
    predict(model, layout, {"income": 5.0, "visits": None})
    assert predict(model, layout, inputs).targets == first
    assert joblib.hash(model) == before


def test_numpys_own_random_numbers_are_left_as_they_were() -> None:
    model = DummyClassifier(strategy="uniform").fit([[0.0]] * 4, [0, 1, 2, 3])
    layout = InputLayout("array", (Column("x0", Kind.FLOAT),))
    answers = {predict(model, layout, {"x0": 1.0}).targets[0].value for _ in range(20)}
    assert len(answers) == 1


class _Fixed(ClassifierMixin, BaseEstimator):
    """Answers what it was made with."""

    def __init__(self, label: Any, table: Any) -> None:
        self.label = label
        self.table = table
        self.classes_ = np.array(["a", "b", "c"])

    def predict(self, row: Any) -> Any:
        return np.array([self.label])

    def predict_proba(self, row: Any) -> Any:
        if isinstance(self.table, Exception):
            raise self.table
        return np.array([self.table])


def ask(model: Any, value: Scalar = 1.0) -> Outputs:
    return predict(model, InputLayout("array", (Column("x0", Kind.FLOAT),)), {"x0": value})


def test_confidence_is_that_of_the_returned_label_even_when_another_is_likelier() -> None:
    outputs = ask(_Fixed("b", [0.6, 0.3, 0.1]))
    assert outputs.targets[0].confidence == 0.3
    assert outputs.warnings == ("The model's decision rule and its probabilities disagree here.",)


def test_a_model_that_agrees_with_itself_warns_of_nothing() -> None:
    outputs = ask(_Fixed("a", [0.6, 0.3, 0.1]))
    assert outputs.targets[0].confidence == 0.6
    assert outputs.warnings == ()
    assert outputs.notes == ()


@pytest.mark.parametrize("table", [[0.5, 0.3, 0.1], [np.nan, 0.5, 0.5], [1.2, -0.1, -0.1]])
def test_probabilities_that_are_none_give_no_confidence_but_a_note(table: list[float]) -> None:
    outputs = ask(_Fixed("a", table))
    assert (outputs.targets[0].value, outputs.targets[0].confidence) == ("a", None)
    assert outputs.targets[0].probabilities == ()
    assert "do not sum to 1" in outputs.notes[0]


def test_probabilities_that_sum_to_nearly_one_are_kept_as_they_are() -> None:
    assert ask(_Fixed("a", [0.6, 0.3, 0.105])).targets[0].confidence == 0.6


def test_a_row_is_prepared_once_and_a_forest_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def counting(kind: type, method: str) -> None:
        own = getattr(kind, method)

        def counted(self: Any, table: Any) -> Any:
            asked.append(f"{kind.__name__}.{method}")
            return own(self, table)

        monkeypatch.setattr(kind, method, counted)

    counting(StandardScaler, "transform")
    counting(RandomForestClassifier, "predict_proba")
    inputs: dict[str, Scalar] = {"income": 4e4, "visits": 2.0, "city": "Bern", "member": True}

    outputs = predict(mixed("forest"), layout("forest"), inputs)

    assert asked == ["StandardScaler.transform", "RandomForestClassifier.predict_proba"]
    assert_equal_to_scikit_learn(mixed("forest"), frame_of(inputs), outputs)


def test_a_failing_predict_proba_does_not_fail_the_prediction() -> None:
    outputs = ask(_Fixed("a", RuntimeError("no luck")))
    assert (outputs.targets[0].value, outputs.targets[0].confidence) == ("a", None)
    assert outputs.notes == ("predict_proba: RuntimeError: no luck",)


def test_without_probabilities_the_labels_own_score_is_given() -> None:
    rows, answers = np.arange(6.0).reshape(6, 1), ["a", "b", "c"] * 2
    model = RidgeClassifier().fit(rows, answers)
    (target,) = ask(model).targets
    scores = model.decision_function([[1.0]])[0]
    assert target.confidence is None
    assert target.score == scores[model.classes_.tolist().index(target.value)]


def test_one_against_one_scores_are_not_mistaken_for_scores_of_classes() -> None:
    rows, answers = np.arange(6.0).reshape(6, 1), ["a", "b", "c"] * 2
    model = make_pipeline(MinMaxScaler(), SVC(decision_function_shape="ovo")).fit(rows, answers)
    assert ask(model).targets[0].score is None


def test_an_outlier_detector_gives_its_score_and_a_clusterer_its_label() -> None:
    rows = np.r_[np.zeros(9), 50.0].reshape(-1, 1)
    detector = IsolationForest(n_estimators=5, random_state=0).fit(rows)
    (target,) = ask(detector, 50.0).targets
    assert (target.value, target.score) == (-1, detector.decision_function([[50.0]])[0])
    clusters = KMeans(2, n_init=1, random_state=0).fit(rows)
    (target,) = ask(clusters, 50.0).targets
    assert (target.value, target.confidence) == (int(clusters.predict([[50.0]])[0]), None)


@pytest.mark.parametrize(
    "model",
    [GaussianProcessRegressor(alpha=0.1, optimizer=None), BayesianRidge(), ARDRegression()],
    ids=lambda model: type(model).__name__,
)
@pytest.mark.parametrize("is_frame", [True, False], ids=["frame", "array"])
def test_native_deviations_become_a_90_percent_interval(model: Any, is_frame: bool) -> None:
    rows = np.random.default_rng(0).normal(size=(25, 1))
    answers = np.sin(rows[:, 0])
    row: Any = pd.DataFrame({"x0": [0.3]}) if is_frame else np.array([[0.3]])
    pipeline = make_pipeline(StandardScaler(), model)
    pipeline.fit(pd.DataFrame(rows, columns=["x0"]) if is_frame else rows, answers)
    layout = InputLayout("frame" if is_frame else "array", (Column("x0", Kind.FLOAT),))
    (target,) = predict(pipeline, layout, {"x0": 0.3}).targets
    mean, deviation = pipeline[-1].predict(pipeline[0].transform(row), return_std=True)
    assert target.value == pipeline.predict(row)[0]
    assert target.interval is not None
    assert target.interval.low == mean[0] - 1.645 * deviation[0]
    assert target.interval.high == mean[0] + 1.645 * deviation[0]
    assert (target.interval.level, target.interval.source) == (0.9, "model")


def test_an_interval_passes_through_a_monotone_transformation_of_the_target() -> None:
    rows = np.arange(1.0, 20.0).reshape(-1, 1)
    model = TransformedTargetRegressor(BayesianRidge(), func=np.log, inverse_func=np.exp)
    model.fit(rows, rows[:, 0] ** 2)
    (target,) = ask(model, 4.0).targets
    mean, deviation = model.regressor_.predict([[4.0]], return_std=True)
    assert target.interval is not None
    assert target.interval.low == np.exp(mean[0] - 1.645 * deviation[0])
    assert target.interval.low < target.value < target.interval.high  # type: ignore[operator]


def test_other_regressors_give_neither_interval_nor_confidence() -> None:
    model = Ridge().fit([[1.0], [2.0]], [1.0, 2.0])
    assert ask(model).targets[0].interval is None
    assert ask(model).targets[0].confidence is None


def test_several_targets_are_answered_one_by_one() -> None:
    both = np.array([("a", "x"), ("b", "y"), ("a", "z"), ("b", "x")] * 4)
    rows = np.random.default_rng(0).normal(size=(16, 1))
    model = MultiOutputClassifier(LogisticRegression()).fit(rows, both)
    outputs = ask(model, 0.2)
    tables = model.predict_proba([[0.2]])
    for target, label, table, classes in zip(
        outputs.targets, model.predict([[0.2]])[0], tables, model.classes_, strict=True
    ):
        assert target.value == label
        assert target.confidence == table[0][classes.tolist().index(label)]
    assert [one.name for one in outputs.targets] == ["output 1", "output 2"]


def test_labels_that_apply_or_not_have_the_probability_of_what_was_said() -> None:
    rows = np.random.default_rng(0).normal(size=(16, 1))
    labels = np.array([(0, 1), (1, 1), (1, 0), (0, 0)] * 4)
    model = MLPClassifier((3,), solver="lbfgs", max_iter=20, random_state=0).fit(rows, labels)
    for target, applies in zip(
        ask(model, 0.2).targets, model.predict_proba([[0.2]])[0], strict=True
    ):
        assert target.value == int(applies > 0.5)
        assert target.confidence == (applies if applies > 0.5 else 1 - applies)


class _Odd(RegressorMixin, BaseEstimator):
    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def predict(self, row: Any) -> Any:
        return self.answer


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (np.array([np.nan]), "nan"),
        (np.array([np.inf]), "inf"),
        (np.array([complex(1, 2)]), "(1+2j)"),
        (np.array(["2026-03-02"], dtype="datetime64[D]"), "2026-03-02"),
        (np.array(["a\x00b"], dtype=object), "'a\\x00b'"),
        (np.zeros((1, 1, 2)), "[[[0. 0.]]]"),
        ({"a": 1}, "{'a': 1}"),
    ],
)
def test_an_answer_that_json_cannot_hold_is_given_as_text(answer: Any, text: str) -> None:
    outputs = ask(_Odd(answer))
    assert (outputs.targets[0].value, outputs.targets[0].text) == (None, text)
    assert outputs.notes


@pytest.mark.parametrize(
    ("answer", "value"),
    [
        (np.array([0.1], dtype=np.float32), float(np.float32(0.1))),
        (np.array([2**62]), 2**62),
        (np.array([True]), True),
        (np.array([["only"]]), "only"),
    ],
)
def test_an_answer_keeps_its_exact_value_and_type(answer: Any, value: Scalar) -> None:
    (target,) = ask(_Odd(answer)).targets
    assert target.value == value
    assert type(target.value) is type(value)


def test_warnings_raised_while_predicting_are_notes_each_once_and_bounded() -> None:
    class _Loud(_Odd):
        def predict(self, row: Any) -> Any:
            import warnings

            for number in range(50):
                warnings.warn(f"{number // 2} " + "x" * 999, UserWarning, stacklevel=1)
            return np.array([1.0])

    notes = ask(_Loud(None)).notes
    assert len(notes) == len(set(notes)) == 20
    assert notes[0].startswith("UserWarning: 0 ")
    assert max(map(len, notes)) == 300


def by_name(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(share=rows["age"] / rows["income"])


def columns_of(rows: pd.DataFrame) -> pd.DataFrame:
    return rows[rows.columns]


SECOND = ColumnTransformer(
    [("b", StandardScaler(), ["income"])],
    remainder="passthrough",
    verbose_feature_names_out=False,
)


@pytest.mark.parametrize(
    "second",
    [SECOND, FunctionTransformer(by_name), FunctionTransformer(columns_of)],
    ids=["columns by name", "a function by name", "a function of the columns"],
)
def test_names_that_only_the_notebook_s_configuration_gave_have_their_way_out(second: Any) -> None:
    first = ColumnTransformer(
        [("a", StandardScaler(), ["age"])],
        remainder="passthrough",
        verbose_feature_names_out=False,
    )
    rows = pd.DataFrame({"age": [30.0, 40.0, 50.0], "income": [1.0, 2.0, 4.0]})
    with config_context(transform_output="pandas"):
        model = make_pipeline(first, second, LinearRegression()).fit(rows, [0, 1, 2])

    layout = InputLayout("frame", (Column("age", Kind.FLOAT), Column("income", Kind.FLOAT)))
    with pytest.raises(HostError) as failure:
        predict(model, layout, {"age": 40.0, "income": 2.0})

    assert (failure.value.code, failure.value.message) == (
        "LOAD",
        "A step of the model chooses its columns by name and gets an array, which has no names: "
        'the notebook used set_config(transform_output="pandas"), which is not saved with a model. '
        'Call .set_output(transform="pandas") on the pipeline and save it again.',
    )
    model.set_output(transform="pandas")
    answer = predict(model, layout, {"age": 40.0, "income": 2.0}).targets[0].value
    assert answer == model.predict(rows[1:2])[0]


def test_a_models_own_exception_is_its_fault_with_the_traceback() -> None:
    class _Broken(_Odd):
        def predict(self, row: Any) -> Any:
            raise KeyError("gone")

    with pytest.raises(HostError) as failure:
        ask(_Broken(None))
    assert (failure.value.code, failure.value.message) == ("MODEL", "KeyError: 'gone'")
    assert "in predict" in failure.value.traceback


def test_memory_that_runs_out_is_not_blamed_on_the_model() -> None:
    class _Greedy(_Odd):
        def predict(self, row: Any) -> Any:
            raise MemoryError

    with pytest.raises(MemoryError):
        ask(_Greedy(None))


def objection(model: Any, layout: InputLayout, inputs: dict[str, Scalar]) -> tuple[str, str, str]:
    with pytest.raises(HostError) as failure:
        predict(model, layout, inputs)
    return failure.value.code, failure.value.input, failure.value.message


def test_an_unknown_category_is_blamed_on_the_inputs_name_not_on_the_encoders_column() -> None:
    inputs: dict[str, Scalar] = {"income": 1.0, "visits": 1.0, "city": "Paris", "member": True}
    assert objection(mixed("linear"), layout("linear"), inputs) == (
        "INPUT",
        "city",
        "it does not know “Paris”",
    )


def test_a_missing_value_the_model_refuses_is_blamed_on_its_input() -> None:
    model = LinearRegression().fit(pd.DataFrame({"a": [1.0, 2.0], "b": [1.0, 3.0]}), [1.0, 2.0])
    columns = (Column("a", Kind.FLOAT), Column("b", Kind.FLOAT, may_be_missing=True))
    assert objection(model, InputLayout("frame", columns), {"a": 1.0, "b": None})[:2] == (
        "INPUT",
        "b",
    )


def test_a_number_too_large_for_a_tree_is_blamed_on_its_input() -> None:
    model = DecisionTreeClassifier().fit(pd.DataFrame({"a": [1, 2], "b": [1, 3]}), [0, 1])
    columns = (Column("a", Kind.FLOAT), Column("b", Kind.FLOAT))
    said = objection(model, InputLayout("frame", columns), {"a": 1.0, "b": 1e300})
    assert said == ("INPUT", "b", "the number is too large")


def test_a_text_where_the_model_computes_is_blamed_on_its_input() -> None:
    model = LinearRegression().fit(pd.DataFrame({"a": [1.0, 2.0], "b": [1.0, 3.0]}), [1.0, 2.0])
    columns = (Column("a", Kind.FLOAT), Column("b", Kind.STRING))
    said = objection(model, InputLayout("frame", columns), {"a": 1.0, "b": "many"})
    assert said == ("INPUT", "b", "a number is expected")


@pytest.mark.parametrize(
    ("kind", "value", "reason"),
    [
        ("float", None, "it may not be left empty"),
        ("float", "12", "a number is expected"),
        ("float", True, "a number is expected"),
        ("integer", 1.5, "a whole number is expected"),
        ("integer", 2**64, "the number is too large"),
        ("boolean", "True", "yes or no is expected"),
        ("boolean", 1, "yes or no is expected"),
        ("string", 1, "a text is expected"),
    ],
)
def test_a_value_of_another_kind_than_the_layouts_is_refused(
    kind: Any, value: Scalar, reason: str
) -> None:
    model = LinearRegression().fit(pd.DataFrame({"a": [1.0, 2.0]}), [1.0, 2.0])
    layout = InputLayout("frame", (Column("a", kind),))
    assert objection(model, layout, {"a": value}) == ("INPUT", "a", reason)


def test_a_name_the_model_does_not_know_is_refused() -> None:
    model = LinearRegression().fit(pd.DataFrame({"a": [1.0, 2.0]}), [1.0, 2.0])
    layout = InputLayout("frame", (Column("a", Kind.FLOAT),))
    assert objection(model, layout, {"a": 1.0, "b": 2.0})[:2] == ("INPUT", "b")


AMOUNTS = pd.DataFrame(
    {
        "age": [20.0 + n % 40 for n in range(ROWS)],
        "amount": [0.05 + 0.02 * n for n in range(ROWS)],
    }
)
ABOVE_0 = "a number above 0 is expected"


def amounts(step: Any, last: Any = None, columns: Any = ("amount",)) -> Any:
    """Return a model that sends ``columns`` through ``step`` and all to a final estimator."""
    through = ColumnTransformer([("step", step, list(columns))], remainder="passthrough")
    final = LogisticRegression(max_iter=500) if last is None else last
    model = make_pipeline(through, final)
    return model.fit(AMOUNTS.iloc[:40], ANSWERS[:40])


def asked(model: Any, amount: float, age: float = 30.0) -> Outputs:
    found = examine(model)
    columns = tuple(Column(one.name, Kind.FLOAT) for one in found.features)
    return predict(model, InputLayout("frame", columns), {"age": age, "amount": amount})


def ratio(rows: Any) -> Any:
    return rows.assign(ratio=rows["age"] / rows["amount"])


def log_of_sum(rows: Any) -> Any:
    return rows.assign(total=np.log(rows["age"] + rows["amount"]))


def halves(rows: Any) -> Any:
    return rows.map(lambda number: 1 / number)


def halves_quietly(rows: Any) -> Any:
    with np.errstate(all="ignore"):
        return 1 / rows


def logs(rows: Any) -> Any:
    return rows.map(math.log)


def always_nothing(rows: Any) -> Any:
    return rows * np.nan if len(rows) == 1 else rows


@pytest.mark.parametrize(
    ("function", "amount", "condition"),
    [
        (np.log, 0.0, ABOVE_0),
        (np.log, -3.0, ABOVE_0),
        (np.log2, 0.0, ABOVE_0),
        (np.log10, -1.0, ABOVE_0),
        (np.log1p, -1.0, "a number above -1 is expected"),
        (np.sqrt, -1.0, "a number of 0 or more is expected"),
        (np.reciprocal, 0.0, "a number other than 0 is expected"),
        (partial(np.divide, 100), 0.0, "a number other than 0 is expected"),
        (np.arcsin, 1.5, "a number from -1 to 1 is expected"),
        (np.arccos, -1.5, "a number from -1 to 1 is expected"),
        (np.arctanh, 1.0, "a number between -1 and 1 is expected"),
        (scipy.special.logit, 1.0, "a number between 0 and 1 is expected"),
        (np.exp, 1000.0, "the number is too large"),
        (np.square, -1e200, "a number closer to 0 is expected"),
        (halves, 0.0, "a number other than 0 is expected"),
        (logs, 0.0, ABOVE_0),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_a_number_that_has_no_finite_result_is_blamed_on_its_input(
    function: Any, amount: float, condition: str
) -> None:
    steps = make_pipeline(SimpleImputer(), FunctionTransformer(function), StandardScaler())
    if function in (halves, logs):
        steps = FunctionTransformer(function)
    with pytest.raises(HostError) as refusal:
        asked(amounts(steps), amount)
    assert (refusal.value.code, refusal.value.input) == ("INPUT", "amount")
    assert refusal.value.message == condition
    assert refusal.value.step.startswith("columntransformer.step")
    assert "Traceback" in refusal.value.traceback


@pytest.mark.parametrize(
    ("model", "row", "name", "words"),
    [
        (
            amounts(FunctionTransformer(ratio), columns=("age", "amount")),
            (0.0, 30.0),
            "amount",
            "a number other than 0 is expected",
        ),
        (
            amounts(FunctionTransformer(log_of_sum), columns=("age", "amount")),
            (-5.0, 0.0),
            "age",
            "it became not a number in step columntransformer.step together with amount",
        ),
        (
            amounts(make_pipeline(MinMaxScaler((1, 2)), FunctionTransformer(np.log))),
            (-300.0, 30.0),
            "amount",
            "it became not a number in step columntransformer.step.functiontransformer",
        ),
        (
            amounts(PolynomialFeatures(3), columns=("age", "amount")),
            (1e200, 30.0),
            "amount",
            "the number is too large",
        ),
        (
            amounts(FunctionTransformer(np.exp), RandomForestClassifier(3, random_state=0)),
            (100.0, 30.0),
            "amount",
            "the number is too large",
        ),
        (
            VotingClassifier(
                [("logs", amounts(FunctionTransformer(np.log))), ("plain", LogisticRegression())]
            ).fit(AMOUNTS.iloc[:40], ANSWERS[:40]),
            (0.0, 30.0),
            "amount",
            ABOVE_0,
        ),
    ],
    ids=["ratio", "sum", "scaled", "polynomial", "float32", "voting"],
)
def test_the_input_behind_a_lost_number_is_found_by_its_route(
    model: Any, row: tuple[float, float], name: str, words: str
) -> None:
    with pytest.raises(HostError) as refusal:
        asked(model, *row)
    found = refusal.value
    assert (found.code, found.input, found.message) == ("INPUT", name, words)


def test_a_number_that_the_model_loses_whatever_is_entered_is_the_models_fault() -> None:
    model = amounts(FunctionTransformer(always_nothing))
    columns = (Column("age", Kind.FLOAT), Column("amount", Kind.FLOAT))
    with pytest.raises(HostError, match="contains NaN") as failure:
        predict(model, InputLayout("frame", columns), {"age": 30.0, "amount": 1.0})
    assert (failure.value.code, failure.value.input) == ("MODEL", "")


def test_a_missing_value_beside_a_lost_number_is_not_blamed() -> None:
    columns = ColumnTransformer(
        [("log", FunctionTransformer(np.sqrt), ["amount"]), ("fill", SimpleImputer(), ["age"])]
    )
    model = make_pipeline(columns, LogisticRegression()).fit(AMOUNTS, ANSWERS)
    layout = InputLayout(
        "frame", (Column("age", Kind.FLOAT, may_be_missing=True), Column("amount", Kind.FLOAT))
    )
    with pytest.raises(HostError, match="0 or more") as refusal:
        predict(model, layout, {"age": None, "amount": -1.0})
    assert refusal.value.input == "amount"


@pytest.mark.parametrize(
    ("function", "amount", "became"),
    [(np.log, 0.0, "-inf"), (np.sqrt, -1.0, "not a number"), (halves_quietly, 0.0, "inf")],
    ids=["log", "sqrt", "own"],
)
def test_a_model_that_goes_on_with_a_lost_number_answers_as_scikit_learn_does_and_says_so(
    function: Any, amount: float, became: str
) -> None:
    model = amounts(FunctionTransformer(function), HistGradientBoostingClassifier(max_iter=4))

    found = asked(model, amount)
    usual = asked(model, 0.5)

    row = pd.DataFrame({"age": [30.0], "amount": [amount]})
    (target,) = found.targets
    assert target.value == model.predict(row)[0]
    assert [one.probability for one in target.probabilities] == model.predict_proba(row)[0].tolist()
    assert found.lost is not None
    assert (found.lost.input, found.lost.became) == ("amount", became)
    assert usual.lost is None


class Doubles(TransformerMixin, BaseEstimator):
    """A step of somebody's own that works in the table it is given."""

    def fit(self, rows: Any, y: Any = None) -> Doubles:
        self.n_features_in_ = np.shape(rows)[1]
        return self

    def transform(self, rows: Any) -> Any:
        rows *= 2
        return rows


@pytest.mark.parametrize(
    "model",
    [
        make_pipeline(StandardScaler(copy=False), LogisticRegression()),
        make_pipeline(Doubles(), LogisticRegression()),
        CalibratedClassifierCV(make_pipeline(StandardScaler(copy=False), SVC()), cv=2),
    ],
    ids=["scaler", "own", "calibrated"],
)
def test_a_step_that_works_in_the_row_itself_changes_no_answer(model: Any) -> None:
    rows = np.column_stack([np.linspace(-0.3, 0.9, ROWS), np.linspace(5, 1, ROWS) ** 2])
    model.fit(rows.copy(), ANSWERS)
    layout = InputLayout("array", (Column("a", Kind.FLOAT), Column("b", Kind.FLOAT)))
    inputs: dict[str, Scalar] = {"a": 0.25, "b": 9.0}
    own = model.predict_proba(np.array([[0.25, 9.0]]))[0]

    traced = predict_traced(model, layout, inputs, level="full", hidden=frozenset()).outputs
    explained = explain(model, layout, inputs, {"a": 0.0, "b": 0.0}, seed=0, seconds=60)
    number = curve(model, layout, inputs, "a", [0.25]).numbers
    many = predict_many(model, layout, [[0.25, 9.0], [1.7e308, 9.0]], seconds=60).by_row()[0]

    for outputs in (predict(model, layout, inputs), traced, many):
        assert isinstance(outputs, Outputs)
        found = [one.probability for one in outputs.targets[0].probabilities]
        assert found == own.tolist()
    assert explained.prediction == pytest.approx(own.max(), rel=1e-9)
    assert number == pytest.approx([own.max()], rel=1e-9)


@pytest.mark.parametrize(
    ("model", "low", "high"),
    [
        (make_pipeline(SplineTransformer(extrapolation="error"), Ridge()), 0, 4),
        (make_pipeline(SplineTransformer(extrapolation="error"), StandardScaler(), Ridge()), 0, 4),
        (CategoricalNB(min_categories=6), 0, 5),
    ],
    ids=["spline", "spline, scaled", "categories"],
)
def test_a_value_outside_the_range_that_a_step_takes_is_named_with_the_range(
    model: Any, low: int, high: int
) -> None:
    rows = pd.DataFrame({"a": np.arange(ROWS) % 3, "b": np.arange(ROWS) % 5})
    model.fit(rows, np.arange(ROWS) % 2)
    layout = InputLayout("frame", (Column("a", Kind.FLOAT), Column("b", Kind.FLOAT)))

    with pytest.raises(HostError) as refusal:
        predict(model, layout, {"a": 2.0, "b": 30.0})

    assert (refusal.value.code, refusal.value.input) == ("INPUT", "b")
    assert refusal.value.message == f"a number from {low} to {high} is expected"
    one = examine(model).features[1]
    assert (one.minimum, one.maximum, one.is_soft_range) == (low, high, True)
    assert predict(model, layout, {"a": 2.0, "b": 4.0}).targets[0].value is not None
