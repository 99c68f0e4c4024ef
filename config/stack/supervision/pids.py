"""The identity of a process: its pid and start time, so that no unrelated process is ever ended.

Linux only, as the model host's sandbox is.
"""

import contextlib
import os
import signal
from dataclasses import dataclass
from pathlib import Path

import psutil

TICKS = os.sysconf("SC_CLK_TCK")


def started(pid: int) -> int | None:
    """Return when the process started, in clock ticks since this boot: a change of the clock does
    not move them. None where there is no process, or only a zombie."""
    try:
        process = psutil.Process(pid)
        if process.status() in {psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD}:
            return None
        ticks: int = round((process.create_time() - psutil.boot_time()) * TICKS)
        return ticks
    except psutil.NoSuchProcess:
        return None


def working_folder(pid: int) -> Path | None:
    """Return the process's current folder; None where there is none, or that may not be known."""
    try:
        return Path(psutil.Process(pid).cwd())
    except (psutil.Error, ValueError):  # PostgreSQL writes a single user's pid as a negative number
        return None


def boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


@dataclass(frozen=True)
class Identity:
    """The identity of a process: its pid, its start in ticks, and the boot those are counted
    from."""

    pid: int
    started: int
    boot: str

    @classmethod
    def of(cls, pid: int) -> "Identity":
        """Return the process that has this pid now (one that is already gone matches nothing
        later)."""
        now = started(pid)
        return cls(pid, -1 if now is None else now, boot())

    def is_alive(self) -> bool:
        return started(self.pid) == self.started and boot() == self.boot

    def send(self, number: signal.Signals) -> None:
        """Send a signal to exactly this process; does nothing if it has ended."""
        if self.is_alive():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)


def left_behind(leader: Identity, folder: Path) -> list[Identity]:
    """Return the processes that still run in a part's session: the part, and its children that
    carry the stack's folder in their environment (a session's number may have passed to somebody
    else's)."""
    if leader.boot != boot():
        return []
    found = [leader] if leader.is_alive() else []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, ProcessLookupError):
            child = Identity.of(process.pid)
            if (
                process.pid != leader.pid
                and os.getsid(process.pid) == leader.pid
                and child.started >= leader.started
                and process.environ().get("STACK_DIR") == str(folder)
            ):
                found.append(child)
    return found
