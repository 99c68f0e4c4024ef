"""The activity record: one row per action, whether it came from a page, a command or a task."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from allauth.mfa import signals
from django.db.models import Model
from django.dispatch import receiver

from accounts.models import ActivityEvent, User

BACKUP_MADE = "backup made"
"""The action of a backup: its rows have no actor, and show when the last backup was made."""

_address: ContextVar[str | None] = ContextVar("activity_address", default=None)


@contextmanager
def acting_from(address: str | None) -> Iterator[None]:
    """Record this network address with every activity inside the block."""
    token = _address.set(address)
    try:
        yield
    finally:
        _address.reset(token)


def record(
    action: str,
    *,
    by: User | None,
    target: str = "",
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> ActivityEvent:
    """Record that ``by`` did ``action`` ("model version promoted") to ``target`` (plain text).

    Called once by each service that changes something, inside its transaction: the action and its
    record stand or fall together. The address is that of the request, if there is one.
    """
    return ActivityEvent.objects.create(
        actor=by,
        actor_email=by.email if by else "",
        action=action,
        target=target[:300],
        before=before,
        after=after,
        address=_address.get(),
    )


def save_changes(
    row: Model, changes: Mapping[str, Any], *, action: str, by: User, target: str
) -> None:
    """Save the fields of a locked row that ``changes`` gives another value, and record both values;
    does nothing where none differs."""
    before = {name: getattr(row, name) for name in changes if getattr(row, name) != changes[name]}
    if not before:
        return
    after = {name: changes[name] for name in before}
    for name, value in after.items():
        setattr(row, name, value)
    row.save(update_fields=[*after])
    record(action, by=by, target=target, before=before, after=after)


@receiver(signals.authenticator_added)
def _added(user: User, authenticator: Any, **_: Any) -> None:
    _record_second_factor("second factor added", user, authenticator)


@receiver(signals.authenticator_removed)
def _removed(user: User, authenticator: Any, **_: Any) -> None:
    _record_second_factor("second factor removed", user, authenticator)


@receiver(signals.authenticator_reset)
def _reset(user: User, authenticator: Any, **_: Any) -> None:
    _record_second_factor("recovery codes made", user, authenticator)


def _record_second_factor(action: str, user: User, authenticator: Any) -> None:
    record(action, by=user, target=user.email, after={"kind": str(authenticator.type)})
