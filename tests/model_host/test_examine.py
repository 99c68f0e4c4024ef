"""The examination of a fitted model, against its training data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from operator import itemgetter
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.cluster import DBSCAN, KMeans
from sklearn.compose import (
    ColumnTransformer,
    TransformedTargetRegressor,
    make_column_selector,
    make_column_transformer,
)
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    IsolationForest,
    RandomForestClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.feature_selection import SelectKBest
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.impute import KNNImputer, SimpleImputer
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.metrics.pairwise import laplacian_kernel
from sklearn.model_selection import GridSearchCV
from sklearn.multioutput import MultiOutputClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier, RadiusNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline, make_union
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
)
from sklearn.svm import SVC, SVR
from sklearn.tree import DecisionTreeClassifier

from model_host.answering.prediction import predict
from model_host.protocol.errors import HostError
from model_host.protocol.examination import (
    Examination,
    ProposedChoice,
    ProposedFeature,
    ProposedTarget,
    Step,
    TrialFailure,
)
from model_host.protocol.inputs import Scalar
from model_host.protocol.outputs import ClassProbability, LostNumber, Outputs, TargetOutput
from model_host.structure.examine import examine, layout_of
from model_host.structure.report_limits import unfit_report

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

ROWS = 40


def table() -> pd.DataFrame:
    """40 rows: a number with gaps, a complete number, a category, a flag, a coded number."""
    rng = np.random.default_rng(3)
    age = rng.integers(18, 90, ROWS).astype(float)
    age[::9] = np.nan
    return pd.DataFrame(
        {
            "age": age,
            "income": rng.uniform(1_000, 90_000, ROWS),
            "city": [("Oslo", "Rome", "Bern")[n % 3] for n in range(ROWS)],
            "member": [n % 2 == 0 for n in range(ROWS)],
            "rooms": [1 + n % 4 for n in range(ROWS)],
        }
    )


ANSWERS = np.array([("no", "yes")[n % 2] for n in range(ROWS)])


def same(rows: Any) -> Any:
    return rows


def scores() -> Any:
    return np.random.default_rng(4).normal(size=ROWS)


def feature(examination: Examination, name: str) -> ProposedFeature:
    return next(one for one in examination.features if one.name == name)


def encoded(last: Any, *, filled: bool = True) -> Pipeline:
    """Return the usual pipeline over ``table()``, fitted on a classifier's answers."""
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    preprocess = ColumnTransformer(
        [
            ("num", numbers if filled else StandardScaler(), ["age", "income"]),
            ("cat", OneHotEncoder(handle_unknown="ignore"), ["city", "member"]),
        ],
        remainder="passthrough",
    )
    return Pipeline([("preprocess", preprocess), ("model", last)]).fit(table(), ANSWERS)


@pytest.fixture(scope="module")
def usual() -> Examination:
    return examine(encoded(LogisticRegression(max_iter=500)))


def test_names_come_in_training_order_and_say_where_they_came_from(usual: Examination) -> None:
    assert [one.name for one in usual.features] == list(table().columns)
    assert usual.container == "frame"
    assert {one.sources["name"] for one in usual.features} == {"feature_names_in_"}


def test_categories_become_choices_in_the_encoders_order(usual: Examination) -> None:
    city = feature(usual, "city")
    assert city.kind == "choice"
    assert [one.value for one in city.choices] == ["Bern", "Oslo", "Rome"]
    assert city.sources["choices"] == "OneHotEncoder"


def test_the_categories_true_and_false_become_a_boolean(usual: Examination) -> None:
    assert feature(usual, "member").kind == "boolean"
    assert feature(usual, "member").choices == ()


def test_numbers_behind_scalers_and_models_are_floats_never_integers(usual: Examination) -> None:
    assert {feature(usual, name).kind for name in ("age", "income", "rooms")} == {"float"}
    assert feature(usual, "rooms").sources["kind"] == "LogisticRegression"


def test_an_imputed_column_may_be_missing_and_tells_what_takes_its_place(
    usual: Examination,
) -> None:
    age = feature(usual, "age")
    assert age.requirement == "may_be_missing"
    assert age.imputed == age.default == age.typical == float(np.nanmedian(table()["age"]))
    assert age.sources["default"] == "SimpleImputer (median)"


def test_every_proposed_fact_names_its_source(usual: Examination) -> None:
    for one in usual.features:
        for fact in ("minimum", "maximum", "default", "imputed", "typical"):
            assert (getattr(one, fact) is not None) == (fact in one.sources), (one.name, fact)
        assert {"name", "kind"} <= one.sources.keys()


