"""The real worker in a process of its own, against a real Prefect server."""

import asyncio
import json
import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, NoReturn

import pytest
from django.db import OperationalError
from django.utils import timezone
from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_API_URL, temporary_settings
from pytest_django import Settings

from engine import gateway, heartbeats, wakeup
from executions.dispatch import dispatch
from executions.models import Execution
from flows.worker.slots import CLAIMS, Run, Slots
from flows.worker.worker import until_prefect_answers
from models_registry.models import ModelVersion
from models_registry.tasks import sync_prefect_deployment
from tests.clocks import until
from tests.flows.resident import (
    INPUTS,
    STRANGE,
    RealWorker,
    api,
    ask,
    hint,
    run_id,
    running_worker,
    start,
    states,
    until_finished,
    until_told,
)

pytestmark = pytest.mark.xdist_group("prefect")

POOL = "one-worker-for-all"


@pytest.fixture
def pool() -> str:
    return POOL


@pytest.fixture(scope="module")
def worker(
    django_db_setup: None, prefect_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RealWorker]:
    with running_worker(tmp_path_factory.mktemp("worker"), prefect_url, POOL) as worker:
        yield worker


def log_lines(execution: Execution) -> list[str]:
    """Return what the run's page in Prefect shows as its log."""
    asked = {"flow_run_id": {"any_": [str(run_id(execution))]}}
    lines = api("/logs/filter", {"logs": asked, "sort": "TIMESTAMP_ASC"})
    return [line["message"] for line in lines]


def test_a_prediction_travels_through_prefect_and_the_worker(
    served_iris: ModelVersion, worker: RealWorker
) -> None:
    execution = ask(served_iris)

    dispatch(execution.pk)
    until_finished(execution)

    assert execution.status == "succeeded"
    assert execution.outputs is not None
    assert execution.outputs["targets"][0]["value"] == 1
    attempt = execution.attempts.get()
    assert (attempt.worker, attempt.outcome) == (worker.name, "succeeded")
    until_told(execution, "COMPLETED")
    assert states(execution) == ["SCHEDULED", "RUNNING", "COMPLETED"]


def test_the_worker_keeps_the_states_that_it_told_prefect(
    served_iris: ModelVersion, worker: RealWorker
) -> None:
    execution = ask(served_iris)
    dispatch(execution.pk)
    until_finished(execution)
    attempts = execution.attempts.filter(states__isnull=False)
    until(attempts.exists, "the worker to keep the states")

    kept, story = attempts.get(), gateway.flow_run_story(run_id(execution))

    assert story is not None
    assert (kept.flow_run_name, kept.read_states()) == (story.name, story.states)
    assert [state.type for state in story.states] == ["SCHEDULED", "RUNNING", "COMPLETED"]


