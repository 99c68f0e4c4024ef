"""Hands executions over; never computes."""

import uuid

from celery import shared_task

from executions import sweep
from executions.dispatch import dispatch, dispatch_exploration
from executions.replay_retention import forget_old_replays
from models_registry.errors import PrefectRefused, PrefectUnavailable


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
        return  # nobody waits for it longer than a minute


@shared_task(ignore_result=True)
def forget_replays() -> None:
    forget_old_replays()
