"""What people ask for about models and versions."""

from collections.abc import Collection, Iterable
from typing import Any

from django.db import transaction
from django.db.models import F, Max, ProtectedError
from django.db.models.functions import Now
from django.utils.text import slugify

from accounts.activity import record
from accounts.models import User
from config.queue import kick
from models_registry import training_config
from models_registry.errors import (
    AlreadyActive,
    ArtifactMissing,
    ArtifactTooLarge,
    IncompleteSchema,
    NotASuperuser,
    NotInspected,
    NotRefused,
    NotTested,
    StoreUnavailable,
    VersionInUse,
    VersionLocked,
)
from models_registry.models import (
    Deployment,
    Inspection,
    ModelVersion,
    RegisteredModel,
    TypeApproval,
)
from models_registry.storage import StoredArtifact, store_artifact
from models_registry.tasks import submit_inspection, sync_prefect_deployment, warm_version


@transaction.atomic
def create_model(*, name: str, description: str = "", by: User, **limits: float) -> RegisteredModel:
    """Register a model under a name of its own; its Prefect deployment follows. ``limits`` are
    ``load_seconds``, ``predict_seconds`` and ``slow_seconds`` where they differ from the site's."""
    model = RegisteredModel.objects.create(
        name=name, slug=_free_slug(name), description=description, created_by=by, **limits
    )
    record("model created", by=by, target=model.name)
    kick(sync_prefect_deployment, model.pk)
    return model


def _free_slug(name: str) -> str:
    base = slugify(name)[:70] or "model"
    taken = set(
        RegisteredModel.objects.filter(slug__startswith=base).values_list("slug", flat=True)
    )
    slugs = (base if number == 1 else f"{base}-{number}" for number in range(1, len(taken) + 2))
    return next(slug for slug in slugs if slug not in taken)


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
        _open_inspection(version, refusal, by)
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
    _open_inspection(version, refusal, by)
    return version


def _open_inspection(version: ModelVersion, refusal: str, by: User) -> Inspection:
    if refusal:
        return Inspection.objects.create(
            version=version,
            status=Inspection.Status.FAILED,
            finished_at=Now(),
            message=refusal,
            requested_by=by,
            steps=[{"name": "Received and hashed", "state": "failed", "detail": refusal}],
        )
    inspection = Inspection.objects.create(version=version, sha256=version.sha256, requested_by=by)
    kick(submit_inspection, inspection.pk)
    return inspection


@transaction.atomic
def request_inspection(*, version: ModelVersion, by: User) -> Inspection:
    """Look at a draft's file again, for instance after a missing module was installed."""
    version = ModelVersion.objects.select_for_update().get(pk=version.pk)
    if version.is_locked:
        raise VersionLocked
    open_one = version.inspections.filter(finished_at=None).first()
    return open_one or _open_inspection(version, "", by)


@transaction.atomic
def approve_types(
    *, version: ModelVersion, types: Collection[tuple[str, str]], by: User
) -> Inspection:
    """Trust these types, (module, name) each, in this very file, and inspect it again.

    The approvals hold for the file's digest, under whatever model it was uploaded. Raises
    NotASuperuser, and NotRefused for a type that the latest inspection of this very file did not
    ask for: approval never comes from anywhere else.
    """
    if not (by.is_active and by.is_superuser):
        raise NotASuperuser
    version = ModelVersion.objects.select_for_update().get(pk=version.pk)
    latest = version.inspections.first()
    if latest is None or latest.sha256 != version.sha256:
        raise NotRefused
    if not types or not set(types) <= set(latest.needs_approval):
        raise NotRefused
    TypeApproval.objects.bulk_create(
        [
            TypeApproval(sha256=version.sha256, module=module, name=name, approved_by=by)
            for module, name in sorted(set(types))
        ],
        ignore_conflicts=True,  # approved meanwhile, for the same file under another model
    )
    record(
        "types approved",
        by=by,
        target=str(version),
        after={
            "sha256": version.sha256,
            "types": [f"{module}.{name}" for module, name in sorted(set(types))],
        },
    )
    return _open_inspection(version, "", by)


@transaction.atomic
def save_configuration(*, version: ModelVersion, by: User) -> ModelVersion:
    """Number a change of the inputs or targets as the next revision; earlier tests no longer count.

    Called in the transaction that wrote the rows. Raises VersionLocked once the version was live.
    """
    changed = ModelVersion.objects.filter(pk=version.pk, activated_at=None).update(
        revision=F("revision") + 1
    )
    if not changed:
        raise VersionLocked
    version.refresh_from_db(fields=["revision"])
    record("inputs edited", by=by, target=str(version), after={"revision": version.revision})
    return version


def check_runnable(version: ModelVersion) -> None:
    """Raise what keeps a version from running at all: no inspection passed, incomplete inputs."""
    if not version.container:
        raise NotInspected
    incomplete = version.features.filter(is_complete=False).values_list("label", flat=True)
    if incomplete:
        raise IncompleteSchema(list(incomplete))


def mark_tested(*, version_id: int, sha256: str, revision: int) -> None:
    """A test of this file and this revision of the inputs succeeded: the gate to promotion."""
    ModelVersion.objects.filter(
        pk=version_id, sha256=sha256, revision=revision, activated_at=None
    ).update(tested_at=Now(), tested_sha256=sha256, tested_revision=revision)


@transaction.atomic
def promote(*, version: ModelVersion, text: str, by: User) -> Deployment:
    """Make a tested version the active one and archive the one before, in one transaction.

    Raises NotTested or AlreadyActive. Two promotions at once queue up on the model's row; the
    database allows one active version and no overlapping deployments in any case.
    """
    model = RegisteredModel.objects.select_for_update().get(pk=version.model_id)
    version = ModelVersion.objects.select_for_update().get(pk=version.pk)
    if version.is_active:
        raise AlreadyActive
    if not version.is_tested:
        raise NotTested
    previous = model.versions.active().first()
    if previous is not None:
        model.versions.active().update(status=ModelVersion.Status.ARCHIVED)
    model.deployments.filter(ended_at=None).update(ended_at=Now())
    ModelVersion.objects.filter(pk=version.pk).update(
        status=ModelVersion.Status.ACTIVE, activated_at=Now()
    )
    deployment = Deployment.objects.create(
        model=model,
        version=version,
        previous_version=previous,
        action=Deployment.Action.PROMOTION,
        by=by,
        text=text,
    )
    record(
        "version promoted",
        by=by,
        target=str(version),
        before={"active": previous.short_name if previous else None},
        after={"active": version.short_name},
    )
    kick(sync_prefect_deployment, model.pk)
    kick(warm_version, version.pk)
    return deployment


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
