"""`manage.py sync_prefect`: give Prefect every deployment that the product starts runs of."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from engine.errors import PrefectRefused, PrefectUnavailable
from executions.dispatch import sync_batches, sync_exploration
from models_registry.models import RegisteredModel
from models_registry.sweep import DISPATCHES, sync_deployment
from models_registry.tasks import sync_prefect_deployment


class Command(BaseCommand):
    help = "Create or update Prefect's work pool, our own deployments, and one for each model."

    def handle(self, **options: Any) -> None:
        models = RegisteredModel.objects.all()
        try:
            for noun in DISPATCHES:
                sync_deployment(noun)
            for model in models:
                sync_prefect_deployment(model.pk)
            sync_exploration()
            sync_batches()
        except (PrefectUnavailable, PrefectRefused) as error:
            raise CommandError(f"Prefect did not take the deployments: {error}") from error
        self.stdout.write(f"{len(models) + len(DISPATCHES) + 2} deployments are in Prefect.")
