"""How Django admin calls this app, and what it keeps about a person."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = "People"

    def ready(self) -> None:
        from accounts import activity, own_data  # noqa: F401 - they register themselves
