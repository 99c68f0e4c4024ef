"""`manage.py up`, as Django lists it; manage.py itself runs it before any setting is read."""

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from config.stack.main import main


class Command(BaseCommand):
    help = "Start the whole product on embedded servers, or on your own where they are named."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("part", nargs="*", help="only these parts of it (see status)")
        parser.add_argument("--detach", action="store_true", help="return once it is ready")

    def handle(self, *args: Any, part: list[str], detach: bool, **options: Any) -> None:
        sys.exit(main(["up", *part, *(["--detach"] if detach else [])]))
