"""Probes of the services that the product depends on: each is asked whether it is up and keeps up.

Each probe has its own short timeout and always returns a result; all of them together take at most
``ALL_SECONDS``. Those that wait for other servers run in parallel and never use the database.
"""

import functools
import os
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooLate
from contextvars import copy_context
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any, cast

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django.db.models import Count, Min
from django.utils import timezone
from redis.exceptions import RedisError

from config.runtimes import command_for, in_order
from config.text.numbers import count_text, megabytes_text, milliseconds_text
from engine import gateway, heartbeats, wakeup
from engine.heartbeats import Heartbeat
from executions.models import Execution
from models_registry.models import ModelVersion
from models_registry.store.storage import ArtifactStorage
from notifications.models import Mail

ALL_SECONDS = 2.5
ONE_SECOND = 1.0
BEAT = "monitoring:beat"
"""When a background task last ran, in the database's cache; `monitoring/tasks.py` writes it."""
CELERY_LISTS = ("celery", *(f"celery\x06\x16{priority}" for priority in (3, 6, 9)))
"""The Redis transport keeps a list for each priority."""
SILENT = timedelta(seconds=60)
WAITS_LONG, WAITS_TOO_LONG = timedelta(seconds=10), timedelta(seconds=60)
MAIL_WAITS_TOO_LONG = timedelta(minutes=15)


class State(StrEnum):
    """The state of a part: the word beside its icon."""

    OK = "Works"
    WARN = "Slow"
    BAD = "Down"
    UNKNOWN = "Unknown"


@dataclass(frozen=True)
class Probe:
    """The result for one part: its state, its figures as (name, value), and what to do if it is not
    healthy."""

    name: str
    state: State
    figures: tuple[tuple[str, str], ...] = ()
    advice: str = ""

    @property
    def is_red(self) -> bool:
        return self.state is State.BAD


@dataclass(frozen=True)
class Queue:
    """The queue: the number of queued and running executions, and the time of the oldest queued
    one."""

    waiting: int
    running: int
    oldest: timedelta | None


@dataclass(frozen=True)
class Workers:
    """The heartbeats by worker, None if Redis is unreachable."""

    beats: dict[str, Heartbeat] | None


def probe_all() -> tuple[Probe, ...]:
    """Probe every part, in the order of dependencies."""
    ends = time.monotonic() + ALL_SECONDS
    with_waiting: dict[str, Callable[[], Probe]] = {
        "Object store": object_store,
        "Redis": redis,
        "Prefect": prefect,
    }
    executor = ThreadPoolExecutor(len(with_waiting) + 1, thread_name_prefix="probe")
    asked = {
        name: executor.submit(copy_context().run, probe) for name, probe in with_waiting.items()
    }
    asked_workers = executor.submit(read_workers)
    executor.shutdown(wait=False)
    here = [database()]
    there = [_answer(name, future, ends) for name, future in asked.items()]
    try:
        workers = asked_workers.result(max(0.0, ends - time.monotonic()))
    except TooLate:
        workers = Workers(None)
    if here[0].is_red:
        return (*here, *there)
    of_workers = worker_probe(workers, read_queue()), runtime_probe(workers, needed_runtimes())
    return (*here, *there, celery(), *of_workers, queue(), mail())


def database() -> Probe:
    started = time.monotonic()
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE datname=current_database()")
            connections = cursor.fetchone()[0]
    except Exception as error:  # any error is shown on the page
        return _down("Database", error, "Start PostgreSQL. Without it no page works.")
    figures = (("Answer", _milliseconds(started)), ("Connections", str(connections)))
    return Probe("Database", State.OK, figures)


def object_store() -> Probe:
    started = time.monotonic()
    try:
        _store_client().head_bucket(Bucket=settings.AWS_STORAGE_BUCKET_NAME)
    except (BotoCoreError, ClientError, OSError) as error:
        return _down(
            "Object store",
            error,
            "Start the store, and check its address, keys and bucket in the settings. Models in "
            "a worker's cache keep working; uploads and other models do not.",
        )
    return Probe("Object store", State.OK, (("Answer", _milliseconds(started)),))


def _store_client() -> Any:
    """The one client of this process that asks the store: to make one takes long."""
    return _connect(settings.AWS_S3_ENDPOINT_URL, settings.AWS_S3_ADDRESSING_STYLE, os.getpid())


