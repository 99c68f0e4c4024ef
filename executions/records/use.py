"""The count of each version's finished predictions, so that pages count only what is new.

Rows of executions are kept for ever and a finished one never changes its status, so each is added
once: those that finished after the last count, up to a time whose rows are all visible.
"""

from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import Count, F, Max, Q

from config.locks import is_only_one
from executions.models import Execution
from models_registry.models import ModelVersion, VersionUse

LOCK = 7_340_003
MARGIN = timedelta(minutes=2)
"""A row carries the time at which its transaction began and is seen when it ends; no transaction
that finishes an execution lasts longer than this."""


@transaction.atomic
def count_use() -> int:
    """Add the predictions that finished since the last count; returns how many. Of two calls at
    once one does nothing."""
    if not is_only_one(LOCK):
        return 0
    last = VersionUse.objects.aggregate(last=Max("through"))["last"]
    through = _settled()
    ended = Execution.objects.predictions().finished().filter(finished_at__lte=through)
    if last is not None:
        ended = ended.filter(finished_at__gt=last)
    numbers = {word: Count("pk", filter=Q(status=word)) for word in Execution.FINISHED}
    rows: list[tuple[int, ...]] = list(ended.order_by().values_list("version").annotate(**numbers))
    versions = ModelVersion.objects.filter(use=None).values_list("pk", flat=True)
    VersionUse.objects.bulk_create(VersionUse(version_id=pk, through=through) for pk in versions)
    for version, *counts in rows:
        VersionUse.objects.filter(pk=version).update(
            **{word: F(word) + count for word, count in zip(numbers, counts, strict=True)}
        )
    VersionUse.objects.update(through=through)
    return sum(sum(counts) for _, *counts in rows)


def _settled() -> datetime:
    """Return the time up to which every finished execution is visible, on the database's clock. The
    first count may take longer than a page may."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = '60s'")
        cursor.execute("SELECT now() - make_interval(secs => %s)", [MARGIN.total_seconds()])
        found: datetime = cursor.fetchone()[0]
    return found
