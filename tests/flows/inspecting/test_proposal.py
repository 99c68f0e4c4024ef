"""The form proposed for a model: it takes what the model takes, and gives scikit-learn's answer.

Each row goes the way of a person's: through the proposed schema, the JSON of the database and the
layout, into the one-row table; the answer is compared with that of the model itself.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.cluster import BisectingKMeans, KMeans, MiniBatchKMeans
from sklearn.compose import ColumnTransformer
from sklearn.cross_decomposition import PLSRegression
from sklearn.decomposition import NMF, MiniBatchNMF
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.feature_extraction import DictVectorizer, FeatureHasher
from sklearn.feature_extraction.text import HashingVectorizer, TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.naive_bayes import BernoulliNB, CategoricalNB
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import (
    FunctionTransformer,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    StandardScaler,
    TargetEncoder,
)
from sklearn.svm import LinearSVC

from executions.forms import InputForm
from flows.inspecting.proposal import propose
from flows.opened import layout
from model_host.answering.prediction import predict
from model_host.protocol.errors import HostError
from model_host.protocol.examination import Examination
from model_host.protocol.inputs import Column, InputLayout, Kind
from model_host.structure.examine import examine
from models_registry.inputs.feature_spec import FeatureSpec
from models_registry.inputs.input_schema import InputSchema
from models_registry.training.training_config import read

ROWS = 120
IDS = (1234567890123456788, 1234567890123456789)
MONTHS = list(pd.date_range("2026-01-01", periods=4, freq="MS"))
pytestmark = pytest.mark.filterwarnings("ignore")


def examined(model: Any, config: dict[str, Any] | None = None) -> Examination:
    names = [entry["name"] for entry in (config or {}).get("features", [])]
    return examine(model, {}, names, "config")


def schema_of(model: Any, config: dict[str, Any] | None = None) -> InputSchema:
    return InputSchema(propose(examined(model, config), read(config or {})).features)


def named(schema: InputSchema, name: str) -> FeatureSpec:
    return schema.by_name[name]


def answered(
    model: Any, schema: InputSchema, raw: dict[str, Any], config: dict[str, Any] | None = None
) -> tuple[list[float], tuple[str, ...]]:
    """Return the probabilities, or the number, that a person gets for ``raw``, and the warnings."""
    cleaned = schema.clean(raw)
    assert cleaned.is_valid, cleaned.errors
    values = schema.read(json.loads(json.dumps(cleaned.values)))
    container = examined(model, config).container
    (target,) = predict(model, layout(schema, container), values).targets
    found: list[Any] = [one.probability for one in target.probabilities] or [target.value]
    return [float(one) for one in found], cleaned.warnings


def own(model: Any, rows: Any) -> list[float]:
    """Return what scikit-learn itself answers."""
    ask = model.predict_proba if hasattr(model, "predict_proba") else model.predict
    return [float(one) for one in np.ravel(ask(rows))]


def plain(value: Any) -> Any:
    """Return a cell as JSON has it."""
    if isinstance(value, np.generic) and not isinstance(value, np.datetime64):
        value = value.item()
    return value.isoformat() if hasattr(value, "isoformat") else value


def categories(
    values: Sequence[Any], encoder: Any, of: Callable[[list[Any]], Any] | None = None
) -> Any:
    """Return a model with one column of ``values`` behind an encoder, and the table it was trained
    on."""
    places = np.arange(ROWS) % len(values)
    column = [values[int(place)] for place in places]
    table = pd.DataFrame({"x": of(column) if of else pd.Series(column, dtype=object)})
    answers = (places >= len(values) / 2).astype(int)
    steps = ColumnTransformer([("x", encoder, ["x"])])
    return make_pipeline(steps, LogisticRegression(C=100)).fit(table, answers), table


@pytest.mark.parametrize(
    "encoder",
    [
        OneHotEncoder(handle_unknown="ignore"),
        OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=2),
        OneHotEncoder(handle_unknown="warn"),
        OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1),
        TargetEncoder(random_state=0),
    ],
    ids=str,
)
@pytest.mark.parametrize(
    ("values", "new"), [(("Oslo", "Bergen"), "Stavanger"), ((101, 202), 303), ((0.5, 1.5), 2.5)]
)
def test_a_value_that_an_encoder_was_told_to_take_is_answered_as_scikit_learn_does(
    encoder: Any, values: Any, new: Any
) -> None:
    model, _ = categories(values, encoder, pd.Series)
    schema = schema_of(model, {"features": [{"name": "x", "type": "string"}]})
    found, warnings = answered(model, schema, {"x": new})
    assert found == pytest.approx(own(model, pd.DataFrame({"x": [new]})), rel=1e-9)
    assert f"X: the model was not trained with “{new}”" in warnings[0]
    assert [value for value, _ in named(schema, "x").choices] == sorted(values)


def test_a_booster_takes_categories_that_it_has_not_seen() -> None:
    table = pd.DataFrame({"x": pd.Categorical(["a", "b", "c"] * 40), "n": range(ROWS)})
    model = HistGradientBoostingClassifier(max_iter=3).fit(table, [0, 1, 1] * 40)
    schema = schema_of(model)
    new = pd.DataFrame({"x": pd.Categorical(["d"]), "n": [3]})
    assert answered(model, schema, {"x": "d", "n": 3})[0] == pytest.approx(own(model, new))


@pytest.mark.parametrize("encoder", [OneHotEncoder(), OrdinalEncoder()], ids=str)
def test_a_strict_encoder_keeps_its_choices_closed(encoder: Any) -> None:
    model, _ = categories(("a", "b"), encoder)
    schema = schema_of(model, {"features": [{"name": "x", "other_values": True}]})
    assert not named(schema, "x").takes_others
    assert "is not a choice" in str(schema.clean({"x": "c"}).errors["x"])


def test_one_strict_encoder_of_two_closes_the_choices() -> None:
    table = pd.DataFrame({"x": ["a", "b"] * 60})
    both = ColumnTransformer(
        [("one", OneHotEncoder(handle_unknown="ignore"), ["x"]), ("two", OrdinalEncoder(), ["x"])]
    )
    model = make_pipeline(both, LogisticRegression()).fit(table, [0, 1] * 60)
    assert not named(schema_of(model), "x").takes_others


def test_choices_are_closed_where_the_model_itself_fails_on_another_value() -> None:
    table = pd.DataFrame({"x": ["a", "b"] * 60})
    coded = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    model = make_pipeline(coded, CategoricalNB()).fit(table, [0, 1] * 60)
    assert not named(schema_of(model), "x").takes_others


def test_a_configuration_may_close_the_choices() -> None:
    model, _ = categories(("a", "b"), OneHotEncoder(handle_unknown="ignore"))
    schema = schema_of(model, {"features": [{"name": "x", "other_values": False}]})
    assert "is not a choice" in str(schema.clean({"x": "c"}).errors["x"])


TYPED: dict[str, tuple[Sequence[Any], Callable[[list[Any]], Any] | None]] = {
    "datetime64": (MONTHS, pd.Series),
    "datetime64[ns]": (MONTHS, lambda column: pd.Series(column).astype("datetime64[ns]")),
    "Timestamp": (MONTHS, None),
    "zone": ([one.tz_localize("Europe/Oslo") for one in MONTHS], pd.Series),
    "hours": ([one + pd.Timedelta(hours=8) for one in MONTHS], pd.Series),
    "date": ([one.date() for one in MONTHS], None),
    "datetime": ([one.to_pydatetime() for one in MONTHS], None),
    "time": ([datetime.time(8), datetime.time(9)], None),
    "Timedelta": ([pd.Timedelta(days=one) for one in range(3)], pd.Series),
    "Interval": (list(pd.interval_range(0, 3)), pd.Series),
    "cut": ([1, 5, 9], lambda column: pd.cut(pd.Series(column), [0, 3, 6, 10])),
    "Period": ([pd.Period("2026-01"), pd.Period("2026-02")], pd.Series),
    "Decimal": ([Decimal("1.50"), Decimal("2.5")], None),
    "bytes": ([b"a", b"b", b"\xff"], None),
}


@pytest.mark.parametrize("name", TYPED)
@pytest.mark.parametrize(
    "encoder",
    [OneHotEncoder(handle_unknown="ignore"), OneHotEncoder(), OrdinalEncoder(), TargetEncoder()],
    ids=str,
)
def test_a_category_of_another_type_is_a_choice_and_reaches_the_encoder_as_itself(
    name: str, encoder: Any
) -> None:
    values, of = TYPED[name]
    model, table = categories(values, encoder, of)
    schema = schema_of(model, {"features": [{"name": "x", "type": "string"}]})
    (feature,) = schema.features
    assert feature.is_complete
    assert not feature.takes_others
    rows = {value: place for place, value in enumerate(table["x"])}
    assert len(feature.choices) == len(rows)
    by_answer = {tuple(own(model, table[i : i + 1])) for i in rows.values()}
    for value, label in feature.choices:
        found, warnings = answered(model, schema, {"x": value})
        assert any(found == pytest.approx(one, rel=1e-9) for one in by_answer)
        assert answered(model, schema, {"x": label})[0] == found
        assert warnings == ()
    assert "is not a choice" in str(schema.clean({"x": "2031-05-05"}).errors["x"])


def test_each_date_is_answered_as_itself() -> None:
    model, table = categories(MONTHS, OneHotEncoder(handle_unknown="ignore"), pd.Series)
    typical = {"name": "x", "type": "string", "typical": "2026-02-01"}
    schema = schema_of(model, {"features": [typical]})
    assert schema.typical_values() == {"x": "2026-02-01T00:00:00"}
    assert named(schema, "x").choices[0] == ("2026-01-01T00:00:00", "2026-01-01")
    for place, month in enumerate(MONTHS):
        found, _ = answered(model, schema, {"x": month.isoformat()})
        assert found == pytest.approx(own(model, table[place : place + 1]), rel=1e-9)


def test_a_text_never_reaches_an_encoder_of_dates_whatever_the_layout_says() -> None:
    model, _ = categories(MONTHS, OneHotEncoder(handle_unknown="ignore"), pd.Series)
    for kind, given in (("string", "May"), ("choice", "May")):
        with pytest.raises(HostError, match="one of the values it was trained with") as refusal:
            predict(model, InputLayout("frame", (Column("x", kind),)), {"x": given})  # type: ignore[arg-type]
        assert (refusal.value.code, refusal.value.input) == ("INPUT", "x")


@pytest.mark.parametrize(("values", "given"), [(("a", "b"), 5), ((1, 2), "a"), ((1, 2), True)])
def test_a_value_of_a_type_that_no_category_has_never_reaches_the_encoder(
    values: Any, given: Any
) -> None:
    model, _ = categories(values, OneHotEncoder(handle_unknown="ignore"))
    with pytest.raises(HostError, match="is expected"):
        predict(model, InputLayout("frame", (Column("x", Kind.CHOICE),)), {"x": given})


@pytest.mark.parametrize("ids", [IDS, (2**64 - 2, 2**64 - 1), (2**70, 2**70 + 1)], ids=str)
@pytest.mark.parametrize(
    "encoder",
    [OneHotEncoder(), OneHotEncoder(handle_unknown="ignore"), OrdinalEncoder(), TargetEncoder()],
    ids=str,
)
def test_identifiers_that_share_a_float_are_told_apart(ids: tuple[int, int], encoder: Any) -> None:
    dtype = object if ids[1] >= 2**64 else np.uint64 if ids[1] >= 2**63 else np.int64
    model, table = categories(ids, encoder, lambda column: np.array(column, dtype=dtype))
    schema = schema_of(model)
    for place, one in enumerate(ids):
        for raw in (one, str(one), named(schema, "x").as_typed(one)):
            found, _ = answered(model, schema, {"x": raw})
            assert found == pytest.approx(own(model, table[place : place + 1]), rel=1e-9)


def test_identifiers_are_told_apart_in_a_model_without_column_names() -> None:
    rows = np.array(IDS * 60).reshape(-1, 1)
    model = make_pipeline(OneHotEncoder(), LogisticRegression()).fit(rows, [0, 1] * 60)
    for place, one in enumerate(IDS):
        found, _ = answered(model, schema_of(model), {"x0": one})
        assert found == pytest.approx(own(model, rows[place : place + 1]), rel=1e-9)


def test_an_identifier_behind_an_imputer_keeps_its_digits() -> None:
    table = pd.DataFrame({"x": IDS * 60})
    fill = SimpleImputer(strategy="most_frequent")
    model = make_pipeline(fill, OneHotEncoder(), LogisticRegression()).fit(table, [0, 1] * 60)
    for place, one in enumerate(IDS):
        found, _ = answered(model, schema_of(model), {"x": one})
        assert found == pytest.approx(own(model, table[place : place + 1]), rel=1e-9)


@pytest.mark.parametrize(
    "values", [("", "A", "B"), (" ", "  ", "basic"), ("A", "A "), ("Ä", "A\u0308"), ("a\nb", "ab")]
)
def test_blank_and_look_alike_categories_can_be_chosen_in_the_form(values: tuple[str, ...]) -> None:
    model, table = categories(values, OneHotEncoder())
    schema = schema_of(model)
    for place, value in enumerate(values):
        form = InputForm(schema, values={"x": value})
        posted = dict(form.initial) | {"f0": form.initial["f0"].replace("\n", "\r\n")}
        form = InputForm(schema, posted)
        assert form.is_valid(), form.errors
        assert form.cleaned_inputs.values == {"x": value}
        found, _ = answered(model, schema, {"x": value})
        assert found == pytest.approx(own(model, table[place : place + 1]), rel=1e-9)


@pytest.mark.parametrize("extra", [7, "seven", None, True, "2026-01-01"])
@pytest.mark.parametrize("has_names", [True, False])
def test_a_column_that_is_dropped_takes_anything(extra: Any, has_names: bool) -> None:
    table = pd.DataFrame({"id": range(ROWS), "age": np.linspace(18, 80, ROWS)})
    columns: list[Any] = ["age"] if has_names else [1]
    rows: Any = table if has_names else table.to_numpy()
    step = ColumnTransformer([("n", StandardScaler(), columns)])
    model = make_pipeline(step, LogisticRegression()).fit(rows, [0, 1] * 60)
    schema = schema_of(model)
    first, second = (one.name for one in schema.features)
    found, warnings = answered(model, schema, {first: extra, second: 30})
    given = table[:1].assign(age=30.0)
    assert found == pytest.approx(own(model, given if has_names else given.to_numpy()), rel=1e-9)
    assert warnings == ()
    assert [one.name for one in schema.asked] == [second]


def test_the_row_of_a_training_table_is_taken_as_it_is() -> None:
    table = pd.DataFrame(
        {
            "id": range(ROWS),
            "when": pd.Timestamp("2026-01-01"),
            "city": ["Oslo", "Lund"] * 60,
            "note": None,
        }
    )
    step = ColumnTransformer([("c", OneHotEncoder(), ["city"])])
    model = make_pipeline(step, LogisticRegression()).fit(table, [0, 1] * 60)
    row = {name: plain(table[name].iloc[0]) for name in table}
    found, _ = answered(model, schema_of(model), row)
    assert found == pytest.approx(own(model, table[:1]), rel=1e-9)


def test_flags_are_taken_as_json_has_them() -> None:
    table = pd.get_dummies(pd.DataFrame({"age": range(ROWS), "city": ["Oslo", "Lund"] * 60}))
    model = RandomForestClassifier(5, random_state=0).fit(table, [0, 1] * 60)
    row = {name: plain(table[name].iloc[0]) for name in table}
    assert row["city_Oslo"] is True
    found, _ = answered(model, schema_of(model), row)
    assert found == pytest.approx(own(model, table[:1]), rel=1e-9)


def test_flags_that_a_booster_keeps_as_categories_are_taken_as_json_has_them() -> None:
    table = pd.DataFrame({"flag": pd.Categorical([True, False] * 60), "n": range(ROWS)})
    model = HistGradientBoostingClassifier(max_iter=3).fit(table, [0, 1] * 60)
    for place in range(2):
        row = {"flag": bool(table["flag"].iloc[place]), "n": place}
        found, _ = answered(model, schema_of(model), row)
        assert found == pytest.approx(own(model, table[place : place + 1]), rel=1e-9)


@pytest.mark.parametrize(
    "text",
    ["I\x92ll call you at home", "free \ufffd cash", "page one\x0cpage two", "", "word " * 600],
)
def test_real_texts_are_answered_as_scikit_learn_does(text: str) -> None:
    texts = ["win a free prize", "call me at home", "claim your cash", "lunch at noon"] * 12
    model = make_pipeline(TfidfVectorizer(), BernoulliNB()).fit(texts, ["spam", "ham"] * 24)
    found, _ = answered(model, schema_of(model), {"text": text})
    assert found == pytest.approx(own(model, [text]), rel=1e-9)


@pytest.mark.parametrize("estimator", [PLSRegression(n_components=2), Ridge()], ids=str)
def test_two_thousand_inputs_are_taken_as_one_pasted_row(estimator: Any) -> None:
    rng = np.random.default_rng(0)
    names = [f"band_{n}" for n in range(2000)]
    table = pd.DataFrame(rng.normal(size=(30, 2000)), columns=names)
    model = estimator.fit(table, table["band_7"] * 2)
    schema = schema_of(model)
    line = table[:1].to_csv(index=False)
    form = InputForm(schema, {**InputForm(schema).initial, "row": line})
    assert form.is_valid(), form.errors
    found, _ = answered(model, schema, form.cleaned_inputs.values)
    assert found == pytest.approx(own(model, table[:1]), rel=1e-9)


def test_a_model_of_twenty_thousand_categories_is_proposed_whole() -> None:
    names = [f"Merchant {n:05d}" for n in range(20_000)]
    table = pd.DataFrame({"x": names})
    model = make_pipeline(OneHotEncoder(), BernoulliNB()).fit(table, [0, 1] * 10_000)
    labels = {name: f"No. {n}" for n, name in enumerate(names)}
    (feature,) = schema_of(model, {"features": [{"name": "x", "choices": labels}]}).features
    assert feature.choices[19_999] == ("Merchant 19999", "No. 19999")


TRIPS: list[dict[str, Any]] = [
    {
        "distance": float(number % 9),
        "PU_DO": f"{number % 4}_{number % 3}",
        "day": ("mon", "tue=holiday")[number % 2],
        "is_paid": number % 3 == 0,
    }
    for number in range(ROWS)
]
MINUTES = [2.0 * trip["distance"] + len(trip["day"]) for trip in TRIPS]


@pytest.mark.parametrize(
    "vectorizer",
    [
        DictVectorizer(),
        DictVectorizer(sparse=False),
        DictVectorizer(separator=" is "),
        DictVectorizer(sort=False),
        make_union(DictVectorizer(), DictVectorizer(sparse=False)),
    ],
    ids=str,
)
@pytest.mark.parametrize("final", [Ridge(), RandomForestClassifier(5, random_state=0)], ids=str)
def test_a_vectorizer_of_mappings_says_its_numbers_and_choices(vectorizer: Any, final: Any) -> None:
    labels = MINUTES if isinstance(final, Ridge) else [minutes > 12 for minutes in MINUTES]
    model = make_pipeline(vectorizer, final).fit(TRIPS, labels)
    schema = schema_of(model)

    assert examine(model).container == "records"
    kinds = {feature.name: feature.kind.value for feature in schema.features}
    assert kinds == {
        "distance": "float",
        "PU_DO": "choice",
        "day": "choice",
        "is_paid": "float",
    }
    assert {value for value, _ in named(schema, "day").choices} == {"mon", "tue=holiday"}
    assert all(feature.is_complete for feature in schema.features)
    for trip in TRIPS[:12]:
        assert answered(model, schema, trip) == (own(model, [trip]), ())


def test_a_vectorizer_of_mappings_ignores_what_it_has_not_seen_with_a_warning() -> None:
    model = make_pipeline(DictVectorizer(), Ridge()).fit(TRIPS, MINUTES)
    trip = TRIPS[5] | {"PU_DO": "43_151"}

    found, warnings = answered(model, schema_of(model), trip)

    assert found == own(model, [trip])
    assert "43_151" in warnings[0]


def test_what_a_mapping_does_not_hold_counts_as_nothing() -> None:
    model = make_pipeline(DictVectorizer(), Ridge()).fit(TRIPS, MINUTES)
    schema = schema_of(model)
    given = {"day": "mon"}

    found, warnings = answered(model, schema, given)

    assert found == own(model, [given])
    assert warnings[0] == "Distance was left empty. The model used 0."


def test_a_key_with_numbers_and_texts_is_a_choice_of_its_texts() -> None:
    rows = [{"floor": ("ground", 1, 2)[number % 3], "rooms": number % 5} for number in range(ROWS)]
    model = make_pipeline(DictVectorizer(), Ridge()).fit(rows, range(ROWS))

    found, _ = answered(model, schema_of(model), {"floor": "ground", "rooms": 3})

    assert found == own(model, [{"floor": "ground", "rooms": 3}])


HASHED = {"features": [{"name": "city", "type": "string"}, {"name": "age", "type": "integer"}]}


def test_a_hasher_of_mappings_takes_the_inputs_of_the_configuration() -> None:
    rows = [{"city": ("Oslo", "Bergen")[n % 2], "age": n} for n in range(1, ROWS)]
    model = make_pipeline(FeatureHasher(64), Ridge()).fit(rows, range(1, ROWS))
    row = {"city": "Bergen", "age": 31}

    found, _ = answered(model, schema_of(model, HASHED), row, HASHED)

    assert found == own(model, [row])


class AddRatio(TransformerMixin, BaseEstimator):
    """A step of somebody's own, that keeps nothing of what it was fitted on."""

    def fit(self, rows: Any, y: Any = None) -> AddRatio:
        self.fitted_ = True
        return self

    def transform(self, rows: Any) -> Any:
        rows = rows.copy()
        rows["ratio"] = rows["income"] / rows["age"]
        return rows


