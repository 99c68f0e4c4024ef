"""The heartbeats of the resident workers, kept in Redis."""

import json
import logging
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from redis.exceptions import RedisError

from engine.wakeup import quick_redis
from model_host.protocol.codec import stored, to_json
from model_host.protocol.orders import SelfTest

logger = logging.getLogger(__name__)

HEARTBEAT_SECONDS = 15
"""The lifetime of a heartbeat; a worker whose last one is older has gone."""


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
        quick_redis().set(f"worker:heartbeat:{worker}", body, ex=HEARTBEAT_SECONDS)
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
