"""The flow of a rehearsal: runs one version on many rows in one warm process, or checks that its
file is unaltered and still opens.

Only answers and sentences are written, never inputs. One row takes as long as a prediction; a run
ends after its time budget with the rows that it reached.
"""

import logging
import math
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeGuard
from uuid import UUID

from prefect import flow
from prefect.runtime import flow_run

from config.logging import log_context
from executions.models import Execution
from flows.errors import (
    ArtifactTampered,
    HandedBack,
    LeaseLost,
    NotAModel,
    NotQueued,
    RehearsalFailed,
    storable,
)
from flows.host import owner
from flows.lease import Lease, leases
from flows.opened import Model, given_back_if_lost, opened
from model_host.client import ArtifactChanged
from model_host.protocol.errors import HostError
from model_host.protocol.inputs import Scalar
from models_registry import lifecycle
from models_registry.errors import ArtifactMissing
from models_registry.inputs.input_schema import InputSchema
from models_registry.models import ReferenceData, Rehearsal
from models_registry.promotion.library_versions import library_differences
from models_registry.reference.conformal import halfwidth
from models_registry.rehearsal_results import Answered, Confirmed, Failed, RowResult, Skipped
from models_registry.store.integrity import mark_altered
from models_registry.store.storage import stored_digest

logger = logging.getLogger(__name__)

BUDGET_SECONDS = 120.0
SHOWN_SECONDS = 2.0
"""The interval at which the results so far are written."""

Result = RowResult | Confirmed


@flow(name="rehearse", persist_result=False)
def rehearse(rehearsal_id: int, attempt: int) -> None:
    """Run one attempt of a rehearsal."""
    claim(rehearsal_id, attempt, flow_run_id=UUID(flow_run.get_id())).carry_out()


class Refused(Exception):
    """The rehearsal was refused; the sentence says why, for admins."""

    def __init__(self, sentence: str, *, traceback: str = "") -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.traceback = traceback


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
            refusal = self._write(lease)
            logger.info(
                "rehearsal_finished kind=%s outcome=%s seconds=%.3f",
                rehearsal.kind,
                "FAILED" if refusal else "SUCCEEDED",
                time.monotonic() - self.claimed_at,
            )
        if refusal:
            raise RehearsalFailed(rehearsal.kind) from None

    def _write(self, lease: Lease) -> Refused | None:
        """Write the results, or the refusal that is returned."""
        try:
            results = self._results(lease)
        except Refused as refused:
            refusal = refused
        else:
            problem = lease.try_to_write(lambda: self._succeeded(results))
            if problem is None:
                return None
            words = f"What came of it could not be stored ({type(problem).__name__}). Try again."
            refusal = Refused(words, traceback=storable(problem))
        lease.write(
            partial(
                lifecycle.mark_failed,
                self.rehearsal,
                message=refusal.sentence,
                traceback=refusal.traceback,
            )
        )
        return refusal

    def _succeeded(self, results: list[Result]) -> bool:
        return lifecycle.mark_rehearsal_succeeded(
            self.rehearsal,
            results=results,
            reference=self.reference,
            halfwidth=self._halfwidth(results),
        )

    def _results(self, lease: Lease) -> list[Result]:
        """The results. Raises Refused, LeaseLost or HandedBack."""
        sha256 = self.rehearsal.sha256
        try:
            self._check_that_it_stands()
            give_back = partial(lifecycle.mark_handed_back, self.rehearsal)
            with given_back_if_lost(lease, give_back):
                if self.rehearsal.kind == Rehearsal.Kind.CHECK:
                    return self._check()
                return self._rehearse(lease)
        except HostError as error:
            raise Refused(error.message, traceback=error.traceback) from None
        except ArtifactMissing:
            raise Refused("The store did not give the file. Try again in a minute.") from None
        except ArtifactTampered:
            mark_altered(sha256)
            raise Refused("The file in the store was altered. It was not opened.") from None
        except (ArtifactChanged, NotAModel):
            why = "This worker's copy of the file was altered and is fetched again. Try again."
            raise Refused(why) from None
        except (Refused, HandedBack, LeaseLost):
            raise
        except Exception as error:  # any error must be written to the row
            logger.exception("rehearsal_broke")
            words = f"The worker itself failed ({type(error).__name__}). Try again."
            raise Refused(words, traceback=traceback.format_exc()) from None

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

    def _check(self) -> list[Result]:
        """The digest of the store's own bytes, and a load in a new process."""
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
        differences = library_differences(
            examination.libraries_trained, examination.libraries_running
        )
        words = "; ".join(map(str, differences))
        if any(difference.is_major for difference in differences):
            raise Refused(f"The model needs other libraries than this server runs: {words}.")
        failure = examination.trial_failure
        if failure is not None and failure.is_final:
            raise Refused(failure.message, traceback=failure.traceback)
        took = f"{load.seconds:.2f} s" + (f", {words}" if words else "")
        return [hashed, Confirmed("Opens in today's runtime", took)]

    def _rehearse(self, lease: Lease) -> list[Result]:
        """One result for each of ``of``; what the budget does not reach is skipped."""
        ends = time.monotonic() + BUDGET_SECONDS
        shown = time.monotonic()
        results: list[Result] = []
        with opened(self.rehearsal.version, self.schema) as model:
            for inputs in self._rows():
                if time.monotonic() > ends:
                    results.append(Skipped("There was no time left."))
                elif isinstance(inputs, str):
                    results.append(Skipped(inputs))
                else:
                    results.append(self._ask(model, inputs, lease))
                if time.monotonic() - shown > SHOWN_SECONDS:
                    lifecycle.note_progress(self.rehearsal, results=results)
                    shown = time.monotonic()
        return results

    def _rows(self) -> Iterator[dict[str, Scalar] | str]:
        """For each of ``of`` its inputs as the version takes them, or why there are none."""
        known = [feature.name for feature in self.schema.features]
        for raw in self._raw_rows():
            if raw is None:
                yield "It is gone."
                continue
            cleaned = self.schema.clean({name: raw[name] for name in known if name in raw})
            if cleaned.is_valid:
                yield self.schema.read(cleaned.values)
            else:
                yield "Its inputs do not fit any more."

    def _raw_rows(self) -> Iterator[dict[str, Any] | None]:
        of = self.rehearsal.of
        if self.reference is not None:
            rows = self.reference.rows
            yield from (rows[number] if 0 <= number < len(rows) else None for number in of)
            return
        kept = Execution.objects.kept().filter(pk__in=of, inputs__isnull=False)
        inputs = dict(kept.values_list("pk", "inputs"))
        yield from (inputs.get(UUID(pk)) for pk in of)

    def _ask(self, model: Model, inputs: dict[str, Scalar], lease: Lease) -> Result:
        try:
            outputs = model.predict(inputs, cancelled=lease.lost)
        except HostError as error:
            if error.lost or error.code == "LOAD":
                raise
            # The model's own message may quote inputs.
            return Failed(str(Execution.ErrorCode(error.code).label))
        return Answered(outputs.targets[0].value)

    def _halfwidth(self, results: list[Result]) -> float | None:
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
