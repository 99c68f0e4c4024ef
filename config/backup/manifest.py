"""The manifest of a backup."""

import json
import tomllib
from dataclasses import asdict, dataclass
from pathlib import Path

from django.conf import settings
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from config.backup.errors import BackupError

FORMAT = 1
DUMP = "database.dump"
MANIFEST = "manifest.json"


@dataclass(frozen=True)
class KeptFile:
    """A file of the backup: its hex digest and its size in bytes."""

    sha256: str
    size: int


@dataclass(frozen=True)
class Manifest:
    """The contents of a backup. ``missing`` are model files that the store did not return
    unaltered: the backup is complete except for them."""

    format: int
    product_version: str
    made_at: str
    postgresql: str
    migrations: tuple[str, ...]
    database: KeptFile
    artifacts: tuple[KeptFile, ...]
    missing: tuple[str, ...]

    @property
    def described(self) -> str:
        return f"{self.made_at}, version {self.product_version}"

    @property
    def unknown_migrations(self) -> list[str]:
        """Migrations of the backup that this code does not have: it was made by newer code."""
        known = MigrationLoader(connection).disk_migrations
        return sorted(set(self.migrations) - {f"{app}.{name}" for app, name in known})


def product_version() -> str:
    project = tomllib.loads((settings.BASE_DIR / "pyproject.toml").read_text())["project"]
    return str(project["version"])


def applied_migrations() -> tuple[str, ...]:
    """Return the migrations applied to the database, as `app.name`."""
    applied = MigrationRecorder(connection).applied_migrations()
    return tuple(sorted(f"{app}.{name}" for app, name in applied))


def write(folder: Path, manifest: Manifest) -> None:
    (folder / MANIFEST).write_text(json.dumps(asdict(manifest), indent=1) + "\n")


def read(folder: Path) -> Manifest:
    """Read the manifest. Raises BackupError where the folder holds no backup that this code can
    read."""
    try:
        content = json.loads((folder / MANIFEST).read_text())
        if content["format"] != FORMAT:
            raise BackupError(f"The backup has format {content['format']}; expected {FORMAT}.")
        return Manifest(
            **content
            | {
                "migrations": tuple(content["migrations"]),
                "database": KeptFile(**content["database"]),
                "artifacts": tuple(KeptFile(**entry) for entry in content["artifacts"]),
                "missing": tuple(content["missing"]),
            }
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BackupError(f"{folder} holds no whole backup: {MANIFEST} cannot be read.") from error
