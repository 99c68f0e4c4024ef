"""Operations of people on their own account."""

from typing import Any

from allauth.account.models import EmailAddress
from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts import mails
from accounts.activity import record, save_changes
from accounts.errors import AddressTaken
from accounts.models import User
from accounts.services import check_not_last_superuser, end_sessions

PREFERENCES = ("name", "timezone", "number_format")


@transaction.atomic
def change_preferences(*, user: User, changes: dict[str, Any]) -> User:
    """Save a person's new name, timezone or number format."""
    user = User.objects.select_for_update().get(pk=user.pk)
    chosen = {name: changes[name] for name in PREFERENCES if name in changes}
    save_changes(user, chosen, action="preferences changed", by=user, target=user.email)
    return user


@transaction.atomic
def change_password(*, user: User, password: str, is_reset: bool, session: str | None) -> User:
    """Set the password that the person chose and end every other session; after a reset by mail,
    every session."""
    user.set_password(password)
    user.save(update_fields=["password"])
    end_sessions(user, but=None if is_reset else session)
    record("password reset" if is_reset else "password changed", by=user, target=user.email)
    return user


@transaction.atomic
def ask_for_email(*, user: User, email: str) -> EmailAddress:
    """Request a change of e-mail address. It has no effect until it is confirmed, and replaces an
    earlier request."""
    user = User.objects.select_for_update().get(pk=user.pk)
    EmailAddress.objects.filter(user=user).exclude(email=user.email).delete()
    return EmailAddress.objects.create(user=user, email=email)


def confirm_email(*, address: EmailAddress) -> str:
    """Confirm ``address`` after its mail was read: from now on it is the one the person signs in
    with. Returns the one they had, the same where it was theirs already.

    Raises AddressTaken where it is somebody else's by now.
    """
    try:
        with transaction.atomic():
            return _confirm(address)
    except IntegrityError:  # a concurrent request took it
        raise AddressTaken from None


def _confirm(address: EmailAddress) -> str:
    user = User.objects.select_for_update().get(pk=address.user_id)
    before: str = user.email
    if User.objects.filter(email=address.email).exclude(pk=user.pk).exists():
        raise AddressTaken
    own = EmailAddress.objects.filter(user=user)
    if before != address.email:
        own.exclude(pk=address.pk).delete()
        user.email = address.email
        user.save(update_fields=["email"])
    own.filter(pk=address.pk).update(verified=True, primary=True)
    address.verified = address.primary = True
    if before == address.email:
        record("e-mail confirmed", by=user, target=before)
    else:
        record(
            "e-mail changed",
            by=user,
            target=address.email,
            before={"email": before},
            after={"email": address.email},
        )
    return before


@transaction.atomic
def close_account(*, user: User) -> User:
    """Close the person's account at once; signing in within ACCOUNT_CLOSING opens it again.

    Raises LastSuperuser: a site without one could not be run any more.
    """
    check_not_last_superuser(user)
    user = User.objects.select_for_update().get(pk=user.pk)
    user.deletion_requested_at = timezone.now()
    user.save(update_fields=["deletion_requested_at"])
    end_sessions(user)
    record("account deletion requested", by=user, target=user.email)
    mails.send(
        "account/email/account_closed",
        user.email,
        user=user,
        until=user.deletion_requested_at + settings.ACCOUNT_CLOSING,
    )
    return user


@transaction.atomic
def reopen_account(*, user: User) -> User:
    """Reopen an account within the 30 days after its closing: everything is as it was."""
    user.deletion_requested_at = None
    user.save(update_fields=["deletion_requested_at"])
    record("account deletion withdrawn", by=user, target=user.email)
    return user
