"""Hands executions over; never computes."""

import uuid

from celery import shared_task

from executions import sweep
from executions.dispatch import dispatch
from models_registry.errors import PrefectUnavailable


@shared_task(ignore_result=True)
def submit_execution(execution_id: str) -> None:
    try:
        dispatch(uuid.UUID(execution_id))
    except PrefectUnavailable:
        return  # the row is still queued, and the sweep finds it


@shared_task(ignore_result=True)
def sweep_executions() -> None:
    sweep.sweep()
