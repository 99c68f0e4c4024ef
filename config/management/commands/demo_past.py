"""`manage.py demo_past`: count the demo's invented predictions, or take them away for good."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from config.demo import past
from config.demo.predictions import INVENTED
from executions.models import Execution


class Command(BaseCommand):
    help = "Say how much of the demo's past is invented; --remove takes it away with its people."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--remove", action="store_true", help="remove it for good")

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.IS_DEMO or settings.IS_PRODUCTION:
            raise CommandError("The demo is off, so nothing here is invented.")
        if options["remove"]:
            self.stdout.write(f"{past.remove():,} invented predictions removed.")
        else:
            count = Execution.objects.filter(attempts__worker=INVENTED).count()
            self.stdout.write(f"{count:,} predictions are invented; --remove takes them away.")
