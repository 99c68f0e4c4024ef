"""Receiving model files as versions, and removing drafts."""

from collections.abc import Iterable
from typing import Any

from django.db import transaction
from django.db.models import Max, ProtectedError

from accounts.activity import record
from accounts.models import User
from models_registry import training_config
from models_registry.errors import (
    ArtifactMissing,
    ArtifactTooLarge,
    StoreUnavailable,
    VersionInUse,
    VersionLocked,
)
from models_registry.models import Inspection, ModelVersion, RegisteredModel
from models_registry.services.inspecting import open_inspection
from models_registry.storage import StoredArtifact, store_artifact


def upload_version(
    *,
    model: RegisteredModel,
    chunks: Iterable[bytes],
    file_name: str,
    config: dict[str, Any] | None = None,
    label: str = "",
    description: str = "",
    release_notes: str = "",
    by: User,
) -> ModelVersion:
    """Receive a model file as the model's next version, a draft, and have it inspected.

    The bytes go to the store first and the row follows, so a row always has its file. A file over
    the size limit leaves a draft that says so. Raises StoreUnavailable when the store is away.
    """
    artifact, refusal = _receive(chunks)
    return _create_version(
        model=model,
        artifact=artifact,
        refusal=refusal,
        fields={
            "file_name": file_name[-255:],
            "training_config": config or {},
            "metrics": training_config.metrics(config or {}),
            "label": label,
            "description": description,
            "release_notes": release_notes,
        },
        by=by,
    )


def replace_artifact(
    *, version: ModelVersion, chunks: Iterable[bytes], file_name: str, by: User
) -> ModelVersion:
    """Give a draft whose file was refused another file. Raises VersionLocked for any other."""
    artifact, refusal = _receive(chunks)
    with transaction.atomic():
        version = ModelVersion.objects.select_for_update().get(pk=version.pk)
        inspection = version.inspections.first()
        if version.status != ModelVersion.Status.DRAFT or (
            inspection is not None and inspection.status != Inspection.Status.FAILED
        ):
            raise VersionLocked
        version.sha256 = artifact.sha256 if artifact else ""
        version.size = artifact.size if artifact else 0
        version.file_name = file_name[-255:]
        version.revision += 1
        version.save(update_fields=["sha256", "size", "file_name", "revision"])
        record("file replaced", by=by, target=str(version), after={"sha256": version.sha256})
        open_inspection(version, refusal, by)
    return version


def _receive(chunks: Iterable[bytes]) -> tuple[StoredArtifact | None, str]:
    try:
        return store_artifact(chunks), ""
    except ArtifactTooLarge as error:
        return None, error.message
    except ArtifactMissing as error:
        raise StoreUnavailable from error


@transaction.atomic
def _create_version(
    *,
    model: RegisteredModel,
    artifact: StoredArtifact | None,
    refusal: str,
    fields: dict[str, Any],
    by: User,
) -> ModelVersion:
    RegisteredModel.objects.select_for_update().get(pk=model.pk)  # one number at a time
    latest = model.versions.aggregate(number=Max("number"))["number"] or 0
    version = ModelVersion.objects.create(
        model=model,
        number=latest + 1,
        sha256=artifact.sha256 if artifact else "",
        size=artifact.size if artifact else 0,
        uploaded_by=by,
        **fields,
    )
    record("version uploaded", by=by, target=str(version), after={"sha256": version.sha256})
    open_inspection(version, refusal, by)
    return version


@transaction.atomic
def delete_draft(*, version: ModelVersion, by: User) -> None:
    """Remove a draft that never ran; nothing else is ever removed."""
    version = ModelVersion.objects.select_for_update().get(pk=version.pk)
    if version.status != ModelVersion.Status.DRAFT:
        raise VersionInUse
    record("draft deleted", by=by, target=str(version))
    try:
        version.delete()
    except ProtectedError as error:  # an execution refers to it
        raise VersionInUse from error
