import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import DatabaseError
from django.db.models import Value
from django.utils import timezone

from engine.wakeup import end_of
from executions import lifecycle
from executions.errors import ErrorCode
from executions.lifecycle import Failure
from executions.models import Attempt, Execution
from notifications.models import Notification
from tests.clocks import PATIENCE_SECONDS
from tests.factories import LOAN_ANSWER, LOAN_OUTPUTS, make_execution, make_version

pytestmark = pytest.mark.django_db
ANN, BEN = "worker-ann", "worker-ben"


def running(**fields: object) -> Execution:
    execution = make_execution(**fields)
    held = lifecycle.mark_running(execution.pk, attempt=execution.attempt, owner=ANN)
    assert held is not None
    return held


def succeed(execution: Execution, owner: str = ANN) -> bool:
    return lifecycle.mark_succeeded(execution, owner=owner, outputs=LOAN_ANSWER, warnings=[])


def fail(execution: Execution, code: ErrorCode = "MODEL", owner: str = ANN) -> bool:
    return lifecycle.mark_failed(execution, owner=owner, failure=Failure(code, "It broke", "Trace"))


def test_one_worker_takes_a_queued_execution_and_the_second_gets_nothing() -> None:
    execution = make_execution()
    assert lifecycle.mark_running(execution.pk, attempt=1, owner=ANN) is not None
    assert lifecycle.mark_running(execution.pk, attempt=1, owner=BEN) is None
    execution.refresh_from_db()
    assert (execution.status, execution.lease_owner) == ("running", ANN)
    assert execution.started_at is not None
    assert execution.lease_until == execution.started_at + settings.LEASE


def test_a_stale_attempt_cannot_start() -> None:
    execution = make_execution(attempt=2)
    assert lifecycle.mark_running(execution.pk, attempt=1, owner=ANN) is None


def test_a_result_is_written_once() -> None:
    execution = running()
    assert succeed(execution)
    assert not succeed(execution)
    assert not fail(execution)
    execution.refresh_from_db()
    assert (execution.status, execution.outputs) == ("succeeded", LOAN_OUTPUTS)
    assert execution.run_time is not None
    assert execution.run_time.total_seconds() >= 0
    assert execution.attempts.get().outcome == "succeeded"


def test_a_worker_that_does_not_hold_the_lease_writes_nothing() -> None:
    execution = running()
    assert not succeed(execution, owner=BEN)
    assert not lifecycle.extend_lease(execution.pk, attempt=1, owner=BEN)
    assert lifecycle.extend_lease(execution.pk, attempt=1, owner=ANN)
    execution.refresh_from_db()
    assert execution.status == "running"


def test_a_result_after_cancellation_changes_nothing() -> None:
    execution = running()
    Execution.objects.filter(pk=execution.pk).update(status="canceled", finished_at=timezone.now())
    assert not succeed(execution)
    execution.refresh_from_db()
    assert execution.outputs is None


def test_a_failure_says_why_and_tells_its_owner_once() -> None:
    execution = running()
    assert fail(execution)
    assert not fail(execution)
    execution.refresh_from_db()
    assert (execution.status, execution.error_code) == ("failed", "MODEL")
    assert execution.traceback == "Trace"
    notification = Notification.objects.get()
    assert notification.user == execution.user
    assert notification.title == f"Your prediction {execution.public_id} failed"
    assert "It broke" not in notification.text


def test_what_is_mailed_of_a_failure_has_no_sensitive_value() -> None:
    execution = running()
    execution.version.features.filter(name="income").update(is_sensitive=True)
    failure = Failure("INPUT", "Income: it does not know “41500.0”", "Trace")
    assert lifecycle.mark_failed(execution, owner=ANN, failure=failure)
    text = Notification.objects.get().text
    assert "Income: it does not know" in text
    assert "41500" not in text


@pytest.mark.parametrize("end", [succeed, fail])
def test_who_waits_for_an_execution_hears_of_its_end(
    end: Callable[[Execution], bool], django_capture_on_commit_callbacks: Any
) -> None:
    execution, other = running(), running()
    with end_of(execution.pk) as heard, end_of(other.pk) as other_heard:
        with django_capture_on_commit_callbacks(execute=True):
            assert end(execution)
        assert heard(PATIENCE_SECONDS)
        assert not other_heard(0)


