"""What this app keeps about a person."""

from accounts.models import User
from accounts.personal_data import Part, Row, register
from notifications.models import Mail


def _rows(user: User) -> list[Row]:
    columns = ("created_at", "kind", "title", "text", "url", "read_at")
    return list(user.notifications.order_by("created_at").values(*columns))


def _erase(user: User) -> None:
    user.notifications.all().delete()
    Mail.objects.filter(recipients__contains=[user.email]).delete()


register(Part("notifications", _rows, _erase))
