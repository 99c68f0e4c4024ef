"""What the machinery reports about an inspection: compare-and-set, like an execution's."""

import uuid
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F, Value
from django.db.models.functions import Now

from models_registry.feature_spec import FeatureSpec, TargetSpec
from models_registry.models import Feature, Inspection, ModelVersion, Target


@dataclass(frozen=True)
class Findings:
    """What an inspection read from the file and the fitted model. ``format``, ``container`` and
    ``task`` are the words of the model host's protocol; ``report`` is shown to admins as it is."""

    format: str
    estimator: str
    task: str
    container: str
    features: tuple[FeatureSpec, ...]
    targets: tuple[TargetSpec, ...]
    libraries_trained: dict[str, str]
    report: dict[str, Any]


def mark_inspection_submitted(inspection_id: int, *, attempt: int, flow_run_id: uuid.UUID) -> None:
    Inspection.objects.filter(pk=inspection_id, attempt=attempt).update(flow_run_id=flow_run_id)
    Inspection.objects.filter(
        pk=inspection_id, attempt=attempt, status=Inspection.Status.QUEUED
    ).update(dispatch_after=Now() + Value(settings.LEASE))


def mark_inspection_running(
    inspection_id: int, *, attempt: int, owner: str, flow_run_id: uuid.UUID | None = None
) -> Inspection | None:
    """Take the lease on a queued inspection; None if it is not queued for this attempt any more."""
    known = {"flow_run_id": flow_run_id} if flow_run_id else {}
    claimed = Inspection.objects.filter(
        pk=inspection_id, attempt=attempt, status=Inspection.Status.QUEUED
    ).update(
        status=Inspection.Status.RUNNING,
        started_at=Now(),
        lease_owner=owner,
        lease_until=Now() + Value(settings.LEASE),
        **known,
    )
    if not claimed:
        return None
    return Inspection.objects.select_related("version__model").get(pk=inspection_id)


def extend_inspection_lease(inspection_id: int, *, attempt: int, owner: str) -> bool:
    return bool(
        _held(inspection_id, attempt, owner).update(lease_until=Now() + Value(settings.LEASE))
    )


def note_steps(inspection: Inspection, *, owner: str, steps: list[dict[str, Any]]) -> None:
    """Show progress: the steps so far, each ``{"name", "state", "detail", "seconds"}``."""
    _held(inspection.pk, inspection.attempt, owner).update(steps=steps)


@transaction.atomic
def mark_inspection_succeeded(
    inspection: Inspection, *, owner: str, steps: list[dict[str, Any]], findings: Findings
) -> bool:
    """Write what was read: facts onto the version, and the proposed inputs and targets."""
    written = _held(inspection.pk, inspection.attempt, owner).update(
        status=Inspection.Status.SUCCEEDED,
        finished_at=Now(),
        lease_until=None,
        steps=steps,
        report=findings.report,
    )
    if not written:
        return False
    version = inspection.version
    ModelVersion.objects.filter(pk=version.pk, sha256=inspection.sha256).update(
        format=findings.format,
        estimator=findings.estimator[:200],
        task=findings.task,
        container=findings.container,
        libraries_trained=findings.libraries_trained,
    )
    version.features.all().delete()
    version.targets.all().delete()
    Feature.objects.bulk_create(
        Feature.from_spec(version, position, spec)
        for position, spec in enumerate(findings.features)
    )
    Target.objects.bulk_create(
        Target.from_spec(version, position, spec) for position, spec in enumerate(findings.targets)
    )
    return True


def mark_inspection_failed(
    inspection: Inspection,
    *,
    owner: str,
    steps: list[dict[str, Any]],
    message: str,
    traceback: str = "",
    report: dict[str, Any] | None = None,
) -> bool:
    """Write why the file cannot be used; the draft stays, to be replaced or deleted."""
    return bool(
        _held(inspection.pk, inspection.attempt, owner).update(
            status=Inspection.Status.FAILED,
            finished_at=Now(),
            lease_until=None,
            steps=steps,
            message=message,
            traceback=traceback,
            report=report or {},
        )
    )


def mark_inspection_lost(inspection: Inspection, *, why: str) -> bool:
    """The worker of this attempt is gone: the next attempt, or the end after ``MAX_ATTEMPTS``."""
    stands = Inspection.objects.filter(
        pk=inspection.pk,
        status=inspection.status,
        attempt=inspection.attempt,
        lease_owner=inspection.lease_owner,
        lease_until=inspection.lease_until,
    )
    if inspection.attempt >= settings.MAX_ATTEMPTS:
        return bool(
            stands.update(
                status=Inspection.Status.FAILED,
                finished_at=Now(),
                lease_until=None,
                message=f"{why} on all {inspection.attempt} attempts. Inspect the file again.",
            )
        )
    return bool(
        stands.update(
            status=Inspection.Status.QUEUED,
            attempt=F("attempt") + 1,
            lease_owner="",
            lease_until=None,
            dispatch_after=Now(),
        )
    )


def _held(inspection_id: int, attempt: int, owner: str) -> Any:
    return Inspection.objects.filter(
        pk=inspection_id,
        attempt=attempt,
        lease_owner=owner,
        status=Inspection.Status.RUNNING,
    )
