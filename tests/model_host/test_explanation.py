"""Contributions: they add up for every estimator, also in a process that can import nothing."""

import hashlib
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.compose import ColumnTransformer, make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction import DictVectorizer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder
from sklearn.svm import SVC

from model_host.answering.curve import curve
from model_host.answering.explanation import (
    EXACT_INPUTS,
    FAILED,
    ONE_INPUT,
    SAMPLED_ROWS,
    TOO_SLOW,
    explain,
)
from model_host.answering.prediction import predict
from model_host.answering.quantity import NO_PROBABILITIES
from model_host.client import ModelHost
from model_host.protocol.artifact import Artifact, Limits
from model_host.protocol.explanation import Explanation
from model_host.protocol.inputs import Column, InputLayout, Kind, Scalar
from model_host.structure.examine import examine, layout_of

Inputs = dict[str, Scalar]
RANDOM = np.random.default_rng(1)
TABLE = RANDOM.normal(size=(80, 4))
CLASSES = np.where(TABLE[:, 0] + TABLE[:, 1] * TABLE[:, 2] > 0, "yes", "no")
FOUR = InputLayout("array", tuple(Column(f"x{n}", Kind.FLOAT) for n in range(4)))
TYPICAL: Inputs = dict.fromkeys(("x0", "x1", "x2", "x3"), 0.0)
LIMITS = Limits(load_seconds=30, predict_seconds=10)

FRAME = pd.DataFrame(
    {
        "number": [np.nan if n % 5 == 0 else n / 10 for n in range(60)],
        "whole": range(60),
        "flag": [n % 2 == 0 for n in range(60)],
        "name": [["ab", "cd", "ef"][n % 3] for n in range(60)],
    }
)
MIXED = InputLayout(
    "frame",
    (
        Column("number", Kind.FLOAT, may_be_missing=True),
        Column("whole", Kind.INTEGER),
        Column("flag", Kind.BOOLEAN),
        Column("name", Kind.CHOICE),
    ),
)


def mixed_model() -> Any:
    columns = make_column_transformer(
        (SimpleImputer(), ["number", "whole"]),
        (OneHotEncoder(handle_unknown="ignore"), ["flag", "name"]),
    )
    model = make_pipeline(columns, RandomForestClassifier(20, random_state=0))
    return model.fit(FRAME, FRAME.whole % 3)


MODELS = {
    "linear": LinearRegression().fit(TABLE, TABLE @ [1.0, -2.0, 0.5, 3.0]),
    "logistic": LogisticRegression().fit(TABLE, CLASSES),
    "forest": RandomForestClassifier(20, random_state=0).fit(TABLE, CLASSES),
    "process": GaussianProcessRegressor().fit(TABLE, TABLE.sum(axis=1)),
    "several": MultiOutputClassifier(LogisticRegression()).fit(
        TABLE, np.column_stack([CLASSES, CLASSES[::-1]])
    ),
}


class Wide(RegressorMixin, BaseEstimator):
    """Twelve inputs that act together, and a count of the rows it was asked."""

    def __init__(self, clock: Any = None) -> None:
        self.clock = clock

    def fit(self, x: Any = None, y: Any = None) -> "Wide":
        self.n_features_in_ = 12
        self.asked_: list[int] = []
        return self

    def predict(self, x: Any) -> Any:
        self.asked_.append(len(x))
        if self.clock is not None:
            self.clock.now += len(x) * self.clock.seconds_per_row
        return x[:, 0] * x[:, 1] + np.maximum(x[:, 2:].sum(axis=1), 1)


class Clock:
    def __init__(self, seconds_per_row: float) -> None:
        self.now = 0.0
        self.seconds_per_row = seconds_per_row

    def __call__(self) -> float:
        return self.now


TWELVE = InputLayout("array", tuple(Column(f"x{n}", Kind.FLOAT) for n in range(12)))
ONES: Inputs = {f"x{n}": 1.0 + n / 10 for n in range(12)}
ZEROS: Inputs = dict.fromkeys(ONES, 0.0)


def explained(
    model: Any, layout: InputLayout, inputs: Inputs, typical: Inputs, **options: Any
) -> Explanation:
    return explain(model, layout, inputs, typical, **{"seed": 1, "seconds": 60.0, **options})


