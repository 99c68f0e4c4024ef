"""The bell: the number of unread notifications, and whether a page has any to show yet."""

from dataclasses import dataclass

from accounts.models import User
from config.text.numbers import whole_number
from notifications.models import Notification

MOST = 99
"""The maximum of the count, at which the query stops."""

LINES = 3
"""The number of new notifications that a page shows at once."""


@dataclass(frozen=True)
class Bell:
    """``newest`` is the id of the latest unread notification, 0 where there is none."""

    unread: int
    newest: int

    @property
    def state(self) -> str:
        """A token that changes whenever the bell does; a page sends it back when it polls."""
        return f"{self.newest}-{self.unread}"

    @property
    def count(self) -> str:
        return f"{MOST}+" if self.unread > MOST else str(self.unread)


def bell_of(user: User) -> Bell:
    """Return the bell's state, in one query of the index of unread notifications."""
    unread = Notification.objects.shown_to(user).unread().order_by("-id")
    ids = list(unread.values_list("pk", flat=True)[: MOST + 1])
    return Bell(unread=len(ids), newest=ids[0] if ids else 0)


def news_since(user: User, state: str) -> list[Notification]:
    """Return the notifications that arrived since a page had this state, newest first."""
    newest = whole_number(state.partition("-")[0])
    if newest is None:
        return []
    unread = Notification.objects.shown_to(user).unread()
    return list(unread.filter(pk__gt=newest).order_by("-id")[:LINES])
