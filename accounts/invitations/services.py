"""Operations on invitations: make, renew, revoke, find and accept one.

Adding a person is inviting them: only they choose their password. A link proves the address that
its mail was sent to, or that a superuser handed it over.
"""

import secrets
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from allauth.account.models import EmailAddress
from django.conf import settings
from django.contrib.auth.models import Group
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from accounts import mails
from accounts.activity import record
from accounts.errors import (
    GroupGone,
    HasAccount,
    InvitationEnded,
    InvitationExpired,
    InvitationOnHold,
    InvitationRevoked,
    InvitationUnknown,
    InvitationUsed,
    NotInvitable,
    NotSuperuser,
    PasswordNotTaken,
)
from accounts.invitations.models import Invitation, InvitationGroup, InvitationQuerySet, Role
from accounts.managers import folded
from accounts.models import User
from accounts.services import give_as_invited
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
def invite(
    *, names: Mapping[str, str], role: str, groups: Collection[Group] = (), by: User
) -> list[Link]:
    """Invite each address of ``names``, which gives the person's name or "": all of them or none,
    with the same role and groups. Raises NotSuperuser, NotInvitable and GroupGone."""
    _check_superuser(by)
    if role not in Role.values or not 1 <= len(names) <= MOST_AT_ONCE:
        raise ValueError("some people are invited, with a known role")
    known = {folded(email): name for email, name in names.items()}
    if problems := obstacles(known):
        raise NotInvitable(" ".join(problems))
    kept = _locked_groups(group.pk for group in groups)
    if len(kept) < len(groups):
        raise GroupGone
    try:
        with transaction.atomic():
            # In one order: two superusers who invite the same people do not lock each other.
            return [_make(email, known[email], role, kept, by) for email in sorted(known)]
    except IntegrityError:
        raise NotInvitable from None


def _make(email: str, name: str, role: str, groups: Collection[Group], by: User) -> Link:
    invitation = Invitation(email=email, name=name, role=role)
    link = _save_with_link(invitation, by, groups)
    record("person invited", by=by, target=email, after=_as_recorded(invitation))
    return link


def _as_recorded(invitation: Invitation) -> dict[str, Any]:
    names = [str(one) for one in invitation.groups.select_related("group")]
    return {"role": invitation.role} | ({"groups": names} if names else {})


def _locked_groups(pks: Iterable[int | None]) -> list[Group]:
    """Return those of the groups that there are. They cannot be deleted meanwhile."""
    known = Group.objects.filter(pk__in=[pk for pk in pks if pk]).order_by("pk")
    return list(known.select_for_update(no_key=True))


@transaction.atomic
def renew(*, invitation: Invitation, by: User) -> Link:
    """Send an invitation again: a new link for the whole time, and the old one works no more.
    Raises NotSuperuser, InvitationEnded, and HasAccount where the person came in another way."""
    _check_superuser(by)
    invitation = _pending(invitation)
    if User.objects.filter(email=invitation.email).exists():
        raise HasAccount
    link = _save_with_link(invitation, by)
    after = _as_recorded(invitation)
    record("invitation renewed", by=by, target=invitation.email, after=after)
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
    """Make the account of the invited person: its address counts as confirmed, and its role and
    groups are recorded as given by whoever invited them. An invitation works once; the errors are
    those of ``found``, and PasswordNotTaken."""
    try:
        with transaction.atomic():
            return _accept(invitation, name=name, password=password, timezone=timezone)
    except IntegrityError:  # the same address signed up at the same moment
        raise HasAccount from None
    except NotSuperuser:
        raise InvitationOnHold from None


def takes_password(invitation: Invitation) -> bool:
    """Return whether the person may choose a password. A superuser always may, as one always comes
    in by it."""
    return settings.PASSWORD_SIGN_IN or invitation.role == Role.SUPERUSER


