"""A fake Prefect that remembers, for tests of everything above the gateway.

It has the gateway's functions under their own names; `install` puts them in the gateway's place.
`tests/flows/test_contract.py` runs the same tests over it and over a real server.
"""

import json
import threading
import uuid
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from engine import gateway
from engine.errors import PrefectRefused, PrefectUnavailable
from engine.gateway import DeploymentMissing, FlowRun, FlowRunState, FlowRunStory
from engine.wakeup import DEFAULT_QUEUE

INTERFACE = (
    "start_flow_run",
    "ensure_deployment",
    "flow_run_states",
    "flow_run_story",
    "delete_flow_runs",
    "delete_finished_flow_runs",
    "is_healthy",
)
MAX_PARAMETER_BYTES = 524_288


@dataclass
class RememberedRun:
    """A flow run as it was asked for, with its states, first to last."""

    id: uuid.UUID
    flow: str
    deployment: str
    name: str
    parameters: dict[str, Any]
    idempotency_key: str
    tags: tuple[str, ...]
    queue: str
    states: list[FlowRunState] = field(default_factory=list)

    def enter(self, state: str) -> None:
        self.states.append(FlowRunState(state, state.capitalize(), "", datetime.now(UTC)))

    @property
    def state(self) -> FlowRun:
        return FlowRun(self.id, self.states[-1].type, self.states[-1].at)


class FakePrefect:
    """``is_away``: every call raises PrefectUnavailable. ``refuses``: no run is accepted.
    ``makes_what_is_missing``: a run of an unknown deployment is accepted, too."""

    def __init__(self, *, makes_what_is_missing: bool = False) -> None:
        self.runs: list[RememberedRun] = []
        self.deployments: dict[tuple[str, str], dict[str, Any]] = {}
        self.woken: list[uuid.UUID] = []
        self.is_away = False
        self.refuses = False
        self._makes_what_is_missing = makes_what_is_missing
        self._lock = threading.Lock()

    def install(self, monkeypatch: pytest.MonkeyPatch) -> "FakePrefect":
        for name in INTERFACE:
            monkeypatch.setattr(gateway, name, getattr(self, name))
        return self

    def enter(self, flow_run_id: uuid.UUID, state: str) -> None:
        """What a worker, or Prefect itself, does to a run: PENDING, RUNNING, COMPLETED, …"""
        run = self._find(flow_run_id)
        assert run is not None
        run.enter(state)

    def start_flow_run(
        self,
        *,
        flow: str,
        deployment: str,
        name: str,
        parameters: dict[str, Any],
        idempotency_key: str,
        tags: tuple[str, ...] = (),
        queue: str = DEFAULT_QUEUE,
    ) -> FlowRun:
        self._answer()
        text = json.dumps(parameters)
        if self.refuses or len(text) > MAX_PARAMETER_BYTES:
            raise PrefectRefused("Prefect answered 422")
        if (flow, deployment) not in self.deployments and not self._makes_what_is_missing:
            raise DeploymentMissing(f"Prefect has no deployment {flow}/{deployment}")
        with self._lock:
            known = [run for run in self.runs if run.idempotency_key == idempotency_key]
            run = (
                known[0]
                if known
                else RememberedRun(
                    *(uuid.uuid4(), flow, deployment, name, json.loads(text)),
                    *(idempotency_key, tags, queue),
                )
            )
            if not known:
                run.enter("SCHEDULED")
                self.runs.append(run)
            if run.states[-1].type == "SCHEDULED":
                self.woken.append(run.id)
            return run.state

    def ensure_deployment(self, *, flow: str, deployment: str, **asked: Any) -> uuid.UUID:
        self._answer()
        known = self.deployments.setdefault((flow, deployment), {"id": uuid.uuid4()})
        known |= asked
        return uuid.UUID(str(known["id"]))

    def flow_run_story(
        self, flow_run_id: uuid.UUID, *, timeout: float | None = None
    ) -> FlowRunStory | None:
        self._answer()
        run = self._find(flow_run_id)
        return FlowRunStory(run.name, tuple(run.states)) if run else None

    def flow_run_states(
        self, flow_run_id: uuid.UUID, *, timeout: float | None = None
    ) -> tuple[FlowRunState, ...]:
        self._answer()
        run = self._find(flow_run_id)
        return tuple(run.states) if run else ()

    def delete_flow_runs(self, flow_run_ids: Collection[uuid.UUID]) -> None:
        self._answer()
        self.runs = [run for run in self.runs if run.id not in flow_run_ids]

    def delete_finished_flow_runs(self, before: datetime) -> int:
        self._answer()
        over = [r for r in self.runs if r.states[-1].is_final and r.states[-1].at <= before]
        deleted = over[: gateway.DELETED_AT_ONCE]
        self.runs = [run for run in self.runs if run not in deleted]
        return len(deleted)

    def is_healthy(self, *, timeout: float | None = None) -> bool:
        return not self.is_away

    def _find(self, flow_run_id: uuid.UUID) -> RememberedRun | None:
        return next((run for run in self.runs if run.id == flow_run_id), None)

    def _answer(self) -> None:
        if self.is_away:
            raise PrefectUnavailable("Prefect is away")
