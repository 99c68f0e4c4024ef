"""Announcements about models, shown above their pages until the person dismisses them."""

from dataclasses import dataclass

from accounts.models import User
from notifications.details import details_of
from notifications.models import Context, Notification, NotificationQuerySet

LOOKED_AT = 20


@dataclass(frozen=True)
class Announcement:
    """The latest announcement, with its ``context``, and ``more``, the number of other models that
    have one."""

    notification: Notification
    context: Context
    more: int = 0


def announced_to(user: User, *, model_id: int | None = None) -> NotificationQuerySet:
    """Return the announcements about all models, or about one, that the person has not
    dismissed."""
    rows = Notification.objects.seen_by(user).announced()
    return rows if model_id is None else rows.about_model(model_id)


def announcement_for(user: User, *, model_id: int | None = None) -> Announcement | None:
    """Return the one announcement of a page: the latest. Earlier ones about the same model are
    outdated, and the bell lists those about other models."""
    latest: dict[object, Notification] = {}
    for row in announced_to(user, model_id=model_id).order_by("-id")[:LOOKED_AT]:
        latest.setdefault(row.read_context().model_id or row, row)
    if not latest:
        return None
    row = next(iter(latest.values()))
    return Announcement(row, details_of(row), more=len(latest) - 1)
