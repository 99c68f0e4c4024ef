"""Which version is live: the gate, and the ways through it."""

from django.db import transaction
from django.db.models.functions import Now

from accounts.activity import record
from accounts.models import User
from config.queue import kick
from models_registry.errors import AlreadyActive, NotTested
from models_registry.models import Deployment, ModelVersion, RegisteredModel
from models_registry.tasks import sync_prefect_deployment, warm_version


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
