"""Dispatch of one execution to Prefect. Called by the Celery task and by the sweep."""

import json
import logging
import uuid
from typing import Any

from django.conf import settings

from engine import gateway
from engine.errors import PrefectRefused
from engine.gateway import DeploymentMissing
from engine.wakeup import batch_queue_of, queue_of
from executions import lifecycle
from executions.models import Execution
from models_registry.tasks import sync_prefect_deployment

logger = logging.getLogger(__name__)


def dispatch(execution_id: uuid.UUID) -> None:
    """Create the attempt's flow run, once: a second call finds the same one by its key, and reads
    from its state whether it can still start. Raises PrefectUnavailable if it should be retried."""
    execution = (
        Execution.objects.queued().filter(pk=execution_id).select_related("version__model").first()
    )
    if execution is None:
        return
    is_batch = execution.purpose == Execution.Purpose.BATCH
    model, runtime = execution.version.model, execution.version.runtime
    try:
        flow_run = gateway.start_flow_run(
            flow="batch" if is_batch else "predict",
            deployment="batch" if is_batch else model.slug,
            name=f"{model.slug}-{execution.version.short_name}-{execution.public_id}",
            parameters=_parameters(execution),
            idempotency_key=f"exec:{execution.pk}:{execution.attempt}",
            tags=(execution.purpose, model.slug, execution.version.short_name),
            queue=batch_queue_of(runtime) if is_batch else queue_of(runtime),
        )
    except DeploymentMissing:
        if is_batch:
            sync_batches()
        else:
            sync_prefect_deployment(model.pk)
        raise
    except PrefectRefused as error:
        logger.error("dispatch_refused id=%s error=%s", execution.pk, error)
        lifecycle.mark_undeliverable(execution, message=str(error))
        return
    if flow_run.will_not_start:
        lifecycle.mark_lost(execution, why="The flow run ended before it started the model")
        return
    lifecycle.mark_submitted(execution.pk, attempt=execution.attempt, flow_run_id=flow_run.id)


def dispatch_exploration(execution_id: uuid.UUID, input: str, token: str) -> None:
    """Dispatch a question about a finished execution to a worker; the values stay in the row.
    Raises PrefectUnavailable or PrefectRefused."""
    execution = Execution.objects.filter(pk=execution_id)
    runtime = execution.values_list("version__runtime", flat=True).first() or ""
    run: dict[str, Any] = {
        "flow": "explore",
        "deployment": "explore",
        "name": f"explore-P-{execution_id.hex[:12]}",
        "parameters": {"execution_id": str(execution_id), "input": input},
        "idempotency_key": f"explore:{token}",
        "queue": queue_of(runtime),
    }
    try:
        gateway.start_flow_run(**run)
    except DeploymentMissing:
        sync_exploration()
        gateway.start_flow_run(**run)


def sync_exploration() -> None:
    """Create or update the one deployment that explores finished predictions."""
    gateway.ensure_deployment(
        flow="explore",
        deployment="explore",
        entrypoint="flows.exploring.explore",
        parameter_schema={
            "type": "object",
            "properties": {
                "execution_id": {"type": "string", "title": "Execution"},
                "input": {"type": "string", "title": "Input"},
            },
            "required": ["execution_id", "input"],
        },
        description="Shows how the answer of a finished prediction changes with one input.",
        tags=("exploration",),
    )


def sync_batches() -> None:
    """Create or update the one deployment that runs batches, of every model."""
    gateway.ensure_deployment(
        flow="batch",
        deployment="batch",
        entrypoint="flows.batch.batch",
        parameter_schema={
            "type": "object",
            "properties": {
                "execution_id": {"type": "string", "title": "Execution"},
                "attempt": {"type": "integer", "title": "Attempt"},
            },
            "required": ["execution_id", "attempt"],
        },
        description="Predicts many rows as one execution.",
        tags=("batch",),
    )


def _parameters(execution: Execution) -> dict[str, Any]:
    """The flow's parameters. Sensitive values never reach Prefect, and inputs too large for it stay
    in the row, from where the worker reads them in any case."""
    if execution.purpose == Execution.Purpose.BATCH:
        return {"execution_id": str(execution.pk), "attempt": execution.attempt}
    sensitive = set(
        execution.version.features.filter(is_sensitive=True).values_list("name", flat=True)
    )
    shown = {
        name: value for name, value in (execution.inputs or {}).items() if name not in sensitive
    }
    if len(json.dumps(shown)) > settings.PREFECT_MAX_PARAMETER_BYTES:
        shown = {}
    return {"execution_id": str(execution.pk), "attempt": execution.attempt, "inputs": shown}
