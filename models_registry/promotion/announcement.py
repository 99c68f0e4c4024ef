"""The announcement of a new live version, on pages and by mail."""

from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse

from config.text.numbers import written_with
from models_registry.inputs.schema_changes import SchemaChanges, schema_changes
from models_registry.models import Deployment, ModelVersion
from models_registry.promotion.metric_changes import metric_changes
from models_registry.visibility import people_who_see
from notifications.models import Context, Kind
from notifications.services import notify_everyone, withdraw


@dataclass(frozen=True)
class Announcement:
    """The announcement of a deployment. ``context`` holds the mail's variables beside title and
    text (`notifications/email`)."""

    kind: Kind
    title: str
    text: str
    url: str
    context: Context


def announce(deployment: Deployment) -> int:
    """Notify everybody who sees the model and wants it, once, in the deployment's transaction;
    return the number of people."""
    words = announcement_of(deployment)
    if deployment.action == Deployment.Action.RETIREMENT:
        withdraw(deployment.model_id)
    return notify_everyone(
        kind=words.kind,
        cause=f"deployment {deployment.pk}",
        title=words.title,
        text=words.text,
        url=words.url,
        context=words.context,
        among=people_who_see(deployment.model),
    )


def announcement_of(deployment: Deployment) -> Announcement:
    """Return the announcement of a promotion, a rollback or a retirement."""
    if deployment.action == Deployment.Action.RETIREMENT:
        return _of_retirement(deployment)
    if deployment.action == Deployment.Action.ROLLBACK:
        return _of_rollback(deployment)
    version, model = deployment.version, deployment.model
    previous = deployment.previous_version or _last_live(deployment)
    deployment.refresh_from_db(fields=["started_at"])
    changes = _changes(previous, version)
    return Announcement(
        Kind.DEPLOYMENT,
        f"New model available: {model} {_called(version)}"[:200],
        deployment.text,
        _page(deployment),
        Context(
            model=model.name,
            model_id=model.pk,
            version=_called(version),
            previous=previous.short_name if previous else "",
            deployed_at=deployment.started_at,
            description=model.description,
            changes=deployment.text,
            added=tuple(changes.added),
            removed=tuple(changes.removed),
            changed=tuple(label for label, _ in changes.changed),
            metrics=tuple(_metrics(previous, version)),
        ),
    )


def _of_rollback(deployment: Deployment) -> Announcement:
    version, model = deployment.version, deployment.model
    deployment.refresh_from_db(fields=["started_at"])
    before = _before(deployment)
    instead = f" instead of {before.version.short_name}" if before else ""
    reason = deployment.text or "No reason given"
    return Announcement(
        Kind.ROLLBACK,
        f"{model}: back to {version.short_name}"[:200],
        f"Predictions are made with {version.short_name} again{instead}. Reason: {reason}",
        _page(deployment),
        Context(
            model=model.name,
            model_id=model.pk,
            version=version.short_name,
            previous=before.version.short_name if before else "",
            previous_id=before.version_id if before else None,
            at=deployment.started_at,
            reason=deployment.text,
            used_from=before.started_at if before else None,
            used_to=_end(before, deployment),
        ),
    )


def _of_retirement(deployment: Deployment) -> Announcement:
    model = deployment.model
    deployment.refresh_from_db(fields=["started_at"])
    return Announcement(
        Kind.RETIREMENT,
        f"{model} is not available any more"[:200],
        f"{deployment.text}\n\nYour history is kept, and every prediction in it still opens.",
        _page(deployment),
        Context(
            model=model.name,
            model_id=model.pk,
            version=deployment.version.short_name,
            at=deployment.started_at,
            reason=deployment.text,
        ),
    )


def _last_live(deployment: Deployment) -> ModelVersion | None:
    """The version that was live last, where the model was retired before this deployment."""
    earlier = deployment.model.deployments.exclude(pk=deployment.pk).select_related("version")
    return next((one.version for one in earlier[:1]), None)


def _before(deployment: Deployment) -> Deployment | None:
    """The deployment that this one replaced; None if the model was retired."""
    if deployment.previous_version is None:
        return None
    earlier = deployment.model.deployments.filter(version=deployment.previous_version)
    return earlier.exclude(pk=deployment.pk).exclude(action=Deployment.Action.RETIREMENT).first()


def _end(before: Deployment | None, deployment: Deployment) -> datetime:
    return before.ended_at if before and before.ended_at else deployment.started_at


def _page(deployment: Deployment) -> str:
    return reverse("executions:create", args=[deployment.model.slug])


def _called(version: ModelVersion) -> str:
    """The version's label, if it has one."""
    return version.label or version.short_name


def _changes(previous: ModelVersion | None, version: ModelVersion) -> SchemaChanges:
    if previous is None:
        return SchemaChanges()
    return schema_changes(previous.features.as_schema(), version.features.as_schema())


def _metrics(previous: ModelVersion | None, version: ModelVersion) -> list[str]:
    """A sentence for each metric of the version, with the one before where that had it."""
    before = previous.metrics if previous else {}
    changes = metric_changes(before, version.metrics, version.training.metric_direction)
    with written_with("."):  # they are stored
        return [
            f"{change.name}: {change.after_text}"
            + (f", was {change.before_text}" if change.before is not None else "")
            for change in changes
            if change.after is not None
        ]
