"""Facts about processes from the kernel, independent of the product."""

import os
import select
from pathlib import Path

from tests.clocks import PATIENCE_SECONDS, until


def children_of(pid: int) -> set[int]:
    """Return the processes whose parent is ``pid``, zombies not counted."""
    found = set()
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                state, parent = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
            except (FileNotFoundError, ProcessLookupError):
                continue
            if int(parent) == pid and state != "Z":
                found.add(int(folder.name))
    return found


def has_gone(pid: int, seconds: float = PATIENCE_SECONDS) -> bool:
    """Waits until the process has ended, at most ``seconds``."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        waiting = select.poll()
        waiting.register(handle, select.POLLIN)
        return bool(waiting.poll(seconds * 1000))
    finally:
        os.close(handle)


def status_of(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def busy_children(parents: set[int], known: set[int]) -> set[int]:
    """Return the children of ``parents`` not in ``known`` that compute, once there are some."""
    busy: set[int] = set()

    def look() -> bool:
        children = {pid for parent in parents for pid in children_of(parent)} - known
        busy.update(pid for pid in children if _ticks(pid) >= 10)
        return bool(busy)

    until(look, "a child to become busy")
    return busy


def _ticks(pid: int) -> int:
    """Return the CPU time that a process has used, in hundredths of a second."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11])
