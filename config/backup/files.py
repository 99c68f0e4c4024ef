"""The model files of a backup: immutable, named by digest, checked whenever they are read."""

import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Literal

from django.core.files.storage import storages

from config.backup.manifest import KeptFile
from models_registry.errors import ArtifactMissing
from models_registry.models import ModelVersion
from models_registry.store.storage import (
    CHUNK_BYTES,
    artifact_chunks,
    artifact_key,
    store_artifact,
    stored_digest,
)

FOLDER = "models"
Fate = Literal["in place", "brought back", "replaced"]


def named_by_rows() -> list[KeptFile]:
    """Return the model files that the database names."""
    named = ModelVersion.objects.exclude(sha256="").order_by("sha256")
    return [KeptFile(*row) for row in named.values_list("sha256", "size").distinct()]


def copy_out(sha256: str, folder: Path, previous: Path | None) -> bool:
    """Copy a model file from the store, or link it from a previous backup, which takes no space.
    Return whether the copy is the uploaded file; any other is removed."""
    copy = folder / FOLDER / sha256
    if previous and digest_of(before := previous / FOLDER / sha256) == sha256:
        with suppress(OSError):  # another disk: it is copied
            os.link(before, copy)
            return True
    with suppress(ArtifactMissing):
        digest = _write(artifact_chunks(sha256), copy)
        if digest == sha256:
            return True
    copy.unlink(missing_ok=True)
    return False


def bring_back(sha256: str, folder: Path) -> Fate:
    """Put a model file into the store, unless the store has it. Another file under its name is
    replaced."""
    key = artifact_key(sha256)
    fate: Fate = "brought back"
    if storages["artifacts"].exists(key):
        if stored_digest(sha256) == sha256:
            return "in place"
        storages["artifacts"].delete(key)
        fate = "replaced"
    store_artifact(_chunks(folder / FOLDER / sha256))
    return fate


def digest_of(file: Path) -> str:
    """Return the hex digest of a file; empty where there is none."""
    try:
        with file.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except FileNotFoundError:
        return ""


def kept(file: Path) -> KeptFile:
    return KeptFile(digest_of(file), file.stat().st_size)


def _write(chunks: Iterable[bytes], file: Path) -> str:
    digest = hashlib.sha256()
    with file.open("wb") as stream:
        for chunk in chunks:
            digest.update(chunk)
            stream.write(chunk)
    return digest.hexdigest()


def _chunks(file: Path) -> Iterator[bytes]:
    with file.open("rb") as stream:
        while chunk := stream.read(CHUNK_BYTES):
            yield chunk
