"""Suggestions from a person's habits."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from models_registry.inputs.input_schema import InputSchema
from presets.suggestions import Used, digest, suggest
from tests.factories import AGE, LOAN_FEATURES, LOAN_INPUTS

SCHEMA = InputSchema(LOAN_FEATURES)
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def used(days: int, **changes: object) -> Used:
    return Used(LOAN_INPUTS | changes, NOON + timedelta(days=days))


def suggested(*rows: Used, saved: tuple[dict, ...] = (), dismissed: tuple[str, ...] = ()) -> list:
    return suggest(rows, SCHEMA, saved=saved, dismissed=dismissed)


def test_a_combination_used_three_times_on_two_days_is_suggested() -> None:
    (one,) = suggested(used(0), used(0), used(1))
    assert (one.values, one.used, one.last_at) == (LOAN_INPUTS, 3, NOON + timedelta(days=1))


def test_three_times_on_one_day_is_no_habit() -> None:
    assert suggested(used(0), used(0), used(0)) == []


def test_twice_is_no_habit() -> None:
    assert suggested(used(0), used(1)) == []


def test_what_is_saved_already_is_not_suggested() -> None:
    assert suggested(used(0), used(0), used(1), saved=(dict(LOAN_INPUTS),)) == []


def test_what_was_dismissed_never_returns() -> None:
    assert suggested(used(0), used(0), used(1), dismissed=(digest(LOAN_INPUTS),)) == []


def test_values_that_are_the_same_in_most_predictions_are_the_usual_ones() -> None:
    rows = [used(day, age=20.0 + day, income=1000.0 * day) for day in range(5)]
    (one,) = suggested(*rows)
    assert one.is_usual
    assert one.values == {"home": False, "work": "self"}
    assert (one.used, one.of) == (5, 5)


def test_one_usual_value_alone_is_not_worth_a_preset() -> None:
    works = ("emp", "self", "none", "emp", "self")
    rows = [used(day, age=20.0 + day, income=1.0 * day, work=works[day]) for day in range(5)]
    assert suggested(*rows) == []


def test_sensitive_inputs_never_appear() -> None:
    hidden = InputSchema((replace(AGE, is_sensitive=True), *LOAN_FEATURES[1:]))
    rows = [used(0), used(0), used(1)]
    (one,) = suggest(rows, hidden, saved=(), dismissed=())
    assert "age" not in one.values


def test_at_most_three_are_suggested_the_most_used_first() -> None:
    rows = [used(day, age=float(age)) for age in range(20, 26) for day in range(3)]
    rows += [used(9, age=25.0)]
    found = suggested(*rows)
    assert len(found) == 3
    assert found[0].values["age"] == 25.0
