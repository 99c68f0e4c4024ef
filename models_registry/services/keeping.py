"""Taking a version out for safe keeping, and the words of its model card."""

from collections.abc import Iterator

from django.db import transaction

from accounts.activity import record
from accounts.models import User
from models_registry.card.backup import backup_zip
from models_registry.errors import ArtifactMissing, FileIsGone
from models_registry.models import ModelVersion


def download_version(*, version: ModelVersion, by: User) -> Iterator[bytes]:
    """The version as a ZIP, in chunks. Raises FileIsGone when the store does not give the file."""
    try:
        chunks = backup_zip(version)
    except ArtifactMissing as error:
        raise FileIsGone from error
    record("version downloaded", by=by, target=str(version), after={"sha256": version.sha256})
    return chunks


@transaction.atomic
def write_card(
    *, version: ModelVersion, intended_use: str, limitations: str, description: str, by: User
) -> ModelVersion:
    """Write the words of a version's model card; they may change at any time, live or not. What
    each said before stays in the record."""
    version = ModelVersion.objects.select_for_update().select_related("model").get(pk=version.pk)
    words = {
        "intended_use": intended_use,
        "limitations": limitations,
        "description": description,
    }
    before = {name: getattr(version, name) for name in words}
    changed = [name for name in words if before[name] != words[name]]
    if not changed:
        return version
    for name in changed:
        setattr(version, name, words[name])
    version.save(update_fields=changed)
    record(
        "model card edited",
        by=by,
        target=str(version),
        before={name: before[name] for name in changed},
        after={name: words[name] for name in changed},
    )
    return version
