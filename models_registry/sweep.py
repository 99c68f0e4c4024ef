"""Hands inspections over to Prefect, and moves on those that stood still: the sibling of
`executions/sweep.py`."""

import logging
from datetime import timedelta

from django.db import transaction
from django.db.models import Value
from django.db.models.functions import Now
from django.utils import timezone

from config.locks import is_only_one
from models_registry import lifecycle, prefect_gateway
from models_registry.errors import PrefectUnavailable
from models_registry.models import Inspection
from models_registry.prefect_gateway import DeploymentMissing

logger = logging.getLogger(__name__)

LOCK = 7_340_002
AGAIN_AFTER = timedelta(seconds=5)
UNSTARTED = timedelta(seconds=15)


def dispatch_inspection(inspection_id: int) -> None:
    """Create the attempt's flow run, once. Raises PrefectUnavailable to be tried again."""
    inspection = (
        Inspection.objects.filter(pk=inspection_id, status=Inspection.Status.QUEUED)
        .select_related("version__model")
        .first()
    )
    if inspection is None:
        return
    version = inspection.version
    try:
        flow_run = prefect_gateway.start_flow_run(
            flow="inspect",
            deployment="inspect",
            name=f"{version.model.slug}-{version.short_name}-inspection-{inspection.pk}",
            parameters={"inspection_id": inspection.pk, "attempt": inspection.attempt},
            idempotency_key=f"inspection:{inspection.pk}:{inspection.attempt}",
            tags=("inspection", version.model.slug, version.short_name),
        )
    except DeploymentMissing:
        sync_inspect_deployment()
        raise
    if flow_run.is_finished or (
        flow_run.is_claimed and timezone.now() - flow_run.since > UNSTARTED
    ):
        lifecycle.mark_inspection_lost(inspection, why="The inspection did not start")
        return
    lifecycle.mark_inspection_submitted(
        inspection.pk, attempt=inspection.attempt, flow_run_id=flow_run.id
    )


def sync_inspect_deployment() -> None:
    """Give Prefect the one deployment that inspections are runs of."""
    prefect_gateway.ensure_deployment(
        flow="inspect",
        deployment="inspect",
        entrypoint="flows.inspection.inspect",
        parameter_schema={
            "type": "object",
            "properties": {
                "inspection_id": {"type": "integer", "title": "Inspection"},
                "attempt": {"type": "integer", "title": "Attempt"},
            },
            "required": ["inspection_id", "attempt"],
        },
        description="Examines an uploaded model file and proposes its inputs.",
        tags=("inspection",),
    )


def sweep() -> int:
    """Move stalled inspections on and hand the due ones over; returns how many were handed over."""
    handed = 0
    for inspection in take_stalled():
        try:
            dispatch_inspection(inspection.pk)
        except PrefectUnavailable as error:
            logger.warning("sweep_waits_for_prefect error=%s", error)
            break
        handed += 1
    return handed


@transaction.atomic
def take_stalled() -> list[Inspection]:
    """Running inspections whose lease ended go to their next attempt; the queued ones that are due
    are returned, and due again in 5 s."""
    if not is_only_one(LOCK):
        return []
    rows = Inspection.objects.select_for_update(skip_locked=True)
    for inspection in rows.filter(status=Inspection.Status.RUNNING, lease_until__lt=Now()):
        lifecycle.mark_inspection_lost(inspection, why="The worker was lost")
        logger.warning("inspection_lost id=%s attempt=%s", inspection.pk, inspection.attempt)
    due = list(rows.filter(status=Inspection.Status.QUEUED, dispatch_after__lte=Now())[:100])
    Inspection.objects.filter(pk__in=[inspection.pk for inspection in due]).update(
        dispatch_after=Now() + Value(AGAIN_AFTER)
    )
    return due
