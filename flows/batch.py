"""The flow of a batch: claims the execution, has its rows computed a chunk at a time, ends it.

The chunks are rows of ours that any worker may claim: this flow's, and workers that help it
(``help_with``). What was written stays, so that the next attempt begins where this one ended. A row
that the model refuses or does not survive is recorded and the rest goes on; only what concerns the
whole file ends the batch. Prefect gets neither values nor the model's own words.
"""

import logging
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from uuid import UUID

from prefect import flow
from prefect.runtime import flow_run

from config.logging import log_context
from executions import lifecycle
from executions.batches import lifecycle as chunks
from executions.batches.contents import Part, pack_answers, unpack_values
from executions.models import BatchChunk, Execution
from executions.records.attempt_log import AttemptLog
from flows.errors import LeaseLost, NotQueued, PredictionFailed
from flows.host import owner
from flows.lease import Lease, leases
from flows.opened import Model, opened
from flows.outcomes import Refused, outcome_of, record, refusals
from flows.prediction_record import (
    failure_of,
    lost_number,
    many_with_interval,
    reference_halfwidth,
)
from model_host.client import PredictionCancelled
from model_host.protocol.errors import HostError
from model_host.protocol.inputs import Scalar
from model_host.protocol.outputs import ManyOutputs, RowFailure, RowOutputs
from models_registry.inputs.input_schema import InputSchema, read_value

logger = logging.getLogger(__name__)

NOT_STORED = "The outcome could not be stored ({})."
LOOK_SECONDS = 0.2
"""The interval at which a flow without a free chunk looks whether its helpers are done."""
MOST_ENDS = 200
"""How often a chunk's rows may end the model's process before the rest of them counts as failed."""

Values = Sequence[Scalar]


@flow(name="batch", persist_result=False)
def batch(execution_id: str, attempt: int) -> None:
    """Run one attempt of a batch."""
    claim(execution_id, attempt, flow_run_id=UUID(flow_run.get_id())).carry_out()


@dataclass
class Rows:
    """The answers to rows by a model whose process some of them may end. A piece of rows that ends
    it is asked again by halves, down to the row; each answered piece doubles the next."""

    model: Model
    cancelled: threading.Event
    size: int = 1_000_000
    ends: int = 0
    parts: list[Part] = field(default_factory=list)

    def answer(self, rows: Sequence[Values]) -> list[Part]:
        """Return the answers to the rows of a chunk. Raises HostError where no row is to blame, and
        PredictionCancelled."""
        self.parts, self.ends = [], 0
        done = 0
        while done < len(rows):
            piece = rows[done : done + self.size]
            try:
                many = self.model.predict_many(piece, cancelled=self.cancelled)
            except HostError as error:
                if not error.is_of_model:
                    raise
                self.ends += 1
                if len(piece) > 1 and self.ends <= MOST_ENDS:
                    self.size = len(piece) // 2
                    continue
                many = _failed(piece, error)
            self.parts.append(Part(done, many))
            done += many.count
            self.size *= 2
        return self.parts


def _failed(piece: Sequence[Values], error: HostError) -> ManyOutputs:
    failures = (
        RowFailure(row, error.code, error.message[:2_000], error.input)  # type: ignore[arg-type]
        for row in range(len(piece))
    )
    return ManyOutputs("other", len(piece), failures=tuple(failures))


@dataclass(frozen=True)
class Work:
    """The computing of a batch's chunks, by the worker that runs it or by one that helps."""

    execution: Execution
    schema: InputSchema

    def chunks(self, lease: Lease) -> Iterator[BatchChunk]:
        """Claim, compute and write one free chunk after the other; yield each that is done. Raises
        what ends the work on all of them, the claimed one still claimed."""
        execution = self.execution
        halfwidth = reference_halfwidth(execution.version)
        with opened(execution.version, self.schema) as model:
            rows = Rows(model, lease.lost)
            while not lease.lost.is_set():
                chunk = chunks.claim_chunk(execution.pk, owner=owner())
                if chunk is None:
                    return
                values = self._read(unpack_values(bytes(chunk.inputs)))
                told = [
                    replace(part, answers=self._told(part, values, halfwidth))
                    for part in rows.answer(values)
                ]
                if self._write(chunk, told, lease):
                    yield chunk
            raise PredictionCancelled

    def _write(self, chunk: BatchChunk, told: list[Part], lease: Lease) -> bool:
        """Write the answers; False if another worker has the chunk by now, or the batch ended."""
        written: list[bool] = []
        mark = partial(
            chunks.mark_chunk_done,
            chunk,
            owner=owner(),
            outputs=pack_answers(told),
            failed_count=sum(len(one.answers.failures) for one in told),
        )

        def write() -> bool:
            written.append(mark())
            return True

        try:
            lease.write(write)
        except LeaseLost:
            raise PredictionCancelled from None
        return written[-1]

    def _read(self, rows: list[list[Scalar]]) -> list[list[Scalar]]:
        features = self.schema.features
        return [[read_value(*pair) for pair in zip(features, row, strict=True)] for row in rows]

    def _told(self, part: Part, values: list[list[Scalar]], halfwidth: float | None) -> ManyOutputs:
        """The answers as they are stored: with the interval from reference data, and in words for
        people, of a failure by the input's label, of a lost number."""
        many = many_with_interval(part.answers, halfwidth)
        known = self.schema.by_name
        failures = (
            replace(one, message=f"{known[one.input].label}: {one.message}")
            if one.input in known
            else one
            for one in many.failures
        )
        singles = (self._with_lost(one, values[part.first + one.row]) for one in many.singles)
        return replace(many, failures=tuple(failures), singles=tuple(singles))

    def _with_lost(self, single: RowOutputs, values: list[Scalar]) -> RowOutputs:
        inputs = dict(zip(self.schema.by_name, values, strict=True))
        said = lost_number(single.outputs, self.schema, inputs)
        warnings = (*single.outputs.warnings, *said)
        return replace(single, outputs=replace(single.outputs, warnings=warnings))


