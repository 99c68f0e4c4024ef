"""`manage.py predict MODEL --inputs JSON --by EMAIL [--json]`: request a prediction and wait for
its result."""

import time
import uuid
from argparse import ArgumentParser
from typing import Any

from django.db.models import Q

from config.errors import DomainError
from executions.management.scripting import ScriptCommand, json_object, person, wait_for
from executions.models import Execution
from executions.presentation import error_sentence
from executions.services import request_execution
from models_registry.models import ModelVersion


class Command(ScriptCommand):
    help = "Make one prediction with a model's active version and wait for it."
    refused = {
        "id": None,
        "status": "refused",
        "error_code": None,
        "message": "",
        "prediction": None,
        "confidence": None,
        "probabilities": None,
        "model": None,
        "version": None,
        "flow_run_id": None,
        "time_to_result_ms": None,
    }

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("model", metavar="MODEL", help="its name or slug")
        parser.add_argument("--inputs", default="", metavar="JSON", help="values by input name")

    def script(self, options: dict[str, Any]) -> tuple[dict[str, Any], bool]:
        by = person(options["by"])
        version = _active_version(options["model"])
        inputs = json_object(options["inputs"], "--inputs")
        cleaned = version.features.as_schema().clean(inputs)
        if not cleaned.is_valid:
            wrong = " ".join(f"{name}: {error}" for name, error in cleaned.errors.items())
            result = self.refused | {"error_code": "INPUT", "message": wrong}
            return result | {"model": version.model.slug, "version": version.number}, False
        started = time.monotonic()
        execution = request_execution(
            user=by, version=version, inputs=cleaned, form_token=uuid.uuid4()
        )
        is_finished = wait_for(execution, seconds=options["timeout"])
        elapsed_ms = round(1000 * (time.monotonic() - started), 1)
        result = describe(execution) | {"time_to_result_ms": elapsed_ms if is_finished else None}
        return result, execution.status == Execution.Status.SUCCEEDED


def _active_version(name: str) -> ModelVersion:
    version = (
        ModelVersion.objects.active()
        .select_related("model")
        .filter(Q(model__slug=name) | Q(model__name=name))
        .first()
    )
    if version is None:
        slugs = ModelVersion.objects.active().values_list("model__slug", flat=True)
        raise DomainError(
            f"No live model is called “{name}”. Live models: {', '.join(slugs) or 'none'}."
        )
    return version


def describe(execution: Execution) -> dict[str, Any]:
    """Convert an execution to JSON values for scripts; several targets come as lists."""
    outputs = execution.read_outputs()
    answers = [
        {
            "prediction": target.text or target.value,
            "confidence": target.confidence,
            "probabilities": {str(one.value): one.probability for one in target.probabilities}
            or None,
        }
        for target in (outputs.targets if outputs else ())
    ]
    attempt = execution.attempts.last()
    return {
        "id": str(execution.pk),
        "public_id": execution.public_id,
        "status": execution.status,
        "error_code": execution.error_code or None,
        "message": error_sentence(execution) or execution.get_status_display(),
        **{
            key: (answers[0][key] if len(answers) == 1 else [a[key] for a in answers] or None)
            for key in ("prediction", "confidence", "probabilities")
        },
        "warnings": execution.warnings,
        "model": execution.version.model.slug,
        "version": execution.version.number,
        "flow_run_id": str(attempt.flow_run_id) if attempt and attempt.flow_run_id else None,
    }
