"""`manage.py recount`: count every day again, for example after a manual repair; until it is done
the dashboard shows the old counts."""

from typing import Any

from django.core.management.base import BaseCommand

from monitoring.dashboard import rollup


class Command(BaseCommand):
    help = "Count again, from the executions, the days that the monitoring dashboard reads."

    def handle(self, *args: Any, **options: Any) -> None:
        days = rollup.recount()
        zones = len(rollup.zones_in_use())
        self.stdout.write(f"{days:,} days counted in {zones} timezone{'s'[: zones != 1]}.")
