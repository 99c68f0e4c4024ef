"""Operations of superusers, and of the provider of the single sign-on, on people's accounts."""

from collections.abc import Callable, Collection

from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.auth.models import Group
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models.functions import Lower
from django.urls import reverse
from django.utils import timezone

from accounts import mails
from accounts.activity import acting_from, record
from accounts.errors import (
    AccountGone,
    LastSuperuser,
    NotActive,
    NotSuperuser,
    OwnAccount,
    OwnRole,
    ServiceAccount,
)
from accounts.models import User


def end_sessions(user: User, *, but: str | None = None) -> int:
    """Sign a person out everywhere, except in the session with the key ``but``.

    Returns how many sessions ended.
    """
    own = UserSession.objects.filter(user=user).exclude(session_key=but or "")
    Session.objects.filter(session_key__in=own.values("session_key")).delete()
    ended: int = own.delete()[0]
    return ended


@transaction.atomic
def end_access(user: User) -> None:
    """Sign a person out everywhere and revoke their tokens."""
    end_sessions(user)
    for token in user.api_tokens.filter(revoked_at=None):
        user.api_tokens.filter(pk=token.pk).update(revoked_at=timezone.now())
        after = {"account": user.email, "token": token.hint}
        record("API token revoked", by=None, target=token.name, after=after)


def grant_admin(*, user: User, by: User) -> User:
    """Make a user an admin: models, monitoring, failures."""
    return _set_role(user=user, by=by, is_staff=True, is_superuser=False)


def revoke_admin(*, user: User, by: User) -> User:
    """Make an admin an ordinary user."""
    return _set_role(user=user, by=by, is_staff=False, is_superuser=False)


def grant_superuser(*, user: User, by: User) -> User:
    """Make a person superuser: users, roles, trusted types, settings, audit."""
    return _set_role(user=user, by=by, is_staff=True, is_superuser=True)


def revoke_superuser(*, user: User, by: User) -> User:
    """Make a superuser an admin."""
    return _set_role(user=user, by=by, is_staff=True, is_superuser=False)


@transaction.atomic
def _set_role(*, user: User, by: User, is_staff: bool, is_superuser: bool) -> User:
    if user.pk == by.pk:
        raise OwnRole
    user = locked(user, by=by)
    if user.status != "active":
        raise NotActive
    if user.is_service:
        raise ServiceAccount
    if not is_superuser:
        check_not_last_superuser(user)
    before = user.role
    if _save_role(user, by=by, is_staff=is_staff, is_superuser=is_superuser):
        end_sessions(user)
        mails.send("account/email/role_changed", user.email, user=user, before=before)
    return user


@transaction.atomic
def give_as_invited(*, user: User, role: str, groups: Collection[Group], by: User) -> User:
    """Give a person who has just come in the role and the groups that ``by`` invited them with;
    they know them from the invitation. Raises NotSuperuser where ``by`` may not give them any
    more."""
    user = locked(user, by=by)
    with acting_from(None):  # the request is the new person's
        _save_role(user, by=by, is_staff=role != "user", is_superuser=role == "superuser")
        for group in groups:
            user.groups.add(group)
            record("group joined", by=by, target=user.email, after={"group": group.name})
    return user


@transaction.atomic
def follow_provider(
    *,
    user: User,
    role_of: Callable[[str], str],
    groups: Collection[str] | None,
    provider: str,
) -> User:
    """Give a person the role that ``role_of`` makes of theirs, and exactly these groups, as the
    provider says; None leaves the groups alone. What is missing is made. The last active superuser
    stays one. Everything is recorded as the provider's act."""
    superusers = list(User.objects.superusers().order_by("pk").select_for_update(no_key=True))
    user = User.objects.select_for_update(no_key=True).get(pk=user.pk)
    before, role = user.role, role_of(user.role)
    if role != "superuser" and superusers == [user]:
        role = "superuser"
        record("last superuser kept", by=None, target=user.email, after={"through": provider})
    is_staff, is_superuser = role != "user", role == "superuser"
    if _save_role(user, by=None, is_staff=is_staff, is_superuser=is_superuser, through=provider):
        end_sessions(user)
        mails.send("account/email/role_changed", user.email, user=user, before=before)
    if groups is not None:
        _set_groups(user, groups, provider)
    return user


