"""The statistics of the dashboard: usage, response times and error rates, one function each.

Executions are predictions of people, deleted since or not, by when they were submitted; tests and
replays never count. Days come from what is kept (`monitoring/dashboard/rollup.py`) with what
finished since added live, so that every number is exact and of this moment, but for percentiles:
those are within 1 % (`monitoring/dashboard/histogram.py`).
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import chain
from typing import Any

from django.db import connection
from django.db.models import FilteredRelation, Q

from executions.models import Execution
from models_registry.models import Deployment, ModelVersion
from monitoring.dashboard.cells import ERROR_KEY, EVER, PERSON_KEY, Cell, cells, total
from monitoring.dashboard.period import (
    DAY,
    Bucket,
    Period,
    Unit,
    day_text,
    edges_of,
    minutes_of,
    moment_of,
)
from monitoring.models import CountedZone, DayTally

TOP = 10
LONGEST_MARKER = 24
COUNTED_LIVE = 50_000
"""Executions that are counted in a fifth of a second."""
_KEPT = ("succeeded", "failed", "canceled", "slow", "response_seconds", "queue_seconds", "bins")


@dataclass(frozen=True)
class Scope:
    """The scope of the statistics: a period, and the versions (by primary key) that count."""

    period: Period
    versions: tuple[int, ...]
    is_all: bool = False
    """Whether these are all versions that were ever live."""


@dataclass(frozen=True)
class Figures:
    """The numbers of one period; seconds are of those that succeeded, None where none did."""

    cell: Cell
    open: int

    @property
    def executions(self) -> int:
        return self.cell.succeeded + self.cell.failed + self.cell.canceled + self.open

    @property
    def decided(self) -> int:
        """The denominator of the rates: without canceled and running ones."""
        return self.cell.succeeded + self.cell.failed

    @property
    def success_percent(self) -> float | None:
        return 100 * self.cell.succeeded / self.decided if self.decided else None

    @property
    def error_percent(self) -> float | None:
        return 100 * self.cell.failed / self.decided if self.decided else None

    @property
    def mean(self) -> float | None:
        return self._per_success(self.cell.response_seconds)

    @property
    def queue_mean(self) -> float | None:
        return self._per_success(self.cell.queue_seconds)

    @property
    def run_mean(self) -> float | None:
        return self._per_success(self.cell.response_seconds - self.cell.queue_seconds)

    @property
    def p50(self) -> float | None:
        return self.cell.percentile(0.5)

    @property
    def p95(self) -> float | None:
        return self.cell.percentile(0.95)

    @property
    def slow_percent(self) -> float | None:
        return 100 * self.cell.slow / self.cell.succeeded if self.cell.succeeded else None

    def _per_success(self, seconds: float) -> float | None:
        return seconds / self.cell.succeeded if self.cell.succeeded else None


@dataclass(frozen=True)
class Bar:
    """One bucket of the charts. ``open`` ones are not in the charts, which show what ended."""

    bucket: Bucket
    figures: Figures


@dataclass(frozen=True)
class Chart:
    """The bars of both charts, and the part of the period that they show; "" for all of it."""

    unit: Unit
    bars: list[Bar]
    part: str = ""

    @property
    def buckets(self) -> list[Bucket]:
        return [bar.bucket for bar in self.bars]


@dataclass(frozen=True)
class Ranked:
    """A person's id or a failure's fingerprint (or code), and its number of executions."""

    key: str
    count: int


def is_too_much_to_count_live(scope: Scope) -> bool:
    """Return whether the zone's days are not kept yet (an admin's timezone is new) and there are so
    many executions that a page would wait for them."""
    if _counted_through(scope.period):
        return False
    period = Period(scope.period.before.first, scope.period.last, scope.period.zone)
    found = Execution.objects.predictions().between(period.begins, period.ends)
    return found.order_by()[: COUNTED_LIVE + 1].count() > COUNTED_LIVE


def figures_and_before(scope: Scope) -> tuple[Figures, Figures, dict[date, Cell]]:
    """Return the numbers of the period and of the one before, and the period's days that had
    any."""
    now, before = scope.period, scope.period.before
    days = _cells_by_day(Period(before.first, now.last, now.zone), scope.versions)
    current = {day: of_day for day, of_day in days.items() if day >= now.first}
    earlier = [of_day for day, of_day in days.items() if day < now.first]
    return (
        Figures(total(chain.from_iterable(current.values())), open_count(scope)),
        Figures(total(chain.from_iterable(earlier)), open_count(Scope(before, scope.versions))),
        {day: total(of_day) for day, of_day in current.items()},
    )


def bars(scope: Scope, days: dict[date, Cell]) -> list[Bar]:
    """Return the period's buckets, empty ones too; ``days`` as ``figures_and_before`` found
    them."""
    buckets = scope.period.buckets
    found: dict[int, list[Cell]] = defaultdict(list)
    if scope.period.unit is Unit.HOUR:
        found = _cells_by_hour(scope.period, scope.versions)
    else:
        begins = [bucket.begins for bucket in buckets]
        for day, cell in days.items():
            found[bisect_right(begins, moment_of(day, scope.period.zone)) - 1].append(cell)
    return [
        Bar(bucket, Figures(total(found[place]), open=0)) for place, bucket in enumerate(buckets)
    ]


def chart(scope: Scope, days: dict[date, Cell]) -> Chart:
    """Return what the charts show: the period; the hours of the only day that had any, and the
    minutes of its only hour, since a single bar says nothing of a trend."""
    period, zone = scope.period, scope.period.zone
    if len(days) == 1 and period.unit is not Unit.HOUR:
        (day,) = days
        of_day = chart(Scope(Period(day, day, zone), scope.versions), days)
        return Chart(of_day.unit, of_day.bars, of_day.part or day_text(day, shows_year=True))
    found = bars(scope, days)
    filled = [bar for bar in found if bar.figures.executions]
    if period.unit is not Unit.HOUR or len(filled) != 1:
        return Chart(period.unit, found)
    hour, count = filled[0].bucket, filled[0].figures.executions
    if count > COUNTED_LIVE:
        return Chart(period.unit, found)
    minutes = minutes_of(hour, zone)
    cells_of: dict[int, list[Cell]] = defaultdict(list)
    for placed in cells(edges_of(minutes), scope.versions):
        cells_of[placed.place].append(placed.cell)
    begins, ends = hour.begins.astimezone(zone), hour.ends.astimezone(zone)
    return Chart(
        Unit.MINUTE,
        [Bar(one, Figures(total(cells_of[n]), open=0)) for n, one in enumerate(minutes)],
        f"{day_text(begins.date(), shows_year=True)}, {begins:%H:%M} to {ends:%H:%M}",
    )


def open_count(scope: Scope) -> int:
    """Count the executions that are queued or running now."""
    states = (Execution.Status.QUEUED, Execution.Status.RUNNING)
    of_period = Execution.objects.predictions().between(scope.period.begins, scope.period.ends)
    return of_period.filter(status__in=states, version__in=scope.versions).count()


def top_people(scope: Scope) -> list[Ranked]:
    """Rank people by submissions, by id; deleted people are left out."""
    return _top(scope, DayTally.Kind.PERSON, PERSON_KEY)


def top_errors(scope: Scope) -> list[Ranked]:
    """Rank failures by fingerprint, or by error code if a failure has none."""
    return _top(scope, DayTally.Kind.ERROR, ERROR_KEY)


def deployments(scope: Scope) -> list[Deployment]:
    """Return the deployments of the period, oldest first, without retirements."""
    models = ModelVersion.objects.filter(pk__in=scope.versions).values("model")
    return list(
        Deployment.objects.filter(
            model__in=models,
            started_at__gte=scope.period.begins,
            started_at__lt=scope.period.ends,
        )
        .exclude(action=Deployment.Action.RETIREMENT)
        .select_related("version", "model")
        .order_by("started_at", "pk")
    )


def _kept(
    period: Period, versions: Sequence[int], *columns: str
) -> tuple[datetime, list[tuple[Any, ...]]]:
    """The stored counts of each day, the day first, and the time up to which they count, in one
    statement: executions that finished later must be added."""
    wanted = Q(totals__day__range=(period.first, period.last), totals__version__in=versions)
    rows = list(
        CountedZone.objects.filter(name=period.zone.key)
        .annotate(kept=FilteredRelation("totals", condition=wanted))
        .values_list("through", "kept__day", *(f"kept__{name}" for name in columns))
    )
    through = rows[0][0] if rows else None
    return through or EVER, [tuple(row[1:]) for row in rows if row[1]]


def _cells_by_hour(period: Period, versions: Sequence[int]) -> dict[int, list[Cell]]:
    """The cells by the number of the hour in the period."""
    through, kept = _kept(period, versions, "hours")
    found: dict[int, list[Cell]] = defaultdict(list)
    first = {
        day: bisect_left(period.buckets, moment_of(day, period.zone), key=_begins)
        for day in period.days
    }
    for day, hours in kept:
        for number, row in enumerate(hours):
            if row:
                found[first[day] + number].append(Cell(*row))
    for placed in cells(edges_of(period.buckets), versions, after=through):
        found[placed.place].append(placed.cell)
    return found


def _begins(bucket: Bucket) -> datetime:
    return bucket.begins


def _cells_by_day(period: Period, versions: Sequence[int]) -> dict[date, list[Cell]]:
    through, kept = _kept(period, versions, *_KEPT)
    found: dict[date, list[Cell]] = defaultdict(list)
    for day, *row in kept:
        found[day].append(Cell(*row))
    days = period.days
    edges = [moment_of(day, period.zone) for day in [*days, period.last + DAY]]
    for placed in cells(edges, versions, after=through):
        found[days[placed.place]].append(placed.cell)
    return found


def _top(scope: Scope, kind: DayTally.Kind, key: str) -> list[Ranked]:
    """The keys with most executions: kept ones, what finished later, and what still runs.

    One statement, so that a count that is renewed meanwhile is seen whole or not at all. ``since``
    says the same as its ``through``, a moment earlier, for the planner to see how little is new.
    """
    recent = f"""
        SELECT {key}, 1
        FROM executions_execution e
        WHERE e.purpose = 'prediction' AND e.version_id = ANY(%(versions)s)
          AND e.requested_at >= %(begins)s AND e.requested_at < %(ends)s
    """  # noqa: S608 - key is a constant of ours
    versions = "kept.version_id = ANY(%(versions)s)"
    if scope.is_all:
        versions = "kept.version_id IS NULL"
    statement = f"""
        WITH zone AS (SELECT id, through FROM monitoring_countedzone WHERE name = %(zone)s)
        SELECT key, sum(n)::int AS n
        FROM (
            SELECT kept.key, kept.count AS n
            FROM monitoring_daytally kept
            JOIN zone ON zone.id = kept.zone_id AND zone.through IS NOT NULL
            WHERE kept.kind = %(kind)s AND kept.day BETWEEN %(first)s AND %(last)s
              AND {versions}
            UNION ALL
            {recent} AND e.finished_at > %(since)s
              AND e.finished_at > coalesce((SELECT through FROM zone), %(since)s)
            UNION ALL
            {recent} AND e.status = 'queued'
            UNION ALL
            {recent} AND e.status = 'running'
        ) each
        WHERE key IS NOT NULL
        GROUP BY key
        ORDER BY 2 DESC, 1
        LIMIT {TOP}
    """  # noqa: S608 - put together of constants of ours
    period = scope.period
    values: dict[str, Any] = {
        "zone": period.zone.key,
        "kind": kind,
        "first": period.first,
        "last": period.last,
        "begins": period.begins,
        "ends": period.ends,
        "versions": list(scope.versions),
        "since": _counted_through(period) or EVER,
    }
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return [Ranked(*row) for row in cursor.fetchall()]


def _counted_through(period: Period) -> datetime | None:
    zones = CountedZone.objects.filter(name=period.zone.key)
    return zones.values_list("through", flat=True).first()


def markers(buckets: Iterable[Bucket], deployed: Sequence[Deployment]) -> dict[str, str]:
    """Return what went live, by the label of its bucket: "v3, v4", "Loan risk v3" where there are
    several models, "5 deployments" where there are many."""
    is_one_model = len({deployment.model_id for deployment in deployed}) == 1
    found: dict[str, list[str]] = defaultdict(list)
    for deployment in deployed:
        name = deployment.version.short_name if is_one_model else str(deployment.version)
        for bucket in buckets:
            if bucket.holds(deployment.started_at):
                found[bucket.label].append(name)
    return {label: _marker(list(dict.fromkeys(names))) for label, names in found.items()}


def _marker(names: list[str]) -> str:
    text = ", ".join(names)
    return text if len(text) <= LONGEST_MARKER else f"{len(names)} deployments"
