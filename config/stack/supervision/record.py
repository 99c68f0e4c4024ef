"""The state of a running stack on disk: `.stack/lock`, held for life, and `.stack/run.json`.

The lock shows whether a supervisor is alive, however it ended; the record lists its processes, so
that a later start can end leftover ones.
"""

import fcntl
import json
import os
import signal
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any, Literal

from config.stack import environment as env
from config.stack.environment import Environment
from config.stack.supervision.pids import Identity


@dataclass(frozen=True)
class Process:
    """A part's process, and the signal that stops it."""

    identity: Identity
    stop_signal: signal.Signals


@dataclass(frozen=True)
class Record:
    supervisor: Identity
    state: Literal["starting", "ready", "stopping"]
    site_url: str
    ready_line: str
    parts: tuple[str, ...]
    processes: Mapping[str, Process]
    own: frozenset[str]
    values: Mapping[str, str]  # what the checks need, real variables included


def checkable(environment: Environment) -> dict[str, str]:
    """Return the variables that hold the servers' addresses."""
    names = {name for names in env.LEFT_OUT.values() for name in names}
    names |= {"SITE_URL", "WEB_PORT", "AWS_S3_REGION_NAME"}
    return {name: environment[name] for name in sorted(names) if name in environment.values}


def take_lock(folder: Path) -> IO[str] | None:
    """Take the stack's lock, to be held; None while another supervisor holds it. It is private,
    because any reader of a file can lock it."""
    stream = open(folder / "lock", "a")  # noqa: SIM115 - its closing is what frees the lock
    os.fchmod(stream.fileno(), 0o600)
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        stream.close()
        return None
    return stream


def is_held(folder: Path) -> bool:
    """Return whether a supervisor lives in this folder."""
    if not (folder / "lock").exists():
        return False
    lock = take_lock(folder)
    if lock:
        lock.close()
    return lock is None


def write(folder: Path, record: Record) -> None:
    """Replace the record atomically; it is private, since it contains passwords."""
    content: dict[str, Any] = asdict(record) | {"own": sorted(record.own)}
    draft = folder / "run.json.new"
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as stream:
        json.dump(content, stream, indent=1)
    draft.replace(folder / "run.json")


def read(folder: Path) -> Record | None:
    """Return the last record; None where there is none that can be read."""
    try:
        content = json.loads((folder / "run.json").read_text())
        return Record(
            supervisor=Identity(**content["supervisor"]),
            state=content["state"],
            site_url=content["site_url"],
            ready_line=content["ready_line"],
            parts=tuple(content["parts"]),
            processes={
                name: Process(Identity(**entry["identity"]), signal.Signals(entry["stop_signal"]))
                for name, entry in content["processes"].items()
            },
            own=frozenset(content["own"]),
            values=content["values"],
        )
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def remove(folder: Path) -> None:
    (folder / "run.json").unlink(missing_ok=True)
