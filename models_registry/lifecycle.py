"""State changes of inspections and rehearsals that workers and the sweep report. A run carries its
attempt and the owner of its lease, both from `mark_running`."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from django.conf import settings
from django.db import transaction
from django.db.models import Value
from django.db.models.functions import Now

from engine.run_claims import RunQuerySet
from model_host.protocol.codec import to_json
from models_registry.inputs.configuration import Configuration
from models_registry.inputs.feature_spec import FeatureSpec, TargetSpec
from models_registry.inputs.input_rules import RuleSpec
from models_registry.inspection_steps import Report, StepTaken
from models_registry.models import (
    Inspection,
    ModelVersion,
    ReferenceData,
    Rehearsal,
    VersionRun,
)
from models_registry.own_rehearsals import open_example, open_interval, write_example
from models_registry.rehearsal_results import Confirmed, Example, RowResult, TriedRow
from models_registry.revisions import take_proposal
from models_registry.store.integrity import mark_unaltered
from models_registry.taking_over import with_earlier

RunT = TypeVar("RunT", bound=VersionRun)


@dataclass(frozen=True)
class Findings:
    """The results of an inspection of the file and the fitted model. ``format``, ``container`` and
    ``task`` are values of the model host's protocol. ``example``: the answer to the typical row of
    the proposed inputs, None if there was none."""

    format: str
    estimator: str
    task: str
    container: str
    features: tuple[FeatureSpec, ...]
    targets: tuple[TargetSpec, ...]
    libraries_trained: dict[str, str]
    runtime: str
    report: Report
    rules: tuple[RuleSpec, ...] = ()
    example: Example | None = None


def mark_submitted(run: VersionRun, *, flow_run_id: uuid.UUID) -> None:
    """Store the attempt's flow run id; the status is not changed, so this cannot race the
    worker."""
    attempt = _runs(type(run)).filter(pk=run.pk, attempt=run.attempt)
    attempt.update(flow_run_id=flow_run_id)
    attempt.queued().update(dispatch_after=Now() + Value(settings.LEASE))


def mark_running(
    kind: type[RunT], pk: int, *, attempt: int, owner: str, flow_run_id: uuid.UUID | None = None
) -> RunT | None:
    """Claim a queued run; returns None if it is no longer queued for this attempt."""
    known = {"flow_run_id": flow_run_id} if flow_run_id else {}
    runs = _runs(kind)
    if not runs.filter(pk=pk).claim(attempt=attempt, owner=owner, **known):
        return None
    return runs.select_related("version__model").get(pk=pk)


def extend_lease(run: VersionRun) -> bool:
    """Renew the lease; returns False once it is lost, and then nothing may be written."""
    return bool(_held(run).extend_lease())


def note_progress(run: VersionRun, **fields: object) -> None:
    """Show how far the run is, in columns of its own kind, given as what they store."""
    _held(run).update(**_stored(fields))


def mark_succeeded(run: VersionRun, **fields: object) -> bool:
    """Write the outcome, once; False if this worker no longer holds the run."""
    return bool(_held(run).end(VersionRun.Status.SUCCEEDED, **_stored(fields)))


def mark_failed(run: VersionRun, *, message: str, traceback: str = "", **fields: object) -> bool:
    """Write why the run failed, once."""
    told = {"message": message, "traceback": traceback} | _stored(fields)
    return bool(_held(run).end(VersionRun.Status.FAILED, **told))


@transaction.atomic
def mark_inspection_succeeded(
    inspection: Inspection, *, steps: Sequence[StepTaken], findings: Findings
) -> bool:
    """Write the results: facts onto the version, the proposed inputs, targets and rules, and the
    answer to the typical row; the rows of reference data become those of the inputs, and the
    interval from them is asked for."""
    if not mark_succeeded(inspection, steps=steps, report=findings.report):
        return False
    version = ModelVersion.objects.select_for_update().get(pk=inspection.version_id)
    former = version.scikit_learn
    ModelVersion.objects.filter(pk=version.pk, sha256=inspection.sha256).update(
        format=findings.format,
        estimator=findings.estimator[:200],
        task=findings.task,
        container=findings.container,
        libraries_trained=findings.libraries_trained,
        runtime=findings.runtime,
        libraries_running={},
    )
    proposal = with_earlier(
        version, Configuration(findings.features, findings.targets, findings.rules)
    )
    take_proposal(version, proposal, inspection.requested_by, former=former)
    ReferenceData.objects.filter(version=version).fit_to(proposal.features)
    version.refresh_from_db()
    write_example(version, findings.example, inspection.requested_by)
    open_interval(version, inspection.requested_by)
    return True


@transaction.atomic
def mark_rehearsal_succeeded(
    rehearsal: Rehearsal,
    *,
    results: Sequence[RowResult | TriedRow | Confirmed | Example],
    reference: ReferenceData | None = None,
    halfwidth: float | None = None,
) -> bool:
    """Write the results. A calibration's ``halfwidth`` (None: too few rows) goes to the
    ``reference`` data that it was computed from, if these are still the version's, and the example
    is asked for again, which has the interval then."""
    if not mark_succeeded(rehearsal, results=results):
        return False
    if reference is not None:
        ReferenceData.objects.filter(pk=reference.pk, uploaded_at=reference.uploaded_at).update(
            interval_halfwidth=halfwidth, interval_sha256=rehearsal.sha256
        )
        open_example(rehearsal.version, rehearsal.requested_by)
    if rehearsal.kind == Rehearsal.Kind.CHECK:
        mark_unaltered(rehearsal.sha256, by=rehearsal.requested_by)
    return True


def mark_lost(run: VersionRun, *, why: str) -> bool:
    """Record that the attempt's worker is gone: start the next attempt, or fail after
    ``MAX_ATTEMPTS``. The row must still stand as it was read."""
    stands = _runs(type(run)).unchanged(run)
    if run.is_last_attempt:
        message = f"{why} on all {run.attempt} attempts. Try it again."
        return bool(stands.end(VersionRun.Status.FAILED, message=message))
    return bool(stands.requeue())


def mark_sent_on(inspection: Inspection, *, runtime: str) -> bool:
    """Return the inspection to the queue, for the workers that have the runtime."""
    return bool(_held(inspection).requeue(runtime=runtime))


def mark_handed_back(run: VersionRun, *, why: str) -> bool:
    """Return the run to the queue for its next attempt now, before the lease ends."""
    held = _held(run).first()
    return held is not None and mark_lost(held, why=why)


def _stored(fields: Mapping[str, object]) -> dict[str, Any]:
    return {name: to_json(value) for name, value in fields.items()}


def _held(run: RunT) -> RunQuerySet[RunT]:
    return _runs(type(run)).filter(pk=run.pk).held_by(run.lease_owner, run.attempt)


def _runs(kind: type[RunT]) -> RunQuerySet[RunT]:
    return kind.objects.all()
