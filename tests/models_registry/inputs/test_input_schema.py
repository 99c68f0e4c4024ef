import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models_registry.card.model_card import range_text
from models_registry.inputs.feature_spec import FeatureSpec, Kind, Requirement
from models_registry.inputs.input_rules import RuleKind, RuleSpec
from models_registry.inputs.input_schema import CleanedInputs, InputSchema
from models_registry.inputs.labels import choice_label
from tests.factories import AGE, HOME, INCOME, LOAN_FEATURES, LOAN_INPUTS, WORK

LOAN = InputSchema(LOAN_FEATURES)
COUNT = FeatureSpec("count", "Open accounts", Kind.INTEGER, soft_minimum=0, soft_maximum=9)
NOTE = FeatureSpec("note", "Note", Kind.STRING)


def only(feature: FeatureSpec, raw: Any) -> Any:
    """Return the value of one feature's check, or its error's text."""
    cleaned = InputSchema((feature,)).clean({feature.name: raw})
    return cleaned.values[feature.name] if cleaned.is_valid else str(cleaned.errors[feature.name])


def test_valid_inputs_keep_their_values_and_types() -> None:
    raw = {"age": "34", "income": "41,500.0", "home": "false", "work": "Self-employed"}
    assert LOAN.clean(raw).values == LOAN_INPUTS


def test_all_errors_are_reported_at_once() -> None:
    assert set(LOAN.clean({"age": "old", "home": "maybe"}).errors) == {"age", "home", "work"}


def test_a_value_over_the_limit_says_the_rule_and_offers_the_limit() -> None:
    error = LOAN.clean(LOAN_INPUTS | {"age": "230"}).errors["age"]
    assert str(error) == "230 is too high. Expected a value between 18 and 100 years."
    assert error.suggestions == ("100",)


@pytest.mark.parametrize(
    ("bounds", "value", "is_valid"),
    [
        ({"minimum": 0.0}, "0", True),
        ({"minimum": 0.0}, "-1", False),
        ({"maximum": 0.0}, "0", True),
        ({"maximum": 0.0}, "1", False),
        ({"minimum": -1.0, "maximum": 0.0}, "-1", True),
    ],
)
def test_a_bound_of_zero_is_a_bound_and_bounds_are_inclusive(
    bounds: dict[str, float], value: str, is_valid: bool
) -> None:
    schema = InputSchema((FeatureSpec("x", "X", Kind.FLOAT, **bounds),))  # type: ignore[arg-type]
    assert schema.clean({"x": value}).is_valid is is_valid


def test_a_value_outside_the_trained_range_warns_and_runs() -> None:
    cleaned = InputSchema((COUNT,)).clean({"count": "11"})
    assert cleaned.is_valid
    assert cleaned.warnings == (
        "Open accounts: 11 is outside the range the model was trained on (0–9).",
    )


@pytest.mark.parametrize(
    ("low", "value", "shown"),
    [(14.511950290020629, "14", "14.512"), (14.51204567, "14.51201", "14.51204567")],
)
def test_the_warning_rounds_the_trained_range_where_the_value_is_outside_of_it_all_the_same(
    low: float, value: str, shown: str
) -> None:
    feature = FeatureSpec("x", "X", Kind.FLOAT, soft_minimum=low, soft_maximum=87.51634967266358)
    assert InputSchema((feature,)).clean({"x": value}).warnings == (
        f"X: {value} is outside the range the model was trained on ({shown}–87.5163).",
    )


def test_the_ends_of_a_range_are_a_hard_limit_as_it_was_set_and_training_in_four_digits() -> None:
    feature = FeatureSpec(
        "x", "X", Kind.FLOAT, unit="mm", soft_minimum=14.511950290020629, maximum=87.51634
    )
    assert feature.range_ends == ("14.51", "87.51634")
    assert feature.range_text == "14.51 to 87.51634"
    assert range_text(feature) == "14.51 to 87.51634 mm"


def test_a_missing_required_value_is_an_error() -> None:
    assert only(AGE, "") == "A value is needed. Expected a value between 18 and 100 years."


def test_an_empty_optional_value_becomes_the_default_and_says_so() -> None:
    feature = replace(AGE, requirement=Requirement.OPTIONAL, default=0.0, minimum=None)
    cleaned = InputSchema((feature,)).clean({"age": " "})
    assert cleaned.values == {"age": 0.0}
    assert cleaned.warnings == ("Age was left empty. The default 0 years was used.",)


