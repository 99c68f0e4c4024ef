"""The flow of a rehearsal: runs one version on many rows in one warm process, or in two runtimes
side by side, or checks that its file is unaltered and still opens.

Only answers and sentences are written, never inputs. One row takes as long as a prediction; a run
ends after its time budget with the rows that it reached.
"""

import logging
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeGuard, TypeVar
from uuid import UUID

from django.conf import settings
from prefect import flow
from prefect.runtime import flow_run

from config.logging import log_context
from config.runtimes import offer
from flows.errors import NotQueued, RehearsalFailed
from flows.host import host_name, owner
from flows.inspecting.file_checks import accepted_differences, refuse_final_failure
from flows.lease import Lease, leases
from flows.opened import Inputs, Model, opened
from flows.outcomes import Refused, outcome_of, record
from flows.prediction_record import with_reference_interval
from flows.rehearsed_rows import BothRuntimes, answer_of, rows_of
from model_host.protocol.errors import HostError
from models_registry import lifecycle
from models_registry.inputs.input_schema import InputSchema
from models_registry.models import ReferenceData, Rehearsal
from models_registry.reference.conformal import halfwidth
from models_registry.rehearsal_results import (
    NO_TIME,
    Answered,
    Beside,
    Confirmed,
    Example,
    RowResult,
    Skipped,
    TriedRow,
)
from models_registry.store.integrity import mark_altered
from models_registry.store.storage import stored_digest

logger = logging.getLogger(__name__)

BUDGET_SECONDS = 120.0
SHOWN_SECONDS = 2.0
"""The interval at which the results so far are written."""

Results = Sequence[RowResult | TriedRow] | Sequence[Confirmed] | Sequence[Example]

Row = TypeVar("Row", RowResult, Beside)


@flow(name="rehearse", persist_result=False)
def rehearse(rehearsal_id: int, attempt: int) -> None:
    """Run one attempt of a rehearsal."""
    claim(rehearsal_id, attempt, flow_run_id=UUID(flow_run.get_id())).carry_out()


