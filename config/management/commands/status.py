"""`manage.py status`, as Django lists it; manage.py itself runs it before any setting is read."""

import sys
from typing import Any

from django.core.management.base import BaseCommand

from config.stack.main import main


class Command(BaseCommand):
    help = "Show each part of the embedded stack, its address and its health."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        sys.exit(main(["status"]))