def _set_groups(user: User, names: Collection[str], provider: str) -> None:
    wanted = {name.lower(): name for name in names}
    known: dict[str, Group] = {
        group.name.lower(): group
        for group in Group.objects.annotate(lower=Lower("name"))
        .filter(lower__in=wanted)
        .order_by("pk")
        .select_for_update(no_key=True)
    }
    for key in sorted(wanted.keys() - known.keys()):
        known[key], is_new = Group.objects.get_or_create(name=wanted[key])
        if is_new:
            record("group made", by=None, target=wanted[key], after={"through": provider})
    after, before = set(known.values()), set(user.groups.all())
    for joined in sorted(after - before, key=str):
        user.groups.add(joined)
        told = {"group": joined.name, "through": provider}
        record("group joined", by=None, target=user.email, after=told)
    for left in sorted(before - after, key=str):
        user.groups.remove(left)
        record(
            "group left",
            by=None,
            target=user.email,
            before={"group": left.name},
            after={"through": provider},
        )


def _save_role(
    user: User, *, by: User | None, is_staff: bool, is_superuser: bool, through: str = ""
) -> bool:
    """Save and record a role; returns False where it is the person's already."""
    before = user.role
    user.is_staff, user.is_superuser = is_staff, is_superuser
    if user.role == before:
        return False
    user.save(update_fields=["is_staff", "is_superuser"])
    after = {"role": user.role} | ({"through": through} if through else {})
    record("role changed", by=by, target=user.email, before={"role": before}, after=after)
    return True


def deactivate(*, user: User, by: User, reason: str = "") -> User:
    """Disable an account: sessions end at once, running predictions finish, history stays."""
    return _set_status("disabled", user=user, by=by, reason=reason)


def reactivate(*, user: User, by: User, reason: str = "") -> User:
    """Enable the account again; role and history are as they were."""
    return _set_status("active", user=user, by=by, reason=reason)


@transaction.atomic
def _set_status(status: str, *, user: User, by: User, reason: str) -> User:
    is_active = status == "active"
    if user.pk == by.pk:
        raise OwnAccount
    user = locked(user, by=by)
    if is_active and user.anonymised_at:
        raise AccountGone
    if not is_active:
        check_not_last_superuser(user)
    if user.is_active == is_active:
        return user
    user.is_active = is_active
    user.save(update_fields=["is_active"])
    if not is_active:
        end_sessions(user)
    record(
        "account enabled" if is_active else "account disabled",
        by=by,
        target=user.email,
        before={"status": "disabled" if is_active else "active"},
        after={"status": status, "reason": reason},
    )
    mail = "account/email/account_enabled" if is_active else "account/email/account_disabled"
    if not user.is_service:
        mails.send(mail, user.email, user=user)
    return user


@transaction.atomic
def send_password_reset(*, user: User, by: User) -> str:
    """End a person's sessions and let them choose a new password.

    Where mail is delivered they get the link, and the answer is empty; else the answer is the
    link, to hand over: it works once, for an hour. No password is ever shown or set.
    """
    user = locked(user, by=by)
    if not user.is_active:
        raise NotActive
    if user.is_service:
        raise ServiceAccount
    link = password_reset_link(user)
    if user.pk != by.pk:
        end_sessions(user)
    record("password reset sent", by=by, target=user.email)
    if not settings.MAIL_IS_DELIVERED:
        return link
    mails.send(
        "account/email/password_reset_key", user.email, user=user, password_reset_url=link, by=by
    )
    return ""


def password_reset_link(user: User) -> str:
    """Return the address under which a person chooses a new password; its host is the site's
    own."""
    from allauth.account.forms import default_token_generator  # needs the apps first
    from allauth.account.utils import user_pk_to_url_str

    path = reverse(
        "account_reset_password_from_key",
        kwargs={
            "uidb36": user_pk_to_url_str(user),
            "key": default_token_generator.make_token(user),
        },
    )
    return f"{settings.SITE_URL}{path}"


def locked(user: User, *, by: User) -> User:
    """Lock the rows of all active superusers, in a fixed order, then the person's, and return it:
    of two people who take each other's rights at the same moment, the second finds out that they
    have none. What only refers to these people, as the activity record does, does not wait."""
    superusers = User.objects.superusers().order_by("pk").select_for_update(no_key=True)
    if by.pk not in {superuser.pk for superuser in superusers}:
        raise NotSuperuser
    row: User = User.objects.select_for_update(no_key=True).get(pk=user.pk)
    return row


def check_not_last_superuser(user: User) -> None:
    """Raise LastSuperuser if nobody else could act as one. Locks all of them."""
    superusers = list(User.objects.superusers().order_by("pk").select_for_update(no_key=True))
    if superusers == [user]:
        raise LastSuperuser