class Halve(AddRatio):
    def transform(self, rows: Any) -> Any:
        return rows[:, :] / 2


class Lower(AddRatio):
    def transform(self, rows: Any) -> Any:
        return rows.str.lower()


class AsMappings(AddRatio):
    def transform(self, rows: Any) -> Any:
        return rows.to_dict(orient="records")


class Clean(AddRatio):
    def transform(self, rows: Any) -> Any:
        return [{key: value for key, value in row.items() if key != "noise"} for row in rows]


PEOPLE = pd.DataFrame(
    {
        "age": [18.0 + number % 50 for number in range(ROWS)],
        "income": [9_000.0 + 113 * (number % 71) for number in range(ROWS)],
    }
)
YOUNG = [int(age < 40) for age in PEOPLE["age"]]
LISTED = {"features": [{"name": "age", "type": "integer"}, {"name": "income", "type": "float"}]}


def test_an_own_first_step_takes_the_inputs_that_the_configuration_lists() -> None:
    model = make_pipeline(AddRatio(), StandardScaler(), LogisticRegression()).fit(PEOPLE, YOUNG)
    schema = schema_of(model, LISTED)

    found, _ = answered(model, schema, {"age": 47, "income": 45_993.5}, LISTED)

    assert found == own(model, pd.DataFrame({"age": [47], "income": [45_993.5]}))
    assert all(feature.is_complete for feature in schema.features)
    assert named(schema, "age").sources["name"] == "config"


