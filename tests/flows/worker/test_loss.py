"""The aftermath of a real worker that is killed, stopped, terminated, raced, or never woken."""

import io
import os
import signal
import uuid
from pathlib import Path

import joblib
import pytest
from pytest_django import Settings

from engine import heartbeats, wakeup
from executions import sweep
from executions.batches.contents import BatchRow
from executions.batches.reading import results
from executions.dispatch import dispatch, sync_batches
from executions.models import Batch, BatchChunk
from executions.services.batches import submit_batch
from models_registry.models import ModelVersion
from tests.clocks import PATIENCE_SECONDS, until
from tests.factories import make_user
from tests.flows.resident import (
    IRIS,
    api,
    ask,
    end_lease,
    hint,
    running_worker,
    states,
    until_finished,
    until_told,
)

pytestmark = pytest.mark.xdist_group("prefect")


def test_with_the_wake_up_switched_off_polling_finds_the_run(
    served_iris: ModelVersion, real_prefect: str, pool: str, tmp_path: Path
) -> None:
    with running_worker(tmp_path, real_prefect, pool, "--no-hints"):
        execution = ask(served_iris)
        dispatch(execution.pk)

        until_finished(execution)

        assert execution.status == "succeeded"
        until_told(execution, "COMPLETED")


def test_two_workers_that_race_for_the_same_runs_run_each_once(
    served_iris: ModelVersion, real_prefect: str, pool: str, tmp_path: Path
) -> None:
    with (
        running_worker(tmp_path, real_prefect, pool) as one,
        running_worker(tmp_path, real_prefect, pool) as other,
    ):
        executions = [ask(served_iris) for _ in range(8)]
        for execution in executions:
            dispatch(execution.pk)
            for _ in range(2):
                wakeup.wake(hint(execution))
        for execution in executions:
            until_finished(execution)
            until_told(execution, "COMPLETED")

        ran = one.log.read_text() + other.log.read_text()
        assert ran.count("prediction_finished") == len(executions)
        for execution in executions:
            assert execution.status == "succeeded"
            assert states(execution) == ["SCHEDULED", "RUNNING", "COMPLETED"]


def test_two_workers_share_one_batch_and_every_row_is_answered_once_in_order(
    served_iris: ModelVersion,
    iris_model: bytes,
    real_prefect: str,
    pool: str,
    tmp_path: Path,
    settings: Settings,
) -> None:
    sync_batches()
    settings.BATCH_CHUNK_ROWS = 5
    values = [tuple(row) for row in IRIS.data.to_numpy().tolist() * 8]
    with running_worker(tmp_path, real_prefect, pool) as one:
        execution = submit_batch(
            user=make_user(),
            version=served_iris,
            rows=(BatchRow(row, number=n) for n, row in enumerate(values)),
            source=Batch.Source.API,
            token=uuid.uuid4(),
        )
        dispatch(execution.pk)
        done = BatchChunk.objects.filter(execution=execution, status="succeeded")
        until(done.exists, "the first chunk")
        for pid in one.model_processes:
            os.kill(pid, signal.SIGSTOP)
        with running_worker(tmp_path, real_prefect, pool) as other:
            until(done.filter(lease_owner=other.name).exists, "the other worker's first chunk")
            for pid in one.model_processes:
                os.kill(pid, signal.SIGCONT)
            until_finished(execution)

            by = set(done.values_list("lease_owner", flat=True))
            finished = "batch_finished"
            assert execution.status == "succeeded"
            assert by == {one.name, other.name}
            assert (one.says(finished), other.says(finished)) == (True, False)
    found = list(results(execution))
    assert [row.number for row in found] == list(range(len(values)))
    assert [tuple(row.inputs.values()) for row in found] == values
    labels = joblib.load(io.BytesIO(iris_model)).predict(IRIS.data).tolist() * 8
    assert [row.outputs and row.outputs.targets[0].value for row in found] == labels
    assert execution.attempts.get().outcome == "succeeded"


def test_a_worker_killed_in_mid_predict_leaves_one_result_by_another(
    served_iris: ModelVersion, real_prefect: str, pool: str, tmp_path: Path
) -> None:
    with running_worker(tmp_path, real_prefect, pool) as worker:
        execution = worker.hold_in_mid_predict(served_iris)
        worker.process.kill()
        worker.process.wait()
        end_lease(execution)
        with running_worker(tmp_path, real_prefect, pool) as other:
            until_finished(execution, sweeping=True)

            assert (execution.status, execution.attempt) == ("succeeded", 2)
            attempts = list(execution.attempts.values_list("number", "outcome", "worker"))
            assert attempts == [(1, "lost", worker.name), (2, "succeeded", other.name)]
            until_told(execution, "COMPLETED", attempt=2)


def test_a_worker_stopped_past_its_lease_writes_nothing_when_it_goes_on(
    served_iris: ModelVersion, real_prefect: str, pool: str, tmp_path: Path
) -> None:
    with running_worker(tmp_path, real_prefect, pool) as worker:
        execution = worker.hold_in_mid_predict(served_iris)
        model = worker.model_processes
        os.kill(worker.process.pid, signal.SIGSTOP)
        end_lease(execution)
        with running_worker(tmp_path, real_prefect, pool):
            until_finished(execution, sweeping=True)
            outputs, finished_at = execution.outputs, execution.finished_at

            for pid in (*model, worker.process.pid):
                os.kill(pid, signal.SIGCONT)
            until(lambda: worker.says("attempt_given_up"), "the stopped worker to give up")

            execution.refresh_from_db()
            assert (execution.status, execution.attempt) == ("succeeded", 2)
            assert (execution.outputs, execution.finished_at) == (outputs, finished_at)
            attempts = list(execution.attempts.values_list("number", "outcome"))
            assert attempts == [(1, "lost"), (2, "succeeded")]
            until_told(execution, "CRASHED", attempt=1)


def test_sigterm_hands_back_what_does_not_end_in_time_and_fails_nothing(
    served_iris: ModelVersion, real_prefect: str, pool: str, tmp_path: Path
) -> None:
    with running_worker(tmp_path, real_prefect, pool, "--drain-seconds", "1") as worker:
        execution = worker.hold_in_mid_predict(served_iris)

        worker.process.terminate()
        worker.process.wait(PATIENCE_SECONDS)

        execution.refresh_from_db()
        assert (execution.status, execution.attempt) == ("queued", 2)
        assert sweep.take_stalled() == [execution]  # due at once
        assert worker.name not in heartbeats.heartbeats()
        assert api(f"/work_pools/{pool}/workers/filter", {}) == []