def test_an_empty_value_that_may_be_missing_stays_missing() -> None:
    cleaned = InputSchema((INCOME,)).clean({"income": ""})
    assert cleaned.values == {"income": None}
    assert cleaned.warnings == ("Annual income was left empty. The model used € 46,000.",)


def test_a_whole_number_is_asked_for_by_name() -> None:
    assert only(COUNT, "5.0") == 5
    assert only(COUNT, "5.5") == "Whole number expected: 5 or 6?"


@pytest.mark.parametrize("raw", ["nan", "1e400", "½", "\ud800", "\x00", float("inf"), 10**400])
def test_what_is_no_number_is_refused_however_it_arrives(raw: Any) -> None:
    assert isinstance(only(replace(AGE, minimum=None, maximum=None), raw), str)


@pytest.mark.parametrize("number", [2**53 + 1, 2**63 - 1, 2**64 - 1, -(2**63)])
def test_a_whole_number_of_64_bits_keeps_its_digits(number: int) -> None:
    assert only(replace(COUNT, soft_minimum=None), str(number)) == number
    assert only(FeatureSpec("x", "X", Kind.FLOAT), str(number)) == number
    assert "too large" in only(COUNT, str(2**64))


def test_a_limit_keeps_its_digits() -> None:
    limited = replace(COUNT, minimum=2**60 + 1, maximum=2**60 + 1, step=1)
    assert only(limited, 2**60 + 1) == 2**60 + 1
    assert only(limited, 2**60).startswith(f"{2**60:,} is too low.")
    assert only(limited, 2**60 + 2).startswith(f"{2**60 + 2:,} is too high.")


def test_steps_of_whole_numbers_are_met_exactly() -> None:
    by_ten = FeatureSpec("x", "X", Kind.INTEGER, step=10)
    assert only(by_ten, 2**60 + 4) == 2**60 + 4
    error = InputSchema((by_ten,)).clean({"x": 2**60}).errors["x"]
    assert error.suggestions == (str(2**60 - 6), str(2**60 + 4))


@pytest.mark.parametrize(("raw", "number"), [(True, 1), (False, 0), ("true", 1), ("False", 0)])
def test_true_and_false_are_the_numbers_one_and_zero(raw: Any, number: int) -> None:
    assert only(replace(AGE, minimum=None), raw) == number
    assert only(COUNT, raw) == number


@pytest.mark.parametrize("raw", ["34 years", "34years", "years 34", "34"])
def test_the_inputs_own_unit_may_stand_beside_a_number(raw: str) -> None:
    assert only(AGE, raw) == 34


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a\x00b", "“\\x00” at character 2 cannot be stored: remove it."),
        ("lone \ud800", "“\\ud800” at character 6 cannot be stored: remove it."),
    ],
)
def test_text_that_cannot_be_stored_is_refused_with_its_place(text: str, sentence: str) -> None:
    assert only(NOTE, text) == sentence


@pytest.mark.parametrize(
    "text", ["I\x92ll", "mojibake \ufffd", "page\x0cpage", "\x1b[0m", "\ufeff"]
)
def test_every_other_character_is_text_and_is_shown(text: str) -> None:
    assert only(NOTE, text) == text
    assert NOTE.display(text).isprintable()


def test_text_over_the_limit_says_how_long_it_is(settings: Any) -> None:
    assert only(NOTE, "x" * 10_000) == "x" * 10_000
    assert only(NOTE, "x" * 10_001).startswith(
        "The text has 10,001 characters. Expected text of at most 10,000 characters."
    )
    settings.TEXT_MAX_CHARACTERS = 20
    assert only(NOTE, "x" * 21).startswith("The text has 21 characters.")
    assert only(replace(NOTE, max_length=30), "x" * 21) == "x" * 21
    assert only(replace(NOTE, max_length=10), "x" * 11).startswith("The text has 11 characters.")


def test_an_empty_text_that_is_given_as_one_is_a_text_and_said() -> None:
    cleaned = InputSchema((NOTE,)).clean({"note": ""})
    assert cleaned.values == {"note": ""}
    assert cleaned.warnings == ("Note: the text is empty.",)
    assert only(NOTE, None).startswith("A value is needed.")
    optional = replace(NOTE, requirement=Requirement.MAY_BE_MISSING)
    assert InputSchema((optional,)).clean({"note": ""}).values == {"note": None}


