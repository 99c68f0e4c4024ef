"""`down`: ends the running stack, and whatever a killed one left behind."""

import signal
import time
from pathlib import Path

from config.stack import leftovers, record

STOP_SECONDS = 45.0  # after which a supervisor that does not stop is ended


def down(folder: Path) -> int:
    """Stop the running stack, or end what a killed one left behind."""
    running = record.read(folder) if record.is_held(folder) else None
    if running:
        running.supervisor.send(signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        while running.supervisor.is_alive():
            if time.monotonic() > deadline:
                running.supervisor.send(signal.SIGKILL)
            time.sleep(0.05)
    lock = record.take_lock(folder) if folder.is_dir() else None
    ended = 0
    if lock:
        with lock:
            ended = leftovers.end(folder)
    if ended:
        print(f"Stopped, with {leftovers.count_of(ended)} that had been left behind.")
    else:
        print("Stopped." if running else f"Nothing is running in {folder}.")
    return 0
