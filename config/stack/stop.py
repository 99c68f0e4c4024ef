"""`down`: end the running stack, and what a killed supervisor left behind, and nothing else."""

import signal
import time
from pathlib import Path

from config.stack.supervision import record
from config.stack.supervision.pids import Identity, left_behind

STOP_SECONDS = 45.0  # after which a supervisor that does not stop is ended
PATIENCE_SECONDS = 10.0


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
            ended = end_leftovers(folder)
    if ended:
        print(f"Stopped, with {count_of(ended)} that had been left behind.")
    else:
        print("Stopped." if running else f"Nothing is running in {folder}.")
    return 0


def count_of(processes: int) -> str:
    return "1 process" if processes == 1 else f"{processes} processes"


def end_leftovers(folder: Path) -> int:
    """End the recorded processes that still run, gently first; returns how many there were.

    Called with the stack's lock held: the supervisor that wrote the record is gone.
    """
    before = record.read(folder)
    if before is None:
        return 0
    remaining: dict[Identity, signal.Signals] = {}
    for process in before.processes.values():
        for identity in left_behind(process.identity, folder):
            remaining[identity] = process.stop_signal
    count = len(remaining)
    for identity, stop_signal in remaining.items():
        identity.send(stop_signal)
        identity.send(signal.SIGCONT)  # a suspended process cannot react
    deadline = time.monotonic() + PATIENCE_SECONDS
    while alive := [identity for identity in remaining if identity.is_alive()]:
        if time.monotonic() > deadline:
            for identity in alive:
                identity.send(signal.SIGKILL)
        time.sleep(0.05)
    record.remove(folder)
    return count
