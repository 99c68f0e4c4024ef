"""App configuration: the names in Django admin, and the personal data that this app keeps."""

from django.apps import AppConfig


class PresetsConfig(AppConfig):
    name = "presets"
    verbose_name = "Presets"

    def ready(self) -> None:
        from presets import own_data  # noqa: F401 - registers itself