def adds_up(one: Explanation) -> bool:
    scale = max(1.0, abs(one.baseline), abs(one.prediction))
    whole = one.baseline + sum(each.amount for each in one.contributions)
    return not one.problem and abs(whole - one.prediction) < 1e-9 * scale


@pytest.mark.parametrize("name", MODELS)
@hypothesis_settings(max_examples=15)
@given(values=st.lists(st.floats(-3, 3), min_size=4, max_size=4))
def test_the_typical_case_and_all_contributions_add_up_to_the_prediction(
    name: str, values: list[float]
) -> None:
    inputs: Inputs = dict(zip(TYPICAL, values, strict=True))

    one = explained(MODELS[name], FOUR, inputs, TYPICAL)

    assert adds_up(one)
    target = predict(MODELS[name], FOUR, inputs).targets[0]
    number = target.value if one.quantity == "value" else target.confidence
    assert one.prediction == pytest.approx(number, rel=1e-9)
    assert one.label == (None if one.quantity == "value" else target.value)


def test_an_input_of_a_linear_model_contributes_its_coefficient_times_the_difference() -> None:
    inputs: Inputs = {"x0": 1.0, "x1": 2.0, "x2": -4.0, "x3": 0.0}

    one = explained(MODELS["linear"], FOUR, inputs, TYPICAL)

    amounts = {each.name: each.amount for each in one.contributions}
    assert amounts == pytest.approx({"x0": 1.0, "x1": -4.0, "x2": -2.0, "x3": 0.0})
    assert one.contributions[0].name == "x1"  # the largest first
    assert one.rows == 2**3  # x3 is typical and is not tried


@pytest.mark.parametrize("number", [None, 2.5])
@pytest.mark.parametrize("typical_number", [None, 1.0])
def test_missing_values_and_choices_are_compared_on_either_side(
    number: float | None, typical_number: float | None
) -> None:
    inputs: Inputs = {"number": number, "whole": 7, "flag": True, "name": "ab"}
    typical: Inputs = {"number": typical_number, "whole": 31, "flag": False, "name": "ef"}

    one = explained(mixed_model(), MIXED, inputs, typical)

    assert adds_up(one)
    assert {each.name for each in one.contributions} == set(inputs)


def test_an_input_without_a_typical_value_stays_and_is_named() -> None:
    inputs: Inputs = dict.fromkeys(TYPICAL, 1.0)

    one = explained(MODELS["linear"], FOUR, inputs, {"x0": 0.0, "x1": 0.0})

    assert one.not_compared == ("x2", "x3")
    assert one.baseline == pytest.approx(3.5)
    assert adds_up(one)


def test_a_typical_case_has_nothing_to_explain() -> None:
    one = explained(MODELS["forest"], FOUR, TYPICAL, TYPICAL)

    assert one.baseline == one.prediction
    assert {each.amount for each in one.contributions} == {0.0}
    assert one.rows == 1


def test_many_inputs_are_sampled_alike_for_the_same_seed_and_still_add_up() -> None:
    model = Wide().fit()

    one, same, other = (explained(model, TWELVE, ONES, ZEROS, seed=seed) for seed in (7, 7, 8))

    assert len(ONES) > EXACT_INPUTS
    assert one.method == "sampled"
    assert adds_up(one)
    assert one.contributions == same.contributions != other.contributions


def test_sampling_comes_close_to_what_all_coalitions_say(monkeypatch: pytest.MonkeyPatch) -> None:
    model = Wide().fit()
    sampled = explained(model, TWELVE, ONES, ZEROS)

    monkeypatch.setattr("model_host.answering.explanation.EXACT_INPUTS", 12)
    exact = explained(model, TWELVE, ONES, ZEROS)

    assert (exact.method, exact.rows) == ("exact", 2**12)
    amounts = {each.name: each.amount for each in exact.contributions}
    for each in sampled.contributions:
        assert each.amount == pytest.approx(amounts[each.name], abs=0.05)


def test_sampling_asks_no_more_rows_than_it_may() -> None:
    model = Wide().fit()

    one = explained(model, TWELVE, ONES, ZEROS)

    asked = sum(model.asked_) - 1  # the first row tells what kind of answer it is
    assert asked == one.rows <= SAMPLED_ROWS


