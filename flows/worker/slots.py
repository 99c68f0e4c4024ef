"""The slots of a resident worker: threads that take flow runs and execute them, one at a time.

A free slot takes the oldest hint from Redis, or a run that polling found; a busy one takes nothing.
If hints were lost, only polling finds runs, so more of them are kept here than there are slots.
The row is claimed first, by compare-and-set, and only then is Prefect told that the run is running,
while the model computes already: so a hint that comes twice, late or to two workers changes nothing
in Prefect either, and a Prefect that is away never holds a result back.
"""

import contextlib
import logging
import queue
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

import httpx
from django.db import InterfaceError, OperationalError, close_old_connections, connections
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import State
from prefect.client.schemas.responses import SetStateStatus
from prefect.states import Completed, Crashed, Failed, Running
from redis.exceptions import RedisError

from engine import wakeup
from engine.gateway import FlowRunState, FlowRunStory
from engine.wakeup import DEFAULT_QUEUE, batch_queue_of, queue_of
from executions.records.flow_run_copies import keep_flow_run
from flows import batch, explaining, exploring, inspection, predict, rehearsal
from flows.errors import FlowFailed, HandedBack, LeaseLost, NotQueued, ParametersDiffer
from flows.explaining import Case
from flows.worker.lines import lines_of

logger = logging.getLogger(__name__)

WAIT_SECONDS = 1.0
MOST_WAITING = 100  # in this process, of those that polling found
STALE = timedelta(seconds=30)
"""The time after which a run that could not be claimed will never run."""
UNDISTURBED = timedelta(seconds=10)
"""The time within which a run has no states but those that it is told: Prefect calls it late after
15 s, and nobody cancels it in its pages so soon."""
PASSES = (OperationalError, InterfaceError, httpx.HTTPError)
"""The exceptions of an unreachable or busy server: the run is retried until it answers."""
STRANGE = "No work of this worker: what the run names is not here, or it is named wrongly."


class Work(Protocol):
    """A claimed row."""

    def carry_out(self) -> None: ...


CLAIMS: Mapping[str, Callable[..., Work]] = {
    "flows.predict.predict": predict.claim,
    "flows.batch.batch": batch.claim,
    "flows.exploring.explore": exploring.claim,
    "flows.inspection.inspect": inspection.claim,
    "flows.rehearsal.rehearse": rehearsal.claim,
}
"""The claiming function of each deployment's entrypoint that this worker runs."""


@dataclass(frozen=True)
class Run:
    """A flow run that may be ready, from a hint or from polling."""

    id: UUID
    name: str
    deployment_id: UUID | None
    parameters: dict[str, Any]
    scheduled: FlowRunState | None = None
    """Its first state; None where only polling knows the run."""

    @classmethod
    def from_hint(cls, hint: Mapping[str, Any]) -> "Run":
        """Parse a hint. Raises KeyError, TypeError or ValueError for anything that is not a hint of
        ours."""
        return cls(
            UUID(hint["id"]),
            hint["name"],
            UUID(hint["deployment_id"]),
            dict(hint["parameters"]),
            FlowRunState.from_json(hint["state"]) if "state" in hint else None,
        )


def queues_of(runtimes: Sequence[str]) -> tuple[str, ...]:
    """Return the work queues of a worker that has these runtimes, that of any worker first."""
    return (DEFAULT_QUEUE, *map(queue_of, runtimes))


def batch_queues_of(runtimes: Sequence[str]) -> tuple[str, ...]:
    """Return the work queues of the batches that a worker with these runtimes takes."""
    return tuple(map(batch_queue_of, ("", *runtimes)))


