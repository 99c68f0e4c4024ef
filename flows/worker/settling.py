"""Settlement of flow runs whose worker died before it reported their end to Prefect.

Prefect leaves such a run in the state Running for ever. Once the run's attempt has ended in our
row, the run gets the attempt's final state.
"""

import logging
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db import DataError
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
    WorkPoolFilter,
    WorkPoolFilterName,
)
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.client.schemas.sorting import FlowRunSort
from prefect.states import Completed, Crashed, Failed

from executions.models import Attempt
from models_registry.models import VersionRun
from models_registry.sweep import DISPATCHES

logger = logging.getLogger(__name__)

TOLD = timedelta(seconds=30)
"""The time by which a living worker has reported to Prefect."""
GONE = timedelta(minutes=5)
"""The time that no run without a row exceeds."""
BATCH = 100
LOST = "The worker was lost; another attempt took over."
STRANGE = (Attempt.DoesNotExist, LookupError, TypeError, ValueError, ValidationError, DataError)
"""The exceptions for parameters of a run that name no row of ours."""


def settle(client: SyncPrefectClient, pool: str) -> int:
    """Set the final state of every run of the pool that Prefect wrongly shows as running; returns
    how many."""
    before = datetime.now(UTC) - TOLD
    running = client.read_flow_runs(
        flow_run_filter=FlowRunFilter(
            state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.RUNNING]))
        ),
        work_pool_filter=WorkPoolFilter(name=WorkPoolFilterName(any_=[pool])),
        sort=FlowRunSort.START_TIME_ASC,
        limit=BATCH,
    )
    ends = [(run, end) for run in running if (end := _end(run, before)) is not None]
    for run, end in ends:
        client.set_flow_run_state(run.id, end)
        logger.info("run_settled run=%s state=%s", run.id, end.type.value)
    return len(ends)


def _end(run: FlowRun, before: datetime) -> State[None] | None:
    """The final state of the run, if it ended before then; None while it may still run."""
    try:
        if "attempt" in run.parameters:
            return _end_of_attempt(run.parameters, before)
    except STRANGE as error:
        logger.warning("strange_run run=%s error=%s", run.id, type(error).__name__)
    # A curve, or a run that is not ours: it has no row, so its end is unknown.
    started = run.start_time
    return Crashed(message=LOST) if started and started < before - GONE else None


def _end_of_attempt(parameters: Mapping[str, Any], before: datetime) -> State[None] | None:
    """The final state of the attempt that the parameters name."""
    for noun, kind in DISPATCHES.items():
        if f"{noun}_id" in parameters:
            row = kind.rows._default_manager.filter(pk=parameters[f"{noun}_id"]).first()
            return _end_of_row(row, parameters["attempt"], before)
    attempt = Attempt.objects.get(
        execution_id=parameters["execution_id"], number=parameters["attempt"]
    )
    if attempt.finished_at is None or attempt.finished_at > before:
        return None
    return {
        Attempt.Outcome.SUCCEEDED: Completed(),
        Attempt.Outcome.FAILED: Failed(message="The row says why."),
        Attempt.Outcome.LOST: Crashed(message=LOST),
    }[Attempt.Outcome(attempt.outcome)]


def _end_of_row(row: VersionRun | None, attempt: int, before: datetime) -> State[None] | None:
    if row is None or row.attempt > attempt:
        return Crashed(message=LOST)
    if row.finished_at is None or row.finished_at > before:
        return None
    passed = row.status == VersionRun.Status.SUCCEEDED
    return Completed() if passed else Failed(message="The row says why.")
