"""Requests for curves and explanations of one finished prediction, and their answers, kept in Redis
for a minute.

A request names an execution and one of its inputs; without an input it is for the explanation. The
worker answers under the same key. Raises RedisError while Redis is unreachable.
"""

import hashlib
import json
import uuid
from dataclasses import dataclass
from typing import cast

from accounts.models import User
from config.queue import kick
from engine.wakeup import quick_redis
from executions.models import Execution
from executions.services.limits import check_exploration_rate
from executions.tasks import submit_exploration
from model_host.protocol.codec import stored, to_json
from model_host.protocol.explanation import Curve
from model_host.protocol.inputs import Scalar

KEPT_SECONDS = 60
EXPLANATION = ""
"""The value in place of an input's name that requests the explanation."""


@dataclass(frozen=True)
class Explored:
    """The answer to a request: the ``curve`` over ``points``, or the ``problem`` instead, a
    sentence for people; neither for an explanation, which is in the database. ``is_pending`` until
    a worker has answered."""

    is_pending: bool = False
    points: tuple[Scalar, ...] = ()
    curve: Curve | None = None
    problem: str = ""


def request_exploration(*, user: User, execution: Execution, input: str) -> None:
    """Request the curve over ``input``. The same request made twice is one. Raises TooManyRequests
    over the person's rate, RedisError."""
    if read_exploration(execution.pk, input) is not None:
        return
    check_exploration_rate(user)
    pending = _written(Explored(is_pending=True))
    if quick_redis().set(_key(execution.pk, input), pending, ex=KEPT_SECONDS, nx=True):
        kick(submit_exploration, str(execution.pk), input, uuid.uuid4().hex)


def read_exploration(execution_id: uuid.UUID, input: str) -> Explored | None:
    """Return the answer; None if nobody asked within the last minute."""
    found = cast("bytes | None", quick_redis().get(_key(execution_id, input)))
    return None if found is None else stored(Explored, json.loads(found))


def answer_exploration(execution_id: uuid.UUID, input: str, answer: Explored) -> None:
    """Answer a request that has not expired; ignore any other."""
    key = _key(execution_id, input)
    quick_redis().set(key, _written(answer), ex=KEPT_SECONDS, xx=True)


def _written(answer: Explored) -> str:
    return json.dumps(to_json(answer))


def _key(execution_id: uuid.UUID, input: str) -> str:
    return f"explore:{execution_id}:{hashlib.sha256(input.encode()).hexdigest()[:16]}"
