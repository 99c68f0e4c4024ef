"""From a model file to a live version in one go, by the same services as the admin pages."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from accounts.models import User
from config.errors import DomainError
from executions.errors import user_sentence
from executions.models import Execution
from executions.services import request_execution
from executions.waiting import wait_for
from models_registry import services, wakeup
from models_registry.models import Inspection, ModelVersion, RegisteredModel


@dataclass(frozen=True)
class Publication:
    """How far a version came: draft, tested, active or refused, and why not further."""

    version: ModelVersion
    status: str
    message: str


def publish(
    *,
    model_name: str,
    chunks: Iterable[bytes],
    file_name: str,
    config: dict[str, Any],
    test_inputs: dict[str, Any] | None,
    promotion_text: str,
    libraries_tested: bool = False,
    inputs_reviewed: bool = False,
    by: User,
    seconds: float,
    description: str = "",
    reference: services.ReferenceUpload | None = None,
) -> Publication:
    """Upload, inspect, test where ``test_inputs`` are given, promote where ``promotion_text`` is.

    ``libraries_tested`` and ``inputs_reviewed`` are the ticks of the promotion page.
    Creates the model under ``model_name`` if it is new. Waits ``seconds`` for each flow run.
    Raises DomainError where a rule of the admin pages is broken.
    """
    model = RegisteredModel.objects.filter(name=model_name).first()
    if model is None:
        model = services.create_model(name=model_name, description=description, by=by)
    version = services.upload_version(
        model=model,
        chunks=chunks,
        file_name=file_name,
        config=config,
        reference=reference,
        by=by,
    )
    inspection = version.inspections.latest("pk")
    if not wait_for(inspection, seconds=seconds):
        return Publication(version, "draft", "The inspection has not finished yet.")
    if inspection.status == Inspection.Status.FAILED:
        return Publication(version, "refused", inspection.message)
    version.refresh_from_db()
    status, message = "draft", "The file passed its inspection."
    if test_inputs is not None:
        test = _test(version, test_inputs, by)
        if not wait_for(test, seconds=seconds):
            return Publication(version, "draft", f"The test {test.public_id} is not finished yet.")
        if test.status != Execution.Status.SUCCEEDED:
            sentence = user_sentence(test.error_code, test.message)
            return Publication(
                version, "draft", f"The test failed ({test.error_code}): {sentence} {test.message}"
            )
        status, message = "tested", "The test succeeded."
    if promotion_text:
        wakeup.warm(version.pk, wait_seconds=wakeup.WARM_SECONDS)
        services.promote(
            version=version,
            text=promotion_text,
            libraries_tested=libraries_tested,
            inputs_reviewed=inputs_reviewed,
            by=by,
        )
        status, message = "active", f"{version} is live."
    version.refresh_from_db()
    return Publication(version, status, message)


def _test(version: ModelVersion, inputs: dict[str, Any], by: User) -> Execution:
    cleaned = version.features.as_schema().clean(inputs)
    if not cleaned.is_valid:
        wrong = "; ".join(f"{name}: {error}" for name, error in cleaned.errors.items())
        raise DomainError(f"The test inputs do not fit. {wrong}")
    return request_execution(
        user=by,
        version=version,
        inputs=cleaned,
        form_token=uuid.uuid4(),
        purpose=Execution.Purpose.TEST,
    )