def test_digits_of_any_script_are_fine_as_text() -> None:
    assert only(NOTE, "١٢٣") == "١٢٣"


def test_a_choice_is_taken_by_value_or_label_with_case_and_accents_forgiven() -> None:
    city = FeatureSpec("city", "City", Kind.CHOICE, choices=(("zh", "Zürich"), ("be", "Berlin")))
    assert [only(city, raw) for raw in ("zh", "Zürich", "ZURICH")] == ["zh", "zh", "zh"]


def test_a_choice_nearly_right_is_asked_about() -> None:
    error = LOAN.clean(LOAN_INPUTS | {"work": "Emploied"}).errors["work"]
    assert str(error) == "“Emploied” is not a choice. Did you mean Employed?"
    assert error.suggestions == ("Employed",)


def test_a_choice_far_off_lists_what_there_is() -> None:
    assert only(WORK, "pilot") == (
        "“pilot” is not a choice. Expected one of: Employed, Self-employed, Not working."
    )


CITY = FeatureSpec(
    "city", "City", Kind.CHOICE, choices=(("Oslo", "Oslo"), ("be", "Bergen")), takes_others=True
)
STORE = FeatureSpec(
    "store", "Store", Kind.CHOICE, choices=((101, "101"), (202, "202")), takes_others=True
)


def test_a_value_that_the_encoder_takes_runs_with_a_warning() -> None:
    cleaned = InputSchema((CITY,)).clean({"city": "Osloo"})
    assert cleaned.values == {"city": "Osloo"}
    assert cleaned.warnings == (
        "City: the model was not trained with “Osloo”, and answers as for any value that it does "
        "not know. Did you mean Oslo?",
    )
    assert InputSchema((CITY,)).clean({"city": "Bergen"}) == CleanedInputs({"city": "be"}, {})


def test_another_value_is_what_the_encoder_sees_and_never_taken_for_a_known_one() -> None:
    """To scikit-learn "oslo" and " Oslo" are not "Oslo"; a closed choice may forgive that."""
    assert [only(CITY, raw) for raw in ("oslo", " Oslo")] == ["oslo", " Oslo"]
    closed = replace(CITY, takes_others=False)
    assert [only(closed, raw) for raw in ("oslo", " Oslo")] == ["Oslo", "Oslo"]


def test_another_value_is_in_the_type_of_the_known_ones() -> None:
    assert [only(STORE, raw) for raw in (303, "303", 303.0)] == [303, 303, 303.0]
    assert only(STORE, "Main Street") == (
        "This is not a number. Expected one of: 101, 202, or another number."
    )
    assert only(CITY, 5) == "5"
    assert isinstance(only(CITY, [5]), str)


def test_a_warning_says_nothing_of_a_sensitive_value() -> None:
    hidden = replace(CITY, is_sensitive=True)
    (warning,) = InputSchema((hidden,)).clean({"city": "Osloo"}).warnings
    assert "Oslo" not in warning


@pytest.mark.parametrize("value", ["", " ", "  ", "\t"])
def test_a_blank_that_was_a_category_is_one(value: str) -> None:
    cabin = FeatureSpec(
        "cabin", "Cabin", Kind.CHOICE, choices=((value, choice_label(value)), ("A", "A"))
    )
    assert only(cabin, value) == value
    assert only(cabin, choice_label(value)) == value
    assert only(cabin, None).startswith("A value is needed.")
    assert isinstance(only(WORK, value), str)


@pytest.mark.parametrize("raw", [5, "abc", 2.5, True, None, [1], {"a": 1}, "a\x00", "x" * 20_000])
def test_what_no_step_uses_takes_anything(raw: Any) -> None:
    unused = FeatureSpec("id", "Id", Kind.UNUSED, Requirement.MAY_BE_MISSING)
    cleaned = InputSchema((unused, NOTE)).clean({"id": raw, "note": "x"})
    assert cleaned.is_valid
    assert cleaned.values["id"] in (raw, None)
    assert InputSchema((unused, NOTE)).asked == (NOTE,)


def test_what_is_not_complete_is_refused_as_that() -> None:
    assert only(replace(AGE, is_complete=False), "34").startswith("This input is not complete yet")


