"""`manage.py runtime list | add 1.5 | check | remove 1.5`: the environments that serve the
models of other versions of scikit-learn."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from config import runtimes
from config.packages import runtime_install
from config.text.plain_text import escaped
from models_registry.models import ModelVersion

OFFERED = "A worker on this machine offers what works by itself within 5 s; nothing has to restart."


class Command(BaseCommand):
    help = "Install and check what serves the models of other versions of scikit-learn."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        does = parser.add_subparsers(dest="does", required=True)
        does.add_parser("list", help="which are there, and which can be")
        adding = does.add_parser("add", help="install one, or one anew")
        adding.add_argument("version", help="of scikit-learn, as 1.5")
        adding.add_argument(
            "--with", dest="extras", action="append", default=[], metavar="NAME==VERSION",
            help="a package that its models need besides; may be given again",
        )  # fmt: skip
        checking = does.add_parser("check", help="try them from end to end")
        checking.add_argument("version", nargs="?", help="only this one")
        removing = does.add_parser("remove", help="remove one")
        removing.add_argument("version")
        removing.add_argument(
            "--force", action="store_true", help="also where only archived versions need it"
        )

    def handle(self, *args: Any, does: str, **options: Any) -> None:
        folder: Path = settings.RUNTIMES_DIR
        try:
            if does == "list":
                for one in runtimes.offers(folder):
                    self.stdout.write(described(one))
            elif does == "add":
                made = runtime_install.add(options["version"], folder, extras=options["extras"])
                self.stdout.write(runtime_install.check(made.minor, folder))
                self.stdout.write(OFFERED)
            elif does == "check":
                self._check(folder, options["version"])
            else:
                self._remove(folder, options["version"], force=options["force"])
        except runtimes.RuntimeRefused as refusal:
            raise CommandError(refusal.message) from refusal
        except KeyboardInterrupt:
            raise CommandError("Interrupted; what was there is as it was.") from None

    def _remove(self, folder: Path, version: str, *, force: bool) -> None:
        """Remove a runtime that no version needs; with ``force`` one that archived versions would
        need for a rollback."""
        minor = runtimes.minor_of(version)
        try:
            needing = ModelVersion.objects.filter(runtime=minor).select_related("model")
            by = list(needing.order_by("model__name", "number"))
        except DatabaseError as error:
            raise CommandError(
                "The database does not answer, so nobody knows which versions need it. Start it, "
                "then try again."
            ) from error
        names = {each: escaped(str(each)) for each in by}
        archived = [each for each in by if each.status == ModelVersion.Status.ARCHIVED]
        runtime_install.remove(
            minor,
            folder,
            needed_by=[names[each] for each in by if each not in archived],
            wanted_by=[] if force else [names[each] for each in archived],
        )
        self.stdout.write(f"scikit-learn {minor} is removed.")

    def _check(self, folder: Path, version: str | None) -> None:
        """Try one runtime, or all that are there, whatever becomes of the others."""
        failed = []
        for minor in (
            [version]
            if version
            else [
                one.minor
                for one in runtimes.offers(folder)
                if one.is_here or (folder / one.minor).exists()
            ]
        ):
            try:
                self.stdout.write(runtime_install.check(minor, folder))
            except runtimes.RuntimeRefused as refusal:
                failed.append(refusal.message)
        if failed:
            raise CommandError("\n".join(failed))
        self.stdout.write(OFFERED)


def described(one: runtimes.Offer) -> str:
    """Return a line about a version: what serves it, or why nothing does and what to do."""
    if one.is_default:
        return f"{one.minor}  the product's own"
    if one.installed is None:
        return f"{one.minor}  {one.problem}"
    libraries = one.installed.libraries
    names = ("scikit-learn", "numpy", "scipy", "pandas")
    told = [f"{name} {libraries.get(name, '?')}" for name in names]
    return f"{one.minor}  {', '.join([*told, *one.installed.extras])}"
