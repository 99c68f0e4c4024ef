"""What a batch says of itself: its progress, and its results in order, chunk by chunk."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Count, Q, Sum
from django.utils import timezone

from executions.batches.contents import BatchRow, unpack_answers, unpack_rows
from executions.errors import user_sentence
from executions.models import BatchChunk, Execution
from model_host.protocol.inputs import Scalar
from model_host.protocol.outputs import Outputs, RowFailure

_DONE = Q(status=Execution.Status.SUCCEEDED)


@dataclass(frozen=True)
class Progress:
    """How far a batch is, in rows: ``done`` of ``rows``, of which ``failed`` have no answer.
    ``problems`` were refused by the check and are not among them. ``seconds_left`` is None where it
    cannot be told."""

    rows: int
    done: int
    failed: int
    problems: int
    seconds_left: float | None = None

    @property
    def answered(self) -> int:
        return self.done - self.failed

    @property
    def share(self) -> float:
        return self.done / self.rows if self.rows else 1.0


@dataclass(frozen=True)
class RowResult:
    """One row and its outcome. ``index`` counts the batch's rows from 0, ``number`` is the row's in
    its source. Neither ``outputs`` nor ``failure``: it is not computed."""

    id: str
    index: int
    number: int
    inputs: dict[str, Scalar]
    carried: tuple[Scalar, ...]
    warnings: tuple[str, ...]
    outputs: Outputs | None = None
    failure: RowFailure | None = None

    @property
    def problem(self) -> str:
        """The sentence for a person on why there is no answer; "" where there is one."""
        return user_sentence(self.failure.code, self.failure.message) if self.failure else ""


def progress(execution: Execution) -> Progress:
    """Return the progress of a batch, by one query beside that of its ``batch``."""
    batch = execution.batch
    sums = execution.chunks.filter(_DONE).aggregate(
        done=Sum("row_count", default=0), failed=Sum("failed_count", default=0), n=Count("pk")
    )
    left = None
    if sums["n"] and execution.status == Execution.Status.RUNNING and execution.started_at:
        since = execution.chunks.filter(_DONE, finished_at__gte=execution.started_at)
        now_done = since.aggregate(done=Sum("row_count", default=0))["done"]
        passed = max(timezone.now() - execution.started_at, timedelta(0)).total_seconds()
        left = passed * (batch.row_count - sums["done"]) / now_done if now_done else None
    return Progress(batch.row_count, sums["done"], sums["failed"], batch.problem_count, left)


def results(
    execution: Execution, *, first: int = 0, last: int | None = None
) -> Iterator[RowResult]:
    """Yield the rows of a batch in their order, those of indexes from ``first`` to before ``last``.
    Each chunk is one query, so that neither memory nor a cursor is held over the whole batch."""
    names = list(execution.version.features.order_by("position").values_list("name", flat=True))
    number = _chunk_of(execution, first)
    while number is not None:
        chunk = BatchChunk.objects.filter(execution=execution.pk, number=number).first()
        if chunk is None or (last is not None and chunk.first_row >= last):
            return
        for row in _rows(execution, chunk, names):
            if row.index >= first and (last is None or row.index < last):
                yield row
        number += 1


def row_at(execution: Execution, index: int) -> RowResult | None:
    """Return one row by its index; None where the batch has no such row, or was purged."""
    return next(results(execution, first=index, last=index + 1), None) if index >= 0 else None


def failed_rows(execution: Execution) -> Iterator[RowResult]:
    """Yield the rows that the model refused or did not survive, in their order."""
    names = list(execution.version.features.order_by("position").values_list("name", flat=True))
    with_failures = execution.chunks.filter(failed_count__gt=0).order_by("number")
    for number in with_failures.values_list("number", flat=True):
        chunk = BatchChunk.objects.filter(execution=execution.pk, number=number).first()
        if chunk is not None:
            yield from (row for row in _rows(execution, chunk, names) if row.failure)


def _chunk_of(execution: Execution, index: int) -> int | None:
    """The number of the chunk that holds the row; None where none does."""
    before = execution.chunks.filter(first_row__lte=index).order_by("-number")
    return before.values_list("number", flat=True).first()


def _rows(execution: Execution, chunk: BatchChunk, names: list[str]) -> Iterator[RowResult]:
    rows: list[BatchRow] = unpack_rows(bytes(chunk.inputs), bytes(chunk.carried))
    outcomes = {} if chunk.outputs is None else unpack_answers(bytes(chunk.outputs))
    for place, row in enumerate(rows):
        index, outcome = chunk.first_row + place, outcomes.get(place)
        outputs = outcome if isinstance(outcome, Outputs) else None
        yield RowResult(
            f"{execution.public_id}-{index + 1}",
            index,
            row.number,
            dict(zip(names, row.values, strict=True)),
            row.carried,
            (*row.warnings, *(outputs.warnings if outputs else ())),
            outputs,
            outcome if isinstance(outcome, RowFailure) else None,
        )
