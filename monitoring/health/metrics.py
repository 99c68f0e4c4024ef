"""The Prometheus metrics at /metrics, behind a bearer token.

Every metric is computed on request, from the database: no process keeps numbers of its own, so any
of them may answer. The counters of finished executions only grow (a purge keeps the rows), so their
sum up to a time is kept in the database's cache and only later executions are counted.
"""

import secrets
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.cache import cache
from django.db.models import Count, Q, Sum
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_GET
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from accounts.activity import BACKUP_MADE
from accounts.models import ActivityEvent
from engine import gateway
from executions.models import TOOK, Execution, ExecutionQuerySet
from models_registry.models import ModelVersion
from monitoring.health.probes import (
    ONE_SECOND,
    Workers,
    needed_runtimes,
    read_queue,
    read_workers,
    workers_by_runtime,
)
from notifications.models import Mail

TOTALS = "monitoring:metrics"
MARGIN = timedelta(seconds=30)
"""A row carries the time at which its transaction began and is seen when it ends."""
BUCKETS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""Upper bounds of response times, in seconds."""

Kind = tuple[int, str, str]
"""Version, status and purpose."""


@dataclass
class Totals:
    """The finished executions up to ``through``: their number by kind, and the cumulative histogram
    of the response times of succeeded predictions."""

    through: datetime | None = None
    counts: Counter[Kind] = field(default_factory=Counter)
    buckets: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS) + 1))
    seconds: float = 0.0

    def add(self, executions: ExecutionQuerySet) -> None:
        """Count these, in one statement."""
        upto = {
            f"upto_{n}": Count("pk", filter=Q(took__lte=timedelta(seconds=bound)))
            for n, bound in enumerate(BUCKETS)
        }
        kinds = executions.annotate(took=TOOK).order_by().values("version", "status", "purpose")
        rows: Any = kinds.annotate(n=Count("pk"), seconds=Sum("took"), **upto)
        for row in rows:
            version, status, purpose = row["version"], row["status"], row["purpose"]
            self.counts[version, status, purpose] += row["n"]
            if (status, purpose) == (Execution.Status.SUCCEEDED, Execution.Purpose.PREDICTION):
                sums = [*(row[name] for name in upto), row["n"]]
                self.buckets = [old + new for old, new in zip(self.buckets, sums, strict=True)]
                self.seconds += row["seconds"].total_seconds()


@require_GET
@login_not_required
def metrics(request: HttpRequest) -> HttpResponse:
    """Return the metrics; 404 if no token is set."""
    if not settings.METRICS_TOKEN:
        raise Http404
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    is_right = secrets.compare_digest(token.encode(), settings.METRICS_TOKEN.encode())
    if scheme.lower() != "bearer" or not is_right:
        return HttpResponse(status=401, headers={"WWW-Authenticate": "Bearer"})
    registry = CollectorRegistry()
    registry.register(Product())
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


class Product(Collector):
    """The collector of the product's metrics for the Prometheus client."""

    def describe(self) -> Iterable[Metric]:
        return ()  # else registering would compute everything once more

    def collect(self) -> Iterator[Metric]:
        yield from _finished(read_totals())
        now = read_queue()
        oldest = now.oldest.total_seconds() if now.oldest else 0.0
        yield _gauge("executions_queued", "Executions that wait for a worker", now.waiting)
        yield _gauge("executions_running", "Executions that run", now.running)
        yield _gauge("queue_oldest_seconds", "How long the oldest of them has waited", oldest)
        workers = read_workers()
        beats = workers.beats
        if beats is not None:
            running = sum(beat.running for beat in beats.values())
            slots = sum(beat.slots for beat in beats.values())
            yield _gauge("workers_alive", "Workers with a recent heartbeat", len(beats))
            yield _gauge("worker_slots_running", "Slots of workers that are busy", running)
            yield _gauge("worker_slots", "Slots of workers", slots)
            yield _runtimes(workers)
        waiting = Mail.objects.waiting().count()
        yield _gauge("mails_waiting", "Mails neither sent nor given up", waiting)
        is_up = gateway.is_healthy(timeout=ONE_SECOND)
        made = ActivityEvent.objects.filter(actor=None, action=BACKUP_MADE).first()
        at = made.at.timestamp() if made else 0.0
        yield _gauge("last_backup_timestamp_seconds", "When the last backup was made; 0: never", at)
        yield _gauge("prefect_up", "Whether Prefect's API answers", int(is_up))


def read_totals() -> Totals:
    """Return the totals up to now: what the cache holds, and all that finished since; what is older
    than the margin goes into the cache."""
    edge = timezone.now() - MARGIN
    totals: Totals = cache.get(TOTALS) or Totals()
    if totals.through is None or totals.through < edge:
        totals.add(_ended(totals.through, edge))
        totals.through = edge
        cache.set(TOTALS, totals, None)
    totals.add(_ended(totals.through, None))
    return totals


def _ended(after: datetime | None, until: datetime | None) -> ExecutionQuerySet:
    """The executions that finished after one time, if given, and until another, if given."""
    ended = Execution.objects.finished().filter(finished_at__isnull=False)
    ended = ended.filter(finished_at__gt=after) if after else ended
    return ended.filter(finished_at__lte=until) if until else ended


def _finished(totals: Totals) -> Iterator[Metric]:
    names = {
        version.pk: (version.model.slug, version.short_name)
        for version in ModelVersion.objects.select_related("model").filter(
            pk__in={version for version, _, _ in totals.counts}
        )
    }
    counter = CounterMetricFamily(
        "executions", "Finished executions", labels=("model", "version", "status", "purpose")
    )
    for (version, status, purpose), count in sorted(totals.counts.items()):
        counter.add_metric([*names[version], status, purpose], count)
    yield counter
    bounds = [*map(str, BUCKETS), "+Inf"]
    histogram = HistogramMetricFamily(
        "prediction_response_seconds", "From request to result, of predictions that succeeded"
    )
    histogram.add_metric([], list(zip(bounds, totals.buckets, strict=True)), totals.seconds)
    yield histogram


def _runtimes(workers: Workers) -> Metric:
    gauge = GaugeMetricFamily(
        "workers_with_runtime",
        "Workers that have a version of scikit-learn, of all that live models need",
        labels=["scikit_learn"],
    )
    for minor, names in workers_by_runtime(workers, needed_runtimes()).items():
        gauge.add_metric([minor], len(names))
    return gauge


def _gauge(name: str, words: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, words, value=value)