def test_an_own_first_step_on_arrays_is_given_an_array() -> None:
    model = make_pipeline(Halve(), LogisticRegression()).fit(PEOPLE.to_numpy(), YOUNG)

    found, _ = answered(model, schema_of(model, LISTED), {"age": 47, "income": 1.5}, LISTED)

    assert examined(model, LISTED).container == "array"
    assert found == own(model, np.array([[47, 1.5]]))


def test_without_a_configuration_the_first_later_step_names_the_inputs() -> None:
    found = examine(make_pipeline(AddRatio(), LogisticRegression()).fit(PEOPLE, YOUNG))
    numbered = examine(make_pipeline(Halve(), LogisticRegression()).fit(PEOPLE.to_numpy(), YOUNG))

    assert [one.name for one in found.features] == ["age", "income"]  # it makes the ratio itself
    assert [one.name for one in numbered.features] == ["x0", "x1"]


def test_an_own_step_before_a_vectorizer_of_texts_is_given_a_text() -> None:
    texts = pd.Series(["Good food", "BAD food", "good wine", "bad wine"])
    model = make_pipeline(Lower(), TfidfVectorizer(), LogisticRegression()).fit(texts, [1, 0, 1, 0])

    schema = schema_of(model)
    found, _ = answered(model, schema, {"text": "GOOD wine"})

    assert found == own(model, pd.Series(["GOOD wine"]))
    assert schema.features[0].is_complete


