"""The one door from the web and Celery side to Prefect's API. Contract to be filled below."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class FlowRun:
    """A flow run as Prefect knows it: its id, its state's type, and since when it is in it."""

    id: uuid.UUID
    state: str
    since: datetime

    @property
    def is_claimed(self) -> bool:
        """A worker has taken it."""
        return self.state in {"PENDING", "RUNNING"}

    @property
    def is_finished(self) -> bool:
        return self.state in {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}


def start_flow_run(
    *,
    flow: str,
    deployment: str,
    name: str,
    parameters: dict[str, Any],
    idempotency_key: str,
    tags: tuple[str, ...] = (),
) -> FlowRun:
    """Create a scheduled run of ``flow``'s ``deployment``, or find the one with this key, and wake
    the worker. Raises PrefectUnavailable (try again) or PrefectRefused (final)."""
    raise NotImplementedError


def ensure_deployment(
    *,
    flow: str,
    deployment: str,
    entrypoint: str,
    parameter_schema: dict[str, Any],
    description: str = "",
    tags: tuple[str, ...] = (),
) -> uuid.UUID:
    """Make the deployment what is asked for, creating it (and the work pool) where missing."""
    raise NotImplementedError