@dataclass(frozen=True)
class BatchRun:
    """One attempt of a batch that this process holds."""

    execution: Execution
    schema: InputSchema
    claimed_at: float
    log: AttemptLog

    def carry_out(self) -> None:
        """Compute the chunks that are not done. Raises PredictionFailed if the batch failed,
        LeaseLost or HandedBack if another attempt continues."""
        execution = self.execution
        with (
            log_context(execution=execution.public_id),
            leases.holding(self._extend, taken_at=self.claimed_at) as lease,
        ):
            version = f"{execution.version.model.slug}/{execution.version.short_name}"
            logger.info("batch_started version=%s attempt=%d", version, execution.attempt)
            self.log.add(f"claimed by {execution.lease_owner}, attempt {execution.attempt}")
            outcome = outcome_of(partial(self._compute, lease), lease, self._give_back)
            if isinstance(outcome, Refused):
                self.log.add(f"failed: {outcome.code}", "ERROR")
            outcome = record(lease, outcome, self._write, self._write, not_stored=NOT_STORED)
            code = outcome.code if isinstance(outcome, Refused) else "SUCCEEDED"
            seconds = time.monotonic() - self.claimed_at
            logger.info("batch_finished version=%s outcome=%s seconds=%.3f", version, code, seconds)
        if isinstance(outcome, Refused):
            raise PredictionFailed(code, execution.public_id) from None

    def _compute(self, lease: Lease) -> int:
        """The number of chunks that this attempt computed, once all are done."""
        execution, done = self.execution, 0
        if not execution.is_pinned:
            raise Refused("The draft was changed after this run was requested.")
        work = Work(execution, self.schema)
        while chunks.has_open_chunks(execution.pk):
            for chunk in work.chunks(lease):
                done += 1
                self.log.add(f"chunk {chunk.number} is done, {chunk.row_count} rows")
            if chunks.has_open_chunks(execution.pk) and lease.lost.wait(LOOK_SECONDS):
                raise PredictionCancelled
        return done

    def _extend(self) -> bool:
        execution = self.execution
        if not lifecycle.extend_lease(
            execution.pk, attempt=execution.attempt, owner=execution.lease_owner
        ):
            return False
        chunks.extend_chunk_leases(execution.pk, owner=execution.lease_owner)
        return True

    def _give_back(self, *, why: str) -> bool:
        chunks.release_chunks(self.execution.pk, owner=self.execution.lease_owner)
        return lifecycle.mark_handed_back(self.execution, why=why)

    def _write(self, outcome: int | Refused) -> bool:
        holder = self.execution.lease_owner
        if isinstance(outcome, Refused):
            failure = failure_of(outcome, self.schema)
            return lifecycle.mark_failed(
                self.execution, owner=holder, failure=failure, log=self.log.text
            )
        return lifecycle.mark_batch_done(self.execution, owner=holder, log=self.log.text)


def claim(execution_id: str, attempt: int, *, flow_run_id: UUID | None = None) -> BatchRun:
    """Claim a queued batch. Raises NotQueued."""
    queued = Execution.objects.batches().queued().filter(pk=UUID(execution_id), attempt=attempt)
    claimed_at = time.monotonic()
    claimed = queued.exists() and lifecycle.mark_running(
        UUID(execution_id), attempt=attempt, owner=owner(), flow_run_id=flow_run_id
    )
    if not claimed:
        raise NotQueued
    schema = claimed.version.features.as_schema()
    return BatchRun(claimed, schema, claimed_at, AttemptLog(claimed_at))


def help_with(execution_id: UUID) -> int:
    """Compute free chunks of a batch that another worker runs, until there are none; return how
    many. What ends the work here is left to that worker."""
    execution = Execution.objects.select_related("version__model").get(pk=execution_id)
    if not execution.is_pinned:
        return 0
    work, done = Work(execution, execution.version.features.as_schema()), 0

    def extend() -> bool:
        # Between two chunks this worker holds none.
        has_chunks = chunks.extend_chunk_leases(execution_id, owner=owner())
        return has_chunks or chunks.is_going_on(execution_id)

    with (
        log_context(execution=execution.public_id),
        leases.holding(extend, taken_at=time.monotonic()) as lease,
    ):
        try:
            with refusals():
                for _ in work.chunks(lease):
                    done += 1
        except (Refused, PredictionCancelled, LeaseLost) as error:
            logger.warning("help_ended why=%s", type(error).__name__)
            raise
        finally:
            chunks.release_chunks(execution_id, owner=owner())
    logger.info("helped chunks=%d", done)
    return done


def help_another(runtimes: Sequence[str]) -> int:
    """Help the batch that has waited longest of those that other workers run and one of the
    ``runtimes`` opens; return the number of chunks that were computed."""
    found = chunks.batch_to_help(owner=owner(), runtimes=("", *runtimes))
    return 0 if found is None else help_with(found)
