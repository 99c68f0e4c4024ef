"""The heartbeats of the resident workers, kept in Redis."""

import json
import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

from django.conf import settings
from django.utils import timezone
from redis.exceptions import RedisError

from config.runtimes import command_for, in_order
from engine.run_claims import QUEUED, Run
from engine.wakeup import quick_redis
from model_host.protocol.codec import stored, to_json
from model_host.protocol.orders import SelfTest

logger = logging.getLogger(__name__)

HEARTBEAT_SECONDS = 15
"""The lifetime of a heartbeat; a worker whose last one is older has gone."""


BEFORE_IT_IS_SAID = timedelta(seconds=5)
"""The wait of a queued run after which its page asks whether any worker can take it."""


@dataclass(frozen=True)
class Heartbeat:
    """The facts that a worker reports: its slots and how many of them are busy, its memory, the
    ``runtimes`` that it has, the result of its self-test, and the ``problem`` that keeps it from
    opening models, "" if none."""

    at: datetime
    self_test: SelfTest
    slots: int = 0
    running: int = 0
    memory_bytes: int = 0
    runtimes: tuple[str, ...] = ()
    problem: str = ""


def beat(worker: str, heartbeat: Heartbeat) -> None:
    """Send this worker's heartbeat."""
    body = json.dumps(to_json(heartbeat))
    try:
        with quick_redis().pipeline(transaction=False) as pipe:
            pipe.set(f"worker:heartbeat:{worker}", body, ex=HEARTBEAT_SECONDS)
            for runtime in ("", *heartbeat.runtimes):
                pipe.set(_offered(runtime), "1", ex=HEARTBEAT_SECONDS)
            pipe.execute()
    except RedisError as error:
        logger.warning("heartbeat_failed error=%s", type(error).__name__)


def stop_beating(worker: str) -> None:
    """Remove the heartbeat of a worker that ends in order."""
    try:
        quick_redis().delete(f"worker:heartbeat:{worker}")
    except RedisError as error:
        logger.warning("heartbeat_failed error=%s", type(error).__name__)


def heartbeats() -> dict[str, Heartbeat]:
    """Return the heartbeats of the living workers by name. Raises RedisError: then nothing is known
    about them."""
    redis = quick_redis()
    keys = [key.decode() for key in redis.scan_iter("worker:heartbeat:*")]
    values = cast("list[bytes | None]", redis.mget(keys)) if keys else []
    return {
        key.removeprefix("worker:heartbeat:"): stored(Heartbeat, json.loads(value))
        for key, value in zip(keys, values, strict=True)
        if value is not None
    }


def offered_runtimes() -> list[str]:
    """Return the runtimes that the living workers have, oldest first; none without Redis."""
    try:
        return in_order({minor for beat in heartbeats().values() for minor in beat.runtimes})
    except RedisError:
        return []


@dataclass(frozen=True)
class MissingRuntime:
    """A runtime ("1.5") that is needed and that no living worker has."""

    minor: str

    @property
    def command(self) -> str:
        """The command that brings it to a worker's machine, "" if none can."""
        return command_for(self.minor)


def missing_runtime(run: Run, runtime: str) -> MissingRuntime | None:
    """Return the runtime of a run that has been queued for some seconds, if workers live and none
    of them has it; None otherwise, and without Redis. At most one read of Redis."""
    waited = timezone.now() - run.requested_at
    if not runtime or run.status != QUEUED or waited < BEFORE_IT_IS_SAID:
        return None
    keys = [_offered(""), _offered(runtime)]
    try:
        some_live, some_have_it = cast("list[bytes | None]", quick_redis().mget(keys))
    except RedisError:
        return None
    return MissingRuntime(runtime) if some_live and not some_have_it else None


def _offered(runtime: str) -> str:
    """The key that stands while a living worker has the runtime; of "", while one lives."""
    return f"worker:offers:{settings.PREFECT_WORK_POOL}:{runtime}"
