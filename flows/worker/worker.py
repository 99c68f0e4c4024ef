"""The resident Prefect worker: ``python -m flows.worker``.

A Prefect worker type of our own. Prefect sees it poll its work pool and send heartbeats like any
other; it runs flow runs in threads of this process, beside a warm model host, so that a run costs
milliseconds instead of a new process. Built on Prefect's public extension points alone
(`docs/adr/0004-a-resident-worker-type.md`).

SIGTERM and SIGINT end it in order: nothing more is taken, what runs is finished, and what is not
finished in time goes back to the queue.
"""

import argparse
import asyncio
import contextlib
import logging
import os
import signal
import time

import anyio.abc
import anyio.to_thread
import httpx
from django.conf import settings
from django.db import connections
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import FlowRun, WorkerStatus
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound
from prefect.workers.base import (
    BaseJobConfiguration,
    BaseVariables,
    BaseWorker,
    BaseWorkerResult,
)

from engine import gateway
from engine.gateway import JOB_TEMPLATE, UNCOMPRESSED, WORKER_TYPE
from flows.batch import help_another
from flows.host import host_name, owner, runtimes
from flows.lease import leases
from flows.worker.housekeeping import Housekeeping, open_models
from flows.worker.lines import RunLines
from flows.worker.slots import Run, Slots, batch_queues_of, queues_of

logger = logging.getLogger(__name__)

MAX_WORKERS = 200  # that Prefect lists at once
HAND_BACK_SECONDS = 5.0
PREFECT_SECONDS = 60.0  # that a worker waits for Prefect when it starts
PREFECT_PAUSE_SECONDS = 0.2
THREADS_BESIDE_SLOTS = 7  # leases, two sweeps, settling, warming, explaining, inspecting again


class ResidentWorker(BaseWorker[BaseJobConfiguration, BaseVariables, BaseWorkerResult]):
    """The worker type that runs the flow runs of its pool in threads of this process."""

    type = WORKER_TYPE
    _description = (
        "Runs predictions in one lasting process, beside warm and locked model processes."
    )

    def __init__(self, *, slots: Slots, batches: Slots) -> None:
        super().__init__(settings.PREFECT_WORK_POOL, name=owner(), base_job_template=JOB_TEMPLATE)
        self.slots = slots
        self.batches = batches

    async def get_and_submit_flow_runs(self) -> list[FlowRun]:
        """Offer the pool's waiting runs to the slots, in case a hint was lost."""
        return [*await self._offer_to(self.slots), *await self._offer_to(self.batches)]

    async def _offer_to(self, slots: Slots) -> list[FlowRun]:
        try:
            waiting = await self.client.get_scheduled_flow_runs_for_work_pool(
                settings.PREFECT_WORK_POOL, work_queue_names=list(slots.queues)
            )
        except ObjectNotFound:
            await self._make_queues(slots)
            return []
        except httpx.HTTPError as error:
            logger.warning("poll_failed error=%s", type(error).__name__)
            return []
        if not waiting:
            return []
        room = await anyio.to_thread.run_sync(slots.room_for, len(waiting))
        return [
            entry.flow_run for entry in waiting if slots.offer(_as_run(entry.flow_run), room=room)
        ]

    async def _make_queues(self, slots: Slots) -> None:
        """Make the work queues that Prefect does not know yet: it makes one with its first run, but
        refuses a poll that names one which it lacks."""
        for queue in slots.queues:
            with contextlib.suppress(ObjectAlreadyExists):
                await self.client.create_work_queue(
                    queue, work_pool_name=settings.PREFECT_WORK_POOL
                )

    async def run(
        self,
        flow_run: FlowRun,
        configuration: BaseJobConfiguration,
        task_status: "anyio.abc.TaskStatus[int] | None" = None,
    ) -> BaseWorkerResult:
        """Run one flow run in a thread of this process."""
        if task_status is not None:
            task_status.started(os.getpid())
        await anyio.to_thread.run_sync(self.slots.carry_out, _as_run(flow_run))
        return BaseWorkerResult(identifier=str(flow_run.id), status_code=0)


def _as_run(flow_run: FlowRun) -> Run:
    """A polled flow run, which carries no state, in our words."""
    return Run(flow_run.id, flow_run.name, flow_run.deployment_id, dict(flow_run.parameters))


