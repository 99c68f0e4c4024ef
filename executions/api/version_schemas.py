"""The answers of the API about versions of a model, for those who publish them."""

from datetime import datetime
from typing import Any, Literal

from django.conf import settings
from django.urls import reverse
from pydantic import Field

from config.text.numbers import written_with
from executions.api.schemas import Answer, Failure, Prediction, address, prediction_of
from executions.errors import user_sentence
from executions.models import Execution
from models_registry.errors import ChangesNotReviewed, LibrariesNotTested, RawValuesNotConfirmed
from models_registry.inspection_steps import steps_seen
from models_registry.models import Inspection, ModelVersion
from models_registry.promotion.readiness import readiness_of

CONFIRMATIONS = {
    LibrariesNotTested: "libraries_tested",
    ChangesNotReviewed: "inputs_reviewed",
    RawValuesNotConfirmed: "raw_values",
}
"""The members of a promotion by which the publisher meets these conditions."""

Step = Literal["passed", "warning", "approval", "failed", "running", "waiting", "not_reached"]


class InspectionStep(Answer):
    name: str
    status: Step
    message: str


class InspectionOut(Answer):
    """The latest inspection of the version's file."""

    status: Literal["queued", "running", "succeeded", "failed"]
    message: str
    steps: list[InspectionStep]


class MissingOut(Answer):
    """One thing that a promotion still misses."""

    detail: str
    confirm: str | None = Field(description="The member of a promotion by which you confirm it")


class VersionSummary(Answer):
    number: int
    status: Literal["draft", "tested", "active", "archived"]
    label: str
    revision: int = Field(description="Of its inputs, which an admin may change in a draft")
    sha256: str = Field(description="Of its file; empty where none could be stored")
    size: int
    scikit_learn: str = Field(description="The version that serves it")
    uploaded_at: datetime
    deployed_at: datetime | None
    url: str


class Versions(Answer):
    items: list[VersionSummary]
    next: str | None = Field(description="The address of the next page; null on the last")


class VersionDetail(VersionSummary):
    """One version: what its inspection found, and what it still needs to go live."""

    model: str
    inspection: InspectionOut | None
    inputs: int
    cases: int = Field(description="Saved cases, which a test runs as well")
    cases_passing: int
    case_problems: list[str] = Field(description="Of those that were run and do not pass")
    promotion_misses: list[MissingOut]
    library_differences: list[str] = Field(description="Trained with, and running here")
    input_changes: list[str] = Field(description="Since the version that is live")
    tests_url: str
    promotion_url: str
    page_url: str


# --- Builders ---------------------------------------------------------------------------------


def version_address(name: str, version: ModelVersion, *args: Any) -> str:
    return address(f"api:{name}", version.model.slug, version.number, *args)


def version_summary(version: ModelVersion) -> VersionSummary:
    return VersionSummary(**_summary(version))


def version_detail(version: ModelVersion) -> VersionDetail:
    """Return the whole of a version, which was read with its model."""
    inspection = version.inspections.first()
    with written_with("."):
        ready = readiness_of(version)
        missing, changes = ready.missing(), list(ready.changes.sentences)
    failing = version.cases.up_to_date().filter(passed=False)
    page = reverse("admin:models_registry_modelversion_change", args=[version.pk])
    return VersionDetail(
        **_summary(version),
        model=version.model.slug,
        inspection=_inspection(inspection) if inspection else None,
        inputs=version.features.count(),
        cases=ready.cases,
        cases_passing=ready.passing,
        case_problems=[f"“{case.name}”: {case.problem}" for case in failing],
        promotion_misses=[
            MissingOut(detail=one.message, confirm=CONFIRMATIONS.get(type(one))) for one in missing
        ],
        library_differences=[str(difference) for difference in ready.libraries],
        input_changes=changes,
        tests_url=version_address("version_tests", version),
        promotion_url=version_address("version_promotion", version),
        page_url=f"{settings.SITE_URL}{page}",
    )


def test_of(execution: Execution) -> Prediction:
    """Return one test; its error is told as admins see it."""
    version = execution.version
    page = reverse("admin:executions_execution_test", args=[version.pk])
    code, message = execution.error_code, execution.message
    sentence = user_sentence(code, message)
    if message not in sentence:
        sentence = f"{sentence} {message}"
    return prediction_of(execution).model_copy(
        update={
            "error": Failure(code=code, detail=sentence) if code else None,
            "url": version_address("version_test", version, execution.pk),
            "page_url": f"{settings.SITE_URL}{page}?run={execution.pk}",
        }
    )


def _summary(version: ModelVersion) -> dict[str, Any]:
    is_tested_draft = version.status == ModelVersion.Status.DRAFT and version.is_tested
    return {
        "number": version.number,
        "status": "tested" if is_tested_draft else version.status,
        "label": version.label,
        "revision": version.revision,
        "sha256": version.sha256,
        "size": version.size,
        "scikit_learn": version.scikit_learn,
        "uploaded_at": version.uploaded_at,
        "deployed_at": version.deployed_at,
        "url": version_address("version", version),
    }


def _inspection(inspection: Inspection) -> InspectionOut:
    is_running = inspection.status == Inspection.Status.RUNNING
    steps = steps_seen(
        inspection.steps_taken,
        needs_approval=bool(inspection.needs_approval),
        elapsed=0.0 if is_running else None,
    )
    status: Any = inspection.status
    return InspectionOut(
        status=status,
        message=inspection.message,
        steps=[_step(step.name, step.state, step.detail) for step in steps],
    )


def _step(name: str, state: str, message: str) -> InspectionStep:
    status: Any = state.replace(" ", "_")
    return InspectionStep(name=name, status=status, message=message)
