"""Retention periods of personal data: sessions, network addresses, old activity, invitations that
nobody used, closed accounts."""

from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import transaction
from django.utils import timezone

from accounts.models import ActivityEvent, Invitation, User
from accounts.privacy.erasure import anonymise, record_may_change


def forget() -> None:
    """Delete or anonymise what is due. Safe to run again at any time."""
    _forget_old_sessions()
    _forget_old_activity()
    Invitation.objects.filter(
        used_at=None, expires_at__lt=timezone.now() - settings.INVITATION_KEPT
    ).delete()
    due = User.objects.filter(
        deletion_requested_at__lt=timezone.now() - settings.ACCOUNT_CLOSING, anonymised_at=None
    )
    for pk in list(due.values_list("pk", flat=True)):
        anonymise(pk)


@transaction.atomic
def _forget_old_sessions() -> None:
    """Delete expired sessions and their network addresses."""
    Session.objects.filter(expire_date__lt=timezone.now()).delete()
    UserSession.objects.exclude(session_key__in=Session.objects.values("session_key")).delete()


@transaction.atomic
def _forget_old_activity() -> None:
    now = timezone.now()
    with record_may_change():
        ActivityEvent.objects.filter(at__lt=now - settings.ACTIVITY_KEPT).delete()
        ActivityEvent.objects.filter(
            at__lt=now - settings.ACTIVITY_ADDRESS_KEPT, address__isnull=False
        ).update(address=None)