@pytest.mark.parametrize(
    ("step", "container"), [(AsMappings(), "frame"), (Clean(), "records")], ids=["frame", "mapping"]
)
def test_an_own_step_before_a_vectorizer_of_mappings_is_given_what_it_takes(
    step: Any, container: str
) -> None:
    rows = [{"city": ("Oslo", "Bergen")[n % 2], "age": float(n)} for n in range(1, ROWS)]
    trained = pd.DataFrame(rows) if container == "frame" else rows
    model = make_pipeline(step, DictVectorizer(), Ridge()).fit(trained, range(1, ROWS))
    row = {"city": "Bergen", "age": 31.5}

    config = {"features": [{"name": "city", "type": "string"}, {"name": "age", "type": "float"}]}
    found, _ = answered(model, schema_of(model, config), row, config)

    assert examined(model, config).container == container
    assert found == own(model, pd.DataFrame([row]) if container == "frame" else [row])
    assert [one.name for one in examine(model).features] == ["age", "city"]


def test_a_model_of_which_nobody_knows_the_inputs_says_how_to_tell_them() -> None:
    hashed = make_pipeline(FeatureHasher(8), Ridge()).fit([{"a": 1.0}, {"a": 2.0}], [1, 2])
    pairs = make_pipeline(FeatureHasher(8, input_type="string"), Ridge())

    with pytest.raises(HostError) as hasher:
        examine(hashed)
    with pytest.raises(HostError) as strings:
        examine(pairs.fit([["a"], ["b"]], [1, 2]))
    with pytest.raises(HostError) as first:
        examine(make_pipeline(AsMappings(), FeatureHasher(8), Ridge()).fit(PEOPLE, YOUNG))

    assert hasher.value.message == (
        "The Pipeline does not say which inputs it takes: its first step, FeatureHasher, keeps "
        "neither their names nor their number. Upload it with a training configuration that "
        "lists the inputs under `features`."
    )
    assert "takes lists (input_type='string')" in strings.value.message
    assert "or let the fit of AsMappings set n_features_in_" in first.value.message