def test_a_slow_model_is_asked_only_as_much_as_time_allows() -> None:
    clock = Clock(seconds_per_row=0.01)
    one = explained(Wide(clock).fit(), TWELVE, ONES, ZEROS, seconds=2.0, clock=clock)

    assert one.method == "sampled"
    assert one.rows <= 200
    assert clock.now <= 2.0
    assert adds_up(one)


def test_few_inputs_of_a_slow_model_are_sampled_instead() -> None:
    clock = Clock(seconds_per_row=0.01)
    inputs = ONES | dict.fromkeys(("x10", "x11"), 0.0)

    one = explained(Wide(clock).fit(), TWELVE, inputs, ZEROS, seconds=2.0, clock=clock)

    assert one.method == "sampled"
    assert adds_up(one)


def test_a_model_that_is_far_too_slow_is_left_alone() -> None:
    clock = Clock(seconds_per_row=0.5)

    one = explained(Wide(clock).fit(), TWELVE, ONES, ZEROS, seconds=2.0, clock=clock)

    assert one == Explanation(problem=TOO_SLOW)


def test_a_classifier_without_probabilities_says_so() -> None:
    model = SVC().fit(TABLE, CLASSES)

    one = explained(model, FOUR, dict.fromkeys(TYPICAL, 1.0), TYPICAL)

    assert one == Explanation(problem=NO_PROBABILITIES)


def test_a_model_of_one_text_has_one_input() -> None:
    texts = ["good day", "bad day"] * 5
    model = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(texts, [1, 0] * 5)
    layout = InputLayout("texts", (Column("text", Kind.STRING),))

    assert explained(model, layout, {"text": "good"}, {}).problem == ONE_INPUT


def test_a_model_of_mappings_is_explained_by_its_keys_the_missing_ones_too() -> None:
    rows: list[dict[str, Any]] = [
        {"size": float(n), "city": ("Oslo", "Bern")[n % 2], "age": n % 7} for n in range(40)
    ]
    model = make_pipeline(DictVectorizer(), LinearRegression())
    model.fit(rows, [2 * row["size"] + 30 * (row["city"] == "Oslo") for row in rows])
    columns = (
        Column("age", Kind.FLOAT, may_be_missing=True),
        Column("city", Kind.CHOICE, may_be_missing=True),
        Column("size", Kind.FLOAT, may_be_missing=True),
    )
    inputs = {"age": None, "city": "Oslo", "size": 10.0}

    layout = InputLayout("records", columns)
    one = explained(model, layout, inputs, {"age": 3.0, "city": "Bern", "size": 4.0})

    parts = {part.name: part.amount for part in one.contributions}
    assert one.problem == ""
    assert one.prediction == pytest.approx(model.predict([{"city": "Oslo", "size": 10.0}])[0])
    assert [parts["city"], parts["size"]] == pytest.approx([30, 12])


class Picky(Wide):
    def predict(self, x: Any) -> Any:
        if len(x) > 1:
            raise ValueError("secret 41500")
        return super().predict(x)


def test_a_model_that_fails_in_between_is_a_sentence_without_its_words() -> None:
    assert explained(Picky().fit(), TWELVE, ONES, ZEROS) == Explanation(problem=FAILED)


class Odd(Wide):
    def predict(self, x: Any) -> Any:
        return np.where(x[:, 0] > 0, np.nan, 1.0)


def test_a_number_that_is_not_finite_is_no_explanation() -> None:
    assert explained(Odd().fit(), TWELVE, ONES, ZEROS).problem


def test_explaining_leaves_the_prediction_and_the_random_state_as_they_were() -> None:
    inputs: Inputs = dict.fromkeys(TYPICAL, 1.0)
    before, state = predict(MODELS["forest"], FOUR, inputs), np.random.get_state(legacy=False)

    explained(MODELS["forest"], FOUR, inputs, TYPICAL)

    assert predict(MODELS["forest"], FOUR, inputs).targets == before.targets
    np.testing.assert_equal(np.random.get_state(legacy=False), state)


def test_a_curve_is_what_the_model_says_at_each_point() -> None:
    inputs: Inputs = dict.fromkeys(TYPICAL, 1.0)

    drawn = curve(MODELS["linear"], FOUR, inputs, "x1", [0.0, 1.0, 2.0])

    assert drawn.numbers == pytest.approx((4.5, 2.5, 0.5))


