"""Requests for rehearsals: a version on many rows, or a check that its file still opens."""

from collections.abc import Sequence

from django.db import transaction

from accounts.activity import record
from accounts.models import User
from config.queue import kick
from models_registry.errors import IncompleteSchema, NotInspected, RuntimeIsOwn, VersionAltered
from models_registry.models import ModelVersion, Rehearsal
from models_registry.own_rehearsals import MOST_ROWS, open_example
from models_registry.services.cases import MAX_CASES
from models_registry.tasks import submit_flow_run

CHECK = Rehearsal.Kind.CHECK


def request_example(*, version: ModelVersion, by: User) -> None:
    """Have the version, as it stands, answer its typical row; nothing where it cannot run yet."""
    if (example := open_example(version, by)) is not None:
        kick(submit_flow_run, "rehearsal", example.pk)


@transaction.atomic
def request_rehearsal(
    *,
    version: ModelVersion,
    kind: Rehearsal.Kind,
    of: Sequence[str | int] = (),
    runtime: str = "",
    by: User,
) -> Rehearsal:
    """Request a run of a version on many rows in one flow run: the first 200 of ``of``.

    IMPACT: ids of executions. CALIBRATION: numbers of rows of its reference data; the half-width
    of its interval follows. CHECK: none; the store's file is hashed and opened. RUNTIME: keys of
    saved cases, and up to 200 ids of executions; they are answered by ``runtime`` as well, which
    is another one than the version's. One of a kind runs at a time, and asking again meanwhile
    returns it. Raises NotInspected, IncompleteSchema, RuntimeIsOwn or, but for a CHECK,
    VersionAltered.
    """
    version = ModelVersion.objects.select_for_update().get(pk=version.pk)
    if kind != CHECK:
        check_runnable(version)
    if kind == Rehearsal.Kind.RUNTIME and runtime == version.scikit_learn:
        raise RuntimeIsOwn(runtime)
    running = version.rehearsals.filter(
        kind=kind,
        finished_at=None,
        sha256=version.sha256,
        revision=version.revision,
        runtime=runtime,
        own_runtime=version.scikit_learn,
    ).first()
    if running is not None:
        return running
    rehearsal = Rehearsal.objects.create(
        version=version,
        kind=kind,
        sha256=version.sha256,
        revision=version.revision,
        of=list(of)[: MAX_CASES + MOST_ROWS if kind == Rehearsal.Kind.RUNTIME else MOST_ROWS],
        runtime=runtime,
        own_runtime=version.scikit_learn,
        requested_by=by,
    )
    record(
        f"{rehearsal.get_kind_display()} requested".lower(),
        by=by,
        target=str(version),
        after={"scikit-learn": runtime} if runtime else None,
    )
    kick(submit_flow_run, "rehearsal", rehearsal.pk)
    return rehearsal


def check_runnable(version: ModelVersion) -> None:
    """Raise the reason why a version cannot run at all: no inspection passed, an altered file,
    incomplete inputs."""
    if not version.container:
        raise NotInspected
    if version.is_altered:
        raise VersionAltered
    incomplete = [one.label for one in version.features.all() if not one.is_complete]
    if incomplete:
        raise IncompleteSchema(incomplete)
