"""What the machinery reports about the rows that flow runs work on: compare-and-set, like an
execution's. A row carries its attempt and its lease's owner, as `mark_running` gave it out."""

import uuid
from dataclasses import dataclass
from typing import Any, TypeVar

from django.conf import settings
from django.db import transaction
from django.db.models import F, QuerySet, Value
from django.db.models.functions import Now

from models_registry.configuration import Configuration
from models_registry.feature_spec import FeatureSpec, TargetSpec
from models_registry.input_rules import RuleSpec
from models_registry.integrity import mark_unaltered
from models_registry.models import (
    FlowRunRow,
    Inspection,
    ModelVersion,
    ReferenceData,
    Rehearsal,
)
from models_registry.revisions import take_proposal

Row = TypeVar("Row", bound=FlowRunRow)


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
    rules: tuple[RuleSpec, ...] = ()


def mark_submitted(row: FlowRunRow, *, flow_run_id: uuid.UUID) -> None:
    """Note the attempt's flow run; the status stays as it is, so this cannot race the worker."""
    rows = _rows(type(row)).filter(pk=row.pk, attempt=row.attempt)
    rows.update(flow_run_id=flow_run_id)
    rows.filter(status=FlowRunRow.Status.QUEUED).update(
        dispatch_after=Now() + Value(settings.LEASE)
    )


def mark_running(
    kind: type[Row], pk: int, *, attempt: int, owner: str, flow_run_id: uuid.UUID | None = None
) -> Row | None:
    """Take the lease on a queued row; None if it is not queued for this attempt any more."""
    known = {"flow_run_id": flow_run_id} if flow_run_id else {}
    queued = _rows(kind).filter(pk=pk, attempt=attempt, status=FlowRunRow.Status.QUEUED)
    claimed = queued.update(
        status=FlowRunRow.Status.RUNNING,
        started_at=Now(),
        lease_owner=owner,
        lease_until=Now() + Value(settings.LEASE),
        **known,
    )
    return _rows(kind).select_related("version__model").get(pk=pk) if claimed else None


def extend_lease(row: FlowRunRow) -> bool:
    """Keep the lease; False once it is lost, and then nothing may be written."""
    return bool(_held(row).update(lease_until=Now() + Value(settings.LEASE)))


def note_progress(row: FlowRunRow, **fields: Any) -> None:
    """Show how far the run is, in columns of the row's own kind."""
    _held(row).update(**fields)


def mark_succeeded(row: FlowRunRow, **fields: Any) -> bool:
    """Write the outcome, once; False if this worker no longer holds the row."""
    return _end(_held(row), FlowRunRow.Status.SUCCEEDED, **fields)


def mark_failed(row: FlowRunRow, *, message: str, traceback: str = "", **fields: Any) -> bool:
    """Write why it came to nothing, once."""
    return _end(
        _held(row), FlowRunRow.Status.FAILED, message=message, traceback=traceback, **fields
    )


@transaction.atomic
def mark_inspection_succeeded(
    inspection: Inspection, *, steps: list[dict[str, Any]], findings: Findings
) -> bool:
    """Write what was read: facts onto the version, the proposed inputs, targets and rules; the rows
    of reference data become those of the inputs."""
    if not mark_succeeded(inspection, steps=steps, report=findings.report):
        return False
    version = inspection.version
    ModelVersion.objects.filter(pk=version.pk, sha256=inspection.sha256).update(
        format=findings.format,
        estimator=findings.estimator[:200],
        task=findings.task,
        container=findings.container,
        libraries_trained=findings.libraries_trained,
    )
    proposal = Configuration(findings.features, findings.targets, findings.rules)
    take_proposal(version, proposal, inspection.requested_by)
    ReferenceData.objects.filter(version=version).fit_to(findings.features)
    return True


@transaction.atomic
def mark_rehearsal_succeeded(
    rehearsal: Rehearsal,
    *,
    results: list[dict[str, Any]],
    reference: ReferenceData | None = None,
    halfwidth: float | None = None,
) -> bool:
    """Write what came of it. A calibration's ``halfwidth`` (None: too few rows) goes to the
    ``reference`` data that it was worked out on, if these are still the version's."""
    if not mark_succeeded(rehearsal, results=results):
        return False
    if reference is not None:
        ReferenceData.objects.filter(pk=reference.pk, uploaded_at=reference.uploaded_at).update(
            interval_halfwidth=halfwidth, interval_sha256=rehearsal.sha256
        )
    if rehearsal.kind == Rehearsal.Kind.CHECK:
        mark_unaltered(rehearsal.sha256, by=rehearsal.requested_by)
    return True


def mark_lost(row: FlowRunRow, *, why: str) -> bool:
    """The worker of this attempt is gone: the next attempt, or the end after ``MAX_ATTEMPTS``. The
    row must still stand as it was read."""
    stands = _rows(type(row)).filter(
        pk=row.pk,
        status=row.status,
        attempt=row.attempt,
        lease_owner=row.lease_owner,
        lease_until=row.lease_until,
    )
    if row.attempt >= settings.MAX_ATTEMPTS:
        message = f"{why} on all {row.attempt} attempts. Try it again."
        return _end(stands, FlowRunRow.Status.FAILED, message=message)
    return bool(
        stands.update(
            status=FlowRunRow.Status.QUEUED,
            attempt=F("attempt") + 1,
            lease_owner="",
            lease_until=None,
            dispatch_after=Now(),
        )
    )


def mark_handed_back(row: FlowRunRow, *, why: str) -> bool:
    """Let the next attempt have the row now, rather than when the lease ends."""
    held = _held(row).first()
    return held is not None and mark_lost(held, why=why)


def _end(rows: "QuerySet[Any]", status: FlowRunRow.Status, **fields: Any) -> bool:
    return bool(rows.update(status=status, finished_at=Now(), lease_until=None, **fields))


def _held(row: FlowRunRow) -> "QuerySet[Any]":
    return _rows(type(row)).filter(
        pk=row.pk,
        attempt=row.attempt,
        lease_owner=row.lease_owner,
        status=FlowRunRow.Status.RUNNING,
    )


def _rows(kind: type[Row]) -> "QuerySet[Row]":
    return kind._default_manager.all()
