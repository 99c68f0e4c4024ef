"""Counts of executions by time bucket and version, read straight from their table.

The only SQL of the statistics' definitions: predictions of people, deleted or not, by time of
submission; the success rate is the succeeded ones among those that succeeded or failed; the
response time runs from submission to the end of a succeeded one. The stored days and the live
counts after them both come from here.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from monitoring.dashboard.histogram import SMALLEST, WIDTH, added, dense, percentile

_WHICH = """
    FROM executions_execution e
    WHERE e.purpose = 'prediction' AND e.version_id = ANY(%(versions)s)
      AND e.requested_at >= %(begins)s AND e.requested_at < %(ends)s
      AND e.finished_at > %(after)s AND e.finished_at <= %(through)s
"""
_PLACE = "width_bucket(e.requested_at, %(edges)s::timestamptz[]) - 1"

_CELLS = f"""
    WITH run AS MATERIALIZED (
        SELECT {_PLACE} AS place, e.version_id AS version, e.status,
               date_part('epoch', e.finished_at - e.requested_at) AS response,
               date_part('epoch', e.started_at - e.requested_at) AS queue
        {_WHICH}
    ), binned AS (
        SELECT place, {{version}} AS version_id, run.status, {{slow_seconds}} AS slow_seconds,
               CASE WHEN run.status = 'succeeded' THEN greatest(
                   0, ceil(ln(greatest(response, 1e-9) / %(smallest)s) / ln(%(width)s)))::int
               END AS bin,
               count(*) AS n, sum(response) AS response, sum(queue) AS queue,
               count(*) FILTER (WHERE response > model.slow_seconds) AS slow
        FROM run
        JOIN models_registry_modelversion version ON version.id = run.version
        JOIN models_registry_registeredmodel model ON model.id = version.model_id
        GROUP BY 1, 2, 3, 4, 5
    )
    SELECT place, version_id, slow_seconds,
           coalesce(sum(n) FILTER (WHERE status = 'succeeded'), 0)::int,
           coalesce(sum(n) FILTER (WHERE status = 'failed'), 0)::int,
           coalesce(sum(n) FILTER (WHERE status = 'canceled'), 0)::int,
           coalesce(sum(slow) FILTER (WHERE status = 'succeeded'), 0)::int,
           coalesce(sum(response) FILTER (WHERE status = 'succeeded'), 0)::float8,
           coalesce(sum(queue) FILTER (WHERE status = 'succeeded'), 0)::float8,
           array_agg(bin) FILTER (WHERE bin IS NOT NULL),
           array_agg(n::int) FILTER (WHERE bin IS NOT NULL)
    FROM binned
    GROUP BY 1, 2, 3
"""  # noqa: S608 - put together of the constants above

PERSON_KEY = "e.user_id::text"
ERROR_KEY = (
    "CASE WHEN e.status = 'failed' THEN coalesce(nullif(e.fingerprint, ''), e.error_code) END"
)

_TALLIES = f"""
    SELECT place, version_id, key, count(*)
    FROM (SELECT {_PLACE} AS place, e.version_id, {{key}} AS key {_WHICH}) each
    WHERE key IS NOT NULL
    GROUP BY 1, 2, 3
"""  # noqa: S608 - put together of the constants above

EVER = datetime.fromisoformat("1900-01-01T00:00:00+00:00")
ALWAYS = datetime.fromisoformat("9999-01-01T00:00:00+00:00")


@dataclass(frozen=True)
class Cell:
    """The finished predictions of one time bucket. Seconds are sums over those that succeeded,
    ``bins`` counts their response times (`monitoring/dashboard/histogram.py`), ``slow`` those over
    their model's threshold."""

    succeeded: int = 0
    failed: int = 0
    canceled: int = 0
    slow: int = 0
    response_seconds: float = 0.0
    queue_seconds: float = 0.0
    bins: Sequence[int] = ()

    @classmethod
    def of(cls, row: Sequence[Any]) -> "Cell":
        """Return a cell from values in this order, ``bins`` as two lists: their numbers and
        counts."""
        *sums, numbers, counts = row
        bins = dense(dict(zip(numbers or (), counts or (), strict=True)))
        return cls(sums[0], sums[1], sums[2], sums[3], sums[4], sums[5], bins)

    @property
    def row(self) -> list[Any]:
        """The values as JSON stores them; ``Cell(*row)`` is the same cell."""
        return [
            self.succeeded,
            self.failed,
            self.canceled,
            self.slow,
            self.response_seconds,
            self.queue_seconds,
            list(self.bins),
        ]

    def percentile(self, share: float) -> float | None:
        return percentile(self.bins, share)


@dataclass(frozen=True)
class PlacedCell:
    """A cell with the number of its time bucket, its version and the version's slow threshold; both
    are 0 if versions are not separated."""

    place: int
    version_id: int
    slow_seconds: float
    cell: Cell


@dataclass(frozen=True)
class Tally:
    place: int
    version_id: int
    key: str
    count: int


def total(cells: Iterable[Cell]) -> Cell:
    """Add up all cells."""
    several = list(cells)
    return Cell(
        succeeded=sum(cell.succeeded for cell in several),
        failed=sum(cell.failed for cell in several),
        canceled=sum(cell.canceled for cell in several),
        slow=sum(cell.slow for cell in several),
        response_seconds=sum(cell.response_seconds for cell in several),
        queue_seconds=sum(cell.queue_seconds for cell in several),
        bins=added(cell.bins for cell in several),
    )


def cells(
    edges: Sequence[datetime],
    versions: Sequence[int],
    *,
    after: datetime = EVER,
    through: datetime = ALWAYS,
    by_version: bool = False,
) -> list[PlacedCell]:
    """Count what was submitted between neighbouring ``edges`` and finished later than ``after``, up
    to ``through``. Place n begins at edge n."""
    if not versions or len(edges) < 2:
        return []
    statement = _CELLS.format(
        version="run.version" if by_version else "0",
        slow_seconds="model.slow_seconds" if by_version else "0.0",
    )
    with connection.cursor() as cursor:
        cursor.execute(
            statement,
            {**_bounds(edges, versions, after, through), "smallest": SMALLEST, "width": WIDTH},
        )
        return [
            PlacedCell(place, version, slow_seconds, Cell.of(row))
            for place, version, slow_seconds, *row in cursor.fetchall()
        ]


def tallies(
    edges: Sequence[datetime],
    versions: Sequence[int],
    *,
    key: str,
    after: datetime = EVER,
    through: datetime = ALWAYS,
) -> list[Tally]:
    """Count the same predictions by ``key``, PERSON_KEY or ERROR_KEY; those without one are left
    out."""
    if not versions or len(edges) < 2:
        return []
    with connection.cursor() as cursor:
        cursor.execute(_TALLIES.format(key=key), _bounds(edges, versions, after, through))
        return [Tally(*row) for row in cursor.fetchall()]


def _bounds(
    edges: Sequence[datetime], versions: Sequence[int], after: datetime, through: datetime
) -> dict[str, Any]:
    return {
        "edges": list(edges),
        "begins": edges[0],
        "ends": edges[-1],
        "versions": list(versions),
        "after": after,
        "through": through,
    }
