"""Temporary servers, in a folder of one run's own, for the test suite and the benchmarks. When the
run has ended nothing is left of them."""

import fcntl
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO

from config.stack import environment as env
from config.stack.environment import Environment
from config.stack.servers import postgres, redis, s3
from config.stack.supervision.console import Console
from config.stack.supervision.supervisor import Supervisor

# Safe for data that is temporary.
QUICK = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "300",
    "max_wal_size": "1GB",
}
SERVERS_SECONDS = 180
UNREACHABLE = "http://127.0.0.1:9/api"  # no run reaches a Prefect server by accident


def claim(runs: Path) -> IO[str]:
    """Create and lock this run's folder, after removing those of ended runs.

    A run that was killed cannot remove its own folder, but its lock is gone with it.
    """
    runs.mkdir(parents=True, exist_ok=True)
    with open(runs / "lock", "a") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        for file in runs.glob("*/lock"):
            with file.open("a") as lock:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    continue
                remove(file.parent)
        folder = runs / str(os.getpid())
        folder.mkdir()
        mine = open(folder / "lock", "a")  # noqa: SIM115 - held as long as the run lasts
        fcntl.flock(mine, fcntl.LOCK_EX)
        return mine


def remove(folder: Path) -> None:
    """Remove a run's folder, and its database where that had to live elsewhere."""
    home = postgres.cluster_in(folder).data.parent
    for place in {folder, home}:
        shutil.rmtree(place, ignore_errors=True)


def without_servers(given: Mapping[str, str]) -> dict[str, str]:
    """Return the real variables without those of a person's own servers, which no run uses."""
    foreign = {name for names in env.LEFT_OUT.values() for name in names}
    foreign |= {*env.URLS, "WEB_PORT", "STACK_DIR"}
    return {name: value for name, value in given.items() if name not in foreign}


def environment_for(folder: Path) -> Environment:
    """Return a run's environment, in its own folder."""
    prepared = env.prepare(folder, without_servers(os.environ))
    return replace(prepared, values={**prepared.values, "PREFECT_API_URL": UNREACHABLE})


@contextmanager
def servers(runs: Path) -> Iterator[Environment]:
    """Run PostgreSQL, Redis and S3 for one run, in `runs`/<pid>; removes everything
    afterwards."""
    with claim(runs) as lock:
        folder = Path(lock.name).parent
        environment = environment_for(folder)
        supervisor = Supervisor(
            [
                postgres.part(environment, tuning=QUICK),
                redis.part(environment),
                s3.part(environment),
            ],
            console=Console(folder),
        )
        try:
            supervisor.start(seconds=SERVERS_SECONDS)
            yield environment
        finally:
            supervisor.stop()
            remove(folder)