def test_the_states_of_a_run_that_waited_are_left_to_prefect(
    served_iris: ModelVersion, worker: RealWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = wakeup.wake

    def wake(hint: dict[str, Any], **options: Any) -> None:
        waited = {"timestamp": (timezone.now() - timedelta(minutes=1)).isoformat()}
        own(hint | {"state": hint["state"] | waited}, **options)

    late, later = ask(served_iris), ask(served_iris)
    with monkeypatch.context() as changed:
        changed.setattr("engine.wakeup.wake", wake)
        dispatch(late.pk)
    until_finished(late)
    until_told(late, "COMPLETED")
    dispatch(later.pk)
    until(later.attempts.filter(states__isnull=False).exists, "the later one's states")

    assert late.attempts.get().states is None


def test_the_run_in_prefect_shows_its_lines_and_never_a_value_in_them(
    served_iris: ModelVersion, worker: RealWorker
) -> None:
    execution = ask(served_iris)
    dispatch(execution.pk)
    until_finished(execution)

    until(lambda: len(log_lines(execution)) == 2, "the run's lines in Prefect")

    started, finished = log_lines(execution)
    assert "prediction_started version=" in started
    assert "outcome=SUCCEEDED" in finished
    assert not any(str(value) in started + finished for value in INPUTS.values())


def test_the_worker_is_of_our_type_and_healthy_in_its_pool(
    real_prefect: str, worker: RealWorker
) -> None:
    def facts() -> tuple[object, ...]:
        pool, workers = api(f"/work_pools/{POOL}"), api(f"/work_pools/{POOL}/workers/filter", {})
        shown = [(each["name"], each["status"]) for each in workers]
        return pool["type"], pool["status"], shown

    until(lambda: facts() == ("resident", "READY", [(worker.name, "ONLINE")]), "a healthy worker")


def test_the_worker_says_that_it_lives_and_that_its_sandbox_holds(worker: RealWorker) -> None:
    def facts() -> tuple[object, ...]:
        told = heartbeats.heartbeats().get(worker.name)
        return (told.slots, told.running, told.self_test.passed) if told else ()

    until(lambda: facts() == (2, 0, True), "a heartbeat of an idle worker")


def test_a_failure_is_a_failed_run_that_does_not_quote_the_model(
    served_iris: ModelVersion, worker: RealWorker
) -> None:
    served_iris.features.update(kind="string")
    execution = ask(served_iris)
    words = dict.fromkeys(INPUTS, "Rosebud")
    Execution.objects.filter(pk=execution.pk).update(inputs=words)

    dispatch(execution.pk)
    until_finished(execution)

    assert execution.status == "failed"
    until_told(execution, "FAILED")
    final = gateway.flow_run_states(run_id(execution))[-1]
    assert execution.error_code in final.message
    assert execution.public_id in final.message
    shown = json.dumps([api(f"/flow_runs/{run_id(execution)}")["state"], log_lines(execution)])
    assert "Rosebud" not in shown


def test_a_run_whose_parameters_are_not_the_rows_fails_and_writes_nothing(
    served_iris: ModelVersion, worker: RealWorker
) -> None:
    execution = ask(served_iris)
    other = INPUTS | {"petal width (cm)": 99.0}
    run = gateway.start_flow_run(
        flow="predict",
        deployment=served_iris.model.slug,
        name="forged",
        parameters={"execution_id": str(execution.pk), "attempt": 1, "inputs": other},
        idempotency_key=f"forged:{execution.pk}",
    )

    def types() -> list[str]:
        return [state.type for state in gateway.flow_run_states(run.id)]

    until(lambda: types()[-1] == "FAILED", "the forged run to fail")
    execution.refresh_from_db()
    assert (execution.status, execution.attempts.count()) == ("queued", 0)
    message = gateway.flow_run_states(run.id)[-1].message
    assert "petal width (cm)" in message
    assert "99" not in message


def test_every_wake_up_sent_twice_runs_each_execution_once(
    served_iris: ModelVersion, worker: RealWorker
) -> None:
    before = worker.log.read_text().count("prediction_finished")
    executions = [ask(served_iris) for _ in range(6)]
    for execution in executions:
        dispatch(execution.pk)
        wakeup.wake(hint(execution))
    for execution in executions:
        until_finished(execution)
        until_told(execution, "COMPLETED")

    assert {execution.status for execution in executions} == {"succeeded"}
    ran = worker.log.read_text().count("prediction_finished") - before
    assert ran == len(executions)
    for execution in executions:
        assert states(execution) == ["SCHEDULED", "RUNNING", "COMPLETED"]
        assert execution.attempts.count() == 1


def test_a_wake_up_replayed_after_the_end_changes_nothing(
    served_iris: ModelVersion, worker: RealWorker
) -> None:
    execution = ask(served_iris)
    dispatch(execution.pk)
    until_finished(execution)
    until_told(execution, "COMPLETED")
    finished_at = execution.finished_at

    wakeup.wake(hint(execution))
    for _ in range(2):  # one for each slot, taken after the replay
        later = ask(served_iris)
        dispatch(later.pk)
        until_finished(later)

    execution.refresh_from_db()
    assert execution.finished_at == finished_at
    assert execution.attempts.count() == 1
    assert states(execution) == ["SCHEDULED", "RUNNING", "COMPLETED"]


def test_a_version_that_a_warm_hint_names_is_opened_before_it_is_needed(
    served_iris: ModelVersion, worker: RealWorker
) -> None:
    until(lambda: wakeup.warm(served_iris.pk, wait_seconds=1), "the worker's answer to a hint")

    assert worker.says(f"warmed version={served_iris}")


def test_what_is_no_hint_of_ours_is_passed_over(
    served_iris: ModelVersion, worker: RealWorker
) -> None:
    for strange in ({}, {"id": "x"}, {"id": 1, "name": [], "deployment_id": None}):
        wakeup.wake(strange)
    execution = ask(served_iris)
    dispatch(execution.pk)

    until_finished(execution)

    assert execution.status == "succeeded"


@pytest.fixture
def slots(real_prefect: str) -> Iterator[Slots]:
    """Yield the slots of a worker, in this process."""
    configured = temporary_settings({PREFECT_API_URL: real_prefect})
    with configured, get_client(sync_client=True) as client:
        yield Slots(client, size=1)


def as_run(run: uuid.UUID) -> Run:
    """Return a run as polling finds it."""
    found = api(f"/flow_runs/{run}")
    deployment = found["deployment_id"]
    return Run(run, found["name"], deployment and uuid.UUID(deployment), found["parameters"])


@pytest.mark.parametrize("parameters", STRANGE)
def test_a_run_that_can_never_begin_is_tried_for_a_while_and_then_failed(
    parameters: dict[str, Any],
    slots: Slots,
    served_iris: ModelVersion,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = start(served_iris, parameters)
    slots.carry_out(as_run(run))
    assert api(f"/flow_runs/{run}")["state_type"] == "SCHEDULED"

    monkeypatch.setattr("flows.worker.slots.STALE", timedelta(0))
    slots.carry_out(as_run(run))
    assert api(f"/flow_runs/{run}")["state_type"] == "FAILED"


@pytest.mark.parametrize("kind", ["of a flow that is not ours", "of no deployment"])
def test_a_run_of_something_else_in_the_pool_is_failed(
    kind: str, slots: Slots, real_prefect: str, pool: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployment = gateway.ensure_deployment(
        flow="other", deployment="other", entrypoint="somebody.elses", parameter_schema={}
    )
    body: dict[str, Any] = {"state": {"type": "SCHEDULED"}}
    if kind == "of no deployment":
        flow = api("/flows/", {"name": "other"})["id"]
        run = api("/flow_runs/", {**body, "flow_id": flow, "work_pool_name": pool})["id"]
    else:
        run = api(f"/deployments/{deployment}/create_flow_run", body)["id"]
    monkeypatch.setattr("flows.worker.slots.STALE", timedelta(0))
    slots.carry_out(as_run(uuid.UUID(run)))
    assert api(f"/flow_runs/{run}")["state_type"] == "FAILED"


def test_a_run_of_no_deployment_keeps_the_worker_from_nothing(
    served_iris: ModelVersion, real_prefect: str, settings: Settings, tmp_path: Path
) -> None:
    settings.PREFECT_WORK_POOL = "found-by-polling"
    sync_prefect_deployment(served_iris.model_id)
    flow = api("/flows/", {"name": "predict"})["id"]
    pool = {"work_pool_name": settings.PREFECT_WORK_POOL}
    api("/flow_runs/", {"flow_id": flow, "state": {"type": "SCHEDULED"}, **pool})
    execution = ask(served_iris)
    dispatch(execution.pk)
    with running_worker(tmp_path, real_prefect, settings.PREFECT_WORK_POOL, "--no-hints"):
        until_finished(execution)

    assert execution.status == "succeeded"


def test_a_run_is_kept_while_the_database_is_away(
    slots: Slots, served_iris: ModelVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(**_: object) -> NoReturn:
        raise OperationalError

    run = start(served_iris, {"execution_id": str(uuid.uuid4()), "attempt": 1})
    monkeypatch.setattr("flows.worker.slots.STALE", timedelta(0))
    monkeypatch.setitem(CLAIMS, "flows.predict.predict", away)
    slots.carry_out(as_run(run))
    assert api(f"/flow_runs/{run}")["state_type"] == "SCHEDULED"


def test_a_worker_that_starts_beside_prefect_waits_for_its_first_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers = iter([False, False, True])
    monkeypatch.setattr("engine.gateway.is_healthy", lambda: next(answers))
    asyncio.run(until_prefect_answers(asyncio.Event()))
    assert next(answers, "all were asked") == "all were asked"


def test_a_worker_that_is_told_to_stop_waits_for_no_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("engine.gateway.is_healthy", lambda: False)

    async def told_to_stop() -> None:
        stopping = asyncio.Event()
        stopping.set()
        await until_prefect_answers(stopping)

    asyncio.run(told_to_stop())
