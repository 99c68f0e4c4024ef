"""News about models that stand above their pages until the person puts them away."""

from dataclasses import dataclass

from accounts.models import User
from notifications.details import details_of
from notifications.models import Kind, Notification

LOOKED_AT = 20
SHOWN = 3


@dataclass(frozen=True)
class Announcement:
    """``count``: how many predictions the person made with a version that was rolled back."""

    notification: Notification
    count: int = 0
    history_url: str = ""


def announcements_for(user: User, *, model_id: int | None = None) -> list[Announcement]:
    """The latest about each model, newest first: what came before it is no longer news."""
    latest: dict[object, Notification] = {}
    rows = Notification.objects.announced().filter(user=user)
    if model_id is not None:
        rows = rows.filter(context__model_id=model_id)
    for row in rows.order_by("-id")[:LOOKED_AT]:
        latest.setdefault(row.context.get("model_id", row.pk), row)
    return [_announcement(row) for row in list(latest.values())[:SHOWN]]


def _announcement(row: Notification) -> Announcement:
    if row.kind != Kind.ROLLBACK:
        return Announcement(row)
    details = details_of(row)
    return Announcement(row, details.get("count") or 0, details.get("history_url", ""))
