"""The cache of model files on this machine's disk: fetched from the store once, named by digest.

Nothing is opened here. A file enters the cache only with the digest it must have, and the model
host checks the digest again over exactly the bytes that it sends to a model's process. The least
recently used files are removed when the cache is over its size, or when the disk is full; a file
that does not fit at all is kept in memory while it is used.
"""

import errno
import hashlib
import logging
import os
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import IO

from botocore.exceptions import BotoCoreError, ClientError
from django.conf import settings
from django.core.files.storage import storages

from flows.errors import ArtifactTampered, NotAModel
from model_host.client import ArtifactChanged
from model_host.loading.file_formats import describe, detect_format
from model_host.protocol.artifact import Artifact, TypeName
from models_registry.errors import ArtifactMissing
from models_registry.store.storage import artifact_key

logger = logging.getLogger(__name__)

CHUNK_BYTES = 1024 * 1024
HEAD_BYTES = 4096
ABANDONED_SECONDS = 3600  # a half-fetched file of a process that was killed
NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}

_fetching: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
_in_use: Counter[str] = Counter()
_counting = threading.Lock()


@contextmanager
def artifact(sha256: str, *, approved: frozenset[TypeName] = frozenset()) -> Iterator[Artifact]:
    """Yield the model file with this digest, for as long as the block runs.

    ``approved`` are the types that superusers approved for this very digest. Raises ArtifactMissing
    (not in the store, or the store is away), ArtifactTampered (the store gave another file),
    NotAModel.
    """
    with _counting:
        _in_use[sha256] += 1
    try:
        with _fetched(sha256) as path:
            try:
                yield replace(_describe(sha256, path), approved=approved)
            except (ArtifactChanged, NotAModel):
                _drop_if_altered(sha256)
                raise
    finally:
        with _counting:
            _in_use[sha256] -= 1
            if not _in_use[sha256]:
                del _in_use[sha256]


@contextmanager
def _fetched(sha256: str) -> Iterator[Path]:
    """Fetch the file into the cache, once for concurrent callers."""
    path = _path(sha256)
    with _fetching[sha256]:
        is_cached = path.exists() or _fetch_into_cache(sha256)
    if is_cached:
        os.utime(path)  # used now: the last to be evicted
        yield path
        return
    logger.warning("artifact_cache_full sha256=%s", sha256)
    with os.fdopen(os.memfd_create(sha256[:12]), "wb") as memory:
        _fetch(sha256, memory)
        yield Path(f"/proc/self/fd/{memory.fileno()}")


def _fetch_into_cache(sha256: str) -> bool:
    """Fetch the file into the cache, which may be emptied for it; return whether there was enough
    space."""
    for _ in range(2):
        try:
            _fetch_to(sha256, _path(sha256))
        except OSError as error:
            if error.errno not in NO_ROOM:
                raise
            _evict(keep_bytes=0)
        else:
            _evict(keep_bytes=settings.ARTIFACT_CACHE_BYTES)
            return True
    return False


def _fetch_to(sha256: str, path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".fetching-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            _fetch(sha256, file)
        os.replace(name, path)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(name)
        raise


def _fetch(sha256: str, into: IO[bytes]) -> None:
    """Stream the file from the store and check its digest on the way."""
    digest = hashlib.sha256()
    try:
        body = storages["artifacts"].bucket.Object(artifact_key(sha256)).get()["Body"]  # type: ignore[attr-defined]
        for chunk in body.iter_chunks(CHUNK_BYTES):
            digest.update(chunk)
            into.write(chunk)
    except (BotoCoreError, ClientError) as error:
        raise ArtifactMissing(f"The store did not give {artifact_key(sha256)}: {error}") from error
    into.flush()
    if digest.hexdigest() != sha256:
        raise ArtifactTampered(
            f"The store gave a file with the digest {digest.hexdigest()} for "
            f"{artifact_key(sha256)}. It was not opened."
        )


def _drop_if_altered(sha256: str) -> None:
    """Delete a copy whose digest is wrong; its next user fetches it again."""
    path = _path(sha256)
    with _fetching[sha256], suppress(FileNotFoundError):
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if digest != sha256:
            path.unlink()
            logger.warning("artifact_copy_dropped sha256=%s", sha256)


def _evict(*, keep_bytes: int) -> None:
    """Remove the files used longest ago, except those in use, until the rest is small enough."""
    files = []
    for path in settings.ARTIFACT_CACHE_DIR.iterdir():
        with suppress(FileNotFoundError):
            facts = path.stat()
            if path.name.startswith("."):
                if time.time() - facts.st_mtime > ABANDONED_SECONDS:
                    path.unlink()
            else:
                files.append((facts.st_mtime, facts.st_size, path))
    total = sum(size for _, size, _ in files)
    for _, size, path in sorted(files):
        if total <= keep_bytes:
            return
        with _counting:
            if path.name not in _in_use:
                path.unlink(missing_ok=True)
                total -= size
                logger.info("artifact_evicted sha256=%s", path.name)


def _describe(sha256: str, path: Path) -> Artifact:
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    kind = detect_format(head)
    if kind is None:
        raise NotAModel(describe(head))
    return Artifact(sha256=sha256, path=path, format=kind)


def _path(sha256: str) -> Path:
    return Path(settings.ARTIFACT_CACHE_DIR / sha256)
