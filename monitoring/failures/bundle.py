"""A replay as one JSON file, for the person who repairs the model, without sensitive values."""

from typing import Any

from django.db import transaction

from accounts.activity import record
from accounts.models import User
from executions.models import Execution
from executions.records.hiding import masked, shown_inputs, shown_outputs
from executions.services.replaying import verdict_of


@transaction.atomic
def bundle_of(*, replay: Execution, original: Execution, by: User) -> dict[str, Any]:
    """Return everything known about a replay and the execution it replays. The download is
    recorded."""
    record("replay downloaded", by=by, target=original.public_id)
    version = replay.version
    return {
        "verdict": verdict_of(replay, original).value,
        "model": version.model.name,
        "version": version.number,
        "estimator": version.estimator,
        "libraries_trained": version.libraries_trained,
        "original": _told(original),
        "replay": _told(replay)
        | {"outputs": shown_outputs(replay), "diagnostics": replay.diagnostics},
    }


def _told(execution: Execution) -> dict[str, Any]:
    return {
        "id": str(execution.pk),
        "version": execution.version.number,
        "version_sha256": execution.version_sha256,
        "version_revision": execution.version_revision,
        "status": execution.status,
        "requested_at": execution.requested_at,
        "started_at": execution.started_at,
        "finished_at": execution.finished_at,
        "error_code": execution.error_code,
        "exception": execution.exception,
        "failing_step": execution.failing_step,
        "fingerprint": execution.fingerprint,
        "message": masked(execution.message, execution),
        "traceback": masked(execution.traceback, execution),
        "inputs": shown_inputs(execution),
        "attempts": [
            {
                "number": attempt.number,
                "flow_run_id": attempt.flow_run_id,
                "worker": attempt.worker,
                "outcome": attempt.outcome,
                "log": attempt.log.splitlines(),
            }
            for attempt in execution.attempts.all()
        ],
    }
