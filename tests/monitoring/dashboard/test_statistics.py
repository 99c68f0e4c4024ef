"""Every number of the dashboard, on data small enough to count by hand. Each is computed twice:
live, and from the stored days."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from accounts.models import User
from executions.models import Execution
from models_registry.models import Deployment, ModelVersion
from monitoring.dashboard import rollup, statistics
from monitoring.dashboard.period import Period
from monitoring.dashboard.statistics import Scope
from monitoring.models import CountedZone, DayTally, DayTotal
from tests.factories import LOAN_OUTPUTS, make_execution, make_user, make_version

BERLIN = ZoneInfo("Europe/Berlin")
MARCH = Period(date(2026, 3, 1), date(2026, 3, 30), BERLIN)


@pytest.fixture(params=["live", "kept"])
def counted(request: pytest.FixtureRequest, db: None) -> Any:
    """Called when the rows are there: keeps their days, or leaves everything to be counted live."""
    if request.param == "live":
        return lambda: None

    def keep() -> None:
        make_user(is_staff=True, timezone="Europe/Berlin")
        rollup.keep_up()
        assert DayTotal.objects.filter(zone__name="Europe/Berlin").exists()

    return keep


def ran(
    version: ModelVersion,
    at: str,
    *,
    status: str = "succeeded",
    queue: float = 0.1,
    seconds: float = 1.0,
    **fields: Any,
) -> Execution:
    """Return an execution that was submitted at a wall clock time in Berlin."""
    requested = datetime.fromisoformat(at).replace(tzinfo=BERLIN).astimezone(UTC)
    fields |= {"status": status, "requested_at": requested}
    fields["started_at"] = requested + timedelta(seconds=queue)
    fields.setdefault("finished_at", requested + timedelta(seconds=seconds))
    if status == "succeeded":
        fields.setdefault("outputs", LOAN_OUTPUTS)
    if status == "failed":
        fields.setdefault("error_code", "MODEL")
    return make_execution(version=version, **fields)


def march(*versions: ModelVersion) -> Scope:
    return Scope(MARCH, tuple(version.pk for version in versions))


def everything(*versions: ModelVersion) -> Scope:
    return replace(march(*versions), is_all=True)


def test_numbers_of_a_period_and_of_the_one_before(
    active_version: ModelVersion, counted: Any
) -> None:
    for seconds in (1.0, 2.0, 3.0, 10.0):
        ran(active_version, "2026-03-05T12:00", seconds=seconds, queue=0.5)
    ran(active_version, "2026-03-06T12:00", status="failed", seconds=60)
    ran(active_version, "2026-03-06T12:00", status="canceled", seconds=60)
    ran(active_version, "2026-02-10T12:00")
    counted()
    now, before, days = statistics.figures_and_before(march(active_version))
    assert (now.executions, now.cell.succeeded, now.cell.failed, now.cell.canceled) == (6, 4, 1, 1)
    assert (now.success_percent, now.error_percent) == (80, 20)
    assert now.mean == pytest.approx(4.0)
    assert now.queue_mean == pytest.approx(0.5)
    assert now.run_mean == pytest.approx(3.5)
    assert now.p50 == pytest.approx(2.0, rel=0.01)
    assert now.p95 == pytest.approx(10.0, rel=0.01)
    assert (before.executions, before.success_percent) == (1, 100)
    assert sorted(days) == [date(2026, 3, 5), date(2026, 3, 6)]


def test_days_begin_and_end_at_the_admins_midnight(
    active_version: ModelVersion, counted: Any
) -> None:
    ran(active_version, "2026-02-28T23:59:59.999999")
    ran(active_version, "2026-03-01T00:00", status="failed")
    ran(active_version, "2026-03-30T23:59:59.999999", status="canceled")
    ran(active_version, "2026-03-31T00:00")
    counted()
    now, before, _ = statistics.figures_and_before(march(active_version))
    assert (now.cell.succeeded, now.cell.failed, now.cell.canceled) == (0, 1, 1)
    assert (before.cell.succeeded, before.cell.failed) == (1, 0)


def test_the_day_on_which_clocks_change_keeps_its_executions(
    active_version: ModelVersion, counted: Any
) -> None:
    for at in ("2026-03-29T00:00", "2026-03-29T03:00", "2026-03-29T23:59"):
        ran(active_version, at)
    counted()
    _, _, days = statistics.figures_and_before(march(active_version))
    assert {day: cell.succeeded for day, cell in days.items()} == {date(2026, 3, 29): 3}


def test_without_executions_there_is_no_rate(active_version: ModelVersion) -> None:
    now, _, days = statistics.figures_and_before(march(active_version))
    assert (now.executions, days) == (0, {})
    assert (now.success_percent, now.error_percent, now.mean, now.p50) == (None, None, None, None)


def test_canceled_ones_alone_have_no_rate(active_version: ModelVersion, counted: Any) -> None:
    ran(active_version, "2026-03-05T12:00", status="canceled")
    counted()
    now, _, _ = statistics.figures_and_before(march(active_version))
    assert (now.executions, now.success_percent) == (1, None)


def test_tests_replays_and_other_versions_do_not_count(
    active_version: ModelVersion, counted: Any
) -> None:
    ran(active_version, "2026-03-05T12:00")
    ran(active_version, "2026-03-05T12:00", purpose="test")
    ran(active_version, "2026-03-05T12:00", purpose="replay")
    ran(make_version(is_active=True), "2026-03-05T12:00")
    counted()
    assert statistics.figures_and_before(march(active_version))[0].executions == 1


def test_deleted_and_purged_ones_count_without_a_person(
    active_version: ModelVersion, alice: User, counted: Any
) -> None:
    ran(active_version, "2026-03-05T12:00", user=alice, deleted_at=timezone.now())
    gone = ran(active_version, "2026-03-05T12:00", user=alice)
    now = timezone.now() - timedelta(minutes=10)
    Execution.objects.filter(pk=gone.pk).update(
        user=None, inputs=None, outputs=None, deleted_at=now, purged_at=now
    )
    counted()
    assert statistics.figures_and_before(march(active_version))[0].executions == 2
    assert [one.count for one in statistics.top_people(march(active_version))] == [1]


def test_queued_and_running_ones_count_as_executions_alone(
    active_version: ModelVersion, alice: User
) -> None:
    requested = datetime(2026, 3, 5, 12, tzinfo=BERLIN)
    make_execution(version=active_version, user=alice, requested_at=requested)
    make_execution(version=active_version, user=alice, requested_at=requested, status="running")
    now, _, _ = statistics.figures_and_before(march(active_version))
    assert (now.executions, now.open, now.success_percent) == (2, 2, None)
    assert [one.count for one in statistics.top_people(march(active_version))] == [2]


def test_slow_is_what_succeeded_above_the_models_threshold(
    active_version: ModelVersion, counted: Any
) -> None:
    for seconds in (2.9, 3.0, 3.001, 8.0):
        ran(active_version, "2026-03-05T12:00", seconds=seconds)
    ran(active_version, "2026-03-05T12:00", status="failed", seconds=9)
    counted()
    now, _, _ = statistics.figures_and_before(march(active_version))
    assert (now.cell.slow, now.slow_percent) == (2, 50)


def test_a_new_threshold_is_kept_up_with(active_version: ModelVersion, ada: User) -> None:
    ran(active_version, "2026-03-05T12:00", seconds=2)
    User.objects.filter(pk=ada.pk).update(timezone="Europe/Berlin")
    rollup.keep_up()
    model = active_version.model
    model.slow_seconds = 1
    model.save()
    rollup.keep_up()
    assert statistics.figures_and_before(march(active_version))[0].cell.slow == 1


def test_bars_show_empty_days_as_zero(active_version: ModelVersion, counted: Any) -> None:
    ran(active_version, "2026-03-05T12:00")
    counted()
    scope = march(active_version)
    bars = statistics.bars(scope, statistics.figures_and_before(scope)[2])
    assert [bar.figures.cell.succeeded for bar in bars[:6]] == [0, 0, 0, 0, 1, 0]
    assert bars[4].bucket.label == "5 Mar"
    assert bars[0].figures.p50 is None


def test_hours_are_counted_where_the_clock_was(active_version: ModelVersion, counted: Any) -> None:
    ran(active_version, "2026-03-29T01:30")
    ran(active_version, "2026-03-29T03:30", status="failed")
    counted()
    day = date(2026, 3, 29)
    scope = Scope(Period(day, day, BERLIN), (active_version.pk,))
    bars = statistics.bars(scope, statistics.figures_and_before(scope)[2])
    shown = {b.bucket.label: b.figures.decided for b in bars if b.figures.decided}
    assert shown == {"01:00": 1, "03:00": 1}


def test_weeks_add_up_their_days(active_version: ModelVersion, counted: Any) -> None:
    ran(active_version, "2026-03-02T00:00")
    ran(active_version, "2026-03-08T23:59")
    ran(active_version, "2026-03-09T00:00")
    counted()
    scope = Scope(Period(date(2026, 1, 1), date(2026, 6, 1), BERLIN), (active_version.pk,))
    bars = statistics.bars(scope, statistics.figures_and_before(scope)[2])
    shown = {b.bucket.label: b.figures.decided for b in bars if b.figures.decided}
    assert shown == {"2 Mar": 2, "9 Mar": 1}


def test_errors_are_ranked_by_fingerprint_or_code(
    active_version: ModelVersion, counted: Any
) -> None:
    for _ in range(2):
        ran(active_version, "2026-03-05T12:00", status="failed", fingerprint="f" * 32)
    ran(active_version, "2026-03-05T12:00", status="failed", error_code="TIMEOUT")
    counted()
    for scope in (march(active_version), everything(active_version)):
        found = statistics.top_errors(scope)
        assert [(one.key, one.count) for one in found] == [("f" * 32, 2), ("TIMEOUT", 1)]


def test_people_are_ranked_by_what_they_submitted(
    active_version: ModelVersion, alice: User, bob: User, counted: Any
) -> None:
    other = make_version(is_active=True)
    for version, user in ((active_version, alice), (active_version, bob), (other, bob)):
        ran(version, "2026-03-05T12:00", user=user)
        ran(version, "2026-03-05T12:00", user=user)
    ran(active_version, "2026-03-06T12:00", user=alice)
    counted()
    found = statistics.top_people(march(active_version))
    assert [(one.key, one.count) for one in found] == [(str(alice.pk), 3), (str(bob.pk), 2)]
    found = statistics.top_people(everything(active_version, other))
    assert [(one.key, one.count) for one in found] == [(str(bob.pk), 4), (str(alice.pk), 3)]


def test_what_finishes_later_is_added_to_what_was_kept(
    active_version: ModelVersion, alice: User, ada: User
) -> None:
    User.objects.filter(pk=ada.pk).update(timezone="Europe/Berlin")
    ran(active_version, "2026-03-05T12:00", user=alice)
    rollup.keep_up()
    ran(active_version, "2026-03-05T12:00", user=alice, finished_at=timezone.now())
    now, _, _ = statistics.figures_and_before(march(active_version))
    assert now.cell.succeeded == 2
    assert [one.count for one in statistics.top_people(march(active_version))] == [2]


def test_keeping_up_twice_changes_nothing(active_version: ModelVersion, alice: User) -> None:
    ran(active_version, "2026-03-05T12:00", user=alice)
    ran(active_version, "2026-03-06T12:00", user=alice, status="failed")
    rollup.keep_up()
    before = kept()
    assert rollup.keep_up() == 0
    assert kept() == before
    rollup.recount()
    assert kept() == before


def kept() -> list[Any]:
    totals = DayTotal.objects.order_by("zone__name", "day", "version").values_list(
        "zone__name", "day", "version", "succeeded", "failed", "response_seconds", "bins"
    )
    tallies = DayTally.objects.order_by("zone__name", "day", "kind", "key").values_list(
        "zone__name", "day", "version", "kind", "key", "count"
    )
    return [*totals, *tallies]


def test_a_purge_takes_the_person_out_of_what_was_kept(
    active_version: ModelVersion, alice: User
) -> None:
    mine = ran(active_version, "2026-03-05T12:00", user=alice)
    rollup.keep_up()
    CountedZone.objects.update(through=timezone.now() - timedelta(hours=1))
    purged = timezone.now() - timedelta(minutes=30)
    Execution.objects.filter(pk=mine.pk).update(
        user=None, inputs=None, outputs=None, deleted_at=purged, purged_at=purged
    )
    rollup.keep_up()
    assert not DayTally.objects.filter(kind="person").exists()
    assert [total.succeeded for total in DayTotal.objects.all()] == [1]


def test_the_zones_of_admins_are_counted_and_no_others(
    active_version: ModelVersion, ada: User, alice: User
) -> None:
    User.objects.filter(pk=ada.pk).update(timezone="Asia/Tokyo")
    User.objects.filter(pk=alice.pk).update(timezone="America/Lima")
    rollup.keep_up()
    assert set(CountedZone.objects.values_list("name", flat=True)) == {"UTC", "Asia/Tokyo"}
    User.objects.filter(pk=ada.pk).update(timezone="")
    rollup.keep_up()
    assert set(CountedZone.objects.values_list("name", flat=True)) == {"UTC"}


def test_deployments_stand_at_the_bar_in_which_they_went_live(
    active_version: ModelVersion, ada: User
) -> None:
    at = datetime(2026, 3, 5, 0, tzinfo=BERLIN)
    for started, ended in ((at, at + timedelta(hours=1)), (at + timedelta(hours=1), None)):
        Deployment.objects.create(
            model=active_version.model,
            version=active_version,
            action=Deployment.Action.PROMOTION,
            started_at=started,
            ended_at=ended,
            by=ada,
        )
    found = statistics.deployments(march(active_version))
    assert len(found) == 2
    assert statistics.markers(MARCH.buckets, found) == {"5 Mar": "v1"}