@functools.cache
def _connect(endpoint_url: str | None, style: str, pid: int) -> Any:
    quick = Config(
        connect_timeout=ONE_SECOND,
        read_timeout=ONE_SECOND,
        retries={"total_max_attempts": 1},
        s3={"addressing_style": cast("Any", style)},
        signature_version="s3v4",
    )
    return ArtifactStorage(client_config=quick).connection.meta.client


def redis() -> Probe:
    started = time.monotonic()
    advice = "Start Redis. Predictions still work, some seconds later: the workers find them."
    try:
        client = wakeup.quick_redis()
        lists = sum(client.llen(name) for name in CELERY_LISTS)
        memory = client.info("memory")["used_memory"]
    except (RedisError, OSError) as error:
        return _down("Redis", error, advice)
    figures = (
        ("Answer", _milliseconds(started)),
        ("Tasks waiting", count_text(lists)),
        ("Memory", megabytes_text(memory)),
    )
    return Probe("Redis", State.OK, figures)


def prefect() -> Probe:
    started = time.monotonic()
    if gateway.is_healthy(timeout=ONE_SECOND):
        return Probe("Prefect", State.OK, (("Answer", _milliseconds(started)),))
    return Probe(
        "Prefect",
        State.BAD,
        advice="Start the Prefect server. New predictions wait in the queue until it is back.",
    )


def celery() -> Probe:
    """Probe Celery by the time of its last periodic task, which needs both beat and worker."""
    heard = cache.get(BEAT)
    if heard is None:
        return Probe(
            "Celery",
            State.UNKNOWN,
            (("Last task", "never"),),
            "Start the Celery worker with beat. It reports here within 15 s.",
        )
    since = timezone.now() - heard
    figures = (("Last task", f"{_seconds(since)} ago"),)
    if since > SILENT:
        advice = "Start the Celery worker with beat. Mails and clean-up wait for it."
        return Probe("Celery", State.BAD, figures, advice)
    return Probe("Celery", State.OK, figures)


def read_workers() -> Workers:
    try:
        return Workers(heartbeats.heartbeats())
    except (RedisError, OSError):
        return Workers(None)


def worker_probe(workers: Workers, waiting: Queue) -> Probe:
    """Probe the workers: red if none is alive, or if one opens no models or opens them without a
    sandbox."""
    if workers.beats is None:
        return Probe("Workers", State.UNKNOWN, advice="Their heartbeats are in Redis.")
    if not workers.beats:
        stands = f" {waiting.waiting} predictions wait." if waiting.waiting else ""
        advice = f"Start a worker: python -m flows.worker.{stands}"
        return Probe("Workers", State.BAD, (("Alive", "0"),), advice)
    figures: list[tuple[str, str]] = [("Alive", str(len(workers.beats)))]
    problems: list[str] = []
    missing: set[str] = set()
    for name, beat in sorted(workers.beats.items()):
        models, problem = _stands_with_models(beat)
        problems += [f"{name} {problem}"] if problem else []
        missing.update(beat.self_test.missing)
        figures.append(
            (
                name,
                f"{beat.running} of {beat.slots} slots busy, {megabytes_text(beat.memory_bytes)}, "
                f"seen {_seconds(timezone.now() - beat.at)} ago, {models}",
            )
        )
    if missing:
        figures.append(("Missing types", _listed(sorted(missing))))
    if problems:
        return Probe("Workers", State.BAD, tuple(figures), " ".join(problems))
    return Probe("Workers", State.OK, tuple(figures))


def needed_runtimes() -> dict[str, list[str]]:
    """Return the names of the live versions that need a runtime, by runtime."""
    needed: dict[str, list[str]] = {}
    live = ModelVersion.objects.active().exclude(runtime="").select_related("model")
    for version in live.order_by("model__name"):
        needed.setdefault(version.runtime, []).append(str(version))
    return needed


def workers_by_runtime(workers: Workers, needed: Iterable[str]) -> dict[str, list[str]]:
    """Return the names of the workers that have each runtime, the oldest runtime first: of those
    that some worker has, and of the ``needed`` ones."""
    beats = sorted((workers.beats or {}).items())
    offered = {minor for _, beat in beats for minor in beat.runtimes}
    return {
        minor: [name for name, beat in beats if minor in beat.runtimes]
        for minor in in_order(offered | set(needed))
    }


