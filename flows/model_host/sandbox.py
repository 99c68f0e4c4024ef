"""The zygote that is running, and what is known of the lock that its children are in.

It is started when it is first needed, tested once, and replaced when it is lost. Where the
self-test failed no model is opened, unless the host was told to open models all the same.
"""

from __future__ import annotations

import logging
import math
import threading
import time

from .processes import Child, Zygote, ZygoteLost, self_test
from .protocol.artifact import Artifact, Limits
from .protocol.errors import HostError
from .protocol.orders import Orders, SelfTest

logger = logging.getLogger(__name__)

SPARE_CPU_SECONDS = 60


class Sandbox:
    """Forks locked children. Thread-safe."""

    def __init__(self, *, python: str, allow_unsandboxed: bool, boosters: bool) -> None:
        self._python = python
        self._allow_unsandboxed = allow_unsandboxed
        self._boosters = boosters
        self._starting = threading.Lock()
        self._zygote: Zygote | None = None
        self._self_test: SelfTest | None = None
        self._is_closed = False

    @property
    def self_test(self) -> SelfTest:
        """What the start-up self-test found; starts the zygote if there is none."""
        self.start()
        assert self._self_test is not None
        return self._self_test

    def start(self) -> None:
        """Makes sure that there is a zygote. HostError if it does not come up; RuntimeError after
        ``close``."""
        try:
            self._running_zygote()
        except ZygoteLost as error:
            raise _not_started(error) from error

    def check(self) -> None:
        """HostError LOAD where models may not be opened."""
        if not self.self_test.passed and not self._allow_unsandboxed:
            raise HostError(
                "LOAD",
                "This server cannot open models safely: " + " ".join(self.self_test.findings),
            )

    def fork(self, artifact: Artifact, limits: Limits) -> Child:
        """A new child for this artifact, from another zygote if the one that was there is lost."""
        orders = Orders(
            role="serve",
            memory_bytes=limits.memory_bytes,
            cpu_seconds=2 * math.ceil(limits.load_seconds + limits.predict_seconds)
            + SPARE_CPU_SECONDS,
            locked=self.self_test.passed,
            modules=tuple(sorted({module for module, _ in artifact.approved})),
            boosters=self._boosters,
        )
        try:
            zygote = self._running_zygote()
            try:
                return zygote.fork(orders)
            except ZygoteLost:
                logger.warning("zygote lost, starting another")
                return self._running_zygote(lost=zygote).fork(orders)
        except ZygoteLost as error:
            raise _not_started(error) from error

    def close(self) -> None:
        """Ends the zygote, and with it every child."""
        with self._starting:
            self._is_closed = True
            if self._zygote is not None:
                self._zygote.close()

    def _running_zygote(self, *, lost: Zygote | None = None) -> Zygote:
        """The zygote, started if there is none or if it is the one that was ``lost``."""
        with self._starting:
            if self._is_closed:
                raise RuntimeError("the model host is closed")
            if self._zygote is None or self._zygote is lost:
                started = time.monotonic()
                self._zygote = None
                self._zygote = zygote = Zygote(self._python, boosters=self._boosters)
                if zygote.cold:
                    logger.warning("warm-up incomplete: %s", "; ".join(zygote.cold))
                if self._self_test is None or not self._self_test.passed:
                    self._self_test = self_test(zygote)
                logger.info(
                    "model host ready pid=%d seconds=%.1f sandboxed=%s",
                    zygote.pid,
                    time.monotonic() - started,
                    self._self_test.passed,
                )
            return self._zygote


def _not_started(error: ZygoteLost) -> HostError:
    message = f"The process that opens models could not be started: {error}."
    return HostError("CRASH", message, lost=True)
