"""App configuration: the names in Django admin, and the personal data that this app keeps."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = "People"

    def ready(self) -> None:
        from accounts.privacy import own_data  # noqa: F401 - they register themselves
