"""Which process is meant: a pid and when it started, so that no foreign process is ever ended.

Linux only, as the model host's sandbox is.
"""

import contextlib
import os
import signal
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Stat:
    """What /proc tells of a process; `started` counts clock ticks since this boot."""

    state: str
    session: int
    started: int


def stat(pid: int) -> Stat | None:
    """The process as it is now; None where there is none."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()  # the name, in brackets, may contain anything
    return Stat(fields[0], int(fields[3]), int(fields[19]))


def boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


@dataclass(frozen=True)
class Identity:
    """One process for good: its pid, its start in ticks, and the boot those are counted from."""

    pid: int
    started: int
    boot: str

    @classmethod
    def of(cls, pid: int) -> "Identity":
        """The process that has this pid now (one that is already gone matches nothing later)."""
        now = stat(pid)
        return cls(pid, now.started if now else -1, boot())

    def is_alive(self) -> bool:
        now = stat(self.pid)
        return (
            now is not None
            and now.state not in "ZX"
            and now.started == self.started
            and boot() == self.boot
        )

    def send(self, number: signal.Signals) -> None:
        """Signal this very process; nothing happens where it is gone."""
        if self.is_alive():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)


def left_behind(leader: Identity, folder: Path) -> list[Identity]:
    """What still runs of a part's session: the part, and its children that carry the stack's folder
    in their environment (a session's number may have passed to somebody else's)."""
    if leader.boot != boot():
        return []
    mark = f"STACK_DIR={folder}".encode()
    found = [leader] if leader.is_alive() else []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == leader.pid:
            continue
        now = stat(int(entry.name))
        if now is None or now.session != leader.pid or now.started < leader.started:
            continue
        with contextlib.suppress(OSError):
            if mark in (entry / "environ").read_bytes().split(b"\0"):
                found.append(Identity.of(int(entry.name)))
    return found
