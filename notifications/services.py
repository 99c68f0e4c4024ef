"""Telling people."""

from accounts.models import User
from notifications.models import Notification


def notify(
    user: User, *, kind: Notification.Kind, cause: str, title: str, text: str = "", url: str = ""
) -> None:
    """Tell ``user`` something once per ``cause``; a second report of the same changes nothing.

    Called inside the transaction of what it tells of, so neither exists without the other.
    """
    Notification.objects.bulk_create(
        [Notification(user=user, kind=kind, cause=cause, title=title, text=text, url=url)],
        ignore_conflicts=True,
    )
