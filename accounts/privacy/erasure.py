"""The erasure of a person: what identifies them goes, and the row stays for the statistics."""

from collections.abc import Iterator
from contextlib import contextmanager

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.db import connection, transaction
from django.utils import timezone

from accounts.activity import record
from accounts.models import ActivityEvent, User
from accounts.privacy import personal_data
from accounts.services import end_sessions

SOMEBODY = "deleted person"


@transaction.atomic
def anonymise(pk: int) -> None:
    """Remove everything that identifies the person."""
    user = User.objects.select_for_update().get(pk=pk)
    if user.anonymised_at or user.deletion_requested_at is None:
        return  # another process did it, or the person has just reopened the account
    personal_data.erase(user)
    end_sessions(user)
    EmailAddress.objects.filter(user=user).delete()
    Authenticator.objects.filter(user=user).delete()
    email = user.email
    with record_may_change():
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
def record_may_change() -> Iterator[None]:
    """Allow changes of the append-only record inside this transaction and block alone."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL activity.retention = 'on'")
        yield
        cursor.execute("SET LOCAL activity.retention = 'off'")
