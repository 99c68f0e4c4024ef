"""The stored counts of each day (`monitoring/models/day.py`), for every timezone that admins use.

No stored count is ever incremented: a day in which anything changed is counted again as a whole, so
running this twice, or after a week's pause, gives the same rows. Executions that finished after the
zone's ``through`` are not in them; the pages count those live.
"""

import logging
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F, Max, Min, Q
from django.db.models.functions import TruncHour

from accounts.models import User
from config.locks import is_only_one
from executions.models import Execution
from models_registry.models import ModelVersion
from monitoring.dashboard.cells import ERROR_KEY, PERSON_KEY, Cell, cells, tallies, total
from monitoring.dashboard.period import DAY, hours_of, moment_of
from monitoring.models import CountedZone, DayTally, DayTotal

logger = logging.getLogger(__name__)

LOCK = 7_340_021
MARGIN = timedelta(minutes=2)
"""A row carries the time at which its transaction began and is seen when it ends; no transaction
that finishes an execution lasts longer than this."""
DAYS_AT_ONCE = 7
KEYS = {DayTally.Kind.PERSON: PERSON_KEY, DayTally.Kind.ERROR: ERROR_KEY}


def keep_up() -> int:
    """Count every zone's days up to now, and delete zones that no admin uses; returns how many days
    were counted."""
    names = zones_in_use()
    CountedZone.objects.exclude(name__in=names).delete()
    return sum(_advance(name) for name in sorted(names))


@transaction.atomic
def recount() -> int:
    """Count everything anew, as after a repair by hand."""
    CountedZone.objects.all().delete()
    return keep_up()


def zones_in_use() -> set[str]:
    """Return the site's timezone, and those of its admins."""
    theirs = User.objects.filter(is_staff=True, is_active=True).exclude(timezone="")
    return {settings.SITE_TIME_ZONE, *theirs.values_list("timezone", flat=True).distinct()}


@transaction.atomic
def _advance(name: str) -> int:
    if not is_only_one(LOCK):
        return 0
    zone, _ = CountedZone.objects.get_or_create(name=name)
    through = _settled()
    days = _changed_days(zone, through)
    for some in _runs(days):
        _count(zone, some, through)
    zone.through = through
    zone.save(update_fields=["through"])
    if days:
        logger.info("days_counted zone=%s days=%s", name, len(days))
    return len(days)


def _settled() -> datetime:
    """The time up to which every finished execution is visible, on the database's clock. The first
    count may take longer than a page may."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = '60s'")
        cursor.execute("SELECT now() - make_interval(secs => %s)", [MARGIN.total_seconds()])
        found: datetime = cursor.fetchone()[0]
    return found


def _changed_days(zone: CountedZone, through: datetime) -> list[date]:
    """The days with a prediction that finished since, lost its person since, or whose model's slow
    threshold changed since."""
    clock = ZoneInfo(zone.name)
    predictions = Execution.objects.predictions().order_by()
    if zone.through is None:
        span = predictions.filter(finished_at__lte=through).aggregate(
            first=Min("requested_at"), last=Max("requested_at")
        )
        if span["first"] is None:
            return []
        first, last = (span[end].astimezone(clock).date() for end in ("first", "last"))
        return [first + n * DAY for n in range((last - first).days + 2)]
    since = Q(finished_at__gt=zone.through, finished_at__lte=through) | Q(
        purged_at__gt=zone.through, purged_at__lte=through
    )
    hours = predictions.filter(since).values_list(TruncHour("requested_at", tzinfo=UTC), flat=True)
    found = set(
        zone.totals.exclude(slow_seconds=F("version__model__slow_seconds"))
        .values_list("day", flat=True)
        .distinct()
    )
    # An hour may reach into the next day, and a clock set back may show the day before once more.
    for hour in hours.distinct():
        found |= {(hour + n * timedelta(hours=2)).astimezone(clock).date() for n in (0, 1)}
    return sorted(found)


def _runs(days: Iterable[date]) -> list[list[date]]:
    """Neighbouring days in groups of at most a week."""
    found: list[list[date]] = []
    for day in days:
        if found and found[-1][-1] + DAY == day and len(found[-1]) < DAYS_AT_ONCE:
            found[-1].append(day)
        else:
            found.append([day])
    return found


def _count(zone: CountedZone, days: Sequence[date], through: datetime) -> None:
    """Count neighbouring days anew."""
    clock = ZoneInfo(zone.name)
    hours = [
        (place, n, at)
        for place, day in enumerate(days)
        for n, at in enumerate(hours_of(day, clock))
    ]
    ends = moment_of(days[-1] + DAY, clock)
    versions = list(ModelVersion.objects.values_list("pk", flat=True))
    zone.totals.filter(day__in=days).delete()
    zone.tallies.filter(day__in=days).delete()
    found: dict[tuple[int, int, float], dict[int, Cell]] = defaultdict(dict)
    by_hour = [*(at for _, _, at in hours), ends]
    for placed in cells(by_hour, versions, through=through, by_version=True):
        place, hour, _ = hours[placed.place]
        found[place, placed.version_id, placed.slow_seconds][hour] = placed.cell
    DayTotal.objects.bulk_create(
        _total(zone, days[place], version, slow_seconds, of_day)
        for (place, version, slow_seconds), of_day in found.items()
    )
    edges = [*(moment_of(day, clock) for day in days), ends]
    for kind, key in KEYS.items():
        counts: Counter[tuple[int, int | None, str]] = Counter()
        for tally in tallies(edges, versions, key=key, through=through):
            counts[tally.place, tally.version_id, tally.key] = tally.count
            counts[tally.place, None, tally.key] += tally.count
        DayTally.objects.bulk_create(
            (
                DayTally(
                    zone=zone, day=days[place], version_id=version, kind=kind, key=text, count=count
                )
                for (place, version, text), count in counts.items()
            ),
            batch_size=1000,
        )


def _total(
    zone: CountedZone, day: date, version: int, slow_seconds: float, hours: dict[int, Cell]
) -> DayTotal:
    whole = total(hours.values())
    return DayTotal(
        zone=zone,
        day=day,
        version_id=version,
        succeeded=whole.succeeded,
        failed=whole.failed,
        canceled=whole.canceled,
        slow=whole.slow,
        slow_seconds=slow_seconds,
        response_seconds=whole.response_seconds,
        queue_seconds=whole.queue_seconds,
        bins=list(whole.bins),
        hours=[hours[n].row if n in hours else None for n in range(max(hours) + 1)],
    )
