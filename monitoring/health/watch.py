"""The health watch, every 15 s: failing parts appear on the admins' pages, and admins are notified
once when no worker is left, or none with a runtime that a live version needs.

The findings are kept in the database's cache, so a page reads one row and probes nothing. If the
watch itself has stopped, its findings become too old, and the pages say so.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.core.cache import cache
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from accounts.activity import record
from monitoring.health.probes import (
    BEAT,
    SILENT,
    Queue,
    Workers,
    needed_runtimes,
    probe_all,
    read_queue,
    read_workers,
    without_runtime,
)
from notifications.models import Context, Kind
from notifications.services import notify_admins

RED = "monitoring:red"
LAST_WORKER = "monitoring:last-worker"
DOWN_SINCE = "monitoring:down-since"
MISSING_RUNTIMES = "monitoring:missing-runtimes"
"""Since when each runtime is missing, and whether admins know."""


@dataclass(frozen=True)
class Alarm:
    """The content of the banner: the names of the red parts, or that the watch has stopped."""

    names: tuple[str, ...]
    is_stale: bool

    @property
    def is_on(self) -> bool:
        return bool(self.names) or self.is_stale


def look_after() -> None:
    """Run one round of the watch."""
    now = timezone.now()
    cache.set(BEAT, now, None)
    workers = read_workers()
    watch_workers(workers, read_queue(), now)
    watch_runtimes(workers, needed_runtimes(), now)
    names = tuple(probe.name for probe in probe_all() if probe.is_red)
    cache.set(RED, (now, names), None)


def alarm() -> Alarm:
    """Return the findings of the last round; none if there was no round yet."""
    found = cache.get(RED)
    if found is None:
        return Alarm((), False)
    at, names = found
    return Alarm(names, timezone.now() - at > SILENT)


@transaction.atomic
def watch_workers(workers: Workers, queue: Queue, now: datetime) -> None:
    """Notify admins once if no worker has sent a heartbeat for a minute although one did before, or
    although predictions are queued; note when one is back. Without Redis the state is unknown, and
    nothing is sent."""
    if workers.beats is None:
        return
    down_since: datetime | None = cache.get(DOWN_SINCE)
    if workers.beats:
        cache.set(LAST_WORKER, now, None)
        if down_since is not None:
            cache.delete(DOWN_SINCE)
            seconds = round((now - down_since).total_seconds())
            record("workers back", by=None, after={"down_seconds": seconds})
        return
    last: datetime | None = cache.get(LAST_WORKER)
    silent = now - last if last else queue.oldest or timedelta(0)
    if down_since is not None or silent <= SILENT:
        return
    since = now - silent
    cache.set(DOWN_SINCE, since, None)
    record("workers down", by=None, after={"since": since.isoformat(), "waiting": queue.waiting})
    count = f"{queue.waiting} prediction{'' if queue.waiting == 1 else 's'}"
    notify_admins(
        kind=Kind.WORKER_DOWN,
        cause=f"workers down {since.isoformat()}",
        title="No worker is running",
        text=f"No worker has sent a heartbeat for a minute. {count} wait. Start a worker; the "
        "queue then empties by itself.",
        url=reverse("monitoring:health"),
        context=Context(waiting=queue.waiting, since=since),
    )


@transaction.atomic
def watch_runtimes(workers: Workers, needed: dict[str, list[str]], now: datetime) -> None:
    """Notify admins once of a runtime that live versions need and no worker has had for a minute.
    Without any worker nothing changes: that is told already."""
    if not workers.beats:
        return
    known: dict[str, tuple[datetime, bool]] = cache.get(MISSING_RUNTIMES) or {}
    missing = without_runtime(workers, needed)
    stands = {minor: known.get(minor, (now, False)) for minor in missing}
    for minor, (since, is_told) in stands.items():
        if is_told or now - since <= SILENT:
            continue
        stands[minor] = (since, True)
        notify_admins(
            kind=Kind.WORKER_DOWN,
            cause=f"runtime {minor} missing {since.isoformat()}",
            title=f"No worker has scikit-learn {minor}",
            text=missing[minor],
            url=reverse("monitoring:health"),
            context=Context(since=since),
        )
    if stands != known:
        cache.set(MISSING_RUNTIMES, stands, None)
