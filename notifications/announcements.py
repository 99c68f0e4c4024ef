"""Announcements about models, shown above their pages until the person dismisses them."""

from dataclasses import dataclass

from accounts.models import User
from notifications.details import details_of
from notifications.models import Kind, Notification, NotificationQuerySet

LOOKED_AT = 20


@dataclass(frozen=True)
class Announcement:
    """The latest announcement, and ``more``, the number of other models that have one; ``count``:
    the number of predictions that the person made with a version that was rolled back."""

    notification: Notification
    more: int = 0
    count: int = 0
    history_url: str = ""


def announced_to(user: User, *, model_id: int | None = None) -> NotificationQuerySet:
    """Return the announcements about all models, or about one, that the person has not
    dismissed."""
    rows = Notification.objects.announced().filter(user=user)
    return rows if model_id is None else rows.filter(context__model_id=model_id)


def announcement_for(user: User, *, model_id: int | None = None) -> Announcement | None:
    """Return the one announcement of a page: the latest. Earlier ones about the same model are
    outdated, and the bell lists those about other models."""
    latest: dict[object, Notification] = {}
    for row in announced_to(user, model_id=model_id).order_by("-id")[:LOOKED_AT]:
        latest.setdefault(row.context.get("model_id", row.pk), row)
    if not latest:
        return None
    row = next(iter(latest.values()))
    about = details_of(row) if row.kind == Kind.ROLLBACK else {}
    return Announcement(
        row,
        more=len(latest) - 1,
        count=about.get("count") or 0,
        history_url=about.get("history_url", ""),
    )
