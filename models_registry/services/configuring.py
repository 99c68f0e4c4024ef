"""Saving what a version's inputs and targets are."""

from django.db import transaction
from django.db.models import F

from accounts.activity import record
from accounts.models import User
from models_registry.errors import IncompleteSchema, NotInspected, VersionAltered, VersionLocked
from models_registry.models import ModelVersion


@transaction.atomic
def save_configuration(*, version: ModelVersion, by: User) -> ModelVersion:
    """Number a change of the inputs or targets as the next revision; earlier tests no longer count.

    Called in the transaction that wrote the rows. Raises VersionLocked once the version was live.
    """
    changed = ModelVersion.objects.filter(pk=version.pk, activated_at=None).update(
        revision=F("revision") + 1
    )
    if not changed:
        raise VersionLocked
    version.refresh_from_db(fields=["revision"])
    record("inputs edited", by=by, target=str(version), after={"revision": version.revision})
    return version


def check_runnable(version: ModelVersion) -> None:
    """Raise what keeps a version from running at all: no inspection passed, an altered file,
    incomplete inputs."""
    if not version.container:
        raise NotInspected
    if version.is_altered:
        raise VersionAltered
    incomplete = version.features.filter(is_complete=False).values_list("label", flat=True)
    if incomplete:
        raise IncompleteSchema(list(incomplete))
