"""The stack's command line as a person uses it, and the processes that it leaves behind."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from config.stack.environment import REPOSITORY, read
from config.stack.supervision import record
from config.stack.temporary import without_servers
from tests.clocks import PATIENCE_SECONDS, until

LISTEN = "0A"  # the state, as /proc/net/tcp writes it


@dataclass(frozen=True)
class Answer:
    code: int
    said: str


@dataclass(frozen=True)
class Stack:
    """One stack folder and the commands that are run on it."""

    folder: Path

    def environment(self, **given: str) -> dict[str, str]:
        return {**without_servers(os.environ), "STACK_DIR": str(self.folder), **given}

    def run(self, *argv: str, **given: str) -> Answer:
        """`manage.py` with these arguments and real variables; both outputs together."""
        done = subprocess.run(
            [sys.executable, "manage.py", *argv],
            cwd=REPOSITORY,
            env=self.environment(**given),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=PATIENCE_SECONDS,
        )
        assert "Traceback" not in done.stdout
        return Answer(done.returncode, done.stdout)

    def foreground(self, *parts: str) -> subprocess.Popen[str]:
        """`manage.py up` as on a terminal, started and not waited for."""
        return subprocess.Popen(
            [sys.executable, "manage.py", "up", *parts],
            cwd=REPOSITORY,
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def healthy_status(self) -> Answer:
        """Return what `status` says once every part answers it in the second that it has."""
        answers: list[Answer] = []

        def is_healthy() -> bool:
            answers.append(self.run("status"))
            return answers[-1].code == 0

        until(is_healthy, "every part to be healthy", pause=1.0)
        return answers[-1]

    @property
    def values(self) -> dict[str, str]:
        return read(self.folder / "env")

    def pid(self, part: str) -> int:
        return self.record.processes[part].identity.pid

    @property
    def record(self) -> record.Record:
        now = record.read(self.folder)
        assert now is not None
        return now

    def processes(self) -> list[str]:
        """Return every living process that carries this stack's folder, or works in its data."""
        mark = f"STACK_DIR={self.folder}".encode()
        found = []
        for entry in Path("/proc").iterdir():
            try:
                in_data = Path(os.readlink(entry / "cwd")).is_relative_to(self.folder)
                command = (entry / "cmdline").read_bytes()
                if command and (in_data or mark in (entry / "environ").read_bytes().split(b"\0")):
                    found.append(f"{entry.name}: {command.decode()}")
            except OSError:
                continue
        return found


def listening(pid: int) -> list[str]:
    """Return the local addresses on which a process listens, as the kernel writes them: hex,
    host:port."""
    inodes = set()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        inodes.add(os.readlink(entry).removeprefix("socket:[").removesuffix("]"))
    found = []
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            _, local, _, state, *_, inode = line.split()[:10]
            if state == LISTEN and inode in inodes:
                found.append(local)
    return found