def test_a_column_without_imputer_on_its_route_is_required(usual: Examination) -> None:
    assert feature(usual, "rooms").requirement == "required"
    assert feature(usual, "rooms").default is None


def test_a_column_imputed_in_one_branch_and_not_in_the_other_is_required() -> None:
    union = make_union(make_pipeline(SimpleImputer(), StandardScaler()), PolynomialFeatures(2))
    frame = table()[["income", "rooms"]]
    found = examine(make_pipeline(union, LogisticRegression()).fit(frame, ANSWERS))
    assert [one.requirement for one in found.features] == ["required", "required"]


def test_the_trial_row_is_typical_and_its_outputs_are_the_models_own() -> None:
    model = encoded(LogisticRegression(max_iter=500))
    found = examine(model)
    assert found.smoke_inputs is not None
    assert found.smoke_outputs is not None
    assert found.smoke_inputs["city"] == "Bern"
    assert found.smoke_inputs["member"] is False
    expected = model.predict(pd.DataFrame([found.smoke_inputs]))[0]
    assert found.smoke_outputs.targets[0].value == expected
    assert found.warnings == ()


def test_the_answer_is_a_class_with_probabilities(usual: Examination) -> None:
    assert usual.task == "classification"
    assert usual.gives_probabilities
    assert not usual.gives_interval
    assert [(one.name, one.classes) for one in usual.targets] == [("prediction", ("no", "yes"))]


def test_steps_show_the_pipeline_with_the_columns_that_reach_each(usual: Examination) -> None:
    steps = {one.path: (one.estimator, one.columns) for one in usual.steps}
    assert steps["preprocess.num.simpleimputer"] == ("SimpleImputer", ("age", "income"))
    assert steps["preprocess.cat"] == ("OneHotEncoder", ("city", "member"))
    assert steps["model"] == ("LogisticRegression", tuple(table().columns))


def test_versions_that_were_trained_with_come_from_the_loader() -> None:
    model = LogisticRegression().fit([[0.0], [1.0]], [0, 1])
    found = examine(model, {"scikit-learn": "1.7.2"})
    assert found.libraries_trained == {"scikit-learn": "1.7.2"}
    assert found.libraries_running.keys() == {
        "scikit-learn", "numpy", "pandas", "joblib", "scipy", "Python",
    }  # fmt: skip


def test_a_model_fitted_without_names_takes_an_array_of_numbered_inputs() -> None:
    found = examine(LinearRegression().fit(np.eye(3), [1.0, 2.0, 3.0]))
    assert found.container == "array"
    assert [one.name for one in found.features] == ["x0", "x1", "x2"]
    assert found.steps[0].path == "model"