@pytest.fixture(scope="module")
def locked() -> Iterator[ModelHost]:
    with ModelHost(max_children=2, max_memory_bytes=2**31, children_per_model=1) as host:
        assert host.self_test.passed
        yield host


@pytest.fixture
def artifact_of(tmp_path: Path) -> Callable[[Any], Artifact]:
    numbers = count()

    def make(model: Any) -> Artifact:
        path = tmp_path / f"{next(numbers)}.joblib"
        joblib.dump(model, path)
        return Artifact(hashlib.sha256(path.read_bytes()).hexdigest(), path, "joblib")

    return make


@pytest.mark.parametrize("name", [*MODELS, "mixed"])
def test_a_locked_process_explains_as_this_one_does(
    locked: ModelHost, artifact_of: Callable[[Any], Artifact], name: str
) -> None:
    model, layout = (mixed_model(), MIXED) if name == "mixed" else (MODELS[name], FOUR)
    inputs: Inputs = {"number": None, "whole": 7, "flag": True, "name": "ab"}
    typical: Inputs = {"number": 1.0, "whole": 31, "flag": False, "name": "ef"}
    if name != "mixed":
        inputs, typical = dict.fromkeys(TYPICAL, 1.0), TYPICAL
    artifact = artifact_of(model)

    before = locked.predict(artifact, layout, inputs, LIMITS)
    one = locked.explain(artifact, layout, inputs, typical, LIMITS, seed=1)
    after = locked.predict(artifact, layout, inputs, LIMITS)

    here = explained(model, layout, inputs, typical)
    assert adds_up(one)
    assert [each.amount for each in one.contributions] == pytest.approx(
        [each.amount for each in here.contributions], abs=1e-12
    )
    assert after.targets == before.targets


def test_many_inputs_are_sampled_in_a_locked_process(
    locked: ModelHost, artifact_of: Callable[[Any], Artifact]
) -> None:
    model = LinearRegression().fit(RANDOM.normal(size=(40, 12)), RANDOM.normal(size=40))

    one = locked.explain(artifact_of(model), TWELVE, ONES, ZEROS, LIMITS, seed=2**63 - 1)

    assert one.method == "sampled"
    assert adds_up(one)


def test_a_locked_process_draws_a_curve(
    locked: ModelHost, artifact_of: Callable[[Any], Artifact]
) -> None:
    inputs: Inputs = {"number": None, "whole": 7, "flag": True, "name": "ab"}

    drawn = locked.curve(
        artifact_of(mixed_model()), MIXED, inputs, LIMITS, name="number", points=[None, 1.0, 2.0]
    )

    assert not drawn.problem
    assert len(drawn.numbers) == 3


@pytest.mark.parametrize(
    "encoder",
    [
        OneHotEncoder(handle_unknown="ignore"),
        OrdinalEncoder(encoded_missing_value=-1),
        make_pipeline(
            SimpleImputer(missing_values=None, strategy="most_frequent"), OneHotEncoder()
        ),
    ],
    ids=["one-hot", "ordinal", "imputer"],
)
def test_a_missing_value_that_was_none_in_training_is_none_beside_texts(encoder: Any) -> None:
    table = pd.DataFrame({"c": pd.Series(["a", "b", None] * 20, dtype=object), "n": range(60)})
    columns = ColumnTransformer([("c", encoder, ["c"])], remainder="passthrough")
    model = make_pipeline(columns, LogisticRegression(max_iter=500)).fit(table, [1, 1, 0] * 20)
    layout = layout_of("frame", examine(model).features)
    case: dict[str, Scalar] = {"c": None, "n": 7}

    found = explain(model, layout, case, {"c": "b", "n": 3}, seed=0, seconds=60)
    numbers = curve(model, layout, case, "c", ["a", "b", None]).numbers

    own = model.predict_proba(table.iloc[[2, 1]].assign(n=[7, 3]))
    index = int(own[0].argmax())
    assert found.prediction == pytest.approx(own[0][index], rel=1e-9)
    assert found.baseline == pytest.approx(own[1][index], rel=1e-9)
    assert numbers[2] == pytest.approx(own[0][index], rel=1e-9)
