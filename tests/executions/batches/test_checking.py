"""The check of many rows: verdict, stored value and sentence are the form's, for any row."""

import uuid
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.text.numbers import written_with
from executions.batches.checking import Problem, RowCheck, SourceRow
from executions.forms import InputForm
from models_registry.inputs.feature_spec import FeatureSpec, Kind, Requirement
from models_registry.inputs.input_rules import RuleKind, RuleSpec
from models_registry.inputs.input_schema import CleanedInputs, InputSchema
from tests.factories import AGE, HOME, INCOME, LOAN_FEATURES, WORK

CITIES = FeatureSpec(
    "city",
    "City",
    Kind.CHOICE,
    Requirement.MAY_BE_MISSING,
    choices=(("Oslo", "Oslo"), ("be", "Bergen"), ("NA", "Namibia")),
    takes_others=True,
)
TERM = FeatureSpec(
    "term", "Term", Kind.CHOICE, choices=((12, "One year"), (24, "Two years"), (36, "36"))
)
COUNT = FeatureSpec(
    "count", "Accounts", Kind.INTEGER, Requirement.OPTIONAL, default=3, minimum=0, soft_maximum=9
)
STEP = FeatureSpec("step", "Step", Kind.FLOAT, minimum=-1, maximum=0, step=0.25, is_sensitive=True)
LIMIT = FeatureSpec("limit", "Limit", Kind.FLOAT, Requirement.MAY_BE_MISSING)
NOTE = FeatureSpec("note", "Note", Kind.STRING, Requirement.MAY_BE_MISSING, max_length=12)
NAME = FeatureSpec("name", "Name", Kind.STRING, is_sensitive=True)
MANY = FeatureSpec(
    "shop", "Shop", Kind.CHOICE, choices=tuple((f"s{n}", f"S {n}") for n in range(9))
)
OLD = FeatureSpec("old", "Old", Kind.BOOLEAN, Requirement.MAY_BE_MISSING, deprecation="no longer")
UNSAID = FeatureSpec("unsaid", "Unsaid", Kind.STRING, is_complete=False)
FEATURES = (
    *LOAN_FEATURES, CITIES, TERM, COUNT, STEP, LIMIT, NOTE, NAME, MANY, OLD,
)  # fmt: skip
RULES = (
    RuleSpec("limit", RuleKind.AT_MOST, "income"),
    RuleSpec("step", RuleKind.BELOW, "limit", message="More, please."),
    RuleSpec("work", RuleKind.REQUIRES, "income", value="emp"),
)
SCHEMA = InputSchema(FEATURES, RULES)

WORDS = [
    "",
    " ",
    "0",
    "-0",
    "1",
    "7",
    "12",
    "42",
    "120",
    "-0.5",
    "-0,25",
    "1,234",
    "1.234",
    "1.234,5",
    "1e3",
    "nan",
    "NA",
    "n/a",
    "inf",
    "½",
    "٣",
    "34 years",
    "€ 5",
    "5.0",
    "5.5",
    "true",
    "False",
    "yes",
    "No",
    "ja",
    "on",
    "emp",
    "Employed",
    " self ",
    "SELF-EMPLOYED",
    "Osl",
    "oslo ",
    "Bergen",
    "be",
    "Namibia",
    "One year",
    "24",
    "24.0",
    "s3",
    "S 3",
    "s 33",
    "a\x00b",
    "\ud800",
    "x\r\ny",
    "a rather long text",
    "=1+1",
    "１２",
    "00123",
    "99999999999999999999",
    "1e400",
]
TEXTS = st.one_of(st.sampled_from(WORDS), st.text(max_size=16))
MARKS = st.sampled_from(["", ".", ","])


def posted(schema: InputSchema, texts: dict[str, str], mark: str) -> CleanedInputs:
    """Return what the form makes of these texts in its fields."""
    keys = {feature.name: f"f{n}" for n, feature in enumerate(schema.features)}
    data = {keys[name]: text for name, text in texts.items()}
    data |= {"form_token": str(uuid.uuid4()), "schema": schema.digest}
    form = InputForm(schema, data, decimal_mark=mark)
    form.is_valid()
    return form.cleaned_inputs


def told(cleaned: CleanedInputs) -> tuple[Any, ...]:
    """Return values with their types, sentences with their corrections, and warnings."""
    values = {name: (type(value), repr(value)) for name, value in cleaned.values.items()}
    return values, cleaned.errors, cleaned.warnings


@settings(max_examples=300)
@given(
    st.lists(
        st.fixed_dictionaries({feature.name: TEXTS for feature in FEATURES}),
        min_size=1,
        max_size=4,
    ),
    MARKS,
    MARKS,
)
def test_a_row_of_cells_is_judged_as_the_form_judges_it(
    rows: list[dict[str, str]], mark: str, notation: str
) -> None:
    with written_with(notation or "."):
        check = RowCheck(SCHEMA, decimal_mark=mark, are_cells=True)
        for row in rows * 2:  # what is remembered tells the same
            assert told(check.clean(row)) == told(posted(SCHEMA, row, mark))


JSON = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(), TEXTS, st.just([1])
)


@settings(max_examples=300)
@given(
    st.lists(
        st.dictionaries(st.sampled_from([one.name for one in FEATURES] + ["stranger"]), JSON),
        min_size=1,
        max_size=4,
    ),
    MARKS,
)
def test_a_row_of_json_is_judged_as_the_input_schema_judges_it(
    rows: list[dict[str, Any]], mark: str
) -> None:
    check = RowCheck(SCHEMA, decimal_mark=mark)
    for row in rows * 2:
        assert told(check.clean(row)) == told(SCHEMA.clean(row, decimal_mark=mark))


def test_an_input_that_is_not_complete_refuses_every_row() -> None:
    schema = InputSchema((UNSAID,))
    assert "not complete" in str(RowCheck(schema, are_cells=True).clean({}).errors["unsaid"])


def test_more_inputs_than_a_form_has_fields_are_read_as_a_pasted_row() -> None:
    many = tuple(FeatureSpec(f"x{n}", f"X {n}", Kind.FLOAT, AGE.requirement) for n in range(201))
    features = (replace(LIMIT, name="first"), *many)
    row = {"first": "NA"} | {one.name: "1" for one in many}

    cleaned = RowCheck(InputSchema(features), are_cells=True).clean(row)

    assert cleaned.is_valid
    assert cleaned.values["first"] is None


def test_ready_rows_and_problems_come_in_their_order_with_what_is_carried() -> None:
    schema = InputSchema((AGE, HOME))
    rows = [
        SourceRow({"age": "34", "home": "yes"}, ("a",), 2),
        SourceRow({"age": "120", "home": "yes"}, ("b",), 3),
        SourceRow({"age": "35", "home": "no"}, ("c",), 4),
    ]

    first, bad, last = RowCheck(schema, are_cells=True).of(rows)

    assert not isinstance(first, Problem)
    assert not isinstance(last, Problem)
    assert (first.values, first.carried, first.number) == ((34.0, True), ("a",), 2)
    assert (last.values, last.carried, last.number) == ((35.0, False), ("c",), 4)
    assert isinstance(bad, Problem)
    assert str(bad.cleaned.errors["age"]).startswith("120 is too high.")


@pytest.mark.parametrize("feature", [INCOME, WORK, TERM])
def test_a_value_that_is_not_remembered_any_more_is_checked_again(
    feature: FeatureSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("executions.batches.checking.REMEMBERED", 1)
    schema = InputSchema((feature,))
    check = RowCheck(schema)

    for word in WORDS:
        assert told(check.clean({feature.name: word})) == told(schema.clean({feature.name: word}))
