"""How Django admin calls this app, and what it keeps about a person."""

from django.apps import AppConfig


class PresetsConfig(AppConfig):
    name = "presets"
    verbose_name = "Presets"

    def ready(self) -> None:
        from presets import own_data  # noqa: F401 - registers itself
