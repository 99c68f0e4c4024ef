"""Count every day anew, as after a repair by hand; meanwhile the dashboard stays as it was."""

from typing import Any

from django.core.management.base import BaseCommand

from monitoring.dashboard import rollup


class Command(BaseCommand):
    help = "Count again, from the executions, the days that the monitoring dashboard reads."

    def handle(self, *args: Any, **options: Any) -> None:
        days = rollup.recount()
        zones = len(rollup.zones_in_use())
        self.stdout.write(f"{days:,} days counted in {zones} timezone{'s'[: zones != 1]}.")
