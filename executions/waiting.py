"""Waiting for a row that the machinery finishes, for commands that run in the foreground."""

import time

from executions.models import Execution
from models_registry.models import Inspection

POLL_SECONDS = 0.005
SLOWEST_POLL_SECONDS = 0.25


def wait_for(row: Execution | Inspection, *, seconds: float) -> bool:
    """Reload ``row`` until it is finished; False if that takes longer than ``seconds``."""
    end = time.monotonic() + seconds
    pause = POLL_SECONDS
    while not row.is_finished:
        if time.monotonic() > end:
            return False
        time.sleep(pause)
        pause = min(pause * 1.1, SLOWEST_POLL_SECONDS)
        row.refresh_from_db()
    return True
