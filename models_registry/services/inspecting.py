"""Operations that inspect a version's file and approve the types that it names."""

from collections.abc import Collection

from django.db import transaction
from django.db.models.functions import Now

from accounts.activity import record
from accounts.models import User
from config.queue import kick
from model_host.protocol.codec import to_json
from models_registry.errors import NotASuperuser, NotRefused, VersionLocked
from models_registry.inspection_steps import RECEIVED, StepTaken
from models_registry.models import Inspection, ModelVersion, TypeApproval
from models_registry.tasks import submit_flow_run


def open_inspection(
    version: ModelVersion, refusal: str, by: User | None, *, runtime: str = ""
) -> Inspection:
    """Create an inspection of the version's current file; a ``refusal`` says why no file was
    stored. ``runtime``: the one to use, that of the file for ""."""
    if refusal:
        return Inspection.objects.create(
            version=version,
            status=Inspection.Status.FAILED,
            finished_at=Now(),
            message=refusal,
            requested_by=by,
            steps=[to_json(StepTaken(RECEIVED, "failed", refusal))],
        )
    inspection = Inspection.objects.create(
        version=version, sha256=version.sha256, runtime=runtime, requested_by=by
    )
    kick(submit_flow_run, "inspection", inspection.pk)
    return inspection


@transaction.atomic
def request_inspection(*, version: ModelVersion, by: User | None, runtime: str = "") -> Inspection:
    """Inspect a draft's file again, for instance after a missing module was installed. ``runtime``:
    the minor version of scikit-learn ("1.9") that is to serve it on purpose, instead of the one
    that saved it. ``by``: None where a runtime came that the file waited for."""
    version = ModelVersion.objects.select_for_update().get(pk=version.pk)
    if version.is_locked:
        raise VersionLocked
    open_one = version.inspections.filter(finished_at=None).first()
    if open_one is not None:
        return open_one
    if runtime:
        chosen = {"scikit-learn": runtime, "may answer with other numbers": "known"}
        record("runtime chosen", by=by, target=str(version), after=chosen)
    return open_inspection(version, "", by, runtime=runtime)


def inspect_again(runtimes: Collection[str]) -> int:
    """Inspect the drafts again for which no worker had the runtime until now; returns how many."""
    waiting = Inspection.objects.filter(
        status=Inspection.Status.FAILED,
        report__needs_runtime__in=list(runtimes),
        version__status=ModelVersion.Status.DRAFT,
    ).select_related("version", "requested_by")
    count = 0
    for row in waiting:
        if row == row.version.inspections.first():
            request_inspection(version=row.version, by=row.requested_by)
            count += 1
    return count


@transaction.atomic
def approve_types(
    *, version: ModelVersion, types: Collection[tuple[str, str]], by: User
) -> Inspection:
    """Approve these types, (module, name) each, in this file only, and inspect it again.

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
    return open_inspection(version, "", by)
