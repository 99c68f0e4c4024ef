"""The backup of one version as a ZIP: the uploaded file and everything recorded about it. Streamed:
at most 1 MiB of the file is in memory at a time."""

import hashlib
import json
import logging
import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any, cast
from zipfile import ZIP_STORED, ZipFile, ZipInfo

from django.core.serializers.json import DjangoJSONEncoder

from models_registry.card.facts import examination_of, saved_with_text, served_by_text
from models_registry.errors import FileIsGone
from models_registry.models import ModelVersion
from models_registry.revisions import configuration_of
from models_registry.store.integrity import mark_altered
from models_registry.store.storage import artifact_chunks

logger = logging.getLogger(__name__)


class BackupBroken(Exception):
    """The store returned another file than the uploaded one: the download is cut off before the end
    of the ZIP, so that it is recognisably incomplete."""


class _Pipe:
    """A write-only, unseekable file for ZipFile, which returns what was written to it."""

    def __init__(self) -> None:
        self.written = bytearray()

    def write(self, data: bytes) -> int:
        self.written += data
        return len(data)

    def flush(self) -> None:
        """Do nothing; nothing is buffered."""

    def take(self) -> bytes:
        data = bytes(self.written)
        self.written.clear()
        return data


def backup_name(version: ModelVersion) -> str:
    return f"{version.model.slug}-{version.short_name}"


def backup_zip(version: ModelVersion) -> Iterator[bytes]:
    """Yield the chunks of the ZIP, stored and not compressed. Raises FileIsGone before the first
    byte, and BackupBroken after the last one of a file whose digest is wrong; its versions are then
    marked as altered."""
    chunks = artifact_chunks(version.sha256) if version.sha256 else iter(())
    first = next(chunks, None)
    if first is None:
        raise FileIsGone
    return _zipped(version, describe(version), first, chunks)


def _zipped(
    version: ModelVersion, description: dict[str, Any], first: bytes, rest: Iterator[bytes]
) -> Iterator[bytes]:
    folder, pipe, digest = backup_name(version), _Pipe(), hashlib.sha256()
    moment = version.uploaded_at.timetuple()[:6]
    with ZipFile(cast("Any", pipe), "w", ZIP_STORED) as archive:
        text = json.dumps(description, cls=DjangoJSONEncoder, ensure_ascii=False, indent=2)
        archive.writestr(ZipInfo(f"{folder}/configuration.json", moment), text)
        with archive.open(ZipInfo(f"{folder}/{_file_name(version)}", moment), "w") as entry:
            for chunk in _chain(first, rest):
                digest.update(chunk)
                entry.write(chunk)
                yield pipe.take()
        if digest.hexdigest() != version.sha256:
            mark_altered(version.sha256)
            raise BackupBroken(version.sha256)
    yield pipe.take()


def _chain(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


def _file_name(version: ModelVersion) -> str:
    """The uploaded name, restricted to characters that every system accepts; `model` if none is
    left."""
    name = PurePosixPath(version.file_name.replace("\\", "/")).name
    plain = re.sub(r"[^A-Za-z0-9._-]+", "_", name).strip("._-")
    return plain if plain and plain != "configuration.json" else "model"


def describe(version: ModelVersion) -> dict[str, Any]:
    """Return everything recorded about a version, as plain values. Five queries."""
    return {
        "model": version.model.name,
        "version": version.number,
        "label": version.label,
        "description": version.description,
        "release_notes": version.release_notes,
        "intended_use": version.intended_use,
        "limitations": version.limitations,
        "status": version.status,
        "file": {
            "name": version.file_name,
            "format": version.format,
            "size": version.size,
            "sha256": version.sha256,
            "uploaded_at": version.uploaded_at,
        },
        "estimator": version.estimator,
        "task": version.task,
        "container": version.container,
        "libraries_trained": version.libraries_trained,
        "saved_with": saved_with_text(version),
        "served_by": served_by_text(version, examination_of(version)),
        "runtime": version.runtime,
        "metrics": version.metrics,
        "training_config": version.training_config,
        "revision": version.revision,
        "configuration": configuration_of(version).to_json(),
        "cases": list(version.cases.values("name", "inputs", "expected", "tolerance")),
    }
