"""Grouping of failures: each counted once, each admin told once, states changed by the rules."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, transaction
from django.utils import timezone

from accounts.models import User
from executions.models import Execution
from models_registry import services
from models_registry.models import ModelVersion
from monitoring.errors import NotInThisState
from monitoring.failures import triage
from monitoring.failures.collecting import collect
from monitoring.models import Category, FailureGroup, FailureNote, State
from notifications.models import Kind, Notification
from tests.factories import make_execution, make_version

MESSAGE = "ValueError: Found unknown categories ['{}'] in column 2"


def fail(version: ModelVersion, value: str = "Oslo", **fields: Any) -> Execution:
    return make_execution(
        version=version, error_code="MODEL", message=MESSAGE.format(value), **fields
    )


def only_group() -> FailureGroup:
    return FailureGroup.objects.get()


@pytest.fixture
def reviewed(active_version: ModelVersion, ada: User) -> FailureGroup:
    fail(active_version)
    collect()
    return triage.mark_reviewed(group=only_group(), category=Category.DATA, by=ada)


def test_failures_of_one_cause_are_one_group(active_version: ModelVersion, ada: User) -> None:
    fail(active_version, "Oslo")
    fail(active_version, "Bergen")
    assert collect() == 2
    group = only_group()
    assert (group.count, group.state) == (2, State.NEW)
    assert group.headline == "ValueError: Found unknown categories … in column …"


def test_a_failure_is_counted_once_however_often_one_collects(
    active_version: ModelVersion,
) -> None:
    fail(active_version)
    assert [collect(), collect()] == [1, 0]
    fail(active_version)
    collect()
    assert only_group().count == 2


def test_every_admin_is_told_of_a_new_group_once(
    active_version: ModelVersion, ada: User, root: User, alice: User
) -> None:
    fail(active_version)
    collect()
    fail(active_version)
    collect()
    told = Notification.objects.filter(kind=Kind.FAILURE_GROUP)
    assert sorted(told.values_list("user__email", flat=True)) == [ada.email, root.email]
    assert "Oslo" not in "".join(told.values_list("title", "text").first() or ())


def test_tests_and_replays_are_no_failures_of_people(
    active_version: ModelVersion, ada: User
) -> None:
    fail(active_version, user=ada, purpose="test")
    fail(active_version, user=ada, purpose="replay")
    assert collect() == 0


def test_failures_after_a_review_join_silently(
    reviewed: FailureGroup, active_version: ModelVersion
) -> None:
    for _ in range(10):
        fail(active_version)
    collect()
    group = only_group()
    assert (group.state, group.count) == (State.REVIEWED, 11)


def test_more_than_ten_in_an_hour_bring_a_reviewed_group_back_once_a_day(
    reviewed: FailureGroup, active_version: ModelVersion, ada: User
) -> None:
    for _ in range(11):
        fail(active_version)
    collect()
    assert only_group().state == State.NEW
    assert only_group().notes.first().reason == "Back to New: 11 failures in an hour"  # type: ignore[union-attr]
    triage.mark_reviewed(group=only_group(), category=Category.DATA, by=ada)
    for _ in range(11):
        fail(active_version)
    collect()
    assert only_group().state == State.REVIEWED


def test_a_reviewed_group_that_fails_on_another_version_is_new_again(
    reviewed: FailureGroup, active_version: ModelVersion
) -> None:
    fail(make_version(model=active_version.model))
    collect()
    assert only_group().state == State.NEW


@pytest.fixture
def lives(ada: User) -> list[ModelVersion]:
    """Return three versions of a model that went live one after another."""
    first = make_version()
    versions = [first, make_version(model=first.model), make_version(model=first.model)]
    for version in versions:
        services.promote(version=version, text="Went live after the one before.", by=ada)
    return versions


def test_a_resolved_group_stays_so_for_versions_that_went_live_before(
    lives: list[ModelVersion], ada: User
) -> None:
    fail(lives[0])
    collect()
    triage.mark_resolved(group=only_group(), version=lives[1], by=ada)
    fail(lives[0])
    collect()
    assert (only_group().state, only_group().count) == (State.RESOLVED, 2)


def test_what_was_submitted_before_the_resolution_never_reopens_it(
    lives: list[ModelVersion], ada: User
) -> None:
    fail(lives[0])
    collect()
    triage.mark_resolved(group=only_group(), version=lives[1], by=ada)
    fail(lives[1], requested_at=timezone.now() - timedelta(hours=1))
    collect()
    assert only_group().state == State.RESOLVED


@pytest.mark.parametrize("place", [1, 2])
def test_a_failure_on_the_mended_version_or_a_later_one_is_a_regression(
    lives: list[ModelVersion], ada: User, place: int
) -> None:
    fail(lives[0])
    collect()
    triage.mark_resolved(group=only_group(), version=lives[1], by=ada)
    fail(lives[place])
    collect()
    assert only_group().state == State.REGRESSED
    assert Notification.objects.filter(kind=Kind.REGRESSION, user=ada).count() == 1


def test_the_timeline_cannot_be_rewritten(reviewed: FailureGroup) -> None:
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        FailureNote.objects.update(text="Never happened")
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        FailureNote.objects.all().delete()


def test_a_review_is_taken_back_and_all_of_it_is_in_the_timeline(
    reviewed: FailureGroup, ada: User
) -> None:
    triage.reopen(group=reviewed, by=ada)
    assert only_group().state == State.NEW
    assert list(reviewed.notes.values_list("state", flat=True)) == ["new", "reviewed", "new"]
    with pytest.raises(NotInThisState):
        triage.reopen(group=reviewed, by=ada)


def test_single_failures_are_reviewed_apart_from_their_group(
    active_version: ModelVersion, ada: User
) -> None:
    one, other = fail(active_version), fail(active_version)
    collect()
    group = only_group()
    arguments = {"group": group, "failures": [one.pk, other.pk], "by": ada}
    assert triage.mark_failures_reviewed(category=Category.INPUT, **arguments) == 2  # type: ignore[arg-type]
    assert Execution.objects.failures().filter(review=None).count() == 0
    assert triage.take_reviews_back(group=group, failures=[one.pk], by=ada) == 1
    assert Execution.objects.failures().get(review=None) == one
    assert only_group().state == State.NEW


def test_a_selection_of_groups_is_reviewed_at_once(active_version: ModelVersion, ada: User) -> None:
    fail(active_version)
    make_execution(version=active_version, error_code="TIMEOUT", message="Too long.")
    collect()
    groups = list(FailureGroup.objects.values_list("pk", flat=True))
    assert triage.mark_several_reviewed(groups=groups, category=Category.NONE, by=ada) == 2
    assert set(FailureGroup.objects.values_list("state", flat=True)) == {State.REVIEWED}