def test_a_moment_is_the_same_however_it_is_written() -> None:
    month = FeatureSpec(
        "month", "Month", Kind.CHOICE, choices=(("2026-01-01T00:00:00", "2026-01-01"),)
    )
    texts = ("2026-01-01", "2026-01-01T00:00:00", "2026-01-01 00:00", "20260101")
    assert {only(month, text) for text in texts} == {"2026-01-01T00:00:00"}
    assert only(month, "2026-01-02") == (
        "“2026-01-02” is not a choice. Expected one of: 2026-01-01."
    )


@pytest.mark.parametrize(
    ("choices", "answers"),
    [
        ([(0, "0"), (1, "1")], {True: 1, "false": 0, "1": 1}),
        ([(0.0, "0"), (1.0, "1")], {True: 1.0, "false": 0.0}),
        ([("0", "No"), ("1", "Yes")], {True: "1", "false": "0"}),
        ([(True, "True")], {"true": True, 1: True}),
        ([("True", "True"), ("False", "False")], {True: "True", "false": "False"}),
    ],
)
def test_true_and_false_are_the_choices_one_and_zero(
    choices: list[tuple[Any, str]], answers: dict[Any, Any]
) -> None:
    feature = FeatureSpec("x", "X", Kind.CHOICE, choices=tuple(choices))
    for raw, value in answers.items():
        assert only(feature, raw) == value


def test_two_identifiers_that_share_a_float_are_two_choices() -> None:
    ids = (1234567890123456788, 1234567890123456789)
    feature = FeatureSpec("id", "Id", Kind.CHOICE, choices=tuple((i, str(i)) for i in ids))
    for one in ids:
        assert only(feature, str(one)) == one
        assert only(feature, feature.as_typed(one)) == one
        assert InputSchema((feature,)).read(json.loads(json.dumps({"id": one}))) == {"id": one}


def test_numbers_of_a_choice_may_be_written_as_people_write_them() -> None:
    steps = FeatureSpec("x", "X", Kind.CHOICE, choices=((0.5, "0.5"), (1234567.0, "1234567")))
    assert [only(steps, raw) for raw in ("0,5", ".50", "12,34,567")] == [0.5, 0.5, 1234567.0]


def test_true_and_one_are_different_choices() -> None:
    feature = FeatureSpec("x", "X", Kind.CHOICE, choices=((1, "One"), ("1", "One as text")))
    assert only(feature, 1) == 1
    assert isinstance(only(feature, True), str)


@pytest.mark.parametrize(
    ("raw", "value"), [("Yes", True), ("no", False), (True, True), ("0", False)]
)
def test_yes_and_no_are_real_booleans(raw: Any, value: bool) -> None:
    assert only(HOME, raw) is value


def test_an_unknown_name_is_an_error() -> None:
    assert "wage" in LOAN.clean(LOAN_INPUTS | {"wage": 5}).errors


def test_sensitive_inputs_stay_out_of_the_schema_that_prefect_shows() -> None:
    schema = InputSchema((replace(AGE, is_sensitive=True), HOME)).json_schema()
    assert list(schema["properties"]) == ["home"]
    assert schema["required"] == ["home"]


def test_a_digest_changes_with_names_kinds_and_order() -> None:
    digests = {
        InputSchema(features).digest
        for features in [
            (AGE, HOME),
            (HOME, AGE),
            (AGE,),
            (replace(AGE, name="years"), HOME),
            (replace(AGE, kind=Kind.INTEGER), HOME),
        ]
    }
    assert len(digests) == 5


numbers = st.floats(allow_nan=False, allow_infinity=False).map(lambda number: number + 0.0)
texts = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\x00\r"),
    min_size=1,
    max_size=50,
)


@given(numbers, st.integers(-(2**63), 2**64 - 1), st.booleans(), texts.filter(str.strip))
def test_typed_values_survive_the_check_unchanged(
    number: float, whole: int, flag: bool, text: str
) -> None:
    schema = InputSchema(
        (
            FeatureSpec("a", "A", Kind.FLOAT),
            FeatureSpec("b", "B", Kind.INTEGER),
            FeatureSpec("c", "C", Kind.BOOLEAN),
            FeatureSpec("d", "D", Kind.STRING),
        )
    )
    raw = {"a": number, "b": whole, "c": flag, "d": text}
    cleaned = schema.clean(raw)
    assert cleaned.is_valid
    assert cleaned.values == raw
    assert schema.read(json.loads(json.dumps(cleaned.values))) == raw


