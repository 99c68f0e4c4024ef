"""The flow of a prediction: takes an execution, has its model compute, writes the result.

The row is authoritative: it is claimed by compare-and-set before anything runs, the model gets its
inputs, and its outcome is written once. Prefect gets the final state of the run, but never a
sensitive value nor the model's own messages.
"""

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

from django.db import transaction
from prefect import flow
from prefect.runtime import flow_run

from config.logging import log_context
from executions import lifecycle
from executions.models import Execution
from executions.records.attempt_log import AttemptLog
from flows.errors import NotQueued, ParametersDiffer, PredictionFailed
from flows.host import owner
from flows.lease import Lease, leases
from flows.opened import opened
from flows.outcomes import Refused, outcome_of, record
from flows.prediction_record import failure_of, lost_number, with_reference_interval
from model_host.protocol.inputs import Scalar
from model_host.protocol.trace import Traced
from models_registry.inputs.input_schema import InputSchema

logger = logging.getLogger(__name__)

NOT_STORED = "The outcome could not be stored ({})."


@flow(name="predict", persist_result=False)
def predict(execution_id: str, attempt: int, inputs: dict[str, Any] | None = None) -> None:
    """Run one attempt of an execution. ``inputs`` are shown in Prefect; the row's own are used."""
    claim(execution_id, attempt, inputs, flow_run_id=UUID(flow_run.get_id())).carry_out()


@dataclass(frozen=True)
class Prediction:
    """One attempt of an execution that this process holds."""

    execution: Execution
    schema: InputSchema
    inputs: dict[str, Scalar]
    claimed_at: float
    log: AttemptLog

    def carry_out(self) -> None:
        """Compute and write the outcome. Raises PredictionFailed if it is a failure, LeaseLost or
        HandedBack if the attempt has no outcome."""
        execution = self.execution
        attempt = execution.attempt
        extend = partial(
            lifecycle.extend_lease, execution.pk, attempt=attempt, owner=execution.lease_owner
        )
        with (
            log_context(execution=execution.public_id),
            leases.holding(extend, taken_at=self.claimed_at) as lease,
        ):
            version = f"{execution.version.model.slug}/{execution.version.short_name}"
            logger.info("prediction_started version=%s attempt=%d", version, attempt)
            self.log.add(f"claimed by {execution.lease_owner}, attempt {attempt}")
            give_back = partial(lifecycle.mark_handed_back, execution)
            outcome = outcome_of(partial(self._compute, lease), lease, give_back)
            self._log_outcome(outcome)
            outcome = record(lease, outcome, self._write, self._write, not_stored=NOT_STORED)
            code = outcome.code if isinstance(outcome, Refused) else "SUCCEEDED"
            seconds = time.monotonic() - self.claimed_at
            logger.info(
                "prediction_finished version=%s outcome=%s seconds=%.3f", version, code, seconds
            )
        if isinstance(outcome, Refused):
            raise PredictionFailed(code, execution.public_id) from None

    def _compute(self, lease: Lease) -> Traced:
        execution, version = self.execution, self.execution.version
        if not execution.is_pinned:
            raise Refused("The draft was changed after this run was requested.")
        with opened(version, self.schema) as model:
            self.log.add("file is there, its digest verified")
            how = {"cancelled": lease.lost, "note": self.log.add}
            if execution.purpose == Execution.Purpose.PREDICTION:
                return Traced(model.predict(self.inputs, **how), None)
            is_replay = execution.purpose == Execution.Purpose.REPLAY
            return model.trace(
                self.inputs,
                level="full" if is_replay else "steps",
                is_fresh=is_replay,
                hidden=[one.name for one in self.schema.features if one.is_sensitive],
                **how,
            )

    def _write(self, outcome: Traced | Refused) -> bool:
        owner = self.execution.lease_owner
        if isinstance(outcome, Refused):
            return lifecycle.mark_failed(
                self.execution,
                owner=owner,
                failure=failure_of(outcome, self.schema),
                log=self.log.text,
            )
        outputs = with_reference_interval(outcome.outputs, self.execution.version)
        return lifecycle.mark_succeeded(
            self.execution,
            owner=owner,
            outputs=outputs,
            warnings=[
                *self.execution.warnings,
                *outcome.outputs.warnings,
                *lost_number(outcome.outputs, self.schema, self.inputs),
            ],
            trace=outcome.trace,
            log=self.log.text,
        )

    def _log_outcome(self, outcome: Traced | Refused) -> None:
        """Log the outcome without any value: the model's own message may quote one."""
        if isinstance(outcome, Refused):
            step = f" in step {outcome.told.step}" if outcome.told and outcome.told.step else ""
            self.log.add(f"failed: {outcome.code}{step}", "ERROR")
            return
        self.log.add(f"predicted in {outcome.outputs.seconds:.3f} s")
        if outcome.outputs.notes:
            self.log.add(f"the model noted {len(outcome.outputs.notes)} warnings", "WARNING")
        self.log.add("outcome stored")


def claim(
    execution_id: str,
    attempt: int,
    inputs: Mapping[str, Any] | None = None,
    *,
    flow_run_id: UUID | None = None,
) -> Prediction:
    """Claim a queued execution. Raises NotQueued, or ParametersDiffer where ``inputs`` hold another
    value than the row; nothing is written then."""
    claimed_at = time.monotonic()
    with transaction.atomic():
        claimed = lifecycle.mark_running(
            UUID(execution_id), attempt=attempt, owner=owner(), flow_run_id=flow_run_id
        )
        if claimed is None or claimed.is_batch:
            raise NotQueued
        schema = claimed.version.features.as_schema()
        stored = schema.read(claimed.inputs or {})
        differing = _differing(schema, stored, inputs or {})
        if differing:
            raise ParametersDiffer(differing)
    return Prediction(claimed, schema, stored, claimed_at, AttemptLog(claimed_at))


def _differing(
    schema: InputSchema, stored: Mapping[str, Scalar], shown: Mapping[str, Any]
) -> list[str]:
    """The names whose value in the run's parameters is not the row's."""
    unknown = shown.keys() - stored.keys()
    known = {name: value for name, value in shown.items() if name not in unknown}
    read = schema.read(known)
    return sorted(unknown) + [
        name
        for name in known
        if (read[name], isinstance(read[name], bool))
        != (stored[name], isinstance(stored[name], bool))
    ]
