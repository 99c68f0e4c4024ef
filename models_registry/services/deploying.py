"""Operations that change the live version: promote, roll back and retire."""

from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Value
from django.db.models.functions import Now

from accounts.activity import record
from accounts.models import User
from config.queue import kick
from config.text.numbers import written_with
from models_registry.errors import (
    BadText,
    FileAltered,
    NotArchived,
    NotChecked,
    NothingActive,
    ReasonMissing,
)
from models_registry.models import Deployment, ModelVersion, RegisteredModel, Rehearsal
from models_registry.promotion.announcement import announce
from models_registry.promotion.readiness import readiness_of
from models_registry.tasks import sync_prefect_deployment, warm_version

CHECK_LASTS = timedelta(minutes=10)
"""The time after the check of its file within which a version may be made active again."""


def mark_tested(*, version_id: int, sha256: str, revision: int) -> None:
    """Record that a test of this file and this revision succeeded, which promotion requires."""
    ModelVersion.objects.filter(
        pk=version_id, sha256=sha256, revision=revision, activated_at=None
    ).update(tested_at=Now(), tested_sha256=sha256, tested_revision=revision)


@transaction.atomic
def promote(
    *,
    version: ModelVersion,
    text: str,
    libraries_tested: bool = False,
    inputs_reviewed: bool = False,
    raw_values: bool = False,
    by: User,
) -> Deployment:
    """Make a tested version the active one, archive the one before, and tell everybody, in one
    transaction.

    ``libraries_tested``, ``inputs_reviewed`` and ``raw_values`` are the person's word on other
    library versions, on changed inputs and on inputs without names, where there are such. Raises
    what `readiness.py` finds missing, or BadText.
    Two promotions at once queue up on the model's row; the database allows one active version and
    no overlapping deployments in any case.
    """
    model, version = _locked(version)
    with written_with("."):  # what is recorded of it is stored
        ready = readiness_of(version)
    ready.check(
        libraries_tested=libraries_tested, inputs_reviewed=inputs_reviewed, raw_values=raw_values
    )
    if not 10 <= len(text.strip()) <= 2000:
        raise BadText
    deployment = _make_active(model, version, Deployment.Action.PROMOTION, text.strip(), by)
    record(
        "version promoted",
        by=by,
        target=str(version),
        before={"active": ready.live.short_name if ready.live else None},
        after={
            "active": version.short_name,
            "libraries tested": [str(difference) for difference in ready.libraries],
            "input changes reviewed": list(ready.changes.sentences),
            "raw values confirmed": ready.asks_for_raw_values,
        },
    )
    return deployment


@transaction.atomic
def roll_back(*, version: ModelVersion, reason: str, by: User) -> Deployment:
    """Make a version that was live before the active one again, and tell everybody.

    Its file must have been checked in the last ten minutes (`request_rehearsal`, CHECK). Raises
    NotArchived, FileAltered, NotChecked, or ReasonMissing where the site asks for one.
    """
    model, version = _locked(version)
    if version.status != ModelVersion.Status.ARCHIVED:
        raise NotArchived
    if version.is_altered:
        raise FileAltered
    if latest_check(version) is None:
        raise NotChecked
    reason = reason.strip()
    if settings.REQUIRE_ROLLBACK_REASON and not reason:
        raise ReasonMissing
    deployment = _make_active(model, version, Deployment.Action.ROLLBACK, reason, by)
    previous = deployment.previous_version
    record(
        "version rolled back",
        by=by,
        target=str(version),
        before={"active": previous.short_name if previous else None},
        after={"active": version.short_name, "reason": reason},
    )
    return deployment


@transaction.atomic
def retire(*, model: RegisteredModel, reason: str, by: User) -> Deployment:
    """Retire the active version, which leaves the model without one on purpose, and tell everybody.
    Raises NothingActive, ReasonMissing."""
    model = RegisteredModel.objects.select_for_update().get(pk=model.pk)
    live = model.versions.active().first()
    if live is None:
        raise NothingActive
    reason = reason.strip()
    if not reason:
        raise ReasonMissing
    _archive_active(model)
    deployment = Deployment.objects.create(
        model=model,
        version=live,
        previous_version=live,
        action=Deployment.Action.RETIREMENT,
        by=by,
        started_at=Now(),
        ended_at=Now(),
        text=reason,
    )
    record(
        "model retired",
        by=by,
        target=model.name,
        before={"active": live.short_name},
        after={"active": None, "reason": reason},
    )
    announce(deployment)
    kick(sync_prefect_deployment, model.pk)
    return deployment


def latest_check(version: ModelVersion) -> Rehearsal | None:
    """Return the check of the version's file that found it good, where it is recent enough."""
    return version.rehearsals.filter(
        kind=Rehearsal.Kind.CHECK,
        status=Rehearsal.Status.SUCCEEDED,
        sha256=version.sha256,
        revision=version.revision,
        own_runtime__in=["", version.scikit_learn],
        finished_at__gt=Now() - Value(CHECK_LASTS),
    ).first()


def _locked(version: ModelVersion) -> tuple[RegisteredModel, ModelVersion]:
    """The current rows, locked against other changes of the live version."""
    model = RegisteredModel.objects.select_for_update().get(pk=version.model_id)
    versions = ModelVersion.objects.select_for_update(of=["self"]).select_related("model")
    return model, versions.get(pk=version.pk)


def _make_active(
    model: RegisteredModel,
    version: ModelVersion,
    action: Deployment.Action,
    text: str,
    by: User,
) -> Deployment:
    previous = model.versions.active().first()
    _archive_active(model)
    ModelVersion.objects.filter(pk=version.pk).update(
        status=ModelVersion.Status.ACTIVE, activated_at=Now()
    )
    deployment = Deployment.objects.create(
        model=model, version=version, previous_version=previous, action=action, by=by, text=text
    )
    announce(deployment)
    kick(sync_prefect_deployment, model.pk)
    kick(warm_version, version.pk)
    return deployment


def _archive_active(model: RegisteredModel) -> None:
    model.versions.active().update(status=ModelVersion.Status.ARCHIVED)
    model.deployments.filter(ended_at=None).update(ended_at=Now())
