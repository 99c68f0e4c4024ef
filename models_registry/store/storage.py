"""Model files in the S3-compatible store: `models/<sha256>`, written once, never overwritten."""

import hashlib
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import IO, Any, cast

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from django.conf import settings
from django.core.files import File
from django.core.files.storage import storages
from storages.backends.s3 import S3Storage

from models_registry.errors import ArtifactMissing, ArtifactTooLarge
from models_registry.store import store_time

CHUNK_BYTES = 1024 * 1024


class ArtifactStorage(S3Storage):  # type: ignore[misc]
    """The private bucket of artifacts, with the product's timeouts."""

    def get_default_settings(self) -> dict[str, Any]:
        defaults: dict[str, Any] = super().get_default_settings()
        return defaults | {
            "client_config": Config(
                connect_timeout=settings.S3_CONNECT_TIMEOUT_SECONDS,
                read_timeout=settings.S3_READ_TIMEOUT_SECONDS,
                retries={"total_max_attempts": settings.S3_TRIES, "mode": "standard"},
                s3={"addressing_style": cast("Any", settings.AWS_S3_ADDRESSING_STYLE)},
                signature_version=store_time.SIGNATURE,
            ),
        }

    @property
    def connection(self) -> Any:
        """The client of this thread."""
        connection = super().connection
        events = connection.meta.client.meta.events
        events.register("needs-retry.s3", store_time.retry_at_store_time, unique_id="store-time")
        return connection


@dataclass(frozen=True)
class StoredArtifact:
    """A model file in the store: its hex digest and its size in bytes."""

    sha256: str
    size: int


def artifact_key(sha256: str) -> str:
    return f"models/{sha256}"


def store_artifact(chunks: Iterable[bytes]) -> StoredArtifact:
    """Stream a file to the store under its digest, unless the store has it already.

    The file is hashed while it is received and never held in memory whole. Raises ArtifactTooLarge
    as soon as it passes the limit, and ArtifactMissing when the store does not answer.
    """
    digest, size = hashlib.sha256(), 0
    with tempfile.TemporaryFile() as spool:
        for chunk in chunks:
            size += len(chunk)
            if size > settings.ARTIFACT_MAX_BYTES:
                raise ArtifactTooLarge(settings.ARTIFACT_MAX_BYTES)
            digest.update(chunk)
            spool.write(chunk)
        spool.seek(0)
        artifact = StoredArtifact(digest.hexdigest(), size)
        _put_if_absent(artifact_key(artifact.sha256), spool)
    return artifact


def artifact_chunks(sha256: str) -> Iterator[bytes]:
    """Yield what the store holds under this digest's key, 1 MiB at a time; the caller checks the
    digest. Raises ArtifactMissing, also midway."""
    try:
        body = storages["artifacts"].bucket.Object(artifact_key(sha256)).get()["Body"]  # type: ignore[attr-defined]
        yield from body.iter_chunks(CHUNK_BYTES)
    except (BotoCoreError, ClientError) as error:
        raise ArtifactMissing(f"The store did not give {artifact_key(sha256)}: {error}") from error


def stored_digest(sha256: str) -> str:
    """Return the hex digest of what the store holds under this digest's key, read to its end.
    Raises ArtifactMissing."""
    digest = hashlib.sha256()
    for chunk in artifact_chunks(sha256):
        digest.update(chunk)
    return digest.hexdigest()


def _put_if_absent(key: str, content: IO[bytes]) -> None:
    store = storages["artifacts"]
    try:
        if not store.exists(key):
            store.save(key, File(content))
    except (BotoCoreError, ClientError, OSError) as error:
        raise ArtifactMissing(f"The store did not take {key}: {error}") from error
