"""Memory of the running stack, by the kernel's own accounting of each of its processes."""

from dataclasses import asdict, dataclass
from typing import Any

import psutil

from config.stack.supervision.record import Record

MB = 1_000_000


@dataclass(frozen=True)
class Memory:
    """Megabytes (10^6 bytes) of some processes. ``pss`` divides a page that several of them map by
    their number, so that its sum is what they hold; ``rss`` counts such a page once for each."""

    processes: int
    pss_mb: float
    rss_mb: float

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def of_stack(running: Record) -> dict[str, Memory]:
    """Return the whole stack under "", then its supervisor and each part, with their
    descendants."""
    leaders = {"supervisor": running.supervisor.pid}
    leaders |= {name: process.identity.pid for name, process in running.processes.items()}
    families = {name: family(pid) for name, pid in leaders.items()}
    families["supervisor"] -= set().union(
        *(family for name, family in families.items() if name != "supervisor")
    )
    everything = set().union(*families.values())
    return {name: of(family) for name, family in {"": everything, **families}.items()}


def of(pids: set[int]) -> Memory:
    """Return what these processes hold; one that has just ended holds nothing."""
    told = [found for pid in sorted(pids) if (found := _held(pid))]
    return Memory(
        len(told),
        round(sum(pss for pss, _ in told) / MB, 1),
        round(sum(rss for _, rss in told) / MB, 1),
    )


def family(pid: int) -> set[int]:
    """Return the process and its descendants."""
    try:
        return {pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))}
    except psutil.NoSuchProcess:
        return set()


def _held(pid: int) -> tuple[int, int] | None:
    """PSS and RSS in bytes; None for no process. Of a locked process the kernel tells all but root
    its RSS alone, which then stands for both."""
    try:
        process = psutil.Process(pid)
        try:
            sizes = process.memory_full_info()
        except psutil.AccessDenied:
            resident = process.memory_info().rss
            return resident, resident
        return sizes.pss, sizes.rss
    except psutil.NoSuchProcess:
        return None
