"""The purge: deleted predictions are removed after 30 days, and their runs in Prefect too."""

import uuid
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.utils import timezone
from pytest_django import Settings

from accounts.models import ActivityEvent, User
from accounts.privacy import personal_data
from executions.models import Attempt, Execution, Explanation
from executions.records.flow_run_copies import copy_flow_runs, flow_run_of
from executions.records.purging import Purged, forget_flow_runs, purge
from tests.factories import LOAN_OUTPUTS, make_execution
from tests.fake_prefect import FakePrefect

LONG_AGO = timezone.now() - timedelta(days=31)


def make_deleted(user: User, prefect: FakePrefect, **fields: object) -> Execution:
    """Create a finished prediction that its person deleted 31 days ago, with all that belongs to
    it."""
    execution = make_execution(
        **{"user": user, "outputs": LOAN_OUTPUTS, "deleted_at": LONG_AGO, "note": "Mine"} | fields
    )
    execution.attempts.create(
        number=1,
        flow_run_id=ended_run(prefect, str(execution.pk)),
        log="+0.001 s INFO began",
        flow_run_name="loans",
        states=[],
        finished_at=LONG_AGO,
    )
    Explanation.objects.create(execution=execution, content={})
    return execution


def ended_run(prefect: FakePrefect, key: str, state: str = "COMPLETED") -> uuid.UUID:
    run = prefect.start_flow_run(
        flow="predict", deployment="loans", name=f"run {key}", parameters={}, idempotency_key=key
    )
    prefect.enter(run.id, state)
    return run.id


def test_a_purge_leaves_id_kind_version_status_times_and_error_class(
    alice: User, fake_prefect: FakePrefect
) -> None:
    execution = make_deleted(
        alice, fake_prefect, outputs=None, error_code="MODEL", message="34", traceback="34",
        diagnostics={"row": 34}, search_text="34", search_own="mine",
    )  # fmt: skip
    purge()
    left = Execution.objects.get(pk=execution.pk)
    assert (left.user, left.inputs, left.outputs, left.diagnostics) == (None, None, None, None)
    assert not any([left.note, left.message, left.traceback, left.search_text, left.search_own])
    assert left.inputs_sha256 == ""
    assert (left.status, left.error_code, left.version_id, left.finished_at) == (
        "failed", "MODEL", execution.version_id, execution.finished_at,
    )  # fmt: skip
    assert left.purged_at is not None
    attempt = left.attempts.get()
    assert (attempt.log, attempt.flow_run_name, attempt.flow_run_id) == ("", "", None)
    assert not Explanation.objects.filter(execution=execution).exists()
    assert fake_prefect.runs == []


def test_what_may_still_be_restored_and_what_was_never_deleted_stays(
    alice: User, fake_prefect: FakePrefect
) -> None:
    kept = make_execution(user=alice, outputs=LOAN_OUTPUTS)
    fresh = make_execution(
        user=alice, outputs=LOAN_OUTPUTS, deleted_at=timezone.now() - timedelta(days=29)
    )
    assert purge().executions == 0
    for execution in (kept, fresh):
        execution.refresh_from_db()
        assert execution.inputs


def test_a_second_purge_changes_nothing_and_is_not_recorded(
    alice: User, fake_prefect: FakePrefect
) -> None:
    make_deleted(alice, fake_prefect)
    assert purge() == Purged(1, 0, 1, 0, True)
    rows = list(Execution.objects.values())
    assert purge() == Purged(0, 0, 0, 0, True)
    assert list(Execution.objects.values()) == rows
    event = ActivityEvent.objects.get(action="predictions purged")
    assert event.after == {"executions": 1, "diagnostics": 0, "flow_runs": 1, "waiting": 0}


def test_flow_runs_that_prefect_cannot_delete_now_are_deleted_later(
    alice: User, fake_prefect: FakePrefect
) -> None:
    execution = make_deleted(alice, fake_prefect)
    fake_prefect.is_away = True
    assert purge() == Purged(1, 0, 0, 1, True)
    assert Execution.objects.get(pk=execution.pk).inputs is None
    fake_prefect.is_away = False
    assert purge() == Purged(0, 0, 1, 0, True)
    assert fake_prefect.runs == []


