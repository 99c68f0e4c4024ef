"""Dispatch and sweep of inspections and rehearsals, as `executions/sweep.py` does for
executions."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from django.db import transaction

from config.locks import is_only_one
from engine import gateway
from engine.gateway import DeploymentMissing
from engine.sweep import hand_over
from engine.wakeup import queue_of
from models_registry import lifecycle
from models_registry.models import Inspection, Rehearsal
from models_registry.own_rehearsals import open_missing_examples

logger = logging.getLogger(__name__)

LOCK = 7_340_002


@dataclass(frozen=True)
class Dispatch:
    """The dispatch of one kind of row: its table, and the one deployment that its flow runs belong
    to. A run's parameters are the row's id, named ``<noun>_id``, and the attempt."""

    rows: type[Inspection] | type[Rehearsal]
    flow: str
    entrypoint: str
    description: str


DISPATCHES: Mapping[str, Dispatch] = {
    "inspection": Dispatch(
        Inspection,
        "inspect",
        "flows.inspection.inspect",
        "Examines an uploaded model file and proposes its inputs.",
    ),
    "rehearsal": Dispatch(
        Rehearsal,
        "rehearse",
        "flows.rehearsal.rehearse",
        "Tries a version on many rows, before anybody depends on it.",
    ),
}


def dispatch(noun: str, pk: int) -> None:
    """Create the attempt's flow run, once. Raises PrefectUnavailable if it should be retried."""
    kind = DISPATCHES[noun]
    queued = kind.rows.objects.queued().filter(pk=pk)
    row: Inspection | Rehearsal | None = queued.select_related("version__model").first()
    if row is None:
        return
    version = row.version
    try:
        flow_run = gateway.start_flow_run(
            flow=kind.flow,
            deployment=kind.flow,
            name=f"{version.model.slug}-{version.short_name}-{noun}-{row.pk}",
            parameters={f"{noun}_id": row.pk, "attempt": row.attempt},
            idempotency_key=f"{noun}:{row.pk}:{row.attempt}",
            tags=(noun, version.model.slug, version.short_name),
            queue=queue_of(row.needed_runtime),
        )
    except DeploymentMissing:
        sync_deployment(noun)
        raise
    if flow_run.will_not_start:
        lifecycle.mark_lost(row, why=f"The {noun} did not start")
        return
    lifecycle.mark_submitted(row, flow_run_id=flow_run.id)


def sync_deployment(noun: str) -> None:
    """Create or update the one Prefect deployment that rows of this kind run by."""
    kind = DISPATCHES[noun]
    gateway.ensure_deployment(
        flow=kind.flow,
        deployment=kind.flow,
        entrypoint=kind.entrypoint,
        parameter_schema={
            "type": "object",
            "properties": {
                f"{noun}_id": {"type": "integer", "title": noun.capitalize()},
                "attempt": {"type": "integer", "title": "Attempt"},
            },
            "required": [f"{noun}_id", "attempt"],
        },
        description=kind.description,
        tags=(noun,),
    )


def sweep() -> int:
    """Move stalled rows on, ask for missing examples and dispatch the due rows; returns how many
    were dispatched."""
    return hand_over(take_stalled(), lambda due: dispatch(*due))


@transaction.atomic
def take_stalled() -> list[tuple[str, int]]:
    """Move running rows whose lease ended to their next attempt, and return the queued ones that
    are due; these are due again in 5 s."""
    if not is_only_one(LOCK):
        return []
    open_missing_examples()
    due: list[tuple[str, int]] = []
    for noun, kind in DISPATCHES.items():
        rows = kind.rows.objects.select_for_update(skip_locked=True)
        for row in rows.lost():
            lifecycle.mark_lost(row, why="The worker was lost")
            logger.warning("%s_lost id=%s attempt=%s", noun, row.pk, row.attempt)
        due += [(noun, row.pk) for row in rows.take_due()]
    return due