FLAGGED = pd.DataFrame(
    {
        "city": ["Oslo", "Bergen", "Lund"] * 40,
        "age": range(ROWS),
        "pay": np.linspace(2e4, 9e4, ROWS),
        "flag": [True, False] * 60,
    }
)


@pytest.mark.parametrize("unknown", [np.nan, -1])
def test_true_and_false_beside_encoded_categories_reach_a_booster_as_in_training(
    unknown: float,
) -> None:
    encoded = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=unknown)
    stacked = ColumnTransformer([("c", encoded, ["city"])], remainder="passthrough")
    booster = HistGradientBoostingClassifier(max_iter=5, categorical_features=[0])
    model = make_pipeline(stacked, booster).fit(FLAGGED, [0, 1, 1] * 40)
    schema = schema_of(model)

    for place in range(3):
        row = {name: plain(FLAGGED[name].iloc[place]) for name in FLAGGED}
        assert answered(model, schema, row)[0] == own(model, FLAGGED[place : place + 1])
    gap = FLAGGED[:1].assign(age=np.nan, pay=np.nan)
    row = {"city": "Oslo", "age": None, "pay": None, "flag": True}
    assert answered(model, schema, row)[0] == own(model, gap)


NARROW = pd.DataFrame({"x": [0.1, 0.7, 3.3] * 40, "y": np.linspace(0, 1, ROWS)}).astype("float32")


