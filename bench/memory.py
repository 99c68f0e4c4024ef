"""How much memory the running stack holds, by the kernel's own account of each of its processes."""

import os
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from config.stack.record import Record

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
    """The whole stack under "", then its supervisor and each part, with their descendants."""
    leaders = {"supervisor": running.supervisor.pid}
    leaders |= {name: process.identity.pid for name, process in running.processes.items()}
    children = _children()
    families = {name: {pid, *_below(pid, children)} for name, pid in leaders.items()}
    families["supervisor"] -= set().union(
        *(pids for name, pids in families.items() if name != "supervisor")
    )
    everything = set().union(*families.values())
    return {name: of(pids) for name, pids in {"": everything, **families}.items()}


def of(pids: set[int]) -> Memory:
    """What these processes hold; one that has just ended holds nothing."""
    told = [found for pid in sorted(pids) if (found := _rollup(pid))]
    return Memory(
        len(told),
        round(sum(pss for pss, _ in told) / MB, 1),
        round(sum(rss for _, rss in told) / MB, 1),
    )


def _rollup(pid: int) -> tuple[int, int] | None:
    """PSS and RSS in bytes (proc_pid_smaps_rollup, in kB of 1024); None for no process. Of a locked
    process the kernel tells all but root its RSS alone, which then stands for both."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except PermissionError:
        resident = os.sysconf("SC_PAGE_SIZE") * int(
            Path(f"/proc/{pid}/statm").read_text().split()[1]
        )
        return resident, resident
    except (FileNotFoundError, ProcessLookupError):
        return None
    if not text:  # it ends, or is the kernel's own
        return None
    sizes = dict(re.findall(r"^(Pss|Rss): +(\d+) kB", text, re.MULTILINE))
    return 1024 * int(sizes["Pss"]), 1024 * int(sizes["Rss"])


def _children() -> dict[int, list[int]]:
    """The processes of this machine by their parent."""
    found: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            after_name = entry.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        found.setdefault(int(after_name[1]), []).append(int(entry.parent.name))
    return found


def _below(pid: int, children: dict[int, list[int]]) -> Iterator[int]:
    for child in children.get(pid, []):
        yield child
        yield from _below(child, children)
