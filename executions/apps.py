"""How Django admin calls this app, and what it keeps about a person."""

from django.apps import AppConfig


class ExecutionsConfig(AppConfig):
    name = "executions"
    verbose_name = "Predictions"

    def ready(self) -> None:
        from executions import notices, own_data  # noqa: F401 - they register themselves