def _accept(invitation: Invitation, *, password: str, **about: str) -> User:
    row = _locked().filter(pk=invitation.pk, digest=invitation.digest).first()
    if row is None:  # renewed since the page was opened
        raise InvitationUnknown
    _check(row)
    if not takes_password(row):
        raise PasswordNotTaken
    user = User.objects.create_user(row.email, password, **about)
    # An unconfirmed change to an address does not reserve it.
    EmailAddress.objects.filter(email=user.email, verified=False).delete()
    return _use(row, user, row.role, _locked_groups(one.group_id for one in row.groups.all()))


def locked_for(email: str) -> Invitation | None:
    """Lock and return the invitation of an address that counts now. An account is made after it, as
    at the invitation's link: of two at once, one waits for the other."""
    row = _locked().filter(email=email, used_at=None, revoked_at=None).first()
    return row if row is not None and row.status == "open" else None


@transaction.atomic
def accept_through_provider(
    *,
    row: Invitation,
    user: User,
    role_of: Callable[[str], str],
    groups: Collection[str] | None,
    provider: str,
) -> User:
    """Use the locked invitation of a person whose account the single sign-on has just made. What
    the provider decides it does not give: a role that ``role_of`` would change, and any group,
    where the provider says ``groups``."""
    role = row.role if role_of(row.role) == row.role else Role.USER
    invited = _locked_groups(one.group_id for one in row.groups.all())
    said = None if groups is None else {name.lower() for name in groups}
    left = [group.name for group in invited if said is not None and group.name.lower() not in said]
    if role != row.role:
        left.insert(0, row.role)
    told = {"through": provider} | ({"left_to_it": left} if left else {})
    return _use(row, user, role, invited if said is None else [], told)


def was_used_by(user: User, secret: str) -> bool:
    """Return whether the person came in by the invitation with this secret."""
    return Invitation.objects.filter(digest=digest_of(secret), used_by=user).exists()


def left_to_provider(user: User) -> list[str]:
    """Return what the person's invitation named and the provider decided otherwise when they came
    in: a role and groups."""
    accepted = user.activity.filter(action="invitation accepted").first()
    return list((accepted.after or {}).get("left_to_it", [])) if accepted else []


def _locked() -> InvitationQuerySet:
    return Invitation.objects.select_related("invited_by").select_for_update(of=("self",))


def _use(
    row: Invitation,
    user: User,
    role: str,
    groups: Collection[Group],
    told: Mapping[str, object] | None = None,
) -> User:
    row.used_at, row.used_by = timezone.now(), user
    row.save(update_fields=["used_at", "used_by"])
    inviter = row.invited_by
    assert inviter is not None  # else it is on hold
    gone = [one.name for one in row.groups.filter(group=None)]
    after = {"invited_by": inviter.email, **(told or {})}
    if gone:
        after["groups_deleted_since"] = gone
    record("invitation accepted", by=user, target=user.email, after=after)
    if role != Role.USER or groups:
        user = give_as_invited(user=user, role=role, groups=groups, by=inviter)
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


def _save_with_link(invitation: Invitation, by: User, groups: Collection[Group] = ()) -> Link:
    """Save the invitation with a new secret, and mail its link where mail is delivered."""
    secret = secrets.token_urlsafe(32)
    invitation.digest = digest_of(secret)
    invitation.invited_by = by
    invitation.expires_at = timezone.now() + settings.INVITATION_VALID
    invitation.save()
    InvitationGroup.objects.bulk_create(
        InvitationGroup(invitation=invitation, group=group, name=group.name) for group in groups
    )
    url = f"{settings.SITE_URL}{reverse('accounts:invitation', args=[secret])}"
    if settings.MAIL_IS_DELIVERED:
        mails.send(
            "account/email/invitation",
            invitation.email,
            invitation=invitation,
            by=by,
            url=url,
            takes_password=takes_password(invitation),
            provider=settings.OIDC_NAME,
        )
    return Link(invitation, url)
