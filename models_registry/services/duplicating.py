"""Duplication of a version whose configuration is locked."""

from typing import Any

from django.db import transaction
from django.db.models import Max, Model

from accounts.activity import record
from accounts.models import User
from models_registry.errors import NotInspected
from models_registry.models import Inspection, ModelVersion, ReferenceData, RegisteredModel
from models_registry.revisions import configuration_of, write_configuration, write_revision
from models_registry.services.cases import NOT_RUN

TAKEN_OVER = (
    "description",
    "intended_use",
    "limitations",
    "file_name",
    "sha256",
    "size",
    "format",
    "training_config",
    "metrics",
    "container",
    "task",
    "estimator",
    "libraries_trained",
    "runtime",
    "libraries_running",
    "altered_at",
)


@transaction.atomic
def duplicate_version(*, version: ModelVersion, by: User) -> ModelVersion:
    """Return a new draft of the same model with the same file and configuration, its saved cases
    and its reference data. It has not been tested. Raises NotInspected.

    The file is the same to the byte, so what its inspection found is taken over; approvals of types
    belong to the digest.
    """
    inspection = version.inspections.filter(
        status=Inspection.Status.SUCCEEDED, sha256=version.sha256
    ).first()
    if not version.container:
        raise NotInspected
    RegisteredModel.objects.select_for_update().get(pk=version.model_id)  # one number at a time
    latest = version.model.versions.aggregate(number=Max("number"))["number"]
    draft = ModelVersion.objects.create(
        model=version.model,
        number=latest + 1,
        uploaded_by=by,
        **{field: getattr(version, field) for field in TAKEN_OVER},
    )
    configuration = configuration_of(version)
    write_configuration(draft, configuration)
    write_revision(draft, configuration, [f"Copied from {version.short_name}"], by)
    for case in version.cases.all():
        _copy(case, version=draft, created_by=by, **NOT_RUN)
    for reference in ReferenceData.objects.filter(version=version):
        _copy(reference, version=draft)
    if inspection is not None:
        _copy(inspection, version=draft)
    record("version duplicated", by=by, target=str(draft), after={"from": version.short_name})
    return draft


def _copy(row: Model, **fields: Any) -> None:
    row.pk, row._state.adding = None, True
    for name, value in fields.items():
        setattr(row, name, value)
    row.save(force_insert=True)
