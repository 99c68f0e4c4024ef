"""The personal data of this app."""

from accounts.models import User
from accounts.privacy.personal_data import Part, Row, register
from notifications.models import Mail, Notification, Preference


def _rows(user: User) -> list[Row]:
    columns = ("created_at", "kind", "title", "text", "url", "read_at", "mailed_at")
    return list(Notification.objects.seen_by(user).order_by("created_at").values(*columns))


def _erase(user: User) -> None:
    user.notifications.all().delete()
    Mail.objects.filter(recipients__contains=[user.email]).delete()


def _switched_off(user: User) -> list[Row]:
    return [dict(row) for row in Preference.objects.filter(user=user).values("kind", "channel")]


def _forget_choices(user: User) -> None:
    Preference.objects.filter(user=user).delete()


register(Part("notifications", _rows, _erase))
register(Part("notifications_switched_off", _switched_off, _forget_choices))