@pytest.mark.parametrize(
    ("scaler", "expected"),
    [
        (MinMaxScaler(), (1_000.0, 5_000.0, 3_000.0)),
        (RobustScaler(), (None, None, 2_000.0)),
        (StandardScaler(), (None, None, 2_500.0)),
        (QuantileTransformer(n_quantiles=4), (1_000.0, 5_000.0, 2_000.0)),
        (KBinsDiscretizer(2, strategy="uniform"), (1_000.0, 5_000.0, 3_000.0)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_scalers_give_soft_ranges_and_typical_values(
    scaler: Any, expected: tuple[float | None, float | None, float]
) -> None:
    frame = pd.DataFrame({"pay": [1_000.0, 2_000.0, 2_000.0, 5_000.0]})
    pay = examine(make_pipeline(scaler, LinearRegression()).fit(frame, range(4))).features[0]
    low, high, middle = expected
    assert (pay.minimum, pay.maximum) == (low, high)
    assert pay.is_soft_range
    assert pay.typical == pytest.approx(middle, rel=0.4)


def test_a_range_in_other_units_than_the_inputs_is_not_proposed() -> None:
    frame = pd.DataFrame({"pay": [1_000.0, 2_000.0, 3_000.0, 5_000.0]})
    model = make_pipeline(StandardScaler(), MinMaxScaler(), LinearRegression()).fit(frame, range(4))
    pay = examine(model).features[0]
    assert (pay.minimum, pay.maximum, pay.typical) == (None, None, 2_750.0)


@pytest.mark.parametrize(
    "columns",
    [
        ["age", "income"],
        [0, 1],
        slice(0, 2),
        slice("age", "income"),
        [True, True, False, False, False],
        make_column_selector(pattern="age|income"),
    ],
    ids=["names", "numbers", "slice", "slice of names", "mask", "callable"],
)
def test_columns_are_followed_however_they_were_chosen(columns: Any) -> None:
    preprocess = ColumnTransformer([("fill", SimpleImputer(), columns)], remainder="drop")
    found = examine(make_pipeline(preprocess, LogisticRegression()).fit(table(), ANSWERS))
    kinds = [(one.kind, one.requirement) for one in found.features]
    assert kinds[:2] == [("float", "may_be_missing")] * 2
    assert all(one.complete for one in found.features)
    assert feature(found, "city").sources["kind"] == "not used by the model"


def test_a_column_the_model_drops_may_be_left_out() -> None:
    preprocess = make_column_transformer(("passthrough", ["income"]), ("drop", ["city"]))
    model = make_pipeline(preprocess, LogisticRegression(max_iter=500)).fit(table(), ANSWERS)
    found = examine(model)
    city = feature(found, "city")
    assert (city.kind, city.requirement, city.complete) == ("unused", "may_be_missing", True)
    without = predict(model, layout_of("frame", found.features), {"income": 5.0})
    for given in ("Oslo", 5, True):
        inputs: dict[str, Scalar] = {"income": 5.0, "city": given}
        assert predict(model, layout_of("frame", found.features), inputs).targets == without.targets


def test_routes_lead_through_nested_pipelines_unions_and_selectors() -> None:
    city = make_pipeline(SimpleImputer(strategy="most_frequent"), OrdinalEncoder())
    inner = ColumnTransformer(
        [
            ("a", city, ["city"]),
            ("b", FeatureUnion([("s", StandardScaler()), ("k", "passthrough")]), ["income"]),
        ],
        remainder=make_pipeline(SimpleImputer(strategy="mean"), SelectKBest(k=1), MinMaxScaler()),
    )
    frame = table()[["age", "income", "city", "rooms"]]
    model = make_pipeline(make_pipeline(inner, "passthrough"), PCA(2), LogisticRegression())
    found = examine(model.fit(frame, ANSWERS))
    kinds = {one.name: (one.kind, one.requirement) for one in found.features}
    assert kinds == {
        "age": ("float", "may_be_missing"),
        "income": ("float", "required"),
        "city": ("choice", "may_be_missing"),
        "rooms": ("float", "may_be_missing"),
    }
    assert found.smoke_outputs is not None


def test_a_step_that_cannot_be_followed_leaves_its_inputs_to_the_admin() -> None:
    preprocess = make_column_transformer(
        (FunctionTransformer(pd.DataFrame.copy), ["income"]), remainder=StandardScaler()
    )
    frame = table()[["income", "rooms"]]
    found = examine(make_pipeline(preprocess, LogisticRegression()).fit(frame, ANSWERS))
    income = feature(found, "income")
    assert not income.complete
    assert "FunctionTransformer" in income.sources["kind"]
    assert feature(found, "rooms").complete
    assert found.smoke_outputs is None
    assert "income" in found.warnings[0]


def test_numpys_own_functions_are_followed() -> None:
    model = make_pipeline(FunctionTransformer(np.log1p), LinearRegression())
    found = examine(model.fit(table()[["income"]], scores()))
    assert (found.features[0].kind, found.features[0].complete) == ("float", True)


class _Doubler(TransformerMixin, BaseEstimator):
    def fit(self, table: Any, answers: Any = None) -> _Doubler:
        return self

    def transform(self, table: Any) -> Any:
        return table * 2


def test_a_custom_transformer_leaves_its_inputs_to_the_admin() -> None:
    preprocess = make_column_transformer((_Doubler(), ["income"]))
    model = make_pipeline(preprocess, LogisticRegression(max_iter=500))
    found = examine(model.fit(table()[["income"]], ANSWERS))
    assert not found.features[0].complete
    assert found.features[0].sources["kind"] == "could not be followed beyond _Doubler"


def test_a_category_of_missing_values_is_no_choice_but_may_be_missing() -> None:
    frame = pd.DataFrame({"plan": pd.Series(["a", None, "b", None] * 10, dtype=object)})
    model = make_pipeline(OneHotEncoder(), LogisticRegression()).fit(frame, ANSWERS)
    plan = examine(model).features[0]
    assert [one.value for one in plan.choices] == ["a", "b"]
    assert plan.requirement == "may_be_missing"
    assert plan.imputed is None


def test_a_category_that_one_strict_encoder_does_not_know_is_not_offered() -> None:
    few = OneHotEncoder(categories=[["Oslo", "Rome"]], handle_unknown="ignore")
    strict = OneHotEncoder(categories=[["Bern", "Oslo", "Rome"]])
    model = make_pipeline(make_union(few, strict), LogisticRegression())
    city = examine(model.fit(table()[["city"]], ANSWERS)).features[0]
    assert [one.value for one in city.choices] == ["Oslo", "Rome", "Bern"]


def test_histogram_boosting_takes_missing_values_and_its_own_categories() -> None:
    frame = table()[["age", "city"]].astype({"city": "category"})
    found = examine(HistGradientBoostingClassifier(max_iter=3).fit(frame, ANSWERS))
    age, city = found.features
    assert (age.kind, age.requirement) == ("float", "may_be_missing")
    assert [one.value for one in city.choices] == ["Bern", "Oslo", "Rome"]
    assert city.requirement == "may_be_missing"


def test_trees_may_miss_only_what_was_missing_when_they_grew() -> None:
    frame = table()[["age", "income", "rooms"]]
    forest = RandomForestClassifier(30, random_state=0).fit(frame, ANSWERS)
    assert [one.requirement for one in examine(forest).features] == [
        "may_be_missing",
        "required",
        "required",
    ]
    tree = DecisionTreeClassifier().fit(frame.fillna(0), ANSWERS)
    assert {one.requirement for one in examine(tree).features} == {"required"}


def test_an_imputer_with_neighbours_fills_without_one_known_value() -> None:
    model = make_pipeline(KNNImputer(), LogisticRegression(max_iter=500))
    age = examine(model.fit(table()[["age", "rooms"]], ANSWERS)).features[0]
    assert (age.requirement, age.imputed, age.default) == ("may_be_missing", None, None)
    assert age.typical == float(np.nanmedian(table()["age"]))


def test_a_pipeline_of_texts_takes_one_text() -> None:
    texts = ["good day", "bad day", "good night", "bad night"]
    model = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(texts, [1, 0, 1, 0])
    found = examine(model)
    assert found.container == "texts"
    assert [(one.name, one.kind, one.requirement) for one in found.features] == [
        ("text", "string", "required")
    ]
    assert found.smoke_outputs is not None


def test_a_text_column_among_others_is_a_string() -> None:
    frame = table()[["income"]].assign(note=["good day", "bad night"] * (ROWS // 2))
    preprocess = make_column_transformer((TfidfVectorizer(), "note"), remainder=StandardScaler())
    found = examine(make_pipeline(preprocess, LogisticRegression()).fit(frame, ANSWERS))
    assert [one.kind for one in found.features] == ["float", "string"]
    assert feature(found, "note").sources["kind"] == "TfidfVectorizer"
    assert found.smoke_outputs is not None


@pytest.mark.parametrize(
    "wrap",
    [
        lambda model: CalibratedClassifierCV(model, cv=2),
        lambda model: VotingClassifier([("one", model), ("two", model)], voting="soft"),
        lambda model: StackingClassifier([("one", model)], LogisticRegression(), cv=2),
        lambda model: GridSearchCV(model, {"model__C": [1.0]}, cv=2),
    ],
    ids=["calibrated", "voting", "stacking", "search"],
)
def test_pipelines_are_followed_inside_other_estimators(wrap: Any) -> None:
    inner = encoded(LogisticRegression(max_iter=500))
    found = examine(wrap(inner).fit(table(), ANSWERS))
    assert found.targets[0].classes == ("no", "yes")
    assert feature(found, "city").kind == "choice"
    assert feature(found, "member").kind == "boolean"
    assert feature(found, "age").requirement == "may_be_missing"
    assert found.smoke_outputs is not None


def test_members_that_fill_in_different_values_promise_none() -> None:
    model = CalibratedClassifierCV(encoded(LogisticRegression(max_iter=500)), cv=3)
    age = feature(examine(model.fit(table(), ANSWERS)), "age")
    assert (age.requirement, age.imputed) == ("may_be_missing", None)


def test_several_targets_have_their_own_classes() -> None:
    both = np.array([("a", "x"), ("b", "y"), ("a", "z"), ("b", "x")] * 10)
    model = MultiOutputClassifier(LogisticRegression()).fit(table()[["income"]], both)
    assert [(one.name, one.classes) for one in examine(model).targets] == [
        ("output 1", ("a", "b")),
        ("output 2", ("x", "y", "z")),
    ]


def test_labels_that_apply_or_not_are_targets_of_their_own() -> None:
    labels = np.array([(0, 1), (1, 1), (1, 0), (0, 0)] * 10)
    model = MLPClassifier((3,), max_iter=5, solver="sgd").fit(table()[["rooms"]], labels)
    assert [one.classes for one in examine(model).targets] == [(0, 1), (0, 1)]


def test_classes_keep_their_type() -> None:
    rows = [[0.0], [1.0], [2.0], [3.0]]
    flags = examine(LogisticRegression().fit(rows, [True, False, True, False])).targets[0].classes
    small = np.array([7, 9, 7, 9], dtype=np.int8)
    codes = examine(LogisticRegression().fit(rows, small)).targets[0].classes
    assert [type(one) for one in (*flags, *codes)] == [bool, bool, int, int]


@pytest.mark.parametrize(
    ("model", "task", "classes"),
    [
        (KMeans(2, n_init=1), "clustering", ()),
        (IsolationForest(n_estimators=3), "outlier detection", (-1, 1)),
    ],
)
def test_clusterers_and_outlier_detectors_say_what_they_are(
    model: Any, task: str, classes: tuple[int, ...]
) -> None:
    found = examine(model.fit(table()[["income", "rooms"]]))
    assert (found.task, found.targets[0].classes) == (task, classes)
    assert found.smoke_outputs is not None


def test_intervals_are_promised_only_where_they_are_honest() -> None:
    def promised(model: Any) -> bool:
        return examine(model.fit(table()[["rooms"]], scores() ** 2)).gives_interval

    gaussian = GaussianProcessRegressor(alpha=0.1, optimizer=None)
    assert promised(make_pipeline(StandardScaler(), gaussian))
    assert promised(TransformedTargetRegressor(gaussian, func=np.log1p, inverse_func=np.expm1))
    assert not promised(TransformedTargetRegressor(gaussian, func=np.sqrt, inverse_func=np.square))
    assert not promised(Ridge())


LETTERS = pd.DataFrame({"age": np.arange(40.0), "title": ["win a prize", "call me"] * 20})
IS_PRIZE = [1, 0] * 20


@pytest.mark.parametrize(
    ("steps", "kinds"),
    [
        ([FunctionTransformer(itemgetter("title")), CountVectorizer()], ["unused", "string"]),
        ([FunctionTransformer(itemgetter(["age"])), StandardScaler()], ["float", "unused"]),
        (
            [
                make_column_transformer(
                    (
                        make_pipeline(
                            SimpleImputer(strategy="constant", fill_value=""),
                            FunctionTransformer(np.reshape, kw_args={"shape": -1}),
                            CountVectorizer(),
                        ),
                        ["title"],
                    ),
                    (FunctionTransformer(partial(np.clip, a_min=0, a_max=9)), ["age"]),
                )
            ],
            ["float", "string"],
        ),
    ],
    ids=["a text by its name", "a number by its name", "another shape, and a limit"],
)
def test_functions_that_choose_shape_or_limit_columns_are_followed(
    steps: list[Any], kinds: list[str]
) -> None:
    found = examine(make_pipeline(*steps, LogisticRegression()).fit(LETTERS, IS_PRIZE))

    assert [one.kind for one in found.features] == kinds
    assert found.smoke_outputs is not None


def test_a_machine_with_a_kernel_of_its_own_takes_as_many_inputs_as_its_rows_have() -> None:
    rows = np.random.default_rng(0).uniform(size=(30, 3))

    found = examine(SVR(kernel=laplacian_kernel).fit(rows, rows.sum(axis=1)))

    assert [one.name for one in found.features] == ["x0", "x1", "x2"]
    assert found.smoke_outputs is not None


def test_a_machine_with_a_kernel_of_its_own_names_the_columns_of_its_rows() -> None:
    rows = pd.DataFrame({"width": range(1, 31), "height": np.linspace(1, 2, 30)})

    found = examine(SVR(kernel=laplacian_kernel).fit(rows, rows["width"]))

    assert [one.name for one in found.features] == ["width", "height"]
    assert found.smoke_outputs is not None


def test_an_isotonic_regression_has_one_input_with_its_range() -> None:
    found = examine(IsotonicRegression().fit([1.0, 2.0, 4.0], [1.0, 3.0, 2.0]))
    (only,) = found.features
    assert (only.minimum, only.maximum) == (1.0, 4.0)
    assert found.smoke_outputs is not None


def test_a_trial_that_fails_says_why_and_the_rest_is_read() -> None:
    found = examine(RadiusNeighborsClassifier(radius=0.1).fit([[0.0], [10.0]], ["a", "b"]))
    assert found.smoke_outputs is None
    assert found.trial_failure is not None
    assert "No neighbors found" in found.trial_failure.message
    assert not found.trial_failure.is_final
    assert found.targets[0].classes == ("a", "b")


OF_1_7 = (
    "The file was saved with scikit-learn 1.7.2 and does not predict with "
    f"{sklearn.__version__}, which runs here ({{}}). Train the model again with scikit-learn "
    f"{sklearn.__version__[:3]} and save it."
)


def bent(what: str) -> Any:
    """Return a model with a part as another version left it."""
    if what == "a text instead of a step":
        model = make_pipeline(
            ColumnTransformer([("n", StandardScaler(), ["age"])], remainder="passthrough"),
            HistGradientBoostingClassifier(max_iter=2),
        ).fit(table()[["age", "income"]], ANSWERS)
        model[0].transformers_[1] = ("remainder", "pass_through", ["income"])
        return model
    if what == "a list instead of an array":
        model = LogisticRegression().fit(table()[["income"]], ANSWERS)
        model.coef_ = model.coef_.tolist()
        return model
    model = encoded(LogisticRegression())
    del model[0].named_transformers_["num"][0]._fill_dtype
    return model


@pytest.mark.parametrize(
    ("what", "reason"),
    [
        (
            "an attribute that is not there",
            "AttributeError: 'SimpleImputer' object has no attribute '_fill_dtype'",
        ),
        (
            "a text instead of a step",
            "AttributeError: 'str' object has no attribute 'transform'",
        ),
        ("a list instead of an array", "AttributeError"),
    ],
)
def test_a_model_of_another_version_that_fails_in_its_library_is_to_be_trained_again(
    what: str, reason: str
) -> None:
    found = examine(bent(what), {"scikit-learn": "1.7.2"}).trial_failure
    assert found is not None
    assert found.is_final
    assert found.message == OF_1_7.format(reason)
    assert "Traceback" in found.traceback


def test_parts_of_another_version_are_told_where_the_file_says_this_one() -> None:
    found = examine(bent(""), {"scikit-learn": sklearn.__version__}).trial_failure
    assert found is not None
    assert found.is_final
    assert "a part of it was made by another version and saved again" in found.message


def test_a_file_without_a_version_says_that_it_records_none() -> None:
    found = examine(bent("")).trial_failure
    assert found is not None
    assert found.message.startswith("The file does not say which version of scikit-learn saved it")


def test_a_model_of_another_version_that_waits_for_its_inputs_is_tried_all_the_same() -> None:
    model = bent("")
    model.steps.insert(0, ("same", FunctionTransformer(same)))
    model[0].fit(table())
    found = examine(model, {"scikit-learn": "1.7.2"})
    assert not found.features[0].complete
    assert found.trial_failure is not None
    assert "_fill_dtype" in found.trial_failure.message


def test_a_word_on_values_is_not_blamed_on_the_version() -> None:
    model = RadiusNeighborsClassifier(radius=0.1).fit([[0.0], [10.0]], ["a", "b"])
    found = examine(model, {"scikit-learn": "1.7.2"}).trial_failure
    assert found is not None
    assert found.message.startswith("ValueError: No neighbors found")


@pytest.mark.parametrize("last", [LinearRegression(), HistGradientBoostingRegressor()], ids=str)
def test_a_trial_finds_a_number_that_has_a_logarithm(last: Any) -> None:
    model = make_pipeline(FunctionTransformer(np.log), last)
    found = examine(model.fit(pd.DataFrame({"amount": [1.0, 2.0, 3.0]}), [1.0, 2.0, 3.0]))
    assert found.smoke_outputs is not None
    assert found.smoke_inputs == {"amount": 0.5}


@pytest.mark.parametrize(
    ("broken", "sentence"),
    [
        ({"weights": [1, 2]}, "type dict, which is not a model"),
        (Ridge, "the class Ridge, not a fitted model"),
        (StandardScaler().fit([[1.0]]), "StandardScaler, which cannot predict"),
        (DBSCAN().fit([[1.0]]), "DBSCAN, which cannot predict"),
        (Ridge(), "The Ridge has not been fitted"),
        (make_pipeline(StandardScaler(), Ridge()), "The Pipeline has not been fitted"),
        (
            Pipeline([("scale", StandardScaler()), ("model", Ridge().fit([[1.0]], [1.0]))]),
            "The StandardScaler has not been fitted",
        ),
        (
            Pipeline(
                [
                    ("first", StandardScaler().fit([[1.0]])),
                    ("second", MinMaxScaler()),
                    ("model", Ridge().fit([[1.0]], [1.0])),
                ]
            ),
            "A part of the model has not been fitted: This MinMaxScaler",
        ),
        (Ridge().fit(np.ones((2, 2001)), [1.0, 2.0]), "2,001 inputs; at most 2,000"),
    ],
    ids=lambda value: "" if isinstance(value, str) else None,
)
def test_what_cannot_be_served_gets_its_own_sentence(broken: Any, sentence: str) -> None:
    with pytest.raises(HostError, match=sentence) as refusal:
        examine(broken)
    assert refusal.value.code == "LOAD"


def named(name: str) -> Any:
    return LinearRegression().fit(pd.DataFrame({"a": [0.0, 1.0], name: [1.0, 3.0]}), [0, 1])


def labelled(*labels: str) -> Any:
    rows = np.arange(len(labels), dtype=float)[:, None]
    return DecisionTreeClassifier().fit(rows, np.array(labels))


def encoding(categories: int, letters: int = 4, columns: int = 1) -> Any:
    texts = [f"{number:0{letters}}" for number in range(categories)]
    rows = pd.DataFrame({f"c{number}": texts for number in range(columns)})
    answers = [number % 2 for number in range(categories)]
    return make_pipeline(OneHotEncoder(), DecisionTreeClassifier(max_depth=1)).fit(rows, answers)


def stepped(name: str) -> Any:
    return Pipeline([(name, StandardScaler()), ("model", Ridge())]).fit([[0.0], [1.0]], [0, 1])


@pytest.mark.parametrize(
    ("estimator", "sentence"),
    [
        (named("n" * 301), "The name of input 2 has 301 characters; at most 300"),
        (named("\u202e\x1b[31m" + "n" * 300), "It begins with “\ufffd\ufffd[31mnnn"),
        (named("n" * 100_000), "The name of input 2 has 100,000 characters; at most 300"),
        (labelled("a", "L" * 20_000), "The label of class 1 has 20,000 characters; at most 200"),
        (labelled("a" * 201, "b"), "The label of class 1 has 201 characters; at most 200"),
        (labelled(*map(str, range(1001))), "The model has 1,001 classes; at most 1,000"),
        (encoding(2, 201), "The input “c0”: category 1 has 201 characters; at most 200"),
        (encoding(20_001), "The input “c0” has 20,001 categories; at most 20,000"),
        (encoding(10_001, columns=4), "40,004 categories together; at most 40,000"),
        (stepped("s" * 301), "The name of a step has 301 characters; at most 300"),
        (stepped("s" * 1_000_000), "The name of a step has 1,000,000 characters"),
        (
            LinearRegression().fit([[0.0], [1.0]], np.zeros((2, 101))),
            "The model gives 101 answers at once; at most 100",
        ),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "",
)
def test_what_is_too_long_or_too_many_to_be_shown_is_refused_by_name(
    estimator: Any, sentence: str
) -> None:
    with pytest.raises(HostError) as refusal:
        examine(estimator)
    assert refusal.value.code == "LOAD"
    assert sentence in refusal.value.message
    assert refusal.value.message.endswith("then train and save the model again.")
    assert len(refusal.value.message) < 400


def test_what_just_fits_is_shown_whole() -> None:
    examination = examine(encoding(1000, 200))
    assert len(examination.features[0].choices) == 1000
    assert {len(str(choice.value)) for choice in examination.features[0].choices} == {200}
    assert len(examine(named("n" * 300)).features[1].name) == 300
    assert len(examine(labelled(*map(str, range(1000)))).targets[0].classes) == 1000


LONG = "x" * 2_501


def with_feature(examination: Examination, **changed: Any) -> Examination:
    first, *rest = examination.features
    return replace(examination, features=(replace(first, **changed), *rest))


@pytest.mark.parametrize(
    "change",
    [
        lambda one: replace(one, estimator=LONG),
        lambda one: replace(one, features=one.features * 501),
        lambda one: with_feature(one, name=LONG),
        lambda one: with_feature(one, default=LONG),
        lambda one: with_feature(one, imputed=LONG),
        lambda one: with_feature(one, typical=10**400),
        lambda one: with_feature(one, choices=(ProposedChoice(1, LONG),)),
        lambda one: with_feature(one, choices=(ProposedChoice(LONG, ""),)),
        lambda one: with_feature(one, sources={"kind": LONG}),
        lambda one: with_feature(one, sources={LONG: "kind"}),
        lambda one: with_feature(one, sources={str(number): "" for number in range(51)}),
        lambda one: replace(one, targets=(ProposedTarget(LONG),)),
        lambda one: replace(one, targets=(ProposedTarget("y", (LONG,)),)),
        lambda one: replace(one, targets=(ProposedTarget("y", (10**400,)),)),
        lambda one: replace(one, targets=one.targets * 101),
        lambda one: replace(one, steps=(Step(LONG, "A"),)),
        lambda one: replace(one, steps=(Step("a", LONG),)),
        lambda one: replace(one, steps=(Step("a", "A", (LONG,)),)),
        lambda one: replace(one, steps=(Step("a", "A", ("b",) * 2001),)),
        lambda one: replace(one, steps=one.steps * 1001),
        lambda one: replace(one, libraries_trained={"numpy": LONG}),
        lambda one: replace(one, libraries_running={LONG: "1"}),
        lambda one: replace(one, libraries_trained={str(n): "1" for n in range(51)}),
        lambda one: replace(one, warnings=(LONG,)),
        lambda one: replace(one, warnings=("w",) * 51),
        lambda one: replace(one, trial_failure=TrialFailure(LONG)),
        lambda one: replace(
            one, smoke_outputs=Outputs("other", (), lost=LostNumber("x", LONG, "inf"))
        ),
        lambda one: replace(one, smoke_inputs={LONG: 1.0}),
        lambda one: replace(one, smoke_inputs={"a": LONG}),
        lambda one: replace(one, smoke_outputs=Outputs("other", (TargetOutput("y", LONG),))),
        lambda one: replace(
            one, smoke_outputs=Outputs("other", (TargetOutput("y", None, text=LONG),))
        ),
        lambda one: replace(one, smoke_outputs=Outputs("other", (TargetOutput(LONG, 1),))),
        lambda one: replace(
            one,
            smoke_outputs=Outputs(
                "other", (TargetOutput("y", 1, probabilities=(ClassProbability(LONG, 1.0),)),)
            ),
        ),
        lambda one: replace(one, smoke_outputs=Outputs("other", (), warnings=(LONG,))),
        lambda one: replace(one, smoke_outputs=Outputs("other", (), notes=("n",) * 51)),
    ],
)
def test_every_text_of_a_report_has_a_limit(
    usual: Examination, change: Callable[[Examination], Examination]
) -> None:
    assert unfit_report(usual) == ""
    assert "at most" in unfit_report(change(usual)) or "digits" in unfit_report(change(usual))


PREPARED = np.column_stack(
    [
        StandardScaler().fit_transform(np.arange(40, dtype=float).reshape(-1, 1)),
        StandardScaler().fit_transform(np.sqrt(np.arange(40.0)).reshape(-1, 1)),
        np.arange(40) % 2,
    ]
)
HALVES = (np.arange(40) > 19).astype(int) ^ (np.arange(40) % 5 == 0)
CENTRED = "x0 and x1 are centred at 0 with a spread of 1."


@pytest.mark.parametrize(
    ("model", "signs"),
    [
        (LogisticRegression(), ()),
        (KNeighborsClassifier(), (CENTRED, "x2 is only 0 and 1 in training.")),
        (SVC(C=0.01), (CENTRED, "x2 is only 0 and 1 in training.")),
        (GaussianNB(), (CENTRED,)),
        (GridSearchCV(GaussianNB(), {"var_smoothing": [1e-9]}), (CENTRED,)),
        (make_pipeline(PCA(2), GaussianNB()), ()),
        (TransformedTargetRegressor(LinearRegression()), ()),
    ],
    ids=lambda value: type(value).__name__,
)
def test_rows_that_may_have_been_prepared_are_asked_about(model: Any, signs: Any) -> None:
    found = examine(model.fit(PREPARED, HALVES)).unprepared
    assert found is not None
    assert found.signs == signs


@pytest.mark.parametrize(
    "model",
    [
        DecisionTreeClassifier(random_state=0),
        RandomForestClassifier(5, random_state=0),
        GradientBoostingClassifier(n_estimators=5, random_state=0),
    ],
    ids=lambda value: type(value).__name__,
)
def test_the_splits_of_trees_show_prepared_rows(model: Any) -> None:
    prepared = examine(model.fit(PREPARED, HALVES)).unprepared
    raw = examine(model.fit(PREPARED * 20 + 100, HALVES)).unprepared
    assert prepared is not None
    assert raw is not None
    assert any("split on both sides of 0" in sign for sign in prepared.signs)
    assert raw.signs == ()


@pytest.mark.parametrize(
    ("model", "rows"),
    [
        (make_pipeline(StandardScaler(), Ridge()), PREPARED),
        (make_pipeline(SimpleImputer(), Ridge()), PREPARED),
        (GridSearchCV(make_pipeline(StandardScaler(), Ridge()), {"ridge__alpha": [1]}), PREPARED),
        (Ridge(), pd.DataFrame(PREPARED, columns=["age", "income", "is_new"])),
        (make_pipeline(CountVectorizer(), Ridge()), ["one text", "another text"] * 20),
    ],
    ids=["scaler", "imputer", "search", "names", "texts"],
)
def test_rows_that_the_model_prepares_or_names_are_not_asked_about(model: Any, rows: Any) -> None:
    assert examine(model.fit(rows, HALVES)).unprepared is None
