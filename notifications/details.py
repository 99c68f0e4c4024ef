"""Details of notifications that only higher apps know, looked up when one is shown or mailed.

Higher apps register a source for a kind when they are ready, as with `accounts.personal_data`.
"""

from collections.abc import Callable
from typing import Any

from notifications.models import Kind, Notification

Source = Callable[[Notification], dict[str, Any]]

_sources: dict[str, Source] = {}


def register(kind: Kind, source: Source) -> None:
    """Register ``source``, which returns more context for a notification of this kind."""
    _sources[kind] = source


def details_of(notification: Notification) -> dict[str, Any]:
    """Return the notification's context, with the details that higher apps add."""
    source = _sources.get(notification.kind)
    context: dict[str, Any] = notification.context
    return context | (source(notification) if source else {})