@pytest.mark.parametrize("kind", [KMeans, MiniBatchKMeans, BisectingKMeans, NMF, MiniBatchNMF])
@pytest.mark.parametrize("before", [(), (MinMaxScaler(),)], ids=["alone", "scaled"])
@pytest.mark.parametrize("has_names", [True, False])
def test_an_estimator_that_takes_only_float32_gets_float32(
    kind: Any, before: Any, has_names: bool
) -> None:
    rows: Any = NARROW if has_names else NARROW.to_numpy()
    after = () if hasattr(kind, "predict") else (LinearRegression(),)
    model = make_pipeline(*before, kind(2, random_state=0), *after).fit(rows, NARROW["x"])
    schema = schema_of(model)
    names = [feature.name for feature in schema.features]

    assert examined(model).trial_failure is None
    for place in (0, 1, 119):
        row = {name: plain(value) for name, value in zip(names, NARROW.iloc[place], strict=True)}
        found, _ = answered(model, schema, row)
        assert found == pytest.approx(own(model, rows[place : place + 1]))


def test_a_narrow_number_that_is_a_category_is_written_as_people_write_it() -> None:
    encoder = OneHotEncoder(handle_unknown="ignore")
    model, table = categories((0.1, 0.7), encoder, lambda column: np.array(column, np.float32))
    schema = schema_of(model)
    assert [label for _, label in named(schema, "x").choices] == ["0.1", "0.7"]
    for place, text in enumerate(("0.1", "0.7")):
        found, warnings = answered(model, schema, {"x": text})
        assert found == pytest.approx(own(model, table[place : place + 1]), rel=1e-6)
        assert warnings == ()


