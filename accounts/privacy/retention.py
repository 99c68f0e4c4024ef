"""Retention periods of personal data: sessions, network addresses, old activity, closed
accounts."""

from collections.abc import Iterator
from contextlib import contextmanager

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import connection, transaction
from django.utils import timezone

from accounts.activity import record
from accounts.models import ActivityEvent, User
from accounts.privacy import personal_data
from accounts.services import end_sessions

SOMEBODY = "deleted person"


def forget() -> None:
    """Delete or anonymise what is due. Safe to run again at any time."""
    _forget_old_sessions()
    _forget_old_activity()
    due = User.objects.filter(
        deletion_requested_at__lt=timezone.now() - settings.ACCOUNT_CLOSING, anonymised_at=None
    )
    for pk in list(due.values_list("pk", flat=True)):
        _anonymise(pk)


@transaction.atomic
def _forget_old_sessions() -> None:
    """Delete expired sessions and their network addresses."""
    Session.objects.filter(expire_date__lt=timezone.now()).delete()
    UserSession.objects.exclude(session_key__in=Session.objects.values("session_key")).delete()


@transaction.atomic
def _forget_old_activity() -> None:
    now = timezone.now()
    with allowed():
        ActivityEvent.objects.filter(at__lt=now - settings.ACTIVITY_KEPT).delete()
        ActivityEvent.objects.filter(
            at__lt=now - settings.ACTIVITY_ADDRESS_KEPT, address__isnull=False
        ).update(address=None)


@transaction.atomic
def _anonymise(pk: int) -> None:
    """Remove everything that identifies the person; the row stays for the statistics."""
    user = User.objects.select_for_update().get(pk=pk)
    if user.anonymised_at or user.deletion_requested_at is None:
        return  # another process did it, or the person has just reopened the account
    personal_data.erase(user)
    end_sessions(user)
    EmailAddress.objects.filter(user=user).delete()
    Authenticator.objects.filter(user=user).delete()
    email = user.email
    with allowed():
        ActivityEvent.objects.filter(actor=user).update(
            actor_email="", address=None, before=None, after=None
        )
        ActivityEvent.objects.filter(target=email).update(target=SOMEBODY, before=None, after=None)
    user.email = f"deleted-{user.pk}@invalid"
    user.name = user.timezone = user.number_format = ""
    user.is_active = user.is_staff = user.is_superuser = False
    user.last_login = user.last_seen_at = None
    user.set_unusable_password()
    user.anonymised_at = timezone.now()
    user.save()
    record("account anonymised", by=None, target=SOMEBODY, after={"person": user.pk})


@contextmanager
def allowed() -> Iterator[None]:
    """Allow changes of the append-only record inside this transaction and block alone."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL activity.retention = 'on'")
        yield
        cursor.execute("SET LOCAL activity.retention = 'off'")
