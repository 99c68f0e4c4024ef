"""The move of a version to another runtime, after a try."""

from django.db import transaction

from accounts.activity import record
from accounts.models import User
from config.queue import kick
from models_registry.errors import FileAltered, RuntimeIsOwn, RuntimeNotTried
from models_registry.models import ModelVersion, ReferenceData, Rehearsal
from models_registry.own_rehearsals import why_no_interval
from models_registry.rehearsal_results import are_all_equal
from models_registry.revisions import served_by_another, write_new_revision
from models_registry.services.cases import NOT_RUN
from models_registry.services.referencing import request_interval
from models_registry.services.rehearsing import request_example
from models_registry.tasks import warm_version


def latest_try(version: ModelVersion, runtime: str) -> Rehearsal | None:
    """Return the latest try of the version's file and revision with its own runtime and another
    one, whichever was its own then."""
    own = version.scikit_learn
    tries = version.rehearsals.filter(
        kind=Rehearsal.Kind.RUNTIME, sha256=version.sha256, revision=version.revision
    )
    both = tries.filter(runtime=runtime, own_runtime=own)
    return (both | tries.filter(runtime=own, own_runtime=runtime)).first()


def former_runtime(version: ModelVersion) -> str:
    """Return the runtime from which the version was moved to the one that serves it, "" if it was
    not."""
    moved = version.rehearsals.filter(
        kind=Rehearsal.Kind.RUNTIME,
        status=Rehearsal.Status.SUCCEEDED,
        sha256=version.sha256,
        runtime=version.scikit_learn,
    ).first()
    return moved.own_runtime if moved else ""


@transaction.atomic
def choose_runtime(*, version: ModelVersion, runtime: str, by: User) -> ModelVersion:
    """Have another runtime serve the version from now on; also a live one, whose running
    predictions finish with the former.

    Where the try found any difference, or nothing to compare, tests and cases that the former
    runtime passed no longer count: a draft gets a new revision, and an interval from reference data
    is computed again. Raises RuntimeIsOwn, FileAltered,
    and RuntimeNotTried without a finished try of this file, this revision and both runtimes.
    """
    version = ModelVersion.objects.select_for_update().get(pk=version.pk)
    former = version.scikit_learn
    if runtime == former:
        raise RuntimeIsOwn(runtime)
    if version.is_altered:
        raise FileAltered
    tried = latest_try(version, runtime)
    if tried is None or tried.status != Rehearsal.Status.SUCCEEDED:
        raise RuntimeNotTried(runtime)
    is_equal = are_all_equal(tried.tried_rows)
    version.runtime = runtime
    version.libraries_running = tried.libraries.get(runtime, {})
    version.save(update_fields=["runtime", "libraries_running"])
    if not is_equal:
        version.cases.update(**NOT_RUN)
        if not version.is_locked:
            write_new_revision(version, [served_by_another(former, runtime)], by)
        reference = ReferenceData.objects.filter(version=version).first()
        if reference and reference.interval_sha256 and not why_no_interval(version, reference):
            request_interval(version=version, by=by)
    record(
        "runtime changed",
        by=by,
        target=str(version),
        before={"scikit-learn": former},
        after={"scikit-learn": runtime, "all answers equal": is_equal},
    )
    request_example(version=version, by=by)
    if version.is_active:
        kick(warm_version, version.pk)
    return version
