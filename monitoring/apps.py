"""How Django admin calls this app, and what it keeps about a person."""

from django.apps import AppConfig


class MonitoringConfig(AppConfig):
    name = "monitoring"
    verbose_name = "Monitoring"

    def ready(self) -> None:
        from monitoring import own_data  # noqa: F401 - registers itself
