"""State changes of a batch's chunks, and the end of a batch, as workers report them.

Every change is a compare-and-set of `engine/run_claims.py`. A chunk is claimed by one worker at a
time and written once; nothing is written to a batch that has ended. Several workers may share one
batch: the one that holds the execution ends it when no chunk is open.
"""

import uuid

from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Now

from engine.run_claims import QUEUED, RUNNING
from executions.models import BatchChunk, Execution, ExecutionQuerySet

OPEN = Q(status__in=[QUEUED, RUNNING])
_FREE = Q(status=QUEUED) | Q(status=RUNNING, lease_until__lt=Now())


@transaction.atomic
def claim_chunk(execution_id: uuid.UUID, *, owner: str) -> BatchChunk | None:
    """Claim the first chunk that no worker holds; None where there is none, or the batch has
    ended."""
    if not Execution.objects.running().filter(pk=execution_id).exists():
        return None
    free = BatchChunk.objects.filter(_FREE, execution=execution_id).order_by("number")
    chunk = free.select_for_update(skip_locked=True, no_key=True).first()
    if chunk is None:
        return None
    rows = BatchChunk.objects.filter(pk=chunk.pk)
    if chunk.status == RUNNING:  # its worker was lost
        rows.requeue()
        chunk.attempt += 1
    rows.claim(attempt=chunk.attempt, owner=owner)
    return chunk


def extend_chunk_leases(execution_id: uuid.UUID, *, owner: str) -> bool:
    """Renew this worker's leases on chunks of a batch that has not ended; False if there are
    none."""
    held = BatchChunk.objects.running().filter(
        execution=execution_id, lease_owner=owner, execution__in=_going_on()
    )
    return bool(held.extend_lease())


@transaction.atomic
def mark_chunk_done(chunk: BatchChunk, *, owner: str, outputs: bytes, failed_count: int) -> bool:
    """Write the answers to a chunk's rows, once; False if this worker no longer holds it, or the
    batch has ended."""
    going_on = _going_on().filter(pk=chunk.execution_id).select_for_update(no_key=True)
    if not going_on.values_list("pk").first():
        return False
    held = BatchChunk.objects.held_by(owner, chunk.attempt).filter(pk=chunk.pk)
    return bool(held.end(Execution.Status.SUCCEEDED, outputs=outputs, failed_count=failed_count))


def release_chunks(execution_id: uuid.UUID, *, owner: str) -> int:
    """Return the chunks that this worker holds to the queue; returns how many."""
    held = BatchChunk.objects.running().filter(execution=execution_id, lease_owner=owner)
    return held.requeue()


def has_open_chunks(execution_id: uuid.UUID) -> bool:
    return BatchChunk.objects.filter(OPEN, execution=execution_id).exists()


def close_chunks(execution_id: uuid.UUID) -> None:
    """Close the chunks that are not done, when their batch ends; what is done is kept."""
    BatchChunk.objects.filter(OPEN, execution=execution_id).end(Execution.Status.CANCELED)


def is_going_on(execution_id: uuid.UUID) -> bool:
    """Whether the batch has not ended."""
    return _going_on().filter(pk=execution_id).exists()


def batch_to_help(*, owner: str, runtimes: tuple[str, ...]) -> uuid.UUID | None:
    """Return the batch that has waited longest, that another worker runs, whose model this worker
    can open, and that has chunks left to claim; None where there is none."""
    free = BatchChunk.objects.filter(_FREE, execution=OuterRef("pk"))
    running = Execution.objects.batches().running().exclude(lease_owner=owner)
    found = running.filter(Exists(free), version__runtime__in=runtimes).order_by("requested_at")
    return found.values_list("pk", flat=True).first()


def _going_on() -> ExecutionQuerySet:
    return Execution.objects.exclude(status__in=Execution.FINISHED)
