"""The rows of the list of failure groups, with the figures beside each group."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.db.models import Count
from django.db.models.functions import TruncDate
from django.utils import timezone

from executions.models import Execution
from monitoring.models import FailureGroup

DAYS = 14

BAR_WIDTH = 5
BAR_STEP = 7
HEIGHT = 24


@dataclass(frozen=True)
class Bar:
    """One day of a sparkline, in units of its view box; a day with nothing is a dash."""

    x: int
    y: float
    height: float
    is_empty: bool


@dataclass(frozen=True)
class Sparkline:
    """A number for each of the last 14 days; ``text`` says it in words."""

    bars: tuple[Bar, ...]
    text: str
    total: int
    today: int
    width: int = DAYS * BAR_STEP - (BAR_STEP - BAR_WIDTH)


@dataclass(frozen=True)
class Row:
    group: FailureGroup
    people: int
    sparkline: Sparkline


def rows(groups: Sequence[FailureGroup], *, zone: ZoneInfo) -> list[Row]:
    """Return the rows of a page, in two queries however many there are."""
    people, days = people_of(groups), days_of(groups, zone=zone)
    return [
        Row(
            group,
            people.get(group.fingerprint, 0),
            sparkline(days.get(group.fingerprint, {}), zone),
        )
        for group in groups
    ]


def people_of(groups: Sequence[FailureGroup]) -> dict[str, int]:
    """Count the people affected by each group's failures, by fingerprint."""
    counted = (
        Execution.objects.failures()
        .filter(fingerprint__in=[group.fingerprint for group in groups])
        .order_by()
        .values_list("fingerprint")
        .annotate(people=Count("user", distinct=True))
    )
    return dict(counted)


def days_of(groups: Sequence[FailureGroup], *, zone: ZoneInfo) -> dict[str, dict[date, int]]:
    """Return the failures of each of the last 14 days in ``zone``, by fingerprint."""
    counted = (
        Execution.objects.failures()
        .filter(
            fingerprint__in=[group.fingerprint for group in groups],
            finished_at__gte=datetime.combine(first_day(zone), time.min, zone),
        )
        .order_by()
        .annotate(day=TruncDate("finished_at", tzinfo=zone))
        .values_list("fingerprint", "day")
        .annotate(count=Count("pk"))
    )
    found: dict[str, dict[date, int]] = {}
    for fingerprint, day, count in counted:
        found.setdefault(fingerprint, {})[day] = count
    return found


def sparkline(counts: Mapping[date, int], zone: ZoneInfo) -> Sparkline:
    first = first_day(zone)
    numbers = [counts.get(first + timedelta(days=number), 0) for number in range(DAYS)]
    most = max(numbers) or 1
    heights = [max(2.0, HEIGHT * number / most) if number else 1.0 for number in numbers]
    bars = tuple(
        Bar(place * BAR_STEP, round(HEIGHT - height, 1), round(height, 1), not numbers[place])
        for place, height in enumerate(heights)
    )
    text = f"{sum(numbers)} in {DAYS} days, {numbers[-1]} today"
    return Sparkline(bars, text, sum(numbers), numbers[-1])


def first_day(zone: ZoneInfo) -> date:
    """Return the first of the last 14 days."""
    return timezone.localdate(timezone=zone) - timedelta(days=DAYS - 1)
