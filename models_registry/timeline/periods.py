"""Periods in which each version was active, and the gaps between, from the deployment records.

Pure. Moments are aware datetimes; a period holds its start and not its end.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import zip_longest
from zoneinfo import ZoneInfo


@dataclass(frozen=True)
class Event:
    """One deployment, or a retirement (``is_retirement``), after which nothing is active.
    ``version_id`` is its version, ``version`` the version's short name; ``act`` a word such as
    "promoted"; ``by`` is empty if the person's account was deleted."""

    at: datetime
    version_id: int
    version: str
    act: str
    by: str
    text: str = ""
    is_retirement: bool = False

    @property
    def whom(self) -> str:
        return self.by or "somebody whose account is gone"


@dataclass(frozen=True)
class Period:
    """A period in which one version was active, or none (``began`` is None, or a retirement).

    ``end`` is None while it lasts. ``began`` and ``ended`` are the events on either side, also
    where the period was clipped.
    """

    start: datetime
    end: datetime | None
    began: Event | None
    ended: Event | None = None

    @property
    def is_gap(self) -> bool:
        return self.began is None or self.began.is_retirement

    @property
    def version_id(self) -> int | None:
        return None if self.began is None or self.is_gap else self.began.version_id

    @property
    def version(self) -> str:
        return "" if self.began is None or self.is_gap else self.began.version


def periods_of(events: Iterable[Event]) -> tuple[Period, ...]:
    """Return the periods and the gaps between them, oldest first; the last one has no end."""
    in_order = sorted(events, key=lambda event: event.at.astimezone(UTC))
    return tuple(
        Period(event.at, after.at if after else None, event, after)
        for event, after in zip_longest(in_order, in_order[1:])
        if after is None or after.at > event.at  # two at the same time: the first was never active
    )


def within(
    periods: Sequence[Period], start: datetime, end: datetime, *, now: datetime
) -> tuple[Period, ...]:
    """Return what was active at any moment from ``start`` to ``end``, clipped to that; nothing of
    what is still to come. The time before the first deployment is a gap."""
    start, end = start.astimezone(UTC), min(end.astimezone(UTC), now.astimezone(UTC))
    if start >= end:
        return ()
    whole = list(periods)
    first = periods[0] if periods else None
    if first is None or start < first.start:
        whole.insert(
            0, Period(start, first.start if first else None, None, first.began if first else None)
        )
    clipped = (
        replace(period, start=max(period.start, start), end=min(period.end or end, end))
        for period in whole
    )
    return tuple(period for period in clipped if period.end and period.start < period.end)


def day_in(day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Return a calendar day from midnight to midnight, in UTC: 23 or 25 hours where the clocks
    change."""
    following = datetime.combine(day + timedelta(days=1), time(), zone)
    return datetime.combine(day, time(), zone).astimezone(UTC), following.astimezone(UTC)


def minute_in(day: date, at: time, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Return a minute of the clock, in UTC. Where the clocks went back it came twice, and the
    answer goes from the first to the second."""
    moment = datetime.combine(day, at.replace(second=0, microsecond=0), zone)
    both = sorted(moment.replace(fold=fold).astimezone(UTC) for fold in (0, 1))
    return both[0], both[1] + timedelta(minutes=1)
