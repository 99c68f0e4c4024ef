"""Inputs that people send: repeated combinations, and the values of each input."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from models_registry.inputs.feature_spec import FeatureSpec, Kind
from models_registry.models import ModelVersion
from monitoring.dashboard import combinations
from monitoring.dashboard.combinations import Use, canonical, use_of
from monitoring.dashboard.period import Period
from tests.factories import AGE, HOME, INCOME, WORK, make_execution, make_version

UTC = ZoneInfo("UTC")


def given(version: ModelVersion, count: int = 1, **fields: Any) -> None:
    inputs = {"age": 34.0, "income": None, "home": True, "work": "self"} | fields.pop("inputs", {})
    for _ in range(count):
        make_execution(version=version, inputs=inputs, **fields)


def use(version: ModelVersion) -> Use:
    today = timezone.localdate(timezone=UTC)
    return use_of(version, Period(today - timedelta(days=29), today, UTC))


def test_combinations_that_came_twice_are_ranked_with_their_success(
    active_version: ModelVersion,
) -> None:
    given(active_version, 2, outputs={"targets": []})
    given(active_version, error_code="MODEL")
    given(active_version, 2, inputs={"age": 50.0})
    given(active_version, inputs={"age": 51.0})
    found = use(active_version)
    assert [one.count for one in found.combinations] == [3, 2]
    assert found.combinations[0].success_text == "66.7"
    assert found.combinations[1].success_text == "–"
    assert ("Age", "34 years") in found.combinations[0].inputs
    assert (found.looked_at, found.is_all) == (6, True)


def test_numbers_are_the_same_to_six_significant_digits(active_version: ModelVersion) -> None:
    for age in (34.0, 34.00001, 34):
        given(active_version, inputs={"age": age})
    given(active_version, inputs={"age": 34.001})
    assert [one.count for one in use(active_version).combinations] == [3]


@pytest.mark.parametrize(
    ("feature", "stored", "expected"),
    [
        (AGE, [1234567.0, 0.0001234567, 5, None], [1234570.0, 0.000123457, 5.0, None]),
        (FeatureSpec("n", "N", Kind.INTEGER), [1234567, 5.0, None], [1234567, 5, None]),
        (HOME, [True, False, None], [True, False, None]),
        (WORK, ["self", None], ["self", None]),
    ],
)
def test_what_people_call_the_same_is_the_same(
    feature: FeatureSpec, stored: list[Any], expected: list[Any]
) -> None:
    assert canonical(feature, stored) == expected


def test_sensitive_inputs_are_in_nothing_that_is_shown(db: None) -> None:
    version = make_version(features=(AGE, replace(WORK, is_sensitive=True)), is_active=True)
    for work in ("self", "emp"):
        make_execution(version=version, inputs={"age": 34.0, "work": work})
    found = use(version)
    assert found.hidden == 1
    assert [one.inputs for one in found.combinations] == [(("Age", "34 years"),)]
    assert [one.label for one in found.inputs] == ["Age"]


def test_a_model_whose_inputs_are_all_sensitive_shows_none(db: None) -> None:
    version = make_version(features=(replace(AGE, is_sensitive=True),), is_active=True)
    make_execution(version=version, inputs={"age": 34.0})
    assert (use(version).combinations, use(version).inputs) == ((), ())


def test_what_people_deleted_and_what_is_no_prediction_is_left_out(
    active_version: ModelVersion,
) -> None:
    given(active_version, 2, deleted_at=timezone.now())
    given(active_version, 2, purpose="test")
    given(active_version, 2, requested_at=timezone.now() - timedelta(days=40))
    assert use(active_version).looked_at == 0


def test_the_newest_are_looked_at_where_there_are_many(
    active_version: ModelVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    given(active_version, 3, requested_at=timezone.now() - timedelta(days=1))
    given(active_version, 2, inputs={"age": 50.0})
    monkeypatch.setattr(combinations, "NEWEST", 2)
    found = use(active_version)
    assert (found.looked_at, found.is_all) == (2, False)
    assert [dict(one.inputs)["Age"] for one in found.combinations] == ["50 years"]


def test_choices_show_their_most_frequent_values_by_label(active_version: ModelVersion) -> None:
    given(active_version, 3)
    given(active_version, 1, inputs={"work": "emp", "home": None})
    shown = {one.label: one for one in use(active_version).inputs}
    work = shown["Employment"]
    assert [(share.label, share.count, share.bar) for share in work.shares] == [
        ("Self-employed", 3, 100),
        ("Employed", 1, pytest.approx(100 / 3)),
    ]
    assert [share.label for share in shown["Owns a home"].shares] == ["Yes"]
    assert shown["Owns a home"].others == 1


def shares(numbers: list[Any], feature: FeatureSpec = AGE) -> list[tuple[str, int]]:
    """What a page shows of an input that was given these numbers."""
    version = make_version(features=(feature,), is_active=True)
    for number in numbers:
        make_execution(version=version, inputs={feature.name: number})
    (used,) = use(version).inputs
    return [(share.label, share.count) for share in used.shares]


def test_many_numbers_fall_into_bins_with_round_edges(db: None) -> None:
    numbers = [18.5, 21.25, 22.0, 29.75, 30.0, 41.5, 58.0]
    assert shares(numbers) == [
        ("15 to 20 years", 1),
        ("20 to 25 years", 2),
        ("25 to 30 years", 1),
        ("30 to 35 years", 1),
        ("35 to 40 years", 0),
        ("40 to 45 years", 1),
        ("45 to 55 years", 0),
        ("55 to 60 years", 1),
    ]


def test_few_whole_numbers_are_shown_each_and_nothing_between_them(db: None) -> None:
    cylinders = FeatureSpec("cylinders", "Cylinders", Kind.INTEGER)
    assert shares([8, 4, 4, 6], cylinders) == [("4", 2), ("6", 1), ("8", 1)]


def test_many_whole_numbers_fall_into_bins_of_whole_numbers(db: None) -> None:
    rooms = FeatureSpec("rooms", "Rooms", Kind.INTEGER)
    assert shares([*range(1, 12), 19], rooms) == [
        ("0 to 1", 1),
        ("2 to 3", 2),
        ("4 to 5", 2),
        ("6 to 7", 2),
        ("8 to 9", 2),
        ("10 to 11", 2),
        ("12 to 17", 0),
        ("18 to 19", 1),
    ]


def test_a_number_at_an_edge_is_in_the_bin_that_begins_there(db: None) -> None:
    found = dict(shares([0.05, 0.1, 0.2, 0.3, 0.6, 0.7, 0.95], replace(AGE, unit="")))
    assert found["0.3 to 0.4"] == 1
    assert found["0.1 to 0.2"] == 1


@pytest.mark.parametrize("scale", [1e-320, 1e-30, 1.0, 1e300, 1.7e307])
def test_numbers_of_any_size_have_at_most_ten_bins_that_hold_them_all(
    db: None, scale: float
) -> None:
    found = shares([scale * number for number in (-10, -3, -1, 0, 2, 5, 10)])
    assert sum(count for _, count in found) == 7
    assert len(found) <= 10


def test_several_models_show_the_combinations_of_all_of_them(db: None) -> None:
    often, seldom = (make_version(features=(AGE,), is_active=True) for _ in range(2))
    secret = make_version(features=(replace(AGE, is_sensitive=True),), is_active=True)
    for version, count in ((often, 3), (seldom, 2), (secret, 4)):
        given(version, count, inputs={"age": 50.0})
    period = Period(timezone.localdate(), timezone.localdate(), ZoneInfo("UTC"))
    found = combinations.combinations_of([seldom, often, secret], period)
    assert [(one.version, one.combination.count) for one in found] == [(often, 3), (seldom, 2)]


def test_a_number_that_never_differs_is_one_bin_and_missing_ones_are_told(
    db: None,
) -> None:
    version = make_version(features=(INCOME,), is_active=True)
    for income in (100.0, 100.0, None):
        make_execution(version=version, inputs={"income": income})
    (income_use,) = use(version).inputs
    assert [(share.label, share.count) for share in income_use.shares] == [("€ 100", 2)]
    assert income_use.others == 1
