"""Settlement of runs whose worker died before it told Prefect, against a real server."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import Running

from engine import gateway
from executions.dispatch import dispatch
from executions.models import Attempt, Execution
from flows.worker import settling
from flows.worker.settling import settle
from models_registry.models import ModelVersion
from tests.flows.resident import STRANGE, ask, run_id, start, states

pytestmark = pytest.mark.xdist_group("prefect")


@pytest.fixture
def client(real_prefect: str) -> Iterator[SyncPrefectClient]:
    configured = temporary_settings({PREFECT_API_URL: real_prefect})
    with configured, get_client(sync_client=True) as client:
        yield client


def abandoned(client: SyncPrefectClient, version: ModelVersion, **attempt: Any) -> Execution:
    """Create an execution whose run is Running in Prefect and whose attempt is as given."""
    execution = ask(version)
    dispatch(execution.pk)
    client.set_flow_run_state(run_id(execution), Running())
    Attempt.objects.filter(execution=execution).update(**attempt)
    return execution


@pytest.mark.parametrize(
    ("outcome", "state"), [("succeeded", "COMPLETED"), ("failed", "FAILED"), ("lost", "CRASHED")]
)
def test_a_run_whose_attempt_is_over_gets_the_end_that_it_came_to(
    client: SyncPrefectClient, served_iris: ModelVersion, pool: str, outcome: str, state: str
) -> None:
    long_ago = timezone.now() - timedelta(minutes=1)
    execution = abandoned(client, served_iris, outcome=outcome, finished_at=long_ago)

    assert settle(client, pool) == 1

    assert states(execution) == ["SCHEDULED", "RUNNING", state]
    assert settle(client, pool) == 0


def test_a_run_that_may_still_run_is_left_alone(
    client: SyncPrefectClient,
    served_iris: ModelVersion,
    pool: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("flows.worker.settling.TOLD", timedelta(hours=1))
    running = abandoned(client, served_iris)
    just_over = abandoned(client, served_iris, outcome="lost", finished_at=timezone.now())

    assert settle(client, pool) == 0

    assert states(running)[-1] == states(just_over)[-1] == "RUNNING"


def test_a_run_that_names_nothing_of_ours_keeps_none_from_its_end(
    client: SyncPrefectClient, served_iris: ModelVersion, pool: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    strange = [start(served_iris, parameters) for parameters in STRANGE]
    for run in strange:
        client.set_flow_run_state(run, Running())
    long_ago = timezone.now() - timedelta(minutes=1)
    execution = abandoned(client, served_iris, outcome="lost", finished_at=long_ago)

    assert settle(client, pool) == 1
    assert states(execution)[-1] == "CRASHED"

    monkeypatch.setattr(settling, "GONE", timedelta(minutes=-5))
    assert settle(client, pool) == len(strange)
    assert {gateway.flow_run_states(run)[-1].type for run in strange} == {"CRASHED"}


def test_runs_of_another_pool_are_not_ours_to_settle(
    client: SyncPrefectClient, served_iris: ModelVersion
) -> None:
    long_ago = timezone.now() - timedelta(minutes=1)
    execution = abandoned(client, served_iris, outcome="lost", finished_at=long_ago)

    assert settle(client, "somebody-elses") == 0

    history = gateway.flow_run_states(run_id(execution))
    assert history[-1].type == "RUNNING"
