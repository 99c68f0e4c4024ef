"""Requests for curves and explanations of one finished prediction, and their answers, kept in Redis
for a minute.

A request names an execution and one of its inputs; without an input it is for the explanation. The
worker answers under the same key. Raises RedisError while Redis is unreachable.
"""

import hashlib
import json
import uuid
from typing import Any, cast

from django.conf import settings

from accounts.models import User
from config.queue import kick
from engine.wakeup import quick_redis
from executions.errors import TooManyRequests
from executions.models import Execution
from executions.tasks import submit_exploration

KEPT_SECONDS = 60
EXPLANATION = ""
"""The value in place of an input's name that requests the explanation."""


def request_exploration(*, user: User, execution: Execution, input: str) -> None:
    """Request the curve over ``input``. The same request made twice is one. Raises TooManyRequests
    over the person's rate, RedisError."""
    if read_exploration(execution.pk, input) is not None:
        return
    _check_rate(user)
    if quick_redis().set(_key(execution.pk, input), "{}", ex=KEPT_SECONDS, nx=True):
        kick(submit_exploration, str(execution.pk), input, uuid.uuid4().hex)


def read_exploration(execution_id: uuid.UUID, input: str) -> dict[str, Any] | None:
    """Return the answer; empty while it is pending, None if nobody asked within the last minute."""
    found = cast("bytes | None", quick_redis().get(_key(execution_id, input)))
    return None if found is None else dict(json.loads(found))


def answer_exploration(execution_id: uuid.UUID, input: str, answer: dict[str, Any]) -> None:
    """Answer a request that has not expired; ignore any other."""
    body = json.dumps(answer)
    quick_redis().set(_key(execution_id, input), body, ex=KEPT_SECONDS, xx=True)


def _check_rate(user: User) -> None:
    key = f"explored:{user.pk}"
    with quick_redis().pipeline() as pipe:
        pipe.set(key, 0, ex=KEPT_SECONDS, nx=True)
        pipe.incr(key)
        pipe.ttl(key)
        _, count, seconds = pipe.execute()
    if count > settings.PREDICTIONS_PER_MINUTE:
        raise TooManyRequests(max(1, seconds))


def _key(execution_id: uuid.UUID, input: str) -> str:
    return f"explore:{execution_id}:{hashlib.sha256(input.encode()).hexdigest()[:16]}"
