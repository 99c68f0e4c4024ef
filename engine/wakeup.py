"""Hints over Redis from the senders of work to the resident workers, and back when a run ends.

A hint saves time and never decides anything: polling makes up for a lost one, and after a repeated
or stale one the row is no longer queued. Sending a hint never raises: while Redis is unreachable it
costs at most the one-second timeout and a line in the log.
"""

import json
import logging
import os
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

from django.conf import settings
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

logger = logging.getLogger(__name__)

TIMEOUT_SECONDS = 1.0
DEFAULT_QUEUE = "default"
"""The work queue, which Prefect makes with the pool, of runs that any worker may take."""
KEPT_SECONDS = 60
"""The lifetime of a hint; polling finds a flow run that no worker took by then."""
MAX_HINTS = 10_000
SILENT_SECONDS = 5.0
"""The pause in sending hints after Redis failed: waiting a second at each of many runs would delay
all of them, and polling finds them meanwhile."""
WARM_SECONDS = 5.0
"""The seconds that a promotion waits for the workers to open the version."""


_silent_until: dict[str, float] = {}
"""The end of the pause on the monotonic clock, by the address of Redis."""
_clients: "dict[tuple[str, float, int], Redis]" = {}


def queue_of(runtime: str) -> str:
    """Return the work queue of the workers that have a runtime ("1.5" of scikit-learn); that of all
    workers for ""."""
    return f"scikit-learn-{runtime}" if runtime else DEFAULT_QUEUE


def batch_queue_of(runtime: str) -> str:
    """Return the work queue of the batches for a runtime, which slots of their own take from."""
    return f"{queue_of(runtime)}-batch"


def wake(hint: dict[str, Any], *, queue: str = DEFAULT_QUEUE) -> None:
    """Send one idle worker that takes from the work queue a hint about a flow run."""
    if time.monotonic() < _silent_until.get(settings.REDIS_URL, 0.0):
        return
    try:
        with quick_redis().pipeline(transaction=False) as pipe:
            pipe.rpush(_runs(queue), json.dumps(hint))
            pipe.ltrim(_runs(queue), -MAX_HINTS, -1)
            pipe.expire(_runs(queue), KEPT_SECONDS)
            pipe.execute()
    except RedisError as error:
        _silent_until[settings.REDIS_URL] = time.monotonic() + SILENT_SECONDS
        logger.warning("wake_failed run=%s error=%s", hint.get("id"), type(error).__name__)


def next_hint(
    wait_seconds: float, *, queues: Sequence[str] = (DEFAULT_QUEUE,)
) -> dict[str, Any] | None:
    """Return the oldest hint of the first of the work queues that has one; wait up to
    ``wait_seconds`` for one. Raises RedisError: the caller must wait by itself then."""
    keys = [_runs(queue) for queue in queues]
    taken = cast("list[bytes] | None", quick_redis(wait_seconds).blpop(keys, timeout=wait_seconds))
    if not taken:
        return None
    hint = json.loads(taken[1])
    return hint if isinstance(hint, dict) else None


def count_of_hints(queues: Sequence[str]) -> int:
    """Count the hints in these work queues that wait for a worker; 0 if Redis is unreachable."""
    try:
        with quick_redis().pipeline(transaction=False) as pipe:
            for queue in queues:
                pipe.llen(_runs(queue))
            return sum(pipe.execute())
    except RedisError as error:
        logger.warning("hints_not_counted error=%s", type(error).__name__)
        return 0


def warm(version_id: int, *, runtime: str = "", wait_seconds: float = 0.0) -> bool:
    """Ask every worker to open this version's model, in another ``runtime`` than its own if one is
    named, before the first prediction needs it; return whether all of them answered within
    ``wait_seconds``. Returns at once without Redis or a worker."""
    hint = WarmHint(version_id, uuid.uuid4().hex, runtime)
    ends = time.monotonic() + wait_seconds
    redis = quick_redis(wait_seconds)
    try:
        workers = redis.publish(_warm(), f"{hint.version_id} {hint.token} {runtime}".rstrip())
        for _ in range(workers):
            left = ends - time.monotonic()
            if left <= 0 or not redis.blpop([_warmed(hint)], timeout=left):
                return False
    except RedisError as error:
        logger.warning("warm_failed version=%s error=%s", version_id, type(error).__name__)
        return False
    return bool(workers)


