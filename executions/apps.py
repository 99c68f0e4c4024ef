"""App configuration: the names in Django admin, and the personal data that this app keeps."""

from django.apps import AppConfig


class ExecutionsConfig(AppConfig):
    name = "executions"
    verbose_name = "Predictions"

    def ready(self) -> None:
        from executions import notices, own_data  # noqa: F401 - they register themselves
