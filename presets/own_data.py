"""The personal data of this app."""

from accounts.models import User
from accounts.privacy.personal_data import Part, Row, register
from presets.models import Preset


def _rows(user: User) -> list[Row]:
    columns = ("created_at", "model__name", "name", "inputs")
    return list(Preset.objects.kept().own_of(user).order_by("created_at").values(*columns))


def _erase(user: User) -> None:
    user.presets.all().delete()
    user.dismissed_suggestions.all().delete()


register(Part("presets", _rows, _erase))
