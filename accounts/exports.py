"""What people did, as rows of a CSV file."""

from collections.abc import Iterable, Iterator
from typing import Any

from accounts.models import ActivityEvent

ACTIVITY_COLUMNS = ("at", "person", "action", "target", "before", "after", "address")


def activity_rows(events: Iterable[ActivityEvent]) -> Iterator[tuple[Any, ...]]:
    """One row an act, times in UTC."""
    for event in events:
        yield (
            event.at, event.actor_email, event.action, event.target,
            event.before, event.after, event.address,
        )  # fmt: skip
