"""`manage.py runtime list | add 1.5 | check | remove 1.5`: the environments that serve the
models of other versions of scikit-learn."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from config import runtimes


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

    def handle(self, *args: Any, does: str, **options: Any) -> None:
        folder: Path = settings.RUNTIMES_DIR
        try:
            if does == "list":
                for one in runtimes.offers(folder):
                    self.stdout.write(described(one))
            elif does == "add":
                made = runtimes.add(options["version"], folder, extras=options["extras"])
                self.stdout.write(runtimes.check(made.minor, folder))
            elif does == "check":
                self._check(folder, options["version"])
            else:
                runtimes.remove(options["version"], folder)
                self.stdout.write(f"scikit-learn {options['version']} is removed.")
        except runtimes.RuntimeRefused as refusal:
            raise CommandError(refusal.message) from refusal
        except KeyboardInterrupt:
            raise CommandError("Interrupted; what was there is as it was.") from None

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
                self.stdout.write(runtimes.check(minor, folder))
            except runtimes.RuntimeRefused as refusal:
                failed.append(refusal.message)
        if failed:
            raise CommandError("\n".join(failed))


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