def say_warm(hint: "WarmHint") -> None:
    """Answer a warm hint: this worker has opened the model, or cannot."""
    try:
        with quick_redis().pipeline(transaction=False) as pipe:
            pipe.rpush(_warmed(hint), "1")
            pipe.expire(_warmed(hint), KEPT_SECONDS)
            pipe.execute()
    except RedisError as error:
        logger.warning("warm_not_said error=%s", type(error).__name__)


@dataclass(frozen=True)
class WarmHint:
    """A version to open, the token under which the sender waits for answers, and the runtime to
    open it in, "" for the version's own."""

    version_id: int
    token: str
    runtime: str = ""


class WarmHints:
    """A subscription to the versions that `warm` names from now on."""

    def __init__(self) -> None:
        self._subscription = quick_redis().pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]
        self._subscription.subscribe(_warm())

    def next(self, wait_seconds: float) -> WarmHint | None:
        """Return the next hint; wait up to ``wait_seconds`` for one. Raises RedisError."""
        message = self._subscription.get_message(timeout=wait_seconds)
        match message["data"].decode().split() if message else []:
            case [version_id, token, *runtime] if version_id.isdigit() and len(runtime) < 2:
                return WarmHint(int(version_id), token, *runtime)
        return None


def say_ended(run_id: uuid.UUID) -> None:
    """Tell those who wait for a run that it has ended."""
    if time.monotonic() < _silent_until.get(settings.REDIS_URL, 0.0):
        return
    try:
        quick_redis().publish(_ended(run_id), "1")
    except RedisError as error:
        _silent_until[settings.REDIS_URL] = time.monotonic() + SILENT_SECONDS
        logger.warning("end_not_said run=%s error=%s", run_id, type(error).__name__)


@contextmanager
def end_of(run_id: uuid.UUID) -> Iterator[Callable[[float], bool]]:
    """Yield what waits until the run's end is said, at most so many seconds, and returns whether it
    was. While Redis is unreachable it only waits."""
    subscription = quick_redis().pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]

    def heard(seconds: float) -> bool:
        until = time.monotonic() + seconds
        try:
            if subscription.get_message(timeout=seconds):
                return True
        except RedisError as error:
            logger.warning("end_not_heard run=%s error=%s", run_id, type(error).__name__)
        time.sleep(max(0.0, until - time.monotonic()))
        return False

    try:
        subscription.subscribe(_ended(run_id))
        subscription.get_message(timeout=TIMEOUT_SECONDS)  # that it is subscribed
    except RedisError as error:
        logger.warning("end_not_awaited run=%s error=%s", run_id, type(error).__name__)
    try:
        yield heard
    finally:
        subscription.close()


def _runs(queue: str) -> str:
    return f"wake:{settings.PREFECT_WORK_POOL}:{queue}"


def _warm() -> str:
    return f"warm:{settings.PREFECT_WORK_POOL}"


def _ended(run_id: uuid.UUID) -> str:
    return f"ended:{settings.PREFECT_WORK_POOL}:{run_id}"


def _warmed(hint: WarmHint) -> str:
    return f"{_warm()}:{hint.token}"


def quick_redis(wait_seconds: float = 0.0) -> "Redis":
    """Return this process's Redis client: no call takes longer than ``wait_seconds`` plus one
    second, and none is retried.

    One client per process: a forked child must not share its parent's sockets. And one for all
    threads, also where two ask first at the same moment: a client that goes away closes its
    connections, whoever uses them.
    """
    known = (settings.REDIS_URL, TIMEOUT_SECONDS + wait_seconds, os.getpid())
    return _clients.get(known) or _clients.setdefault(known, _client(*known[:2]))


def _client(url: str, timeout: float) -> "Redis":
    return Redis.from_url(
        url,
        socket_connect_timeout=TIMEOUT_SECONDS,
        socket_timeout=timeout,
        retry=Retry(NoBackoff(), 0),
    )