def test_a_failure_that_is_tried_again_is_no_end(
    django_capture_on_commit_callbacks: Any,
) -> None:
    execution = running()
    with end_of(execution.pk) as heard:
        with django_capture_on_commit_callbacks(execute=True):
            assert fail(execution, "STORAGE")
        assert not heard(0)


def test_an_admins_failed_test_notifies_nobody() -> None:
    fail(running(purpose="test"))
    assert not Notification.objects.exists()


def test_a_storage_failure_is_tried_three_times() -> None:
    execution = running()
    for attempt in (2, 3):
        assert fail(execution, "STORAGE")
        execution.refresh_from_db()
        assert (execution.status, execution.attempt) == ("queued", attempt)
        held = lifecycle.mark_running(execution.pk, attempt=attempt, owner=ANN)
        assert held is not None
        execution = held
    assert fail(execution, "STORAGE")
    execution.refresh_from_db()
    assert (execution.status, execution.error_code) == ("failed", "STORAGE")
    assert execution.attempts.count() == 3


def test_a_lost_attempt_is_followed_by_the_next_and_ends_after_the_third() -> None:
    execution = running()
    for attempt in (2, 3):
        assert lifecycle.mark_lost(execution, why="The worker was lost")
        held = lifecycle.mark_running(execution.pk, attempt=attempt, owner=ANN)
        assert held is not None
        execution = held
    assert lifecycle.mark_lost(execution, why="The worker was lost")
    execution.refresh_from_db()
    assert (execution.status, execution.error_code) == ("failed", "CRASH")
    assert [attempt.outcome for attempt in execution.attempts.all()] == ["lost"] * 3


def test_an_execution_that_moved_on_is_not_lost() -> None:
    execution = running()
    lifecycle.extend_lease(execution.pk, attempt=1, owner=ANN)
    assert not lifecycle.mark_lost(execution, why="The worker was lost")


def test_the_flow_run_is_noted_without_touching_the_status() -> None:
    execution, flow_run_id = running(), uuid.uuid4()
    lifecycle.mark_submitted(execution.pk, attempt=1, flow_run_id=flow_run_id)
    execution.refresh_from_db()
    assert execution.status == "running"
    assert Attempt.objects.get().flow_run_id == flow_run_id


@pytest.mark.parametrize(("waited", "pause"), [(0, 20), (40, 40), (600, 60)])
def test_the_longer_an_execution_waits_the_later_its_run_is_asked_after(
    waited: int, pause: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = timezone.now()
    monkeypatch.setattr(lifecycle, "Now", lambda: Value(now))
    execution = make_execution(requested_at=now - timedelta(seconds=waited))
    lifecycle.mark_submitted(execution.pk, attempt=1, flow_run_id=uuid.uuid4())
    execution.refresh_from_db()
    assert execution.dispatch_after == now + timedelta(seconds=pause)


def test_a_successful_test_opens_the_gate_for_the_file_and_revision_it_ran_on() -> None:
    version = make_version(is_tested=False)
    succeed(running(version=version, purpose="test"))
    version.refresh_from_db()
    assert version.is_tested


def test_a_test_of_an_earlier_revision_does_not_open_the_gate() -> None:
    version = make_version(is_tested=False, revision=2)
    succeed(running(version=version, purpose="test", version_revision=1))
    version.refresh_from_db()
    assert not version.is_tested


def test_a_prediction_does_not_open_the_gate() -> None:
    version = make_version(is_tested=False)
    succeed(running(version=version))
    version.refresh_from_db()
    assert not version.is_tested


@pytest.mark.parametrize(
    "change",
    [{"status": "queued"}, {"outputs": {}}, {"inputs": {}}, {"finished_at": None}],
    ids=lambda change: next(iter(change)),
)
def test_the_database_keeps_a_finished_execution_as_it_is(change: dict[str, object]) -> None:
    execution = make_execution(outputs=LOAN_OUTPUTS)
    with pytest.raises(DatabaseError):
        Execution.objects.filter(pk=execution.pk).update(**change)


def test_the_database_lets_a_purge_empty_a_finished_execution() -> None:
    execution = make_execution(outputs=LOAN_OUTPUTS)
    Execution.objects.filter(pk=execution.pk).update(
        purged_at=timezone.now(), inputs=None, outputs=None
    )
    execution.refresh_from_db()
    assert (execution.status, execution.inputs, execution.outputs) == ("succeeded", None, None)
