"""Who is told what, and how."""

from typing import Any

from django.conf import settings
from django.db.models import Exists, OuterRef, Q

from accounts.managers import UserQuerySet
from accounts.models import User
from notifications.models import Channel, Kind, Preference


def people_for(kind: Kind) -> UserQuerySet:
    """Everybody whom this kind concerns and who wants it on some channel, with ``is_shown`` (in
    the app) and ``is_mailed``. Who never confirmed an address where the site asks for it is a
    stranger: they cannot sign in, and their address may be somebody else's."""
    people = User.objects.admins() if kind.is_for_admins else User.objects.active()
    if settings.REQUIRE_EMAIL_CONFIRMATION:
        people = people.filter(emailaddress__verified=True, emailaddress__primary=True)
    wanted: UserQuerySet = people.annotate(
        is_shown=_wants(kind, Channel.IN_APP), is_mailed=_wants(kind, Channel.EMAIL)
    ).filter(Q(is_shown=True) | Q(is_mailed=True))
    return wanted


def wants_mail(user: User, kind: Kind) -> bool:
    """Whether a mail of this kind still reaches this person and is still wanted."""
    return people_for(kind).filter(_wants(kind, Channel.EMAIL), pk=user.pk).exists()


def _wants(kind: Kind, channel: Channel) -> Any:
    return ~Exists(Preference.objects.filter(user=OuterRef("pk"), kind=kind, channel=channel))