@pytest.mark.parametrize("final", [LinearSVC(), RandomForestClassifier(5, random_state=0)], ids=str)
@pytest.mark.parametrize("vectorizer", [TfidfVectorizer(), HashingVectorizer(n_features=32)])
def test_a_number_beside_a_text_is_a_number(final: Any, vectorizer: Any) -> None:
    table = pd.DataFrame({"text": ["good food", "bad food", "ok"] * 40, "n": range(ROWS)})
    steps = ColumnTransformer([("t", vectorizer, "text")], remainder="passthrough")
    model = make_pipeline(steps, final).fit(table, [0, 1, 1] * 40)
    schema = schema_of(model)

    assert named(schema, "n").is_complete
    row = {"text": "bad food", "n": 7}
    assert answered(model, schema, row)[0] == own(model, pd.DataFrame([row]))


@pytest.mark.parametrize("encoder", [OneHotEncoder(), OrdinalEncoder()], ids=str)
@pytest.mark.parametrize("marker", ["?", "NA"])
def test_the_word_of_the_data_for_not_known_can_be_chosen_and_is_filled_in(
    encoder: Any, marker: str
) -> None:
    fill = SimpleImputer(missing_values=marker, strategy="most_frequent")
    model, table = categories(("Private", "Gov", "Self", marker), make_pipeline(fill, encoder))
    schema = schema_of(model)

    assert (marker, f"{marker} (not known)") in named(schema, "x").choices
    chosen, warnings = answered(model, schema, {"x": marker})
    assert chosen == own(model, table[3:4])
    assert warnings == ()
    assert answered(model, schema, {"x": None})[0] == chosen
    assert "is not a choice" in str(schema.clean({"x": "Other"}).errors["x"])


