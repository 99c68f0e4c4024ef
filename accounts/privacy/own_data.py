"""The personal data of this app. Its deletion is in `accounts.privacy.erasure`."""

from collections.abc import Iterator

from allauth.socialaccount.models import SocialAccount
from django.db.models import Q

from accounts.models import Invitation, User
from accounts.privacy.personal_data import Part, Row, register


def _profile(user: User) -> list[Row]:
    return [
        {
            "email": user.email,
            "name": user.name,
            "timezone": user.timezone,
            "number_format": user.number_format,
            "role": user.role,
            "joined_at": user.joined_at,
            "last_seen_at": user.last_seen_at,
        }
    ]


def _activity(user: User) -> Iterator[Row]:
    columns = ("at", "action", "target", "before", "after", "address")
    found: Iterator[Row] = user.activity.order_by("at", "id").values(*columns).iterator()
    return found


def _nothing(user: User) -> None:
    """Do nothing: the row itself and its activity are anonymised with the account."""


def _tokens(user: User) -> list[Row]:
    columns = ("name", "hint", "scopes", "only_models")
    times = ("created_at", "expires_at", "last_used_at", "revoked_at")
    return list(user.api_tokens.order_by("created_at", "id").values(*columns, *times))


def _end_tokens(user: User) -> None:
    user.api_tokens.all().delete()


def _invitations(user: User) -> list[Row]:
    return [
        {
            "email": invitation.email,
            "name": invitation.name,
            "role": invitation.role,
            "groups": invitation.group_names,
            "made_at": invitation.made_at,
            "used_at": invitation.used_at,
            "revoked_at": invitation.revoked_at,
        }
        for invitation in Invitation.objects.filter(email=user.email).order_by("made_at")
    ]


def _forget_invitations(user: User) -> None:
    Invitation.objects.filter(Q(email=user.email) | Q(used_by=user)).delete()


def _links(user: User) -> list[Row]:
    columns = ("provider", "uid", "date_joined", "last_login")
    return list(SocialAccount.objects.filter(user=user).order_by("pk").values(*columns))


def _forget_links(user: User) -> None:
    SocialAccount.objects.filter(user=user).delete()


register(Part("company_accounts", _links, _forget_links))
register(Part("invitations", _invitations, _forget_invitations))
register(Part("api_tokens", _tokens, _end_tokens))
register(Part("profile", _profile, _nothing))
register(Part("activity", _activity, _nothing))
