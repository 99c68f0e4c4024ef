"""App configuration: the name in Django admin, which models a person does not see, and the personal
data that this app keeps."""

from django.apps import AppConfig


class ModelsRegistryConfig(AppConfig):
    name = "models_registry"
    verbose_name = "Models"

    def ready(self) -> None:
        from models_registry import own_data, visibility  # noqa: F401 - they register themselves
