"""What a person does about their second factor is recorded like any other act."""

from typing import Any

from allauth.mfa import signals
from django.dispatch import receiver

from accounts.activity import record
from accounts.models import User


@receiver(signals.authenticator_added)
def _added(user: User, authenticator: Any, **_: Any) -> None:
    _record("second factor added", user, authenticator)


@receiver(signals.authenticator_removed)
def _removed(user: User, authenticator: Any, **_: Any) -> None:
    _record("second factor removed", user, authenticator)


@receiver(signals.authenticator_reset)
def _reset(user: User, authenticator: Any, **_: Any) -> None:
    _record("recovery codes made", user, authenticator)


def _record(action: str, user: User, authenticator: Any) -> None:
    record(action, by=user, target=user.email, after={"kind": str(authenticator.type)})
