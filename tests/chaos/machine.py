"""The product in a folder of its own, and the faults of its processes.

Only processes of this folder's record, and their descendants, are ever signalled.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psycopg

from config.stack.environment import REPOSITORY, read
from config.stack.supervision import record
from config.stack.supervision.pids import Identity, left_behind
from config.stack.supervision.record import Record
from tests.clocks import PATIENCE_SECONDS

ACTS = "import django; django.setup(); from tests.chaos.acts import main; main()"
MANY_THREADS = {"DATABASE_POOL_SIZE": "32", "DATABASE_STATEMENT_TIMEOUT_MS": "60000"}
PARTS = ("web", "celery", "worker", "prefect", "redis", "s3", "postgres")


def until(condition: Callable[[], object], what: str, seconds: float = PATIENCE_SECONDS) -> None:
    """Ask again and again until it is true; fail with what was waited for."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds:.0f} s for {what}")
        time.sleep(0.05)


@dataclass(frozen=True)
class Machine:
    """One running product: its folder, and the real variables that it was started with."""

    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        """The environment of its processes: nothing of the tester's own."""
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        return kept | {
            "STACK_DIR": str(self.folder),
            "DEMO": "false",
            "PREDICTIONS_PER_MINUTE": "1000000",
            "UPLOADS_PER_HOUR": "1000",
            "TMPDIR": str(self.spool),
        }

    @property
    def spool(self) -> Path:
        """Where its processes keep temporary files, for the disk to be full there."""
        return self.folder / "tmp"

    @property
    def cache(self) -> Path:
        return self.folder / "artifacts"

    @property
    def values(self) -> dict[str, str]:
        """Addresses and passwords of its servers."""
        return read(self.folder / "env")

    def up(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.spool.mkdir(exist_ok=True)
        self.spool.chmod(0o1777)
        self._manage("up", "--detach")

    def down(self) -> None:
        self._manage("down")

    def _manage(self, *arguments: str) -> None:
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=REPOSITORY, env=self.environment, timeout=300,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"manage.py {' '.join(arguments)}: {done.stdout[-2000:]}")

    def act(self, *arguments: str) -> Any:
        """Run one of the product's own actions (`acts.py`) in a process of its own; returns its
        answer."""
        with self.acting(*arguments) as process:
            said, _ = process.communicate(timeout=300)
            if process.returncode:
                raise RuntimeError(f"{arguments} ended with code {process.returncode}")
        return json.loads(said.strip().splitlines()[-1])

    @contextmanager
    def acting(self, *arguments: str) -> "Iterator[subprocess.Popen[str]]":
        process = subprocess.Popen(
            [sys.executable, "-c", ACTS, *arguments],
            cwd=REPOSITORY, env=self.product_environment(**MANY_THREADS),
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()

    def product_environment(self, **more: str) -> dict[str, str]:
        """Return the environment of a process of the product that the supervisor does not start."""
        settings = {"DJANGO_SETTINGS_MODULE": "config.settings", "LOG_LEVEL": "WARNING"}
        return self.values | self.environment | settings | more

    # --- its processes ---------------------------------------------------------------------

    @property
    def record(self) -> Record:
        now = record.read(self.folder)
        if now is None:
            raise RuntimeError(f"nothing runs in {self.folder}")
        return now

    def identity(self, part: str) -> Identity:
        return self.record.processes[part].identity

    def everything_of(self, part: str) -> list[Identity]:
        """Return the part's process, the processes of its session, and their descendants."""
        leader = self.identity(part)
        found = {one.pid: one for one in left_behind(leader, self.folder)}
        for pid in descendants(leader.pid):
            found.setdefault(pid, Identity.of(pid))
        return list(found.values())

    def send(self, part: str, number: signal.Signals) -> Identity:
        """Signal the part's own process, and return it."""
        identity = self.identity(part)
        identity.send(number)
        return identity

    def kill(self, part: str) -> Identity:
        return self.send(part, signal.SIGKILL)

    def until_another(self, part: str, before: Identity) -> None:
        """Wait until the supervisor has started the part again, and a server answers."""
        until(
            lambda: self.identity(part) != before and self.identity(part).is_alive(),
            f"{part} to be started again",
        )
        if part in ANSWERS:
            until(lambda: ANSWERS[part](self.values), f"{part} to answer")

    def kill_and_wait(self, part: str) -> None:
        self.until_another(part, self.kill(part))

    @contextmanager
    def frozen(self, part: str) -> Iterator[None]:
        """Suspend every process of the part during the block; then they continue."""
        processes = self.everything_of(part)
        for one in processes:
            one.send(signal.SIGSTOP)
        try:
            yield
        finally:
            for one in processes:
                one.send(signal.SIGCONT)

    @contextmanager
    def held_down(self, part: str) -> Iterator[None]:
        """Kill the part and keep it down during the block: its supervisor is suspended."""
        supervisor = self.record.supervisor
        before = self.identity(part)
        supervisor.send(signal.SIGSTOP)
        try:
            for one in self.everything_of(part):
                one.send(signal.SIGKILL)
            yield
        finally:
            supervisor.send(signal.SIGCONT)
        self.until_another(part, before)

    @property
    def web_workers(self) -> list[Identity]:
        return [Identity.of(pid) for pid in children(self.identity("web").pid)]

    @property
    def model_processes(self) -> list[Identity]:
        """Return the processes that hold a model: children of the worker's zygote."""
        zygotes = children(self.identity("worker").pid)
        return [Identity.of(pid) for zygote in zygotes for pid in children(zygote)]

    @contextmanager
    def another_worker(self, **variables: str) -> "Iterator[subprocess.Popen[bytes]]":
        """Yield a second resident worker, as on another machine; ready when it yields."""
        log = self.folder / "log" / "another-worker.log"
        cache = self.folder / "artifacts-of-another"
        environment = self.product_environment(
            ARTIFACT_CACHE_DIR=str(cache), LOG_LEVEL="INFO", PREFECT_SERVER_ALLOW_EPHEMERAL_MODE="0"
        )
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "flows.worker"],
                cwd=REPOSITORY, env=environment | variables, stdout=output, stderr=output,
            )  # fmt: skip
        try:
            until(lambda: b"started!" in log.read_bytes(), "another worker to start")
            yield process
        finally:
            process.send_signal(signal.SIGCONT)
            process.terminate()
            try:
                process.wait(40)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def says_yes(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2).is_success
    except httpx.HTTPError:
        return False


def connects(url: str) -> bool:
    try:
        psycopg.connect(url, connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


# From when on a server is back; Celery's and the resident worker's start is part of a recovery.
ANSWERS: dict[str, Callable[[dict[str, str]], bool]] = {
    "web": lambda values: says_yes(f"{values['SITE_URL']}/healthz"),
    "prefect": lambda values: says_yes(f"{values['PREFECT_API_URL']}/health"),
    "postgres": lambda values: connects(values["DATABASE_URL"]),
}


def children(pid: int) -> list[int]:
    """Return the processes whose parent this is."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            after_name = entry.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(after_name[1]) == pid:
            found.append(int(entry.parent.name))
    return found


def descendants(pid: int) -> list[int]:
    found = children(pid)
    return found + [below for one in found for below in descendants(one)]
