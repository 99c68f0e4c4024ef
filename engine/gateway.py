"""The REST gateway from the web and Celery processes to Prefect.

Speaks Prefect's public REST API over one keep-alive connection pool per process; the prefect
package is not imported (that alone takes seconds). Takes and returns plain values, never a row.
Every call may be repeated: flow runs carry an idempotency key, and deployments are created or
updated to the given values.

Raises PrefectRefused if the API refuses for good (a 4xx other than 408 and 429), and
PrefectUnavailable for every failure that may be retried.
"""

import os
import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from urllib.parse import quote

import httpx
from django.conf import settings
from django.utils import timezone

from engine import wakeup
from engine.errors import PrefectRefused, PrefectUnavailable
from engine.wakeup import DEFAULT_QUEUE

WORKER_TYPE = "resident"
"""The type of our work pool and of the workers that serve it (`flows/worker/`)."""

# Every created run is checked against the pool's template, so it is as small as can be.
JOB_TEMPLATE = {
    "job_configuration": {"name": "{{ name }}"},
    "variables": {
        "type": "object",
        "properties": {
            "name": {
                "type": "string",
                "title": "Name",
                "description": "Not used: runs share a process.",
            }
        },
    },
}

KEEP_ALIVE_SECONDS = 4.0  # below the server's five, so that it never closes under a request
UNCOMPRESSED = {"Accept-Encoding": "identity"}
"""Prefect compresses what fits into one packet anyway, for a tenth of a call's processor time."""
FINISHED = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}
UNSTARTED = timedelta(seconds=15)
"""A run that a worker claimed longer ago than this, while the row is still queued, will not
start."""
DELETED_AT_ONCE = 50  # as many as Prefect removes in one call

_deployment_ids: dict[tuple[str, str, str], uuid.UUID] = {}


class DeploymentMissing(PrefectUnavailable):
    """Prefect does not know the deployment; `ensure_deployment` creates it."""


@dataclass(frozen=True)
class FlowRun:
    """A flow run in Prefect: its id, the type of its state, and the time since it is in that
    state."""

    id: uuid.UUID
    state: str
    since: datetime

    @property
    def is_claimed(self) -> bool:
        """Whether a worker has claimed the run."""
        return self.state in {"PENDING", "RUNNING"}

    @property
    def is_finished(self) -> bool:
        return self.state in FINISHED

    @property
    def will_not_start(self) -> bool:
        """Whether the run can no longer start, for a row that is still queued: it has ended, or the
        worker that claimed it never started it."""
        is_stuck = self.is_claimed and timezone.now() - self.since > UNSTARTED
        return self.is_finished or is_stuck


@dataclass(frozen=True)
class FlowRunState:
    """One state of a flow run's history: its type, its name, its message, and when it began."""

    type: str
    name: str
    message: str
    at: datetime

    @classmethod
    def from_json(cls, state: Mapping[str, Any]) -> "FlowRunState":
        """Read a state as Prefect writes it. Raises KeyError, TypeError or ValueError."""
        at = datetime.fromisoformat(state["timestamp"])
        return cls(state["type"], state["name"], state.get("message") or "", at)

    @property
    def is_final(self) -> bool:
        return self.type in FINISHED


@dataclass(frozen=True)
class FlowRunStory:
    """The history of a flow run: its name, and its states, first to last."""

    name: str
    states: tuple[FlowRunState, ...]


def start_flow_run(
    *,
    flow: str,
    deployment: str,
    name: str,
    parameters: dict[str, Any],
    idempotency_key: str,
    tags: tuple[str, ...] = (),
    queue: str = DEFAULT_QUEUE,
) -> FlowRun:
    """Create a scheduled run of ``flow``'s ``deployment`` in ``queue``, or find the one with this
    key, and wake a worker that takes from it. Raises PrefectUnavailable (try again) or
    PrefectRefused (final)."""
    body = {
        "name": name,
        "parameters": parameters,
        "idempotency_key": idempotency_key,
        "tags": list(tags),
        "state": {"type": "SCHEDULED"},
    }
    if queue != DEFAULT_QUEUE:  # which is the deployment's own: Prefect need not look it up
        body["work_queue_name"] = queue
    try:
        answer = _create_run(_deployment_id(flow, deployment), body)
    except DeploymentMissing:  # recreated since we learned its id
        _deployment_ids.pop((settings.PREFECT_API_URL, flow, deployment), None)
        answer = _create_run(_deployment_id(flow, deployment), body)
    run = _flow_run(answer)
    if not run.is_finished and not run.is_claimed:
        hint = {key: answer[key] for key in ("id", "name", "deployment_id", "parameters")}
        hint["state"] = {key: answer["state"][key] for key in ("type", "name", "timestamp")}
        wakeup.wake(hint, queue=queue)
    return run


def ensure_deployment(
    *,
    flow: str,
    deployment: str,
    entrypoint: str,
    parameter_schema: dict[str, Any],
    description: str = "",
    tags: tuple[str, ...] = (),
) -> uuid.UUID:
    """Create or update the deployment; creates the work pool if it is missing."""
    body = {
        "name": deployment,
        "flow_id": _call("POST", "/flows/", {"name": flow})["id"],
        "work_pool_name": settings.PREFECT_WORK_POOL,
        "entrypoint": entrypoint,
        "enforce_parameter_schema": False,
        "parameter_openapi_schema": parameter_schema,
        "description": description,
        "tags": list(tags),
    }
    _ensure_work_pool()
    deployment_id = uuid.UUID(_call("POST", "/deployments/", body)["id"])
    _deployment_ids[settings.PREFECT_API_URL, flow, deployment] = deployment_id
    return deployment_id


