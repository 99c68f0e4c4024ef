"""`manage.py backup FOLDER`: the database and the model files it names, in a new folder."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from config.backup import make_and_restore
from config.backup.errors import BackupError


class Command(BaseCommand):
    help = "Write the database and the model files into a new folder, while the product runs."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, help="a new folder; with --verify, a backup")
        parser.add_argument(
            "--previous", type=Path, metavar="FOLDER", help="link model files that it has"
        )
        parser.add_argument(
            "--verify", action="store_true", help="read a backup and change nothing"
        )

    def handle(
        self, *args: Any, folder: Path, previous: Path | None, verify: bool, **options: Any
    ) -> None:
        try:
            made = (
                make_and_restore.verify(folder)
                if verify
                else make_and_restore.make(folder, previous=previous)
            )
        except (BackupError, OSError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(
            f"{folder}: {'whole' if verify else 'backed up'}. {made.described}; database "
            f"{made.database.size:,} bytes, {len(made.artifacts)} model files."
        )
        if made.missing:
            raise CommandError(
                f"Not in it: {len(made.missing)} model files, which the store did not give as "
                f"they were uploaded: {', '.join(made.missing)}."
            )
