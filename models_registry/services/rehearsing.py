"""Requests for rehearsals: a version on many rows, or a check that its file still opens."""

from collections.abc import Sequence

from django.db import transaction

from accounts.activity import record
from accounts.models import User
from config.queue import kick
from models_registry.models import ModelVersion, Rehearsal
from models_registry.services.configuring import check_runnable
from models_registry.tasks import submit_flow_run

MAX_ROWS = 200
CHECK = Rehearsal.Kind.CHECK


@transaction.atomic
def request_rehearsal(
    *, version: ModelVersion, kind: Rehearsal.Kind, of: Sequence[str | int] = (), by: User
) -> Rehearsal:
    """Request a run of a version on many rows in one flow run: the first 200 of ``of``.

    IMPACT: ids of executions. CALIBRATION: numbers of rows of its reference data; the half-width
    of its interval follows. CHECK: none; the store's file is hashed and opened. One of a kind runs
    at a time, and asking again meanwhile returns it. Raises NotInspected, IncompleteSchema or, but
    for a CHECK, VersionAltered.
    """
    version = ModelVersion.objects.select_for_update().get(pk=version.pk)
    if kind != CHECK:
        check_runnable(version)
    running = version.rehearsals.filter(
        kind=kind, finished_at=None, sha256=version.sha256, revision=version.revision
    ).first()
    if running is not None:
        return running
    rehearsal = Rehearsal.objects.create(
        version=version,
        kind=kind,
        sha256=version.sha256,
        revision=version.revision,
        of=list(of)[:MAX_ROWS],
        requested_by=by,
    )
    record(f"{rehearsal.get_kind_display()} requested".lower(), by=by, target=str(version))
    kick(submit_flow_run, "rehearsal", rehearsal.pk)
    return rehearsal
