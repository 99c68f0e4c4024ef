"""Details of notifications that only higher apps know, looked up when one is shown or mailed.

Higher apps register a source for a kind when they are ready, as with
`accounts.privacy.personal_data`.
"""

from collections.abc import Callable

from notifications.models import Context, Kind, Notification

Source = Callable[[Notification, Context], Context]

_sources: dict[str, Source] = {}


def register(kind: Kind, source: Source) -> None:
    """Register ``source``, which completes the context of a notification of this kind."""
    _sources[kind] = source


def details_of(notification: Notification) -> Context:
    """Return the notification's context, with the details that higher apps add."""
    source, context = _sources.get(notification.kind), notification.read_context()
    return source(notification, context) if source else context
