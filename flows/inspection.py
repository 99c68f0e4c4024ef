"""The flow of an inspection: examines an uploaded file and proposes the version's inputs.

Each step (``file_checks.py``) is shown as soon as it is known; the first that fails ends the
inspection with one plain sentence, and the draft stays, to be replaced or deleted.
"""

import logging
import time
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from prefect import flow
from prefect.runtime import flow_run

from config.logging import log_context
from flows.errors import InspectionFailed, NotQueued
from flows.host import owner
from flows.inspecting.file_checks import (
    check_a_row,
    check_format,
    check_inputs,
    check_libraries,
    check_load,
    check_predictions,
    check_receipt,
    reference_of,
)
from flows.inspecting.runtime_choice import choose_runtime
from flows.inspecting.shown_steps import Steps
from flows.lease import leases
from flows.outcomes import Refused, outcome_of, record
from models_registry import lifecycle
from models_registry.inputs.input_schema import InputSchema
from models_registry.inspection_steps import Report
from models_registry.lifecycle import Findings
from models_registry.models import Inspection

logger = logging.getLogger(__name__)

NOT_STORED = (
    "What was found in the file could not be stored ({}). A name or a text in the model may be "
    "longer than any that was expected: the traceback says what the database refused. Shorten it, "
    "then train and save the model again."
)


@flow(name="inspect", persist_result=False)
def inspect(inspection_id: int, attempt: int) -> None:
    """Run one attempt of an inspection."""
    claim(inspection_id, attempt, flow_run_id=UUID(flow_run.get_id())).carry_out()


@dataclass(frozen=True)
class Examining:
    """One attempt of an inspection that this process holds."""

    inspection: Inspection
    steps: Steps
    claimed_at: float

    def carry_out(self) -> None:
        """Examine the file and write the findings. Raises InspectionFailed if the file cannot be
        used, LeaseLost or HandedBack if another attempt continues."""
        inspection, version = self.inspection, self.inspection.version
        name = f"{version.model.slug}/{version.short_name}"
        extend = partial(lifecycle.extend_lease, inspection)
        with (
            log_context(inspection=inspection.pk),
            leases.holding(extend, taken_at=self.claimed_at) as lease,
        ):
            logger.info("inspection_started version=%s attempt=%d", name, inspection.attempt)
            give_back = partial(lifecycle.mark_handed_back, inspection)
            outcome = outcome_of(self._examine, lease, give_back, not_stored=NOT_STORED)
            writes = (self._write, self._write, self._write_bare)
            outcome = record(lease, outcome, *writes, not_stored=NOT_STORED)
            has_failed = isinstance(outcome, Refused)
            logger.info(
                "inspection_finished version=%s outcome=%s step=%r seconds=%.3f",
                name,
                "FAILED" if has_failed else "SUCCEEDED",
                self.steps.name,
                time.monotonic() - self.claimed_at,
            )
        if has_failed:
            raise InspectionFailed(self.steps.name) from None

    def _examine(self) -> Findings:
        """The findings, step by step."""
        steps, version = self.steps, self.inspection.version
        config = check_receipt(steps, version)
        with ExitStack() as stack:
            model = check_format(steps, version, stack)
            model = choose_runtime(steps, model)
            load = check_load(steps, model)
            known = reference_of(version)
            examination = check_predictions(steps, model, config, known.profile)
            check_libraries(steps, examination)
            proposed = check_inputs(steps, examination, config, known)
            schema = InputSchema(proposed.features, proposed.rules)
            example = check_a_row(steps, model, examination, schema)
        return Findings(
            format=model.file.format,
            estimator=examination.estimator,
            task=examination.task,
            container=examination.container,
            features=proposed.features,
            targets=proposed.targets,
            rules=proposed.rules,
            example=example,
            libraries_trained=examination.libraries_trained,
            runtime=model.runtime,
            report=Report(load, examination, disagreements=proposed.disagreements),
        )

    def _write(self, outcome: Findings | Refused) -> bool:
        steps = self.steps
        if isinstance(outcome, Refused):
            steps.failed(outcome.sentence)
            return self._write_bare(outcome, steps=steps.done, report=steps.report)
        return lifecycle.mark_inspection_succeeded(
            self.inspection, steps=steps.done, findings=outcome
        )

    def _write_bare(self, outcome: Findings | Refused, **fields: object) -> bool:
        """Write the refusal alone, where the database does not take what the steps say."""
        assert isinstance(outcome, Refused)
        return lifecycle.mark_failed(
            self.inspection, message=outcome.sentence, traceback=outcome.traceback, **fields
        )


def claim(inspection_id: int, attempt: int, *, flow_run_id: UUID | None = None) -> Examining:
    """Claim a queued inspection. Raises NotQueued."""
    claimed_at = time.monotonic()
    inspection = lifecycle.mark_running(
        Inspection, inspection_id, attempt=attempt, owner=owner(), flow_run_id=flow_run_id
    )
    if inspection is None:
        raise NotQueued
    return Examining(inspection, Steps(inspection), claimed_at)
