"""App configuration: the names in Django admin, and the personal data that this app keeps."""

from django.apps import AppConfig


class MonitoringConfig(AppConfig):
    name = "monitoring"
    verbose_name = "Monitoring"

    def ready(self) -> None:
        from monitoring import own_data  # noqa: F401 - registers itself