@dataclass(frozen=True)
class Rehearsing:
    """One attempt of a rehearsal that this process holds."""

    rehearsal: Rehearsal
    schema: InputSchema
    reference: ReferenceData | None
    claimed_at: float

    def carry_out(self) -> None:
        """Rehearse and write the results. Raises RehearsalFailed if there are none, LeaseLost or
        HandedBack if another attempt continues."""
        rehearsal = self.rehearsal
        extend = partial(lifecycle.extend_lease, rehearsal)
        with (
            log_context(rehearsal=rehearsal.pk),
            leases.holding(extend, taken_at=self.claimed_at) as lease,
        ):
            give_back = partial(lifecycle.mark_handed_back, rehearsal)
            outcome = outcome_of(partial(self._results, lease), lease, give_back)
            outcome = record(lease, outcome, self._write, self._write)
            has_failed = isinstance(outcome, Refused)
            logger.info(
                "rehearsal_finished kind=%s outcome=%s seconds=%.3f",
                rehearsal.kind,
                "FAILED" if has_failed else "SUCCEEDED",
                time.monotonic() - self.claimed_at,
            )
        if has_failed:
            raise RehearsalFailed(rehearsal.kind) from None

    def _write(self, outcome: Results | Refused) -> bool:
        if isinstance(outcome, Refused):
            return lifecycle.mark_failed(
                self.rehearsal, message=outcome.sentence, traceback=outcome.traceback
            )
        return lifecycle.mark_rehearsal_succeeded(
            self.rehearsal,
            results=outcome,
            reference=self.reference,
            halfwidth=self._halfwidth(outcome),
        )

    def _results(self, lease: Lease) -> Results:
        self._check_that_it_stands()
        if self.rehearsal.kind == Rehearsal.Kind.CHECK:
            return self._check()
        with opened(self.rehearsal.version, self.schema) as model:
            if self.rehearsal.kind == Rehearsal.Kind.EXAMPLE:
                return [self._example(model)]
            if self.rehearsal.kind != Rehearsal.Kind.RUNTIME:
                return self._rehearse(lease, lambda of, row: answer_of(model, row, lease))
            both = self._in_both_runtimes(model)
            return self._rehearse(lease, lambda of, row: both.answer_of(of, row, lease))

    def _check_that_it_stands(self) -> None:
        rehearsal, version = self.rehearsal, self.rehearsal.version
        if not rehearsal.is_pinned:
            raise Refused("The version was changed after this was requested. Try again.")
        if rehearsal.kind != Rehearsal.Kind.CALIBRATION:
            return
        if version.task != "regression" or version.targets.count() != 1:
            raise Refused("An interval needs a model whose answer is one number.")
        if self.reference is None or not self.reference.is_held_out:
            raise Refused("An interval needs rows that were not used in training.")

    def _example(self, model: Model) -> Example:
        """The answer to the typical row, with the interval that a prediction would have."""
        row = self.schema.typical_values()
        wrong = self.schema.clean(row).errors
        if wrong:
            labels = self.schema.by_name
            said = " ".join(f"{labels[name].label}: {error}" for name, error in wrong.items())
            raise Refused(f"The typical values do not fit the inputs. {said}")
        outputs = model.predict(self.schema.read(row))
        return Example(row, with_reference_interval(outputs, self.rehearsal.version))

    def _check(self) -> list[Confirmed]:
        """The digest of the store's own bytes, and a load in a new process of the version's
        runtime."""
        version = self.rehearsal.version
        found = stored_digest(version.sha256)
        if found != version.sha256:
            mark_altered(version.sha256)
            raise Refused(f"The file in the store was altered: its SHA-256 is {found} now.")
        hashed = Confirmed("Hash verified in the store", f"SHA-256 {found}")
        with opened(version, self.schema) as model:
            names = [feature.name for feature in self.schema.features]
            load, examination = model.examine(names=names)
            model.warm()
            runtime = model.libraries.get("scikit-learn", version.scikit_learn)
        differences = "; ".join(map(str, accepted_differences(examination)))
        refuse_final_failure(examination)
        took = f"{load.seconds:.2f} s" + (f", {differences}" if differences else "")
        return [hashed, Confirmed(f"Opens in its runtime, scikit-learn {runtime}", took)]

    def _in_both_runtimes(self, model: Model) -> BothRuntimes:
        """The model, open in its own runtime and in the other one. Raises Refused where this worker
        lacks one, and HostError, which names it, where the model does not open in one."""
        rehearsal = self.rehearsal
        own, other = model.served_by(rehearsal.own_runtime), model.served_by(rehearsal.runtime)
        for one in (own, other):
            found = offer(settings.RUNTIMES_DIR, one.runtime)
            if not found.is_here:
                raise Refused(
                    f"The worker {host_name()} has no scikit-learn {one.runtime}, and a try needs "
                    f"both. {found.problem}"
                )
        for one in (own, other):
            try:
                one.warm()
            except HostError as error:
                error.message = f"With scikit-learn {one.runtime}: {error.message}"
                raise
        lifecycle.note_progress(
            rehearsal, libraries={one.runtime: one.libraries for one in (own, other)}
        )
        return BothRuntimes(own, other, rehearsal.version.cases.in_bulk())

    def _rehearse(
        self, lease: Lease, answer: Callable[[str | int, Inputs], Row]
    ) -> Sequence[Row | Skipped]:
        """One result for each of ``of``; what the budget does not reach is skipped."""
        ends = time.monotonic() + BUDGET_SECONDS
        shown = time.monotonic()
        results: list[Row | Skipped] = []
        rows = rows_of(self.rehearsal, self.reference, self.schema)
        for of, row in zip(self.rehearsal.of, rows, strict=True):
            if time.monotonic() > ends:
                results.append(NO_TIME)
            elif isinstance(row, Skipped):
                results.append(row)
            else:
                results.append(answer(of, row))
            if time.monotonic() - shown > SHOWN_SECONDS:
                lifecycle.note_progress(self.rehearsal, results=results)
                shown = time.monotonic()
        return results

    def _halfwidth(self, results: Results) -> float | None:
        if self.reference is None:
            return None
        targets = self.reference.targets
        return halfwidth(
            targets[number] - result.value
            for number, result in zip(self.rehearsal.of, results, strict=True)
            if number < len(targets)
            and isinstance(result, Answered)
            and _is_number(targets[number])
            and _is_number(result.value)
        )


def claim(rehearsal_id: int, attempt: int, *, flow_run_id: UUID | None = None) -> Rehearsing:
    """Claim a queued rehearsal. Raises NotQueued."""
    claimed_at = time.monotonic()
    rehearsal = lifecycle.mark_running(
        Rehearsal, rehearsal_id, attempt=attempt, owner=owner(), flow_run_id=flow_run_id
    )
    if rehearsal is None:
        raise NotQueued
    reference = None
    if rehearsal.kind == Rehearsal.Kind.CALIBRATION:
        reference = ReferenceData.objects.filter(version=rehearsal.version_id).first()
    return Rehearsing(rehearsal, rehearsal.version.features.as_schema(), reference, claimed_at)


def _is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
