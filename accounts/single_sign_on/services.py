"""Operations of the provider: let a person in, link an account, and give the role and the groups
that the provider says."""

from collections.abc import Callable
from typing import Any

from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount
from django.conf import settings
from django.db import IntegrityError, transaction

from accounts.activity import record
from accounts.errors import (
    AddressOfAnother,
    AddressUnverified,
    ClaimMissing,
    InvitedAsSuperuser,
    NotInGroup,
    NotSuperuser,
    ProofNeeded,
    SignOnRefused,
    SignOnStale,
)
from accounts.invitations.services import accept_through_provider, locked_for
from accounts.models import User
from accounts.services import end_access, end_sessions, follow_provider, locked
from accounts.single_sign_on.claims import Claims


def is_on() -> bool:
    return bool(settings.OIDC_ISSUER)


def must_be_used_by(user: User) -> bool:
    """Return whether a password does not let the person in. It always does a superuser, so that a
    provider that is down or wrong locks nobody out of the site."""
    if not is_on() or user.is_superuser:
        return False
    return not settings.PASSWORD_SIGN_IN or is_linked(user)


def enter(claims: Claims) -> User:
    """Return the account of a person whom the provider sent, with the role and groups that it says;
    it is made at the first sign-in. Raises SignOnRefused, which is recorded, and ProofNeeded where
    an account has the address and is not linked."""
    user = _linked(claims)
    try:
        _check(claims, user)
        return _follow(user or _come_in(claims), claims)
    except SignOnRefused as refusal:
        record(
            "single sign-on refused",
            by=None,
            target=claims.email,
            after={"reason": refusal.message, "through": settings.OIDC_NAME},
        )
        raise


def link(*, user: User, claims: Claims) -> User:
    """Link the account to the person at the provider, after its password was given. Raises
    SignOnRefused."""
    _check(claims, None)
    return _follow(_link(user, claims), claims)


@transaction.atomic
def unlink(*, user: User, by: User) -> User:
    """Part the account from the person at the provider; its sessions end. Raises NotSuperuser."""
    user = locked(user, by=by)
    if _links().filter(user=user).delete()[0]:
        end_sessions(user)
        record("account unlinked", by=by, target=user.email, before={"through": settings.OIDC_NAME})
    return user


def is_linked(user: User) -> bool:
    return is_on() and bool(_links().filter(user=user).exists())


def _links() -> Any:
    """The links of accounts to people at the provider; another issuer has others."""
    return SocialAccount.objects.filter(provider=settings.OIDC_ISSUER)


def _linked(claims: Claims) -> User | None:
    found = _links().filter(uid=claims.subject).select_related("user").first()
    return found.user if found else None


def _check(claims: Claims, user: User | None) -> None:
    """Raise ClaimMissing or NotInGroup. Whoever left the required group loses their sessions and
    tokens, too."""
    decided = (
        settings.OIDC_REQUIRED_GROUP,
        settings.OIDC_ADMIN_GROUP,
        settings.OIDC_SUPERUSER_GROUP,
    )
    if claims.groups is None and any(decided):
        raise ClaimMissing
    required = settings.OIDC_REQUIRED_GROUP
    if required and required not in (claims.groups or ()):
        if user is not None:
            end_access(user)
        raise NotInGroup


def _come_in(claims: Claims) -> User:
    """Make the account, or link the one with this address where the provider's word is enough."""
    if not (claims.is_verified or settings.OIDC_TRUST_EMAIL):
        raise AddressUnverified
    user = User.objects.filter(email=claims.email).first()
    if user is None:
        return _open_account(claims)
    if user.is_service or _links().filter(user=user).exists():
        raise AddressOfAnother  # perhaps an address that the company gave to a second person
    own = EmailAddress.objects.filter(user=user, email=user.email, verified=True)
    # An account whose address was never confirmed may have been made by somebody else.
    if settings.OIDC_TRUST_EMAIL and not user.is_superuser and own.exists():
        return _link(user, claims)
    raise ProofNeeded


def _open_account(claims: Claims) -> User:
    """Make the account, with what an open invitation of the address gives."""
    try:
        with transaction.atomic():
            invitation = locked_for(claims.email)
            if invitation and invitation.role == "superuser" and not claims.is_verified:
                raise InvitedAsSuperuser  # the operator's trust is not enough to make one
            user: User = User.objects.create_user(claims.email, None, name=claims.name)
            # An unconfirmed change to an address does not reserve it.
            EmailAddress.objects.filter(email=user.email, verified=False).delete()
            _links().create(provider=settings.OIDC_ISSUER, uid=claims.subject, user=user)
            record("signed up", by=user, target=user.email, after={"through": settings.OIDC_NAME})
            if invitation is None:
                return user
            return accept_through_provider(
                row=invitation,
                user=user,
                role_of=_role_by(claims),
                groups=claims.groups,
                provider=settings.OIDC_NAME,
            )
    except (IntegrityError, NotSuperuser):  # the same person, address or inviter at the same moment
        raise SignOnStale from None


@transaction.atomic
def _link(user: User, claims: Claims) -> User:
    user = User.objects.select_for_update().get(pk=user.pk)
    if user.email != claims.email or _links().filter(user=user).exists():
        raise AddressOfAnother
    try:
        with transaction.atomic():
            _links().create(provider=settings.OIDC_ISSUER, uid=claims.subject, user=user)
    except IntegrityError:
        raise SignOnStale from None
    record("account linked", by=user, target=user.email, after={"through": settings.OIDC_NAME})
    return user


def _follow(user: User, claims: Claims) -> User:
    if user.status not in {"active", "closing"}:
        return user  # the sign-in itself refuses it
    return follow_provider(
        user=user,
        role_of=_role_by(claims),
        groups=claims.groups,
        provider=settings.OIDC_NAME,
    )


def _role_by(claims: Claims) -> Callable[[str], str]:
    """Return what makes of a role the one that the provider gives."""
    groups = claims.groups
    return lambda role: role if groups is None else _role(role, groups)


def _role(role: str, groups: tuple[str, ...]) -> str:
    """Return the role that the groups give to somebody with this one. A role whose group is not
    set is the superusers' to give and take."""
    superusers, admins = settings.OIDC_SUPERUSER_GROUP, settings.OIDC_ADMIN_GROUP
    if superusers and superusers in groups:
        return "superuser"
    if role == "superuser" and not superusers:
        return role
    if admins and admins in groups:
        return "admin"
    if role == "admin" and not admins:
        return role
    return "user"
