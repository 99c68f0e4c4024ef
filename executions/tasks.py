"""Celery tasks that dispatch and purge executions; none of them computes."""

import uuid

from celery import shared_task

from config.queue import kick
from engine.errors import PrefectRefused, PrefectUnavailable
from executions import sweep
from executions.dispatch import dispatch, dispatch_exploration
from executions.records import flow_run_copies, purging, use

PURGE_SECONDS = 8.0


@shared_task(ignore_result=True)
def submit_execution(execution_id: str) -> None:
    try:
        dispatch(uuid.UUID(execution_id))
    except PrefectUnavailable:
        return  # the row is still queued, and the sweep finds it


@shared_task(ignore_result=True)
def sweep_executions() -> None:
    sweep.sweep()


@shared_task(ignore_result=True)
def submit_exploration(execution_id: str, input: str, token: str) -> None:
    try:
        dispatch_exploration(uuid.UUID(execution_id), input, token)
    except (PrefectUnavailable, PrefectRefused):
        return  # the request expires after a minute


@shared_task(ignore_result=True)
def forget_replays() -> None:
    purging.forget_old_replays()


@shared_task(ignore_result=True)
def count_use() -> None:
    use.count_use()


@shared_task(ignore_result=True)
def copy_flow_runs() -> None:
    flow_run_copies.copy_flow_runs()


@shared_task(ignore_result=True)
def purge_executions() -> None:
    """Purge for less than a task's time limit, and queue the task again while rows are left."""
    purged = purging.purge(seconds=PURGE_SECONDS)
    if not purged.is_complete and not purged.is_nothing:
        kick(purge_executions)


@shared_task(ignore_result=True)
def forget_flow_runs() -> None:
    purging.forget_flow_runs(seconds=PURGE_SECONDS)


@shared_task(ignore_result=True)
def forget_rows_files() -> None:
    purging.forget_rows_files()