def flow_run_story(flow_run_id: uuid.UUID, *, timeout: float | None = None) -> FlowRunStory | None:
    """Return the run's name and states; None if Prefect has no such run. ``timeout`` in seconds,
    for each of the two calls, where a page waits for them."""
    run = _call("GET", f"/flow_runs/{flow_run_id}", absent=404, timeout=timeout)
    if run is None:
        return None
    return FlowRunStory(run["name"], flow_run_states(flow_run_id, timeout=timeout))


def flow_run_states(
    flow_run_id: uuid.UUID, *, timeout: float | None = None
) -> tuple[FlowRunState, ...]:
    """Return the run's states, first to last; empty if Prefect has no such run."""
    path = f"/flow_run_states/?flow_run_id={flow_run_id}"
    answer = _call("GET", path, absent=404, timeout=timeout) or []
    return tuple(sorted(map(FlowRunState.from_json, answer), key=lambda state: state.at))


def delete_flow_runs(flow_run_ids: Collection[uuid.UUID]) -> None:
    """Delete up to DELETED_AT_ONCE runs with their states and logs, in one call; runs that do not
    exist are no error."""
    runs = {"id": {"any_": [str(pk) for pk in flow_run_ids]}}
    _call("POST", "/flow_runs/bulk_delete", {"flow_runs": runs, "limit": DELETED_AT_ONCE})


def delete_finished_flow_runs(before: datetime) -> int:
    """Delete up to DELETED_AT_ONCE runs of any flow that ended before the given time; return how
    many."""
    runs = {
        "end_time": {"before_": before.isoformat()},
        "state": {"type": {"any_": sorted(FINISHED)}},
    }
    body = {"flow_runs": runs, "limit": DELETED_AT_ONCE}
    return len(_call("POST", "/flow_runs/bulk_delete", body)["deleted"])


def is_healthy(*, timeout: float | None = None) -> bool:
    """Return whether Prefect's API answers, within ``timeout`` seconds if given."""
    try:
        return _call("GET", "/health", timeout=timeout) is True
    except (PrefectUnavailable, PrefectRefused):
        return False


def _create_run(deployment_id: uuid.UUID, body: dict[str, Any]) -> dict[str, Any]:
    answer = _call("POST", f"/deployments/{deployment_id}/create_flow_run", body, absent=404)
    if answer is None:
        raise DeploymentMissing(f"Prefect has no deployment {deployment_id}")
    return answer  # type: ignore[no-any-return]


def _deployment_id(flow: str, deployment: str) -> uuid.UUID:
    key = (settings.PREFECT_API_URL, flow, deployment)
    if key not in _deployment_ids:
        path = f"/deployments/name/{quote(flow, safe='')}/{quote(deployment, safe='')}"
        answer = _call("GET", path, absent=404)
        if answer is None:
            raise DeploymentMissing(f"Prefect has no deployment {flow}/{deployment}")
        _deployment_ids[key] = uuid.UUID(answer["id"])
    return _deployment_ids[key]


def _ensure_work_pool() -> None:
    name = settings.PREFECT_WORK_POOL
    if _call("GET", f"/work_pools/{quote(name, safe='')}", absent=404) is None:
        pool = {"name": name, "type": WORKER_TYPE, "base_job_template": JOB_TEMPLATE}
        _call("POST", "/work_pools/", pool, absent=409)  # 409: another process was faster


def _flow_run(answer: dict[str, Any]) -> FlowRun:
    state = answer["state"]
    return FlowRun(
        uuid.UUID(answer["id"]), state["type"], datetime.fromisoformat(state["timestamp"])
    )


def _call(
    method: str,
    path: str,
    body: dict[str, Any] | None = None,
    *,
    absent: int | None = None,
    timeout: float | None = None,
) -> Any:
    """Send one request and return its JSON response; None if the response has the status
    ``absent``."""
    limit = settings.PREFECT_TIMEOUT_SECONDS if timeout is None else timeout
    try:
        try:
            response = _client().request(method, path, json=body, timeout=limit)
        except (httpx.RemoteProtocolError, httpx.ReadError):  # a kept connection that had ended
            response = _client().request(method, path, json=body, timeout=limit)
    except httpx.HTTPError as error:
        raise PrefectUnavailable(f"{method} {path}: {type(error).__name__}") from error
    except ValueError as error:  # a body that is not JSON: a NaN, a lone surrogate
        raise PrefectRefused(f"{method} {path}: {type(error).__name__}") from error
    if response.is_success:
        return response.json() if response.content else None
    if response.status_code == absent:
        return None
    sentence = f"{method} {path}: Prefect answered {response.status_code}"
    if response.is_client_error and response.status_code not in {408, 429}:
        raise PrefectRefused(sentence)
    raise PrefectUnavailable(sentence)


def _client() -> httpx.Client:
    return _connect(
        settings.PREFECT_API_URL,
        settings.PREFECT_API_AUTH_STRING,
        settings.PREFECT_TIMEOUT_SECONDS,
        os.getpid(),
    )


@cache
def _connect(url: str, auth_string: str, timeout: float, pid: int) -> httpx.Client:
    """One client per process: a forked child must not share its parent's sockets."""
    user, _, password = auth_string.partition(":")
    return httpx.Client(
        base_url=url,
        auth=httpx.BasicAuth(user, password) if auth_string else None,
        headers=UNCOMPRESSED,
        timeout=timeout,
        limits=httpx.Limits(keepalive_expiry=KEEP_ALIVE_SECONDS),
    )
