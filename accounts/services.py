"""What people ask for about people."""

from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.db import transaction

from accounts.activity import record
from accounts.errors import LastSuperuser, OwnRole
from accounts.models import User


@transaction.atomic
def grant_admin(*, user: User, by: User) -> User:
    """Make a user an admin: models, monitoring, failures."""
    return _set_role(user=user, by=by, is_staff=True, is_superuser=False)


@transaction.atomic
def revoke_admin(*, user: User, by: User) -> User:
    """Make an admin an ordinary user."""
    return _set_role(user=user, by=by, is_staff=False, is_superuser=False)


@transaction.atomic
def grant_superuser(*, user: User, by: User) -> User:
    """Make a person superuser: users, roles, trusted types, settings, audit."""
    return _set_role(user=user, by=by, is_staff=True, is_superuser=True)


@transaction.atomic
def revoke_superuser(*, user: User, by: User) -> User:
    """Make a superuser an admin."""
    return _set_role(user=user, by=by, is_staff=True, is_superuser=False)


def _set_role(*, user: User, by: User, is_staff: bool, is_superuser: bool) -> User:
    if user.pk == by.pk:
        raise OwnRole
    # All active superusers are locked in one order, so two parallel demotions see each other.
    superusers = list(
        User.objects.active().filter(is_superuser=True).order_by("pk").select_for_update()
    )
    user = User.objects.select_for_update().get(pk=user.pk)
    if not is_superuser and superusers == [user]:
        raise LastSuperuser
    before = user.role
    user.is_staff, user.is_superuser = is_staff, is_superuser
    user.save(update_fields=["is_staff", "is_superuser"])
    end_sessions(user)
    record(
        "role changed",
        by=by,
        target=user.email,
        before={"role": before},
        after={"role": user.role},
    )
    return user


def end_sessions(user: User) -> None:
    """Sign a person out everywhere."""
    own = UserSession.objects.filter(user=user)
    Session.objects.filter(session_key__in=own.values("session_key")).delete()
    own.delete()
