"""The record of what people did: one row an action."""

from typing import Any

from accounts.models import ActivityEvent, User


def record(
    action: str,
    *,
    by: User | None,
    target: str = "",
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    address: str | None = None,
) -> ActivityEvent:
    """Write down that ``by`` did ``action`` ("model version promoted") to ``target`` (plain text).

    Called once by each service that changes something, inside its transaction: the action and its
    record stand or fall together.
    """
    return ActivityEvent.objects.create(
        actor=by,
        actor_email=by.email if by else "",
        action=action,
        target=target[:300],
        before=before,
        after=after,
        address=address,
    )
