"""`manage.py predict MODEL --inputs JSON --by EMAIL [--json]`: request a prediction and wait for
its result."""

import time
import uuid
from argparse import ArgumentParser
from dataclasses import dataclass, replace
from typing import Any

from django.db.models import Q

from accounts.models import User
from config.errors import DomainError
from executions.management.scripting import (
    Result,
    ScriptCommand,
    json_object,
    person,
    wait_for,
)
from executions.models import Execution
from executions.results.presentation import error_sentence
from executions.services import request_execution
from model_host.protocol.inputs import Scalar
from models_registry.models import ModelVersion

Several = list[Any]
"""The values of several targets."""


@dataclass(frozen=True)
class Predicted(Result):
    id: str | None = None
    public_id: str | None = None
    error_code: str | None = None
    prediction: Scalar | Several = None
    confidence: float | Several | None = None
    probabilities: dict[str, float] | Several | None = None
    warnings: list[str] | None = None
    model: str | None = None
    version: int | None = None
    flow_run_id: str | None = None
    time_to_result_ms: float | None = None


class Command(ScriptCommand):
    help = "Make one prediction with a model's active version and wait for it."
    refused = Predicted()

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("model", metavar="MODEL", help="its name or slug")
        parser.add_argument("--inputs", default="", metavar="JSON", help="values by input name")

    def script(self, options: dict[str, Any]) -> tuple[Predicted, bool]:
        by = person(options["by"])
        version = _active_version(options["model"], by)
        inputs = json_object(options["inputs"], "--inputs")
        cleaned = version.features.as_schema().clean(inputs)
        if not cleaned.is_valid:
            wrong = " ".join(f"{name}: {error}" for name, error in cleaned.errors.items())
            model, number = version.model.slug, version.number
            refused = Predicted(error_code="INPUT", message=wrong, model=model, version=number)
            return refused, False
        started = time.monotonic()
        execution = request_execution(
            user=by, version=version, inputs=cleaned, form_token=uuid.uuid4()
        )
        is_finished = wait_for(execution, seconds=options["timeout"])
        elapsed_ms = round(1000 * (time.monotonic() - started), 1)
        result = replace(
            _described(execution), time_to_result_ms=elapsed_ms if is_finished else None
        )
        return result, execution.status == Execution.Status.SUCCEEDED


def _active_version(name: str, by: User) -> ModelVersion:
    live = ModelVersion.objects.active().visible_to(by)
    version = live.select_related("model").filter(Q(model__slug=name) | Q(model__name=name)).first()
    if version is None:
        slugs = live.values_list("model__slug", flat=True)
        raise DomainError(
            f"No live model is called “{name}”. Live models: {', '.join(slugs) or 'none'}."
        )
    return version


def _described(execution: Execution) -> Predicted:
    outputs = execution.read_outputs()
    targets = outputs.targets if outputs else ()
    attempt = execution.attempts.last()
    return Predicted(
        status=execution.status,
        message=error_sentence(execution) or execution.get_status_display(),
        id=str(execution.pk),
        public_id=execution.public_id,
        error_code=execution.error_code or None,
        prediction=_one_or_all([target.text or target.value for target in targets]),
        confidence=_one_or_all([target.confidence for target in targets]),
        probabilities=_one_or_all(
            [
                {str(one.value): one.probability for one in target.probabilities} or None
                for target in targets
            ]
        ),
        warnings=execution.warnings,
        model=execution.version.model.slug,
        version=execution.version.number,
        flow_run_id=str(attempt.flow_run_id) if attempt and attempt.flow_run_id else None,
    )


def _one_or_all(values: Several) -> Any:
    """The value of the only target, a list for several, None without any."""
    return values[0] if len(values) == 1 else values or None
