"""`manage.py restore FOLDER`: bring back what `manage.py backup` wrote."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from config.backup import make_and_restore
from config.backup.errors import BackupError
from models_registry.errors import ArtifactMissing


class Command(BaseCommand):
    help = "Fill an empty database, and the store, from a backup; then apply newer migrations."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path)
        parser.add_argument(
            "--replace", action="store_true", help="remove everything in the database first"
        )

    def handle(self, *args: Any, folder: Path, replace: bool, **options: Any) -> None:
        try:
            restored = make_and_restore.restore(folder, replace=replace)
        except (BackupError, ArtifactMissing, OSError) as error:
            raise CommandError(str(error)) from error
        told = ", ".join(f"{count} {what}" for what, count in sorted(restored.files.items()))
        self.stdout.write(
            f"Restored {folder}. Model files: {told or 'none'}. Newer migrations applied: "
            f"{restored.migrations}. Predictions that go on: {restored.unfinished}.\n"
            "Run `manage.py sync_prefect` once Prefect is there, then start the product."
        )
