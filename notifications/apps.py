"""App configuration: the names in Django admin, and the personal data that this app keeps."""

from django.apps import AppConfig


class NotificationsConfig(AppConfig):
    name = "notifications"
    verbose_name = "Notifications"

    def ready(self) -> None:
        from notifications import own_data  # noqa: F401 - registers itself