def test_a_purge_takes_batch_after_batch(
    alice: User, fake_prefect: FakePrefect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("executions.records.purging.AT_ONCE", 2)
    for _ in range(5):
        make_deleted(alice, fake_prefect)
    assert purge() == Purged(5, 0, 5, 0, True)


def test_a_purge_whose_time_is_up_says_that_there_may_be_more(
    alice: User, fake_prefect: FakePrefect
) -> None:
    make_deleted(alice, fake_prefect)
    assert not purge(seconds=0).is_complete
    assert Execution.objects.filter(purged_at=None).count() == 1


def test_replays_of_what_is_purged_go_with_it(
    alice: User, ada: User, fake_prefect: FakePrefect
) -> None:
    original = make_deleted(alice, fake_prefect)
    replay = make_execution(user=ada, purpose="replay", replay_of=original, outputs=LOAN_OUTPUTS)
    purge()
    replay.refresh_from_db()
    assert (replay.inputs, replay.outputs) == (None, None)


def test_the_replays_of_a_closed_account_go_from_prefect_too(
    alice: User, ada: User, fake_prefect: FakePrefect
) -> None:
    original = make_execution(user=alice, outputs=None, error_code="MODEL")
    replay = make_deleted(
        ada, fake_prefect, purpose="replay", replay_of=original, deleted_at=None, note=""
    )
    personal_data.erase(alice)
    purge()
    replay.refresh_from_db()
    assert (replay.user, replay.inputs, replay.outputs) == (ada, None, None)
    assert fake_prefect.runs == []


def test_what_a_test_recorded_is_forgotten_after_a_while(
    ada: User, fake_prefect: FakePrefect, settings: Settings
) -> None:
    old, _ = (
        make_execution(user=ada, purpose="test", outputs=LOAN_OUTPUTS, diagnostics={"steps": []})
        for _ in range(2)
    )
    settings.DIAGNOSTICS_KEPT = timedelta(days=90)
    assert purge().diagnostics == 0
    settings.DIAGNOSTICS_KEPT = timedelta(0)
    assert purge().diagnostics == 2
    old.refresh_from_db()
    assert old.diagnostics is None
    assert old.inputs


def test_an_erased_account_leaves_no_log_and_no_flow_run(
    alice: User, fake_prefect: FakePrefect
) -> None:
    execution = make_execution(user=alice, outputs=LOAN_OUTPUTS)
    run = ended_run(fake_prefect, "hers")
    execution.attempts.create(number=1, flow_run_id=run, log="+0.001 s INFO began")
    personal_data.erase(alice)
    assert execution.attempts.get().log == ""
    purge()
    assert fake_prefect.runs == []


def test_the_command_tells_what_it_did(alice: User, fake_prefect: FakePrefect) -> None:
    make_deleted(alice, fake_prefect)
    out = StringIO()
    call_command("purge", stdout=out)
    assert "Predictions purged: 1." in out.getvalue()
    assert "Flow runs deleted in Prefect: 1 of these" in out.getvalue()


def test_prefects_history_is_bounded_and_ours_keeps_the_states(
    alice: User, fake_prefect: FakePrefect, settings: Settings
) -> None:
    execution = make_execution(user=alice, outputs=LOAN_OUTPUTS)
    run = ended_run(fake_prefect, "old")
    attempt = execution.attempts.create(number=1, flow_run_id=run, finished_at=LONG_AGO)
    assert copy_flow_runs() == 1
    assert forget_flow_runs() == 0
    settings.FLOW_RUNS_KEPT = timedelta(0)
    assert forget_flow_runs() == 1
    attempt.refresh_from_db()
    copied = flow_run_of(attempt)
    assert copied is not None
    assert (copied.name, copied.source) == ("run old", "copied")
    assert [state.type for state in copied.states] == ["SCHEDULED", "COMPLETED"]


def test_states_are_copied_once_the_run_has_its_last(
    alice: User, fake_prefect: FakePrefect
) -> None:
    execution = make_execution(user=alice, outputs=LOAN_OUTPUTS)
    run = ended_run(fake_prefect, "going", "RUNNING")
    minute_ago = timezone.now() - timedelta(minutes=1)
    execution.attempts.create(number=1, flow_run_id=run, finished_at=minute_ago)
    assert copy_flow_runs() == 0
    fake_prefect.enter(run, "COMPLETED")
    assert copy_flow_runs() == 1
    assert copy_flow_runs() == 0
    assert Attempt.objects.get().flow_run_name == "run going"


def test_nothing_is_copied_while_somebody_waits_or_prefect_is_away(
    alice: User, fake_prefect: FakePrefect
) -> None:
    execution = make_execution(user=alice, outputs=LOAN_OUTPUTS)
    run = ended_run(fake_prefect, "late")
    execution.attempts.create(number=1, flow_run_id=run, finished_at=LONG_AGO)
    waiting = make_execution(user=alice)
    assert copy_flow_runs() == 0
    waiting.delete()
    fake_prefect.is_away = True
    assert copy_flow_runs() == 0
    fake_prefect.is_away = False
    assert copy_flow_runs() == 1