async def serve(*, takes_hints: bool, drain_seconds: float) -> None:
    """Run until SIGTERM or SIGINT, or until polling gives up because Prefect is unreachable for
    minutes.

    The models are opened first: whoever sees this worker in Prefect sees one that is ready.
    """
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    await anyio.to_thread.run_sync(open_models)
    with get_client(sync_client=True, httpx_settings={"headers": {**UNCOMPRESSED}}) as client:
        await until_prefect_answers(stopping)
        lines = RunLines(client)
        logging.getLogger("flows").addHandler(lines)
        _forget_lost_workers(client)
        slots = Slots(
            client,
            size=settings.WORKER_SLOTS,
            queues=queues_of(runtimes()),
            takes_hints=takes_hints,
        )
        batches = Slots(
            client,
            size=settings.BATCH_SLOTS,
            queues=batch_queues_of(runtimes()),
            takes_hints=takes_hints,
            beside=lambda: help_another(runtimes()),
        )
        slots.start()
        batches.start()
        housekeeping = Housekeeping(slots, client, batches)
        housekeeping.start()
        worker = ResidentWorker(slots=slots, batches=batches)
        polling = asyncio.create_task(worker.start(printer=logger.info))
        stopped = asyncio.create_task(stopping.wait())
        await asyncio.wait({polling, stopped}, return_when=asyncio.FIRST_COMPLETED)
        logger.info("worker_stopping running=%d", slots.running + batches.running)
        housekeeping.stop()
        await anyio.to_thread.run_sync(_drain, slots, batches, drain_seconds)
        polling.cancel()
        try:
            with contextlib.suppress(asyncio.CancelledError):
                await polling
        finally:
            lines.close()
            _forget(client, owner())


async def until_prefect_answers(stopping: asyncio.Event) -> None:
    """Wait until Prefect answers: it may be starting beside this worker, and Prefect's own code
    would ask again only with the next heartbeat. After a minute the worker begins without it."""
    deadline = time.monotonic() + PREFECT_SECONDS
    while not await anyio.to_thread.run_sync(gateway.is_healthy):
        if stopping.is_set() or time.monotonic() > deadline:
            logger.warning("prefect_does_not_answer")
            return
        await asyncio.sleep(PREFECT_PAUSE_SECONDS)


def _drain(slots: Slots, batches: Slots, seconds: float) -> None:
    """Finish the running runs; return to the queue those that do not end in time. Batches take that
    time only while predictions do."""
    batches.stop(0)
    is_done = slots.stop(seconds)
    if not batches.stop(0) or not is_done:
        leases.end_all()
        slots.stop(HAND_BACK_SECONDS)
        batches.stop(HAND_BACK_SECONDS)


def _forget_lost_workers(client: SyncPrefectClient) -> None:
    """Remove what killed workers of this machine left in the pool's list of workers."""
    try:
        workers = client.read_workers_for_work_pool(
            settings.PREFECT_WORK_POOL, offset=0, limit=MAX_WORKERS
        )
        for worker in workers:
            if worker.status == WorkerStatus.OFFLINE and worker.name.startswith(host_name()):
                _forget(client, worker.name)
    except (httpx.HTTPError, ObjectNotFound) as error:
        logger.warning("lost_workers_not_forgotten error=%s", type(error).__name__)


def _forget(client: SyncPrefectClient, name: str) -> None:
    """Remove a dead worker from the pool's list of workers."""
    names = {"work_pool_name": settings.PREFECT_WORK_POOL, "name": name}
    try:
        client.request("DELETE", "/work_pools/{work_pool_name}/workers/{name}", path_params=names)
    except httpx.HTTPError as error:
        logger.warning("worker_not_forgotten error=%s", type(error).__name__)


def _give_every_thread_a_connection() -> None:
    """Make the connection pool large enough: a slot keeps its connection while the model computes.
    With a smaller pool a busy worker could not renew its leases, and would lose its results."""
    pool = connections.settings["default"]["OPTIONS"]["pool"]
    threads = settings.WORKER_SLOTS + settings.BATCH_SLOTS + THREADS_BESIDE_SLOTS
    pool["max_size"] = max(pool["max_size"], threads)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m flows.worker", description=__doc__)
    parser.add_argument(
        "--no-hints", action="store_true", help="find runs by polling alone, as if Redis were away"
    )
    parser.add_argument(
        "--drain-seconds",
        type=float,
        default=20.0,
        help="how long a run may still take once the worker is told to stop (default: 20)",
    )
    arguments = parser.parse_args()
    _give_every_thread_a_connection()
    asyncio.run(serve(takes_hints=not arguments.no_hints, drain_seconds=arguments.drain_seconds))
