"""The period of a dashboard, the equally long one before it, and the buckets of its charts.

Pure. Days are calendar days in one timezone, both ends inclusive; every interval includes its start
and excludes its end, so that 23- and 25-hour days are right.
"""

import enum
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from itertools import pairwise
from zoneinfo import ZoneInfo

from executions.history.forms import day_begins

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
HOURLY_DAYS = 2
DAILY_DAYS = 92


class Unit(enum.Enum):
    """The length of a chart's bucket: an hour up to 2 days, a day up to 92, else a week. Minutes
    are for a single hour."""

    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"
    WEEK = "week"


@dataclass(frozen=True)
class Bucket:
    """One bar of a chart: its label, and its start and end."""

    label: str
    begins: datetime
    ends: datetime

    def holds(self, moment: datetime) -> bool:
        return self.begins <= moment < self.ends


@dataclass(frozen=True)
class Period:
    """``first`` to ``last``, both included, in ``zone``."""

    first: date
    last: date
    zone: ZoneInfo

    @property
    def length(self) -> int:
        """The number of days."""
        return (self.last - self.first).days + 1

    @property
    def days(self) -> list[date]:
        return [self.first + n * DAY for n in range(self.length)]

    @property
    def begins(self) -> datetime:
        return moment_of(self.first, self.zone)

    @property
    def ends(self) -> datetime:
        return moment_of(self.last + DAY, self.zone)

    @property
    def before(self) -> "Period":
        """The equally long period that ends on the day before the first."""
        return Period(self.first - self.length * DAY, self.first - DAY, self.zone)

    @property
    def unit(self) -> Unit:
        if self.length <= HOURLY_DAYS:
            return Unit.HOUR
        return Unit.DAY if self.length <= DAILY_DAYS else Unit.WEEK

    @cached_property
    def buckets(self) -> list[Bucket]:
        """The whole period without gaps, oldest first; the first and the last week may be short."""
        if self.unit is Unit.HOUR:
            return list(self._hours())
        edges = self._edges()
        shows_year = self.first.year != self.last.year
        return [
            Bucket(
                day_text(day, shows_year=shows_year),
                moment_of(day, self.zone),
                moment_of(following, self.zone),
            )
            for day, following in pairwise(edges)
        ]

    def _edges(self) -> list[date]:
        if self.unit is Unit.DAY:
            return [*self.days, self.last + DAY]
        mondays = [day for day in self.days[1:] if day.weekday() == 0]
        return [self.first, *mondays, self.last + DAY]

    def _hours(self) -> Iterator[Bucket]:
        """The hours of real time: an hour that the clock repeats is listed twice, with its zone."""
        begins = [hour for day in self.days for hour in hours_of(day, self.zone)]
        local = [moment.astimezone(self.zone) for moment in begins]
        several = self.length > 1
        texts = [f"{day_text(at.date())}, {at:%H:%M}" if several else f"{at:%H:%M}" for at in local]
        for text, at, begin, end in zip(
            texts, local, begins, [*begins[1:], self.ends], strict=True
        ):
            yield Bucket(f"{text} {at:%Z}" if texts.count(text) > 1 else text, begin, end)

    @property
    def text(self) -> str:
        """ "24 Oct to 22 Nov 2026"."""
        last = day_text(self.last, shows_year=True)
        if self.first == self.last:
            return last
        shows_year = self.first.year != self.last.year
        return f"{day_text(self.first, shows_year=shows_year)} to {last}"


def moment_of(day: date, zone: ZoneInfo) -> datetime:
    """Return when ``day`` begins in ``zone``, in UTC: moments of one zone are compared by their
    clock."""
    return day_begins(day, zone).astimezone(UTC)


def hours_of(day: date, zone: ZoneInfo) -> list[datetime]:
    """Return when the hours of a day begin, 23 to 25 of them; the last one is short where clocks
    are changed by less than an hour."""
    ends = moment_of(day + DAY, zone)
    begins = [moment_of(day, zone)]
    while begins[-1] + HOUR < ends:
        begins.append(begins[-1] + HOUR)
    return begins


def day_text(day: date, *, shows_year: bool = False) -> str:
    return f"{day.day} {day:%b} {day.year}" if shows_year else f"{day.day} {day:%b}"


def minutes_of(hour: Bucket, zone: ZoneInfo) -> list[Bucket]:
    """Return the minutes of an hour, oldest first."""
    count = round((hour.ends - hour.begins) / MINUTE)
    begins = [hour.begins + n * MINUTE for n in range(count)]
    return [Bucket(f"{at.astimezone(zone):%H:%M}", at, at + MINUTE) for at in begins]


def edges_of(buckets: Sequence[Bucket]) -> list[datetime]:
    """Return the starts of neighbouring buckets, and the end of the last one."""
    return [bucket.begins for bucket in buckets] + [bucket.ends for bucket in buckets[-1:]]
