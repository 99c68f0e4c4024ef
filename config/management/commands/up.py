"""`manage.py up`, as Django lists it; manage.py itself runs it before any setting is read."""

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from config.stack.main import FLAGS, main


class Command(BaseCommand):
    help = "Start the whole product on embedded servers, or on your own where they are named."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("part", nargs="*", help="only these parts of it (see status)")
        for name, meaning in FLAGS.items():
            parser.add_argument(f"--{name}", action="store_true", help=meaning)

    def handle(self, *args: Any, part: list[str], **options: Any) -> None:
        sys.exit(main(["up", *part, *(f"--{name}" for name in FLAGS if options[name])]))
