from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from executions import sweep
from executions.models import Execution
from notifications.models import Notification
from tests.factories import LOAN_OUTPUTS, make_execution, make_version
from tests.fake_prefect import FakePrefect

pytestmark = pytest.mark.django_db
LONG_AGO = timezone.now() - timedelta(hours=1)
LATER = timezone.now() + timedelta(hours=1)


def test_a_queued_execution_that_nobody_took_is_handed_over(fake_prefect: FakePrefect) -> None:
    make_execution(dispatch_after=LONG_AGO)
    assert sweep.sweep() == 1
    assert len(fake_prefect.runs) == 1


def test_an_execution_that_was_just_kicked_is_left_alone(fake_prefect: FakePrefect) -> None:
    make_execution(dispatch_after=LATER)
    assert sweep.sweep() == 0


def test_an_ended_lease_is_the_next_attempt(fake_prefect: FakePrefect) -> None:
    execution = make_execution(status="running", lease_owner="gone", lease_until=LONG_AGO)
    sweep.sweep()
    execution.refresh_from_db()
    assert (execution.status, execution.attempt) == ("queued", 2)
    assert fake_prefect.runs[0].idempotency_key == f"exec:{execution.pk}:2"


def test_after_the_last_attempt_the_execution_fails_and_its_owner_is_told_once() -> None:
    execution = make_execution(
        status="running", attempt=3, lease_owner="gone", lease_until=LONG_AGO
    )
    sweep.sweep()
    sweep.sweep()
    execution.refresh_from_db()
    assert (execution.status, execution.error_code) == ("failed", "CRASH")
    assert Notification.objects.count() == 1


def test_past_its_deadline_a_queued_execution_expires(fake_prefect: FakePrefect) -> None:
    execution = make_execution(dispatch_after=LONG_AGO, deadline=LONG_AGO)
    sweep.sweep()
    execution.refresh_from_db()
    assert (execution.status, execution.error_code) == ("failed", "EXPIRED")
    assert not fake_prefect.runs


def test_a_running_execution_with_a_lease_is_left_alone() -> None:
    execution = make_execution(status="running", lease_owner="busy", lease_until=LATER)
    sweep.sweep()
    execution.refresh_from_db()
    assert (execution.status, execution.attempt) == ("running", 1)


def test_what_is_finished_stays_finished() -> None:
    execution = make_execution(outputs=LOAN_OUTPUTS, dispatch_after=LONG_AGO, deadline=LONG_AGO)
    sweep.sweep()
    execution.refresh_from_db()
    assert execution.status == "succeeded"


def test_with_prefect_away_everything_stays_queued_and_is_due_again(
    fake_prefect: FakePrefect,
) -> None:
    for _ in range(3):
        make_execution(dispatch_after=LONG_AGO)
    fake_prefect.is_away = True
    assert sweep.sweep() == 0
    assert Execution.objects.queued().count() == 3
    fake_prefect.is_away = False
    Execution.objects.update(dispatch_after=LONG_AGO)
    assert sweep.sweep() == 3


@pytest.mark.django_db(transaction=True)
def test_two_sweeps_at_once_hand_each_execution_over_once(fake_prefect: FakePrefect) -> None:
    version = make_version(is_active=True)
    for _ in range(10):
        make_execution(version=version, dispatch_after=LONG_AGO)

    def run(_: int) -> int:
        try:
            return sweep.sweep()
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(run, range(4))) == 10
    assert len(fake_prefect.runs) == 10
