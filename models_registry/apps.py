"""App configuration: the name in Django admin, and which models a person does not see."""

from django.apps import AppConfig


class ModelsRegistryConfig(AppConfig):
    name = "models_registry"
    verbose_name = "Models"

    def ready(self) -> None:
        from models_registry import visibility  # noqa: F401 - registers itself
