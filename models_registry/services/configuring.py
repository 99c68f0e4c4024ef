"""Operations that save a version's inputs and answers, and the rules between its inputs."""

from django.db import transaction

from accounts.activity import record
from accounts.models import User
from models_registry.errors import RevisionOutdated, VersionLocked
from models_registry.inputs.configuration import Configuration, marked_by_admin
from models_registry.models import ModelVersion, ReferenceData
from models_registry.revisions import configuration_of, write_configuration, write_revision
from models_registry.services.rehearsing import request_example


@transaction.atomic
def save_configuration(
    *,
    version: ModelVersion,
    by: User,
    configuration: Configuration | None = None,
    seen: int | None = None,
) -> ModelVersion:
    """Save a change of the configuration as the next revision; earlier tests no longer count.

    ``configuration`` is what a person wants, ``seen`` the revision that they looked at; where it
    changes nothing, nothing is saved. Without it, the rows as they stand are numbered: the caller
    wrote them in the same transaction. Raises VersionLocked once the version was live, and
    RevisionOutdated if somebody saved another revision since ``seen``.
    """
    stored = ModelVersion.objects.select_for_update().get(pk=version.pk)
    if stored.is_locked:
        raise VersionLocked
    if seen not in {None, stored.revision}:
        raise RevisionOutdated(stored.revision)
    if configuration is None:
        latest = stored.revisions.first()
        before = Configuration.from_json(latest.configuration) if latest else None
        configuration = configuration_of(stored)
        changes = configuration.changes_since(before) if before else []
    else:
        before = configuration_of(stored)
        configuration = marked_by_admin(configuration, before)
        changes = configuration.changes_since(before)
        if not changes:
            return stored
        write_configuration(stored, configuration)
        ReferenceData.objects.filter(version=stored).fit_to(configuration.features)
    stored.revision += 1
    stored.save(update_fields=["revision"])
    write_revision(stored, configuration, changes, by)
    record(
        "inputs edited",
        by=by,
        target=str(stored),
        after={"revision": stored.revision, "changes": changes},
    )
    request_example(version=stored, by=by)
    version.revision = stored.revision
    return stored