@given(
    st.dictionaries(
        st.text(max_size=5),
        st.one_of(st.text(), st.floats(), st.none(), st.booleans(), st.lists(st.integers())),
    )
)
def test_whatever_arrives_is_a_value_or_an_error(raw: dict[str, Any]) -> None:
    cleaned = LOAN.clean(raw)
    assert not set(cleaned.values) & set(cleaned.errors)
    json.dumps(cleaned.values, allow_nan=False)


LOAN_RULES = (
    RuleSpec("loan", RuleKind.AT_MOST, "income"),
    RuleSpec("home", RuleKind.REQUIRES, "loan", value=True, message="Owners state their loan."),
)
RULED = InputSchema(
    (
        FeatureSpec("loan", "Loan", Kind.FLOAT, Requirement.MAY_BE_MISSING),
        INCOME,
        HOME,
    ),
    LOAN_RULES,
)


def test_a_broken_rule_is_an_error_of_its_second_input_in_the_labels() -> None:
    cleaned = RULED.clean({"loan": "50001", "income": "50000", "home": "no"})
    assert {name: str(error) for name, error in cleaned.errors.items()} == {
        "income": "Loan must be at most Annual income."
    }
    assert RULED.clean({"loan": "50000", "income": "50000", "home": "no"}).is_valid


def test_a_rules_own_message_is_what_people_read() -> None:
    cleaned = RULED.clean({"loan": "", "income": "50000", "home": "yes"})
    assert str(cleaned.errors["loan"]) == "Owners state their loan."


def test_a_required_by_choice_input_may_be_empty_for_every_other_choice() -> None:
    assert RULED.clean({"loan": "", "income": "1", "home": "no"}).is_valid


def test_a_missing_value_breaks_no_comparison() -> None:
    assert RULED.clean({"loan": "5", "income": "", "home": "no"}).is_valid


def test_a_rule_waits_until_both_values_are_valid_by_themselves() -> None:
    cleaned = RULED.clean({"loan": "lots", "income": "1", "home": "no"})
    assert set(cleaned.errors) == {"loan"}


def test_less_than_excludes_the_same_value() -> None:
    rule = RuleSpec("loan", RuleKind.BELOW, "income")
    schema = replace(RULED, rules=(rule,))
    cleaned = schema.clean({"loan": "5", "income": "5.0", "home": "no"})
    assert str(cleaned.errors["income"]) == "Loan must be less than Annual income."


def test_two_broken_rules_of_one_input_are_both_said() -> None:
    rules = (RuleSpec("loan", RuleKind.BELOW, "income", message="One."), LOAN_RULES[0])
    cleaned = replace(RULED, rules=rules).clean({"loan": "9", "income": "5", "home": "no"})
    assert str(cleaned.errors["income"]) == "One. Loan must be at most Annual income."


def test_a_form_opened_under_other_rules_is_told_apart() -> None:
    other = (RuleSpec("loan", RuleKind.BELOW, "income"),)
    digests = {replace(RULED, rules=rules).digest for rules in ((), LOAN_RULES, other)}
    assert len(digests) == 3
    renamed = tuple(replace(rule, message="In other words.") for rule in LOAN_RULES)
    assert replace(RULED, rules=renamed).digest == RULED.digest


def stepped(**fields: Any) -> FeatureSpec:
    given: dict[str, Any] = {"name": "x", "label": "X", "kind": Kind.FLOAT} | fields
    return FeatureSpec(**given)


@pytest.mark.parametrize(
    ("feature", "raw"),
    [
        (stepped(step=0.1), "0.3"),
        (stepped(step=0.1), "-1.7"),
        (stepped(step=5, minimum=3.0), "18"),
        (stepped(step=5, minimum=0.0), "0"),
        (stepped(kind=Kind.INTEGER, step=25), "75"),
        (stepped(step=1e-6), "0.000123"),
    ],
    ids=str,
)
def test_a_value_on_a_step_is_valid(feature: FeatureSpec, raw: str) -> None:
    assert InputSchema((feature,)).clean({"x": raw}).values == {"x": float(raw)}


