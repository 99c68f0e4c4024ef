"""Backup, verification and restore of an installation."""

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.db.models.functions import Now

from accounts.activity import BACKUP_MADE, record
from config.backup import database, files, manifest
from config.backup.errors import BackupError
from config.backup.files import Fate
from config.backup.manifest import DUMP, FORMAT, KeptFile, Manifest
from executions.models import Execution


@dataclass(frozen=True)
class Restored:
    """The counts of a restore: model files by outcome, and predictions that continue."""

    files: Counter[Fate]
    migrations: int
    unfinished: int


def make(folder: Path, *, previous: Path | None = None) -> Manifest:
    """Write a backup into a new folder, which gets its name once the backup is complete.

    The model files are those that the dumped rows name: a file is stored before its row and never
    changed, so the store may be read after the dump. One that is whole is written down among what
    people did; /metrics says when the last was. Raises BackupError.
    """
    draft = folder.with_name(f"{folder.name}.partial")
    if folder.exists() or draft.exists():
        raise BackupError(f"{folder if folder.exists() else draft} exists. Name a new folder.")
    draft.mkdir(mode=0o700, parents=True)  # it contains personal data and password hashes
    (draft / files.FOLDER).mkdir()
    with database.snapshot() as snapshot:
        named = files.named_by_rows()
        migrations = manifest.applied_migrations()
        database.dump(draft / DUMP, snapshot=snapshot)
    copied = {file: files.copy_out(file.sha256, draft, previous) for file in named}
    made = Manifest(
        format=FORMAT,
        product_version=manifest.product_version(),
        made_at=f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC",
        postgresql=str(connection.connection.info.parameter_status("server_version")),
        migrations=migrations,
        database=files.kept(draft / DUMP),
        artifacts=tuple(file for file, is_copied in copied.items() if is_copied),
        missing=tuple(file.sha256 for file, is_copied in copied.items() if not is_copied),
    )
    manifest.write(draft, made)
    draft.rename(folder)
    if not made.missing:
        record(BACKUP_MADE, by=None, target=str(folder))
    return made


def verify(folder: Path) -> Manifest:
    """Read every file of a backup and compare its digest. Raises BackupError with what is wrong."""
    made = manifest.read(folder)
    expected = {DUMP: made.database}
    expected |= {f"{files.FOLDER}/{file.sha256}": file for file in made.artifacts}
    for name, file in expected.items():
        _check(folder / name, file)
    database.check(folder / DUMP)
    return made


def _check(path: Path, expected: KeptFile) -> None:
    digest = files.digest_of(path)
    if not digest:
        raise BackupError(f"{path} is missing.")
    if digest != expected.sha256:
        raise BackupError(f"{path} was altered: its digest is {digest}.")


def restore(folder: Path, *, replace: bool) -> Restored:
    """Restore a backup: the model files first, then the rows that name them, then the migrations
    that are newer than it.

    Nothing is changed before all of the backup was read and found whole. Raises BackupError,
    also where the database holds tables and ``replace`` is not set, or is in use.
    """
    made = verify(folder)
    if newer := made.unknown_migrations:
        raise BackupError(
            f"The backup was made by newer code: this one does not know {newer[0]}. Install "
            f"version {made.product_version} or newer, then restore."
        )
    if not database.is_empty():
        if not replace:
            raise BackupError(
                "The database is not empty. Restore into an empty one, or give --replace to "
                "remove everything that is in it."
            )
        if count := database.others():
            raise BackupError(
                f"The database is in use (other connections: {count}). Stop the web, Celery, beat "
                "and worker processes, then restore."
            )
    brought = Counter(files.bring_back(file.sha256, folder) for file in made.artifacts)
    if replace:
        database.clear()
    database.restore(folder / DUMP)
    before = set(manifest.applied_migrations())
    call_command("migrate", interactive=False, verbosity=0)
    call_command("createcachetable", verbosity=0)
    added = len(set(manifest.applied_migrations()) - before)
    return Restored(brought, added, take_up_again())


def take_up_again() -> int:
    """Queue again the executions that were queued or running at the time of the backup, with full
    deadlines: the sweep dispatches them. Returns how many predictions continue."""
    open_ones = Execution.objects.queued() | Execution.objects.running()
    return open_ones.update(deadline=Now() + settings.QUEUE_DEADLINE)
