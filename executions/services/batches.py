"""Operations on batches: submit, delete, restore. A batch is one execution on many rows."""

import hashlib
import uuid
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Value
from django.db.models.functions import Now

from accounts.activity import record
from accounts.models import User
from config.queue import kick
from executions.batches.contents import BatchRow, in_chunks, pack_carried, pack_rows
from executions.errors import NoActiveVersion, NoRows, OtherContent, TooManyBatchRows
from executions.models import Batch, BatchChunk, Execution
from executions.services.limits import check_batches, check_queue
from executions.services.requesting import NET
from executions.tasks import submit_execution
from models_registry.models import ModelVersion
from models_registry.services import check_runnable

KEYS = uuid.UUID("6f3f6c0e-3f0c-4a53-9d53-5c0c6d1b7f11")
"""The name space of the tokens that stand for the idempotency keys of programs."""
TRIED_AGAIN = (Execution.Status.FAILED, Execution.Status.CANCELED)
"""The ends of a batch after which its rows may run once more."""


def token_of_key(key: str) -> uuid.UUID:
    """Return the token that stands for an idempotency key: the same one for the same key."""
    return uuid.uuid5(KEYS, key)


@transaction.atomic
def submit_batch(
    *,
    user: User,
    version: ModelVersion,
    rows: Iterable[BatchRow],
    source: Batch.Source,
    token: uuid.UUID,
    carried: Sequence[str] = (),
    file_name: str = "",
    problem_count: int = 0,
    retry_of: Execution | None = None,
) -> Execution:
    """Accept checked rows as one execution on ``version``, all or none; durable from then on.

    ``rows`` are read once and kept in memory a chunk at a time; they were checked against the
    inputs of exactly this version (`executions/batches/checking.py`). ``carried`` names their
    carried cells. The same ``token`` with the same rows is the same batch (`token_of_key` for a
    program's key); with other rows, OtherContent. Raises TooManyBatches, TooManyBatchRows, NoRows,
    QueueFull, NoActiveVersion, and what ``check_runnable`` raises; nothing is accepted then. An
    error that ``rows`` raises passes through, and nothing is accepted either.
    """
    twin = _twin(user, token)
    if twin is None:
        if not version.is_active:
            raise NoActiveVersion
        check_runnable(version)
        check_batches(user)
        check_queue(user)
    digest = hashlib.sha256(f"{version.pk} {list(carried)}".encode())
    execution = Execution(
        user=user,
        version=version,
        version_sha256=version.sha256,
        version_revision=version.revision,
        purpose=Execution.Purpose.BATCH,
        inputs={},
        form_token=token,
        retry_of=retry_of,
        search_own=file_name[:300].casefold(),
        by_program=source == Batch.Source.API,
        dispatch_after=Now() + Value(NET),
        deadline=Now() + Value(settings.BATCH_DEADLINE),
    )
    chunks = _chunks(execution, rows, digest)
    counts = [(chunk.first_row, chunk.row_count) for chunk in _stored(chunks, is_kept=twin is None)]
    if not counts:
        raise NoRows
    # Only now, since a check of many rows would keep the person's other requests waiting.
    User.objects.select_for_update(no_key=True).get(pk=user.pk)
    execution.inputs_sha256 = digest.hexdigest()
    if (twin := twin or _twin(user, token)) is not None:
        BatchChunk.objects.filter(execution=execution.pk).delete()
        if twin.inputs_sha256 != execution.inputs_sha256:
            raise OtherContent
        return twin
    check_batches(user)
    execution.save(force_insert=True)
    Batch.objects.create(
        execution=execution,
        source=source,
        file_name=file_name[:300],
        carried=list(carried),
        row_count=sum(counts[-1]),
        problem_count=problem_count,
        chunk_count=len(counts),
    )
    record("batch requested", by=user, target=execution.public_id, after={"rows": sum(counts[-1])})
    kick(submit_execution, str(execution.pk))
    return execution


@transaction.atomic
def delete_batch(*, execution: Execution, by: User) -> bool:
    """Hide a finished batch of the person from every list at once; it can be restored for 30 days.
    False if it is not finished."""
    own = Execution.objects.batches_of(by).finished().filter(pk=execution.pk)
    if not own.update(deleted_at=Now()):
        return False
    record("batch deleted", by=by, target=execution.public_id)
    return True


@transaction.atomic
def restore_batch(*, execution: Execution, by: User) -> bool:
    """Restore a batch that the person deleted less than 30 days ago; False if there is none."""
    since = Now() - Value(settings.DELETED_KEPT)
    own = Execution.objects.batches().filter(
        pk=execution.pk, user=by, purged_at=None, deleted_at__gt=since
    )
    if not own.update(deleted_at=None):
        return False
    record("batch restored", by=by, target=execution.public_id)
    return True


def _twin(user: User, token: uuid.UUID) -> Execution | None:
    return Execution.objects.batches().filter(user=user, form_token=token).first()


def _chunks(execution: Execution, rows: Iterable[BatchRow], digest: Any) -> Iterator[BatchChunk]:
    """The rows as chunks that are not stored yet; their content is added to the digest."""
    first = 0
    lists = in_chunks(
        iter(rows), most_rows=settings.BATCH_CHUNK_ROWS, most_bytes=settings.BATCH_CHUNK_BYTES
    )
    for number, some in enumerate(lists):
        if first + len(some) > settings.BATCH_MAX_ROWS:
            raise TooManyBatchRows(settings.BATCH_MAX_ROWS)
        inputs, carried = pack_rows(some), pack_carried(some)
        digest.update(inputs)
        digest.update(carried)
        yield BatchChunk(
            execution=execution,
            number=number,
            first_row=first,
            row_count=len(some),
            inputs=inputs,
            carried=carried,
        )
        first += len(some)


def _stored(chunks: Iterator[BatchChunk], *, is_kept: bool) -> Iterator[BatchChunk]:
    """Store each chunk before the next is read. That their execution is there is checked at the end
    of the transaction."""
    for chunk in chunks:
        if is_kept:
            BatchChunk.objects.bulk_create([chunk])
        yield chunk
