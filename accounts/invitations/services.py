"""Operations on invitations: make, renew, revoke, find and accept one.

Adding a person is inviting them: only they choose their password. A link proves the address that
its mail was sent to, or that a superuser handed it over.
"""

import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from allauth.account.models import EmailAddress
from django.conf import settings
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from accounts import mails
from accounts.activity import record
from accounts.errors import (
    HasAccount,
    InvitationEnded,
    InvitationExpired,
    InvitationOnHold,
    InvitationRevoked,
    InvitationUnknown,
    InvitationUsed,
    NotInvitable,
    NotSuperuser,
)
from accounts.invitations.models import Invitation, Role
from accounts.managers import folded
from accounts.models import User
from accounts.services import give_invited_role
from accounts.tokens.services import digest_of

MOST_AT_ONCE = 100
"""Addresses that one act invites."""
_REFUSALS = {
    "used": InvitationUsed,
    "revoked": InvitationRevoked,
    "expired": InvitationExpired,
    "on hold": InvitationOnHold,
}


@dataclass(frozen=True)
class Link:
    """An invitation with the address that accepts it, which is not kept."""

    invitation: Invitation
    url: str


def obstacles(emails: Collection[str]) -> list[str]:
    """Return a sentence for each address that cannot be invited: it has an account, or an
    invitation."""
    people = set(User.objects.filter(email__in=emails).values_list("email", flat=True))
    invited = Invitation.objects.pending().filter(email__in=emails)
    pending = set(invited.values_list("email", flat=True)) - people
    return [f"{email} has an account already." for email in sorted(people)] + [
        f"{email} was invited before. Send that invitation again, or revoke it."
        for email in sorted(pending)
    ]


@transaction.atomic
def invite(*, names: Mapping[str, str], role: str, by: User) -> list[Link]:
    """Invite each address of ``names``, which gives the person's name or "": all of them or none.
    Raises NotSuperuser and NotInvitable."""
    _check_superuser(by)
    if role not in Role.values or not 1 <= len(names) <= MOST_AT_ONCE:
        raise ValueError("some people are invited, with a known role")
    known = {folded(email): name for email, name in names.items()}
    if problems := obstacles(known):
        raise NotInvitable(" ".join(problems))
    try:
        with transaction.atomic():
            # In one order: two superusers who invite the same people do not lock each other.
            return [_make(email, known[email], role, by) for email in sorted(known)]
    except IntegrityError:
        raise NotInvitable from None


def _make(email: str, name: str, role: str, by: User) -> Link:
    invitation = Invitation(email=email, name=name, role=role)
    link = _save_with_link(invitation, by)
    record("person invited", by=by, target=email, after={"role": role})
    return link


@transaction.atomic
def renew(*, invitation: Invitation, by: User) -> Link:
    """Send an invitation again: a new link for the whole time, and the old one works no more.
    Raises NotSuperuser, InvitationEnded, and HasAccount where the person came in another way."""
    _check_superuser(by)
    invitation = _pending(invitation)
    if User.objects.filter(email=invitation.email).exists():
        raise HasAccount
    link = _save_with_link(invitation, by)
    record("invitation renewed", by=by, target=invitation.email, after={"role": invitation.role})
    return link


@transaction.atomic
def revoke(*, invitation: Invitation, by: User) -> None:
    """End an invitation at once. Raises NotSuperuser and InvitationEnded."""
    _check_superuser(by)
    invitation = _pending(invitation)
    invitation.revoked_at = timezone.now()
    invitation.save(update_fields=["revoked_at"])
    record("invitation revoked", by=by, target=invitation.email)


def found(secret: str) -> Invitation:
    """Return the invitation with this secret. Raises an error that says why it does not work."""
    known = Invitation.objects.select_related("invited_by")
    invitation = known.filter(digest=digest_of(secret)).first()
    if invitation is None:
        raise InvitationUnknown
    _check(invitation)
    return invitation


def accept(*, invitation: Invitation, name: str, password: str, timezone: str = "") -> User:
    """Make the account of the invited person: its address counts as confirmed, and its role is
    recorded as given by whoever invited them. An invitation works once; the errors are those of
    ``found``."""
    try:
        with transaction.atomic():
            return _accept(invitation, name=name, password=password, timezone=timezone)
    except IntegrityError:  # the same address signed up at the same moment
        raise HasAccount from None
    except NotSuperuser:
        raise InvitationOnHold from None


def _accept(invitation: Invitation, *, password: str, **about: str) -> User:
    rows = Invitation.objects.select_related("invited_by").select_for_update(of=("self",))
    row = rows.filter(pk=invitation.pk, digest=invitation.digest).first()
    if row is None:  # renewed since the page was opened
        raise InvitationUnknown
    _check(row)
    user = User.objects.create_user(row.email, password, **about)
    # An unconfirmed change to an address does not reserve it.
    EmailAddress.objects.filter(email=user.email, verified=False).delete()
    row.used_at, row.used_by = timezone.now(), user
    row.save(update_fields=["used_at", "used_by"])
    inviter = row.invited_by
    assert inviter is not None  # else it is on hold
    record("invitation accepted", by=user, target=user.email, after={"invited_by": inviter.email})
    if row.role != Role.USER:
        user = give_invited_role(user=user, role=row.role, by=inviter)
    return user


def _check(invitation: Invitation) -> None:
    if refusal := _REFUSALS.get(invitation.status):
        raise refusal
    if User.objects.filter(email=invitation.email).exists():
        raise HasAccount


def _check_superuser(by: User) -> None:
    if not User.objects.superusers().filter(pk=by.pk).exists():
        raise NotSuperuser


def _pending(invitation: Invitation) -> Invitation:
    row = Invitation.objects.select_for_update().get(pk=invitation.pk)
    if not row.is_pending:
        raise InvitationEnded
    return row


def _save_with_link(invitation: Invitation, by: User) -> Link:
    """Save the invitation with a new secret, and mail its link where mail is delivered."""
    secret = secrets.token_urlsafe(32)
    invitation.digest = digest_of(secret)
    invitation.invited_by = by
    invitation.expires_at = timezone.now() + settings.INVITATION_VALID
    invitation.save()
    url = f"{settings.SITE_URL}{reverse('accounts:invitation', args=[secret])}"
    if settings.MAIL_IS_DELIVERED:
        mails.send(
            "account/email/invitation", invitation.email, invitation=invitation, by=by, url=url
        )
    return Link(invitation, url)
