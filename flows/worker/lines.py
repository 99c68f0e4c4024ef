"""Log lines of flow runs, sent to Prefect.

Flows log with the standard library alone. This module collects the lines of each thread's run and
sends those of all runs together every two seconds: one request, whatever the load.
"""

import logging
import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient

from config.text.plain_text import escaped

logger = logging.getLogger("lines")  # not below "flows": its own lines must not be collected

SHIP_SECONDS = 2.0
BATCH = 500

_run: ContextVar[UUID | None] = ContextVar("run", default=None)


@contextmanager
def lines_of(flow_run_id: UUID) -> Iterator[None]:
    """Attach what this thread logs inside the block to this run."""
    token = _run.set(flow_run_id)
    try:
        yield
    finally:
        _run.reset(token)


class RunLines(logging.Handler):
    """The handler that collects and ships; ``close`` ships what is left."""

    def __init__(self, client: SyncPrefectClient) -> None:
        super().__init__(logging.INFO)
        self._client = client
        self._waiting: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="lines", daemon=True)
        self._thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        flow_run_id = _run.get()
        if flow_run_id is not None:
            self._waiting.put(
                {
                    "name": record.name,
                    "level": record.levelno,
                    "message": escaped(record.getMessage()),
                    "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(),
                    "flow_run_id": str(flow_run_id),
                }
            )

    def close(self) -> None:
        self._closing.set()
        self._thread.join(2 * SHIP_SECONDS + 5)
        super().close()

    def _serve(self) -> None:
        while not self._closing.wait(SHIP_SECONDS):
            self._ship()
        self._ship()

    def _ship(self) -> None:
        while not self._waiting.empty():
            count = min(BATCH, self._waiting.qsize())
            lines = [self._waiting.get() for _ in range(count)]
            try:
                self._client.create_logs(lines)
            except Exception as error:  # the client raises httpx's errors and its own
                logger.warning("lines_not_shipped count=%d error=%s", count, type(error).__name__)