def without_runtime(workers: Workers, needed: dict[str, list[str]]) -> dict[str, str]:
    """Return what to do about each runtime that live versions need and no worker has."""
    return {
        minor: _way_out(minor, needed[minor])
        for minor, names in workers_by_runtime(workers, needed).items()
        if minor in needed and not names
    }


def runtime_probe(workers: Workers, needed: dict[str, list[str]]) -> Probe:
    """Probe which worker has which scikit-learn: red if none has one that a live version needs."""
    if not workers.beats:
        return Probe("Runtimes", State.UNKNOWN, advice="Workers say what they have; none does.")
    figures = tuple(
        (f"scikit-learn {minor}", _listed(names) or "no worker")
        for minor, names in workers_by_runtime(workers, needed).items()
    )
    missing = without_runtime(workers, needed)
    state = State.BAD if missing else State.OK
    return Probe("Runtimes", state, figures, " ".join(missing.values()))


def _way_out(minor: str, versions: list[str]) -> str:
    lacks = f"No worker has scikit-learn {minor}, which {_listed(versions)} need"
    lacks += "s" if len(versions) == 1 else ""
    if command := command_for(minor):
        return f"{lacks}. Run {command} where a worker runs; it takes what waits within 5 s."
    return f"{lacks}. Start a worker that has it."


def _stands_with_models(beat: Heartbeat) -> tuple[str, str]:
    """The state of a worker's model host in a few words, and its problem, if any."""
    if beat.problem:
        return "opens no model", f"opens no model. {beat.problem}"
    if beat.self_test.passed:
        return "sandbox works", ""
    findings = " ".join(beat.self_test.findings)
    return "sandbox does not work", f"opens models without a sandbox. {findings}"


def read_queue() -> Queue:
    waiting = Execution.objects.queued().aggregate(n=Count("pk"), oldest=Min("requested_at"))
    oldest = waiting["oldest"]
    return Queue(
        waiting["n"],
        Execution.objects.running().count(),
        timezone.now() - oldest if oldest else None,
    )


def queue() -> Probe:
    now = read_queue()
    oldest = now.oldest or timedelta(0)
    figures = (
        ("Waiting", count_text(now.waiting)),
        ("Running", str(now.running)),
        ("Oldest waiting", _seconds(oldest) if now.oldest else "none"),
    )
    advice = "Check the workers and Prefect first; then give the workers more slots."
    if oldest > WAITS_TOO_LONG:
        return Probe("Queue", State.BAD, figures, advice)
    return Probe("Queue", State.WARN if oldest > WAITS_LONG else State.OK, figures, advice)


def mail() -> Probe:
    waiting = Mail.objects.waiting().aggregate(n=Count("pk"), oldest=Min("created_at"))
    day = timezone.now() - timedelta(days=1)
    given_up = Mail.objects.filter(given_up_at__gt=day).count()
    oldest = timezone.now() - waiting["oldest"] if waiting["oldest"] else timedelta(0)
    figures = (
        ("Waiting", count_text(waiting["n"])),
        ("Oldest", _seconds(oldest) if waiting["n"] else "none"),
        ("Given up in 24 h", count_text(given_up)),
    )
    advice = "Check the mail server and EMAIL_URL. Nothing is lost: mails wait, each for an hour."
    if oldest > MAIL_WAITS_TOO_LONG:
        return Probe("Mail", State.BAD, figures, advice)
    return Probe("Mail", State.WARN if given_up else State.OK, figures, advice)


def _answer(name: str, future: "Future[Probe]", ends: float) -> Probe:
    try:
        return future.result(max(0.0, ends - time.monotonic()))
    except TooLate:
        return Probe(name, State.BAD, advice="It does not answer in time.")


def _down(name: str, error: Exception, advice: str) -> Probe:
    """The result for an error: its class alone, since a server's message may contain addresses and
    keys."""
    return Probe(name, State.BAD, (("Error", type(error).__name__),), advice)


def _listed(names: list[str]) -> str:
    """The first five names, and how many more there are."""
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(names[:5]) + more


def _milliseconds(started: float) -> str:
    return milliseconds_text((time.monotonic() - started) * 1000)


def _seconds(time: timedelta) -> str:
    seconds = max(0, round(time.total_seconds()))
    if seconds < 120:
        return f"{seconds} s"
    return f"{seconds // 60} min" if seconds < 7200 else f"{seconds // 3600} h"
