"""Database connections of a worker: its slots never wait for each other's."""

from pathlib import Path

import pytest

from executions.dispatch import dispatch
from executions.models import Execution
from models_registry.models import ModelVersion
from tests.clocks import until
from tests.flows.resident import ask, running_worker

pytestmark = pytest.mark.xdist_group("prefect")


def test_every_slot_has_a_connection_however_small_the_pool_was_set(
    served_iris: ModelVersion,
    real_prefect: str,
    pool: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DATABASE_POOL_SIZE", "1")
    with running_worker(tmp_path, real_prefect, pool) as worker:
        held = worker.hold_in_mid_predict(served_iris)
        other = ask(served_iris)
        dispatch(other.pk)
        both = Execution.objects.filter(pk__in=[held.pk, other.pk], started_at__isnull=False)

        until(lambda: both.count() == 2, "the second slot to claim its run")

        assert not worker.says("PoolTimeout")
