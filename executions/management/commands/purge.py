"""`manage.py purge`: remove for good what people deleted 30 days ago."""

from typing import Any

from django.core.management.base import BaseCommand

from executions.records.purging import forget_flow_runs, purge


class Command(BaseCommand):
    help = "Purge deleted predictions, old diagnostics and old flow runs. Safe to run again."

    def handle(self, *args: Any, **options: Any) -> None:
        purged = purge()
        old = forget_flow_runs()
        self.stdout.write(
            f"Predictions purged: {purged.executions}. Diagnostics forgotten: "
            f"{purged.diagnostics}. Flow runs deleted in Prefect: {purged.flow_runs} of these, "
            f"{old} old ones."
        )
        if purged.waiting:
            self.stdout.write(
                f"Flow runs that Prefect could not delete yet: {purged.waiting}. "
                "The next purge tries again."
            )
