"""The personal data of this app: the groups that a person is in."""

from accounts.models import User
from accounts.privacy.personal_data import Part, Row, register


def _groups(user: User) -> list[Row]:
    return [dict(row) for row in user.groups.order_by("name").values("name")]


register(Part("groups", _groups, lambda user: user.groups.clear()))
