"""How Django admin calls this app, and what it keeps about a person."""

from django.apps import AppConfig


class NotificationsConfig(AppConfig):
    name = "notifications"
    verbose_name = "Notifications"

    def ready(self) -> None:
        from notifications import own_data  # noqa: F401 - registers itself
