"""The sweep of stalled executions, which moves each one step on.

Runs every 5 s from Celery beat and from the resident worker; an advisory lock lets one through at a
time, so no single process is needed.
"""

import logging

from django.db import transaction
from django.db.models.functions import Now

from config.locks import is_only_one
from engine.heartbeats import missing_runtime
from engine.run_claims import AT_ONCE
from engine.sweep import hand_over
from executions import lifecycle
from executions.dispatch import dispatch
from executions.models import Execution

logger = logging.getLogger(__name__)

LOCK = 7_340_001


def sweep() -> int:
    """Move stalled executions on and dispatch the due ones; returns how many were dispatched. While
    Prefect is unreachable the rest stay queued and become due again."""
    return hand_over(take_stalled(), lambda execution: dispatch(execution.pk))


@transaction.atomic
def take_stalled() -> list[Execution]:
    """Move every stalled execution one step on, and return those to be dispatched.

    RUNNING with an ended lease: the next attempt, or FAILED after the last. QUEUED past its
    deadline: FAILED. QUEUED past ``dispatch_after``: returned, and due again in 5 s unless the
    dispatch succeeds.
    """
    if not is_only_one(LOCK):
        return []
    rows = Execution.objects.select_for_update(skip_locked=True, of=("self",)).select_related(
        "version__model", "user"
    )
    for execution in rows.lost():
        lifecycle.mark_lost(execution, why="The worker was lost")
        logger.warning("execution_lost id=%s attempt=%s", execution.pk, execution.attempt)
    missing: dict[str, bool] = {}
    for execution in rows.queued().filter(deadline__lt=Now())[:AT_ONCE]:
        runtime = execution.version.runtime
        if runtime not in missing:
            missing[runtime] = missing_runtime(execution, runtime) is not None
        lifecycle.mark_expired(execution, without_runtime=runtime if missing[runtime] else "")
        logger.warning("execution_expired id=%s", execution.pk)
    return rows.take_due()
