"""Looks for executions that stood still and moves them on.

Runs every 5 s from Celery beat and from the resident worker; an advisory lock lets one through at a
time, so no single process is needed.
"""

import logging
from datetime import timedelta

from django.db import transaction
from django.db.models import Value
from django.db.models.functions import Now

from config.locks import is_only_one
from engine.errors import PrefectUnavailable
from executions import lifecycle
from executions.dispatch import dispatch
from executions.models import Execution

logger = logging.getLogger(__name__)

LOCK = 7_340_001
BATCH = 100
AGAIN_AFTER = timedelta(seconds=5)


def sweep() -> int:
    """Move stalled executions on and hand the due ones to Prefect; returns how many were handed
    over. With Prefect away the rest stay queued and are due again."""
    handed = 0
    for execution in take_stalled():
        try:
            dispatch(execution.pk)
        except PrefectUnavailable as error:
            logger.warning("sweep_waits_for_prefect error=%s", error)
            break
        handed += 1
    return handed


@transaction.atomic
def take_stalled() -> list[Execution]:
    """Move every execution that stood still one step on, and return those to be dispatched.

    RUNNING with an ended lease: the next attempt, or FAILED after the last. QUEUED past its
    deadline: FAILED. QUEUED past ``dispatch_after``: returned, and due again in 5 s unless the
    dispatch succeeds.
    """
    if not is_only_one(LOCK):
        return []
    rows = Execution.objects.select_for_update(skip_locked=True, of=("self",)).select_related(
        "version__model", "user"
    )
    for execution in rows.running().filter(lease_until__lt=Now())[:BATCH]:
        lifecycle.mark_lost(execution, why="The worker was lost")
        logger.warning("execution_lost id=%s attempt=%s", execution.pk, execution.attempt)
    for execution in rows.queued().filter(deadline__lt=Now())[:BATCH]:
        lifecycle.mark_expired(execution)
        logger.warning("execution_expired id=%s", execution.pk)
    due = list(rows.queued().filter(dispatch_after__lte=Now()).order_by("dispatch_after")[:BATCH])
    Execution.objects.filter(pk__in=[execution.pk for execution in due]).update(
        dispatch_after=Now() + Value(AGAIN_AFTER)
    )
    return due
