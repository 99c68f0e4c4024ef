"""The queueing of Celery tasks; the only function that does it."""

import logging
from functools import partial
from typing import Any

from celery import Task
from django.db import transaction

logger = logging.getLogger(__name__)


def kick(task: "Task[Any, Any]", *args: object) -> None:
    """Ask Celery to run ``task`` once the current transaction has committed.

    The written row is authoritative and a sweep will find it, so the task is only a hint: an
    unreachable queue costs at most the one-second socket timeout and a line in the log.
    """
    transaction.on_commit(partial(_publish, task, args), robust=True)


def _publish(task: "Task[Any, Any]", args: tuple[object, ...]) -> None:
    try:
        task.apply_async(args=args, retry=False)
    except Exception as error:  # a broker can fail in many ways, and none may fail the request
        logger.warning("kick_failed task=%s error=%s", task.name, type(error).__name__)
