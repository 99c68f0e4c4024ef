"""One page of a history, by keyset: it starts after or before an execution, so that it costs the
same however long the history is, and new ones never shift it."""

from collections.abc import Mapping
from dataclasses import dataclass

from accounts.models import User
from executions.access import asked_id
from executions.models import Execution, ExecutionQuerySet

PAGE_SIZE = 25


@dataclass(frozen=True)
class Page:
    """Up to 25 executions, newest first, and whether there are newer and older ones."""

    executions: list[Execution]
    has_newer: bool
    has_older: bool


def page_of(found: ExecutionQuerySet, *, owner: User, asked: Mapping[str, str]) -> Page:
    """The page of ``found`` (newest first) that ``asked`` names: ``before`` or ``after`` one of the
    owner's executions, deleted since or not; else the first."""
    older_than = edge_of(owner, asked.get("before", ""))
    newer_than = None if older_than else edge_of(owner, asked.get("after", ""))
    if newer_than:
        nearest = found.newer_than(newer_than).order_by("requested_at", "pk")
        rows = list(nearest[: PAGE_SIZE + 1])
        return Page(rows[:PAGE_SIZE][::-1], has_newer=len(rows) > PAGE_SIZE, has_older=True)
    if older_than:
        found = found.older_than(older_than)
    rows = list(found[: PAGE_SIZE + 1])
    return Page(rows[:PAGE_SIZE], has_newer=older_than is not None, has_older=len(rows) > PAGE_SIZE)


def edge_of(owner: User, text: str) -> Execution | None:
    """The owner's execution, deleted or not, at which a page begins or ends."""
    pk = asked_id(text)
    return Execution.objects.filter(user=owner, pk=pk).first() if pk else None