class Slots:
    """``size`` threads that run flow runs of some work queues until they are told to stop. A slot
    that hears of none for a while does ``beside``, a piece of work that no flow run names."""

    def __init__(
        self,
        client: SyncPrefectClient,
        *,
        size: int,
        queues: tuple[str, ...] = (DEFAULT_QUEUE,),
        takes_hints: bool = True,
        beside: Callable[[], object] | None = None,
    ) -> None:
        self.size = size
        self.queues = queues
        self._client = client
        self._takes_hints = takes_hints
        self._beside = beside
        self._polled: queue.SimpleQueue[Run] = queue.SimpleQueue()
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._running: dict[UUID, Run] = {}
        self._waiting: set[UUID] = set()
        self._entrypoints: dict[UUID, str] = {}
        self._tellers = ThreadPoolExecutor(size, thread_name_prefix="teller")
        self._threads = [
            threading.Thread(target=self._serve, name=f"slot-{number}", daemon=True)
            for number in range(size)
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def take_from(self, queues: tuple[str, ...]) -> None:
        """Take the runs of these work queues from now on."""
        if queues != self.queues:
            logger.info("work_queues names=%s", ",".join(queues))
        self.queues = queues

    @property
    def running(self) -> int:
        return len(self._running)

    def room_for(self, found: int) -> int:
        """Return how many runs this process may hold if polling found ``found``: as many as it has
        slots, and as many more as wait without a hint, because no slot will hear of those."""
        hints = wakeup.count_of_hints(self.queues) if self._takes_hints else 0
        return self.size + min(max(found - hints, 0), MOST_WAITING)

    def offer(self, run: Run, *, room: int) -> bool:
        """Keep a polled run for the next free slot; returns False if no more can be kept, or if the
        run is known here. That claims nothing: another worker may take it meanwhile."""
        with self._lock:
            is_known = run.id in self._running or run.id in self._waiting
            if is_known or self._stopping.is_set():
                return False
            if len(self._running) + len(self._waiting) >= room:
                return False
            self._waiting.add(run.id)
        self._polled.put(run)
        return True

    def stop(self, seconds: float) -> bool:
        """Take no more runs and wait for the running ones; return whether all of them ended in
        time."""
        self._stopping.set()
        deadline = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def _serve(self) -> None:
        while not self._stopping.is_set():
            run = self._next()
            if run is not None:
                self.carry_out(run)
            elif self._beside is not None:
                self._do_beside(self._beside)

    def _do_beside(self, work: Callable[[], object]) -> None:
        close_old_connections()
        try:
            work()
        except Exception as error:  # any error: the next run must find its slot
            logger.warning("work_beside_ended error=%s", type(error).__name__)
        finally:
            connections.close_all()

    def _next(self) -> Run | None:
        with contextlib.suppress(queue.Empty):
            return self._polled.get_nowait()
        if self._takes_hints:
            try:
                hint = wakeup.next_hint(WAIT_SECONDS, queues=self.queues)
                return Run.from_hint(hint) if hint else None
            except RedisError as error:
                logger.warning("no_hints error=%s", type(error).__name__)
            except (KeyError, TypeError, ValueError):
                logger.warning("strange_hint")
        with contextlib.suppress(queue.Empty):
            return self._polled.get(timeout=WAIT_SECONDS)
        return None

    def carry_out(self, run: Run) -> None:
        """Run one flow run to its end, unless this process already runs it."""
        with self._lock:
            self._waiting.discard(run.id)
            if run.id in self._running:
                return
            self._running[run.id] = run
        close_old_connections()
        try:
            with lines_of(run.id):
                self._run(run)
        except Exception:  # any error of one run must not end its slot
            logger.exception("flow_run_broke run=%s", run.id)
        finally:
            connections.close_all()  # return it to the pool
            with self._lock:
                del self._running[run.id]

    def _run(self, run: Run) -> None:
        try:
            work = self._claim(run)
        except NotQueued as error:
            self._end_if_stale(run, str(error))
            return
        except ParametersDiffer as error:
            logger.error("parameters_differ run=%s", run.id)
            self._tell(run, Failed(message=str(error)))
            return
        except PASSES:
            raise
        except Exception as error:  # another flow, unknown parameters: trying again does not help
            logger.warning("strange_run run=%s error=%s", run.id, type(error).__name__)
            self._end_if_stale(run, STRANGE)
            return
        started = self._tellers.submit(self._tell, run, Running())
        end = self._carry_out(work)
        known = (run.scheduled, started.result(), self._tell(run, end))
        states = tuple(state for state in known if state is not None)
        is_whole = len(states) == len(known) and states[-1].at - states[0].at < UNDISTURBED
        if isinstance(work, predict.Prediction) and is_whole:
            story = FlowRunStory(run.name, states)
            keep_flow_run(work.execution.pk, work.execution.attempt, story)

    def _claim(self, run: Run) -> Work:
        if run.deployment_id is None:  # Prefect takes such a run into a pool, too
            raise KeyError("deployment_id")
        entrypoint = self._entrypoints.get(run.deployment_id)
        if entrypoint is None:
            entrypoint = self._client.read_deployment(run.deployment_id).entrypoint or ""
            self._entrypoints[run.deployment_id] = entrypoint
        return CLAIMS[entrypoint](**run.parameters, flow_run_id=run.id)

    def _carry_out(self, work: Work) -> State[None]:
        try:
            work.carry_out()
        except FlowFailed as error:
            return Failed(message=f"{type(error).__name__}: {error}")
        except (LeaseLost, HandedBack) as error:
            logger.warning("attempt_given_up why=%s", error)
            return Crashed(message=str(error))
        if isinstance(work, predict.Prediction):
            explaining.notes.add(Case(work.execution, work.schema, work.inputs))
        return Completed()

    def _tell(self, run: Run, state: State[None]) -> FlowRunState | None:
        """Tell Prefect the run's state; return it as Prefect took it, None where it did not. The
        row is written in any case."""
        try:
            taken = self._client.set_flow_run_state(run.id, state)
        except Exception as error:  # the client raises httpx's errors and its own
            logger.warning(
                "state_not_told run=%s state=%s error=%s", run.id, state.type, type(error).__name__
            )
            return None
        if taken.status is not SetStateStatus.ACCEPT or taken.state is None:
            return None
        new = taken.state
        return FlowRunState(new.type.value, new.name or "", new.message or "", new.timestamp)

    def _end_if_stale(self, run: Run, why: str) -> None:
        """End a run whose row is not queued, since polling would find it for ever. A run that
        another worker is starting, or that is finished, is left alone."""
        state = self._client.read_flow_run(run.id).state
        if state is None or not state.is_scheduled():
            return
        if datetime.now(UTC) - state.timestamp > STALE:
            self._tell(run, Failed(message=why))
