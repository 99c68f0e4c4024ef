"""Operations that receive model files as versions, and remove drafts."""

import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Max, ProtectedError, QuerySet

from accounts.activity import record
from accounts.models import User
from config.limits.rate_window import seconds_to_wait
from config.text.plain_text import escaped
from models_registry.errors import (
    ArtifactMissing,
    ArtifactTooLarge,
    StoreUnavailable,
    TooManyUploads,
    UploadUnderWay,
    VersionInUse,
    VersionLocked,
)
from models_registry.models import Inspection, ModelVersion, RegisteredModel
from models_registry.services.inspecting import open_inspection
from models_registry.services.referencing import ReferenceUpload, write_reference
from models_registry.store.storage import StoredArtifact, store_artifact
from models_registry.training import training_config

LOCKS = 7_340_010
"""The advisory locks of people who upload, one each, with the person's key beside it."""
RECEIVED = ("version uploaded", "file replaced")
WINDOW = timedelta(hours=1)


def upload_version(
    *,
    model: RegisteredModel,
    chunks: Iterable[bytes],
    file_name: str,
    config: dict[str, Any] | None = None,
    label: str = "",
    description: str = "",
    release_notes: str = "",
    reference: ReferenceUpload | None = None,
    takes_over: ModelVersion | None = None,
    by: User,
) -> ModelVersion:
    """Receive a model file as the model's next version, a draft, and have it inspected.
    ``takes_over``: the version of this model whose labels, groups, rules and saved cases its inputs
    get, as far as they fit (`taking_over.py`).

    The bytes go to the store first and the row follows, so a row always has its file. A file over
    the size limit leaves a draft that says so. Raises StoreUnavailable when the store is away.
    """
    config = config or {}
    told = training_config.read(config)
    artifact, refusal = _receive(chunks)
    with transaction.atomic():
        RegisteredModel.objects.select_for_update().get(pk=model.pk)  # one number at a time
        latest = model.versions.aggregate(number=Max("number"))["number"] or 0
        version = ModelVersion.objects.create(
            model=model,
            number=latest + 1,
            sha256=artifact.sha256 if artifact else "",
            size=artifact.size if artifact else 0,
            file_name=escaped(file_name)[-255:],
            training_config=config,
            metrics=told.measured,
            intended_use=told.intended_use.strip(),
            limitations=told.limitations.strip(),
            label=label,
            description=description,
            release_notes=release_notes,
            takes_over=takes_over,
            uploaded_by=by,
        )
        record("version uploaded", by=by, target=str(version), after={"sha256": version.sha256})
        if reference is not None:
            write_reference(version, reference, by)
        open_inspection(version, refusal, by)
    return version


def replace_artifact(
    *, version: ModelVersion, chunks: Iterable[bytes], file_name: str, by: User
) -> ModelVersion:
    """Replace the file of a draft whose file was refused. Raises VersionLocked for any other
    version."""
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
        version.file_name = escaped(file_name)[-255:]
        version.runtime, version.libraries_running = "", {}
        version.revision += 1
        version.altered_at = None  # it was the former file
        version.save(
            update_fields=[
                "sha256", "size", "file_name", "runtime", "libraries_running", "revision",
                "altered_at",
            ]
        )  # fmt: skip
        record("file replaced", by=by, target=str(version), after={"sha256": version.sha256})
        open_inspection(version, refusal, by)
    return version


def same_file(version: ModelVersion) -> QuerySet[ModelVersion]:
    """Return the other versions, of any model, that hold the very same file."""
    if not version.sha256:
        return ModelVersion.objects.none()
    others = ModelVersion.objects.filter(sha256=version.sha256).exclude(pk=version.pk)
    return others.select_related("model").order_by("model__name", "number")


@contextmanager
def one_upload(*, by: User) -> Iterator[None]:
    """Hold the person's only upload slot; one upload at a time, and a limited number per hour.

    The pages ask; the command line, which needs the server, does not. Raises TooManyUploads, and
    UploadUnderWay while another file of the same person comes in.
    """
    _check_upload_rate(by)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [LOCKS, by.pk])
        if not cursor.fetchone()[0]:
            raise UploadUnderWay
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [LOCKS, by.pk])


def _check_upload_rate(by: User) -> None:
    limit = settings.UPLOADS_PER_HOUR
    received = by.activity.filter(action__in=RECEIVED)
    if wait := seconds_to_wait(received, "at", limit=limit, window=WINDOW):
        raise TooManyUploads(limit, math.ceil(wait / 60))


def _receive(chunks: Iterable[bytes]) -> tuple[StoredArtifact | None, str]:
    try:
        return store_artifact(chunks), ""
    except ArtifactTooLarge as error:
        return None, error.message
    except ArtifactMissing as error:
        raise StoreUnavailable from error


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
