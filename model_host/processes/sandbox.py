"""The running zygote, and the result of testing its children's lockdown.

The zygote is started when it is first needed, tested once, and replaced when it is lost. If it
cannot start, it is retried periodically, and requests in between fail with the reason. If the
self-test failed, no model is opened, unless the host is configured to open models all the same.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from dataclasses import replace

from model_host.processes.handles import Child, Zygote, ZygoteLost, self_test
from model_host.protocol.artifact import Artifact, Limits
from model_host.protocol.errors import HostError
from model_host.protocol.orders import Orders, SelfTest

logger = logging.getLogger(__name__)

SPARE_CPU_SECONDS = 60
NO_LOCK = (
    "The sandbox needs Linux with seccomp on x86-64 or ARM64, and a container that may use it: see "
    "docs/security.md."
)
TRIED_AGAIN_SECONDS = 30.0
"""The seconds before a zygote that could not start is retried."""


class Sandbox:
    """The sandbox, which forks locked children. Thread-safe."""

    def __init__(self, *, python: str, allow_unsandboxed: bool, boosters: bool) -> None:
        self._python = python
        self._allow_unsandboxed = allow_unsandboxed
        self._boosters = boosters
        self._starting = threading.Lock()
        self._zygote: Zygote | None = None
        self._self_test: SelfTest | None = None
        self._failure: ZygoteLost | None = None
        self._failed_at = 0.0
        self._is_closed = False

    @property
    def self_test(self) -> SelfTest:
        """The result of the start-up self-test; starts the zygote if there is none."""
        self.start()
        assert self._self_test is not None
        return self._self_test

    @property
    def libraries_running(self) -> dict[str, str]:
        """The versions of the libraries that open models; starts the zygote if there is none."""
        return dict(self._running_zygote().libraries)

    @property
    def cold(self) -> tuple[str, ...]:
        """The warm-ups that failed, a line each; starts the zygote if there is none."""
        return self._running_zygote().cold

    def start(self) -> None:
        """Ensure that a zygote runs. HostError if it does not come up; RuntimeError after
        ``close``."""
        try:
            self._running_zygote()
        except ZygoteLost as error:
            raise _not_started(error) from error

    def check(self) -> None:
        """Raise HostError LOAD if models may not be opened."""
        if not self.self_test.passed and not self._allow_unsandboxed:
            findings = " ".join(self.self_test.findings)
            raise HostError("LOAD", f"This server cannot open models safely: {findings} {NO_LOCK}")

    def fork(self, artifact: Artifact, limits: Limits) -> Child:
        """Fork a child for this artifact, from a new zygote if the previous one is lost."""
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

    @property
    def is_awake(self) -> bool:
        """Whether a zygote runs."""
        return self._zygote is not None

    def rest(self) -> None:
        """End the zygote; the next request starts another."""
        with self._starting:
            zygote, self._zygote = self._zygote, None
        if zygote is not None:
            zygote.close()

    def close(self) -> None:
        """End the zygote, and with it every child."""
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
                self._zygote = None
                if self._failure and time.monotonic() < self._failed_at + TRIED_AGAIN_SECONDS:
                    raise self._failure.with_traceback(None)
                self._failure = None
                try:
                    self._zygote = self._new_zygote()
                except ZygoteLost as error:
                    logger.error("model host does not start: %s %s", error, error.traceback)
                    if error.is_its_own:
                        self._failure, self._failed_at = error, time.monotonic()
                    raise
            return self._zygote

    def _new_zygote(self) -> Zygote:
        """A zygote that is warm and tested. HostError if the machine lacks the memory or processes
        for the test."""
        started = time.monotonic()
        zygote = Zygote(self._python, boosters=self._boosters)
        if zygote.cold:
            logger.warning("warm-up incomplete: %s", "; ".join(zygote.cold))
        if zygote.missing:
            logger.warning("known types are missing here: %s", ", ".join(zygote.missing))
        if self._self_test is None or not self._self_test.passed:
            try:
                self._self_test = replace(self_test(zygote), missing=zygote.missing)
            except (HostError, ZygoteLost):
                zygote.close()
                raise
        logger.info(
            "model host ready pid=%d seconds=%.1f sandboxed=%s",
            zygote.pid,
            time.monotonic() - started,
            self._self_test.passed,
        )
        return zygote


def _not_started(error: ZygoteLost) -> HostError:
    """The error for a zygote that did not start. If it failed by itself, a retry would fail too, so
    the error is not ``lost``."""
    if not error.is_its_own:
        message = f"The process that opens models could not be started: {error}."
        return HostError("CRASH", message, lost=True)
    message = f"The process that opens models cannot start: {str(error).rstrip('.')}. "
    return HostError("LOAD", message + error.advice, traceback=error.traceback)