def test_a_blank_that_an_imputer_fills_in_is_an_empty_input() -> None:
    fill = SimpleImputer(missing_values=" ", strategy="most_frequent")
    model, table = categories(("one", "two", " "), make_pipeline(fill, OneHotEncoder()))
    schema = schema_of(model)

    assert [value for value, _ in named(schema, "x").choices] == ["one", "two"]
    for raw in (" ", "", None):
        assert answered(model, schema, {"x": raw})[0] == own(model, table[2:3])


def test_a_missing_text_that_counts_as_empty_is_told_in_words() -> None:
    table = pd.DataFrame({"review": ["good food", "bad food", None] * 40})
    fill = SimpleImputer(strategy="constant", fill_value="")
    words = make_pipeline(fill, FunctionTransformer(np.ravel), TfidfVectorizer())
    steps = ColumnTransformer([("t", words, ["review"])])
    model = make_pipeline(steps, LogisticRegression()).fit(table, [0, 1, 1] * 40)
    schema = schema_of(model)

    found, warnings = answered(model, schema, {"review": None})

    assert found == own(model, table[2:3])
    assert warnings == ("Review was left empty. The model used an empty text.",)
    assert named(schema, "review").range_text.endswith("The model will use an empty text")


def test_what_an_imputer_learnt_of_numbers_in_texts_is_a_number() -> None:
    table = pd.DataFrame({"x": ["1", "2.5", np.nan, "2.5"] * 30, "n": range(ROWS)})
    steps = make_pipeline(SimpleImputer(strategy="most_frequent"), StandardScaler())
    model = make_pipeline(steps, LogisticRegression()).fit(table, [0, 1, 1, 0] * 30)
    schema = schema_of(model)

    assert examined(model).trial_failure is None
    assert (named(schema, "x").typical, named(schema, "x").imputed) == (2.5, 2.5)
    for x in (1.0, None):
        given = pd.DataFrame({"x": pd.Series([x if x is None else str(x)], dtype=object), "n": [3]})
        found, _ = answered(model, schema, {"x": x, "n": 3})
        assert found == pytest.approx(own(model, given.fillna(np.nan)), rel=1e-9)


def test_true_and_false_beside_encoded_categories_reach_a_later_encoder_as_in_training() -> None:
    first = ColumnTransformer([("c", OrdinalEncoder(), ["city"])], remainder="passthrough")
    later = ColumnTransformer([("t", TargetEncoder(random_state=0), [0])], remainder="passthrough")
    scaled = make_pipeline(StandardScaler(), LogisticRegression())
    model = make_pipeline(first, later, scaled).fit(FLAGGED, [0, 1, 1] * 40)
    row = {name: plain(FLAGGED[name].iloc[1]) for name in FLAGGED}

    assert answered(model, schema_of(model), row)[0] == pytest.approx(own(model, FLAGGED[1:2]))


def test_the_number_of_the_data_for_not_known_can_be_chosen_and_is_filled_in() -> None:
    fill = SimpleImputer(missing_values=-1, strategy="most_frequent")
    model, table = categories((1, 2, 3, -1), make_pipeline(fill, OneHotEncoder()), np.array)
    schema = schema_of(model)

    assert (-1, "-1 (not known)") in named(schema, "x").choices
    for raw in (-1, "-1", None):
        assert answered(model, schema, {"x": raw})[0] == own(model, table[3:4])


def test_a_number_beside_a_text_that_trees_saw_missing_may_be_missing() -> None:
    table = pd.DataFrame(
        {"text": ["good food", "bad food", "ok"] * 40, "n": np.linspace(0, 9, 120)}
    )
    table.loc[::4, "n"] = np.nan
    steps = ColumnTransformer([("t", TfidfVectorizer(), "text")], remainder="passthrough")
    forest = RandomForestClassifier(20, random_state=0)
    model = make_pipeline(steps, forest).fit(table, [int(n % 4 == 0) for n in range(ROWS)])
    schema = schema_of(model)

    assert named(schema, "n").may_be_missing
    assert answered(model, schema, {"text": "good food", "n": None})[0] == own(model, table[:1])
