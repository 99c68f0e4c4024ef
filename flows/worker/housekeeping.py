"""Housekeeping of a resident worker: opens models before their first prediction, sends heartbeats
and sweeps. Each task has a thread of its own, so that none waits for another."""

import logging
import resource
import threading
import time
from collections.abc import Callable
from typing import Any

import httpx
from django.conf import settings
from django.db import Error as DatabaseError
from django.db import close_old_connections, connections
from django.utils import timezone
from prefect.client.orchestration import SyncPrefectClient
from redis.exceptions import RedisError

import executions.sweep
import models_registry.sweep
from engine import heartbeats, wakeup
from flows.explaining import notes
from flows.host import model_host, owner, rest_unused, runtimes
from flows.opened import opened
from flows.outcomes import Refused, refusals
from flows.worker.settling import settle
from flows.worker.slots import Slots, batch_queues_of, queues_of
from model_host.protocol.errors import HostError
from model_host.protocol.orders import SelfTest
from models_registry.models import ModelVersion
from models_registry.services import inspect_again

logger = logging.getLogger(__name__)

SECONDS = 5.0
SETTLE_SECONDS = 30.0


class Housekeeping:
    """The threads beside the slots, until ``stop``."""

    def __init__(
        self, slots: Slots, client: SyncPrefectClient, batches: Slots | None = None
    ) -> None:
        self._slots = slots
        self._batches = batches
        self._client = client
        self._stopping = threading.Event()
        self._seen: tuple[str, ...] = ()

    def start(self) -> None:
        self._begin(self._repeat, self._beat, SECONDS)
        self._begin(self._repeat, executions.sweep.sweep, SECONDS)
        self._begin(self._repeat, models_registry.sweep.sweep, SECONDS)
        self._begin(self._repeat, self._inspect_again, SECONDS)
        self._begin(self._repeat, self._settle, SETTLE_SECONDS)
        self._begin(self._warm)
        self._begin(notes.work_off, self._slots_are_full, self._stopping)

    def stop(self) -> None:
        self._stopping.set()
        heartbeats.stop_beating(owner())

    def _begin(self, target: Callable[..., None], *args: Any) -> None:
        threading.Thread(target=target, args=args, name=target.__name__, daemon=True).start()

    def _repeat(self, work: Callable[[], object], seconds: float) -> None:
        while True:
            close_old_connections()
            try:
                work()
            except Exception:  # any error: the next round must still run
                logger.exception("housekeeping_failed work=%s", work)
            finally:
                connections.close_all()
            if self._stopping.wait(seconds):
                return

    def _beat(self) -> None:
        """Send the heartbeat, and take the runs of the runtimes that this machine has by now."""
        test, problem = state_of_host()
        offered = runtimes()
        self._slots.take_from(queues_of(offered))
        if self._batches is not None:
            self._batches.take_from(batch_queues_of(offered))
        rest_unused()
        heartbeats.beat(
            owner(),
            heartbeats.Heartbeat(
                at=timezone.now(),
                slots=self._slots.size,
                running=self._slots.running,
                memory_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
                runtimes=offered,
                self_test=test,
                problem=problem,
            ),
        )

    def _inspect_again(self) -> None:
        """Have the files inspected that waited for a runtime which is here since the last look."""
        if (offered := runtimes()) != self._seen:
            inspect_again(offered)
            self._seen = offered

    def _slots_are_full(self) -> bool:
        """Whether a prediction that comes now would have to wait."""
        return self._slots.running >= self._slots.size

    def _settle(self) -> None:
        try:
            settle(self._client, settings.PREFECT_WORK_POOL)
        except httpx.HTTPError as error:
            logger.warning("nothing_settled error=%s", type(error).__name__)

    def _warm(self) -> None:
        """Open each version that a hint names."""
        hints: wakeup.WarmHints | None = None
        while not self._stopping.is_set():
            try:
                hints = hints or wakeup.WarmHints()
                hint = hints.next(SECONDS)
            except RedisError as error:
                logger.warning("no_warm_hints error=%s", type(error).__name__)
                hints = None
                self._stopping.wait(SECONDS)
                continue
            if hint is not None:
                warm(hint.version_id, hint.runtime)
                wakeup.say_warm(hint)


def state_of_host() -> tuple[SelfTest, str]:
    """Return the result of the sandbox's self-test, and the reason why no model is opened here: ""
    if models are."""
    test = SelfTest(passed=False)
    try:
        host = model_host()
        test = host.self_test
        host.check()
    except HostError as error:
        return test, error.message
    return test, ""


def open_models() -> None:
    """Start the model host and open every active version, so that no prediction waits for it."""
    _, problem = state_of_host()
    if problem:
        logger.error("no_model_is_opened why=%s", problem)
        return
    try:
        active = list(ModelVersion.objects.active().values_list("pk", flat=True))
    except DatabaseError as error:
        logger.warning("nothing_opened error=%s", type(error).__name__)
        return
    for version_id in active:
        warm(version_id)
    connections.close_all()


def warm(version_id: int, runtime: str = "") -> None:
    """Open this version's model in a process, in its own runtime if none is named. An error is
    ignored: a prediction will report it."""
    started = time.monotonic()
    close_old_connections()
    try:
        version = ModelVersion.objects.select_related("model").get(pk=version_id)
        with refusals(), opened(version) as model:
            model.served_by(runtime or version.runtime).warm()
    except (ModelVersion.DoesNotExist, DatabaseError) as error:
        logger.warning("not_warmed version=%s error=%s", version_id, type(error).__name__)
    except Refused as refused:
        logger.warning("not_warmed version=%s code=%s", version, refused.code)
    else:
        logger.info("warmed version=%s seconds=%.3f", version, time.monotonic() - started)
    finally:
        connections.close_all()
