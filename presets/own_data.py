"""The personal data of this app."""

from accounts.models import User
from accounts.privacy.personal_data import Part, Row, register


def _rows(user: User) -> list[Row]:
    columns = ("created_at", "model__name", "name", "inputs")
    return list(user.presets.kept().order_by("created_at").values(*columns))


def _erase(user: User) -> None:
    user.presets.all().delete()
    user.dismissed_suggestions.all().delete()


register(Part("presets", _rows, _erase))