@pytest.mark.parametrize(
    ("feature", "raw", "near"),
    [
        (stepped(step=0.1), "0.25", ("0.2", "0.3")),
        (stepped(step=5, minimum=3.0), "20", ("18", "23")),
        (stepped(step=5, maximum=22.0), "21", ("20",)),
        (stepped(step=5), "-12", ("-15", "-10")),
        (stepped(step=5, maximum=22.0), "30", ("20",)),
    ],
    ids=str,
)
def test_a_value_between_steps_is_offered_those_around_it(
    feature: FeatureSpec, raw: str, near: tuple[str, ...]
) -> None:
    error = InputSchema((feature,)).clean({"x": raw}).errors["x"]
    assert error.suggestions == near
    assert "in steps of" in str(error)
    for suggestion in near:
        assert InputSchema((feature,)).clean({"x": suggestion}).is_valid


def test_the_form_keeps_each_group_together_where_its_first_input_stands() -> None:
    features = [
        stepped(name="a", label="A", group="Home", rank=3),
        stepped(name="b", label="B", rank=2),
        stepped(name="c", label="C", group="Home", rank=1),
        stepped(name="d", label="D", rank=4),
    ]
    schema = InputSchema(tuple(features))
    assert [feature.name for feature in schema.in_form_order] == ["c", "a", "b", "d"]
    assert list(schema.read({})) == ["a", "b", "c", "d"]


LOW, HIGH = (FeatureSpec(name, name, Kind.FLOAT, typical=50.0) for name in ("low", "high"))


@pytest.mark.parametrize(
    ("kind", "fields", "row"),
    [
        (RuleKind.AT_MOST, {"typical": 80.0}, {"low": 50.0, "high": 50.0}),
        (RuleKind.BELOW, {"kind": Kind.INTEGER, "typical": 80}, {"low": 49, "high": 50.0}),
        (RuleKind.BELOW, {"minimum": 50.0}, {"low": 50.0, "high": 50.5}),
    ],
)
def test_typical_values_keep_the_rules_between_inputs(
    kind: RuleKind, fields: dict[str, Any], row: dict[str, Any]
) -> None:
    schema = InputSchema((replace(LOW, **fields), HIGH), (RuleSpec("low", kind, "high"),))
    assert schema.typical_values() == row
    assert schema.clean(row).is_valid


def test_a_typical_choice_that_needs_an_empty_input_gives_way_to_another_choice() -> None:
    part = FeatureSpec("part", "Part", Kind.CHOICE, choices=(("a", "A"), ("b", "B")), typical="a")
    size = FeatureSpec("size", "Size", Kind.FLOAT, Requirement.MAY_BE_MISSING)
    rule = RuleSpec("part", RuleKind.REQUIRES, "size", "a")
    assert InputSchema((part, size), (rule,)).typical_values() == {"part": "b", "size": None}


@pytest.mark.parametrize(
    ("spec", "value"),
    [
        (FeatureSpec("x", "X", Kind.CHOICE, choices=(("a", "A"), ("b", "B"))), "a"),
        (FeatureSpec("x", "X", Kind.BOOLEAN), False),
        (FeatureSpec("x", "X", Kind.FLOAT, soft_minimum=2.0, soft_maximum=4.0), 3.0),
        (FeatureSpec("x", "X", Kind.FLOAT, minimum=0, maximum=100, soft_maximum=4.0), 2.0),
        (FeatureSpec("x", "X", Kind.INTEGER), 1),
        (FeatureSpec("x", "X", Kind.STRING), None),
        (FeatureSpec("x", "X", Kind.FLOAT, Requirement.MAY_BE_MISSING, default=5.0), None),
        (FeatureSpec("x", "X", Kind.FLOAT, Requirement.OPTIONAL, default=5.0), 5.0),
        (FeatureSpec("x", "X", Kind.UNUSED, Requirement.MAY_BE_MISSING), None),
    ],
)
def test_where_nothing_typical_is_known_a_value_stands_in(spec: FeatureSpec, value: Any) -> None:
    (found,) = InputSchema((spec,)).typical_values().values()
    assert (found, type(found)) == (value, type(value))


def test_a_value_that_stands_in_is_not_called_typical() -> None:
    spec = FeatureSpec("x", "X", Kind.FLOAT, typical=0.5, sources={"typical": "trial (stand-in)"})
    assert "typical" not in spec.range_text
    assert "typical 0.5" in replace(spec, sources={}).range_text
