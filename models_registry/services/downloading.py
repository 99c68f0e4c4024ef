"""The audited download of a version."""

from collections.abc import Iterator

from accounts.activity import record
from accounts.models import User
from models_registry.card.version_zip import backup_zip
from models_registry.errors import ArtifactMissing, FileIsGone
from models_registry.models import ModelVersion


def download_version(*, version: ModelVersion, by: User) -> Iterator[bytes]:
    """Return the version as a ZIP, in chunks. Raises FileIsGone when the store does not give the
    file."""
    try:
        chunks = backup_zip(version)
    except ArtifactMissing as error:
        raise FileIsGone from error
    record("version downloaded", by=by, target=str(version), after={"sha256": version.sha256})
    return chunks
