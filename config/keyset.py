"""Keyset paging: a page begins after a row of the list or ends before one, so that its cost does
not grow with the list, and new rows do not shift it.

A list is ordered newest first: by a column of times, ``at``, then by id.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.db.models import Model, Q, QuerySet

from config.text.numbers import whole_number

PAGE_SIZE = 25

RowT = TypeVar("RowT", bound=Model)
RowsT = TypeVar("RowsT", bound=QuerySet[Any])


def older(found: RowsT, at: str, *, than: Model) -> RowsT:
    """Return what follows the row ``than`` in the list."""
    return _beyond("lt", found, at, than)


def newer(found: RowsT, at: str, *, than: Model) -> RowsT:
    """Return what comes before the row ``than`` in the list."""
    return _beyond("gt", found, at, than)


def _beyond(lookup: str, found: RowsT, at: str, row: Model) -> RowsT:
    moment = getattr(row, at)
    return found.filter(
        Q(**{f"{at}__{lookup}": moment}) | Q(**{at: moment, f"pk__{lookup}": row.pk})
    )


@dataclass(frozen=True)
class Page(Generic[RowT]):
    """A page: up to 25 rows, newest first, and whether there are newer and older ones."""

    rows: list[RowT]
    has_newer: bool
    has_older: bool

    def pager(self, text: str, address: Callable[..., str]) -> dict[str, str]:
        """Return the links to the pages beside this one; ``address`` makes one from ``before`` or
        ``after``, the id of a row."""
        newer_url = address(after=str(self.rows[0].pk)) if self.rows and self.has_newer else ""
        older_url = address(before=str(self.rows[-1].pk)) if self.rows and self.has_older else ""
        return {"text": text, "newer_url": newer_url, "older_url": older_url}


def page_of(
    found: QuerySet[RowT],
    at: str,
    asked: Mapping[str, str],
    edge: Callable[[str], RowT | None] | None = None,
) -> Page[RowT]:
    """Return the page of ``found`` that the query string ``asked`` names by the id of the row
    ``before`` or ``after`` which it stands; else the first.

    ``edge`` finds that row, which need not be in ``found``; without it, any row of the table is
    taken.
    """
    find = edge or (lambda text: found.model._default_manager.filter(pk=whole_number(text)).first())
    before, after = (
        find(text) if (text := asked.get(name, "")) else None for name in ("before", "after")
    )
    if after and not before:
        rows = list(newer(found, at, than=after).order_by(at, "pk")[: PAGE_SIZE + 1])
        return Page(rows[:PAGE_SIZE][::-1], has_newer=len(rows) > PAGE_SIZE, has_older=True)
    found = older(found, at, than=before) if before else found
    rows = list(found.order_by(f"-{at}", "-pk")[: PAGE_SIZE + 1])
    return Page(rows[:PAGE_SIZE], has_newer=before is not None, has_older=len(rows) > PAGE_SIZE)
