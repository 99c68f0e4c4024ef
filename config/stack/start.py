"""`up`: run the stack from start to end, in the foreground or in a session of its own."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from types import FrameType

from config.stack import environment as env
from config.stack import processes
from config.stack.environment import REPOSITORY, Environment
from config.stack.errors import StackError
from config.stack.stop import count_of, end_leftovers
from config.stack.supervision import record
from config.stack.supervision.console import Console
from config.stack.supervision.parts import Part
from config.stack.supervision.pids import Identity
from config.stack.supervision.record import Process, Record
from config.stack.supervision.supervisor import StoppedError, Supervisor

START_SECONDS = 300.0  # after which a start has failed; a part that ends is reported at once
STOP_SECONDS = 45.0  # within which a failed start is stopped
DEMO_ACCOUNTS = "user@example.com, admin@example.com, superuser@example.com"


def up(folder: Path, names: Collection[str] = (), *, quiet: bool = False) -> int:
    """Start everything, or the named parts, and run until stopped.

    With a stack running in this folder already, say where. Quiet, only the stack itself speaks.
    """
    env.make_folder(folder)
    lock = record.take_lock(folder)
    if lock is None:
        return tell_of_the_running_one(folder)
    with lock:
        ended = end_leftovers(folder)
        environment = env.prepare(folder, os.environ)
        console = Console(folder, shows_parts=not quiet)
        if ended:
            console.say(f"ended {count_of(ended)} that an earlier stack left behind")
        console.say(f"starting; data and logs are in {folder}")
        run(environment, processes.only(names, processes.everything(environment)), console)
    return 0


def run(environment: Environment, parts: Sequence[Part], console: Console) -> None:
    """Supervise the parts from their start to their end, keeping the record up to date."""
    began = time.monotonic()
    now = Record(
        supervisor=Identity.of(os.getpid()),
        state="starting",
        site_url=environment["SITE_URL"],
        ready_line="",
        parts=tuple(part.name for part in parts if not part.is_step),
        processes={},
        own=environment.own,
        values=record.checkable(environment),
    )

    def note(**changes: object) -> None:
        nonlocal now
        known = {
            running.part.name: Process(running.identity, running.part.stop_signal)
            for running in supervisor.running.values()
            if running.identity and not running.part.is_step
        }
        now = replace(now, processes=known, **changes)  # type: ignore[arg-type]
        try:
            record.write(environment.folder, now)
        except OSError as error:  # a full disk must not end a running stack
            console.say(f"the record cannot be written: {error.strerror}")

    def ask_to_stop(_number: int, _frame: FrameType | None) -> None:
        supervisor.ask_to_stop()

    supervisor = Supervisor(parts, console=console, on_change=note)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, ask_to_stop)
    try:
        supervisor.start(seconds=START_SECONDS)
        line = ready_line(environment, supervisor, time.monotonic() - began)
        note(state="ready", ready_line=line)
        console.say(line)
        supervisor.watch()
    except StoppedError:
        pass
    finally:
        console.say("stopping")
        note(state="stopping")
        supervisor.stop()
        record.remove(environment.folder)
        console.say("stopped")


def ready_line(environment: Environment, supervisor: Supervisor, seconds: float) -> str:
    """Return the one line that a person needs."""
    words = [f"Ready in {seconds:.1f} s: {environment['SITE_URL']}"]
    if environment.is_demo:
        words.append(f"sign in as {DEMO_ACCOUNTS} with password {environment['DEMO_PASSWORD']}")
    if told := first_prediction(supervisor.console):
        words.append(f"first prediction: {told}")
    words.append(f"what took longest: {supervisor.slowest()}")
    return " | ".join(words)


def first_prediction(console: Console) -> str:
    """Return the duration of the prediction made at the start, from the JSON that the command
    printed.

    Empty where none was made.
    """
    for line in reversed(console.log_of("fill").last):
        if line.startswith("{"):
            answer = json.loads(line)
            took = answer.get("time_to_result_ms")
            return f"{took:.0f} ms" if took is not None else str(answer["message"])
    return ""


def tell_of_the_running_one(folder: Path) -> int:
    """Print the address of the stack that is already running, once it is ready; exit code 0."""
    running = wait_until_ready(folder)
    if running is None:
        raise StackError("The stack that was starting in this folder has stopped.")
    print(f"Already running (process {running.supervisor.pid}). {running.ready_line}")
    return 0


def wait_until_ready(folder: Path, process: subprocess.Popen[bytes] | None = None) -> Record | None:
    """Return the record of the running stack once it is ready; None where it ends before."""
    deadline = time.monotonic() + START_SECONDS + STOP_SECONDS
    while time.monotonic() < deadline:
        if process is None and not record.is_held(folder):
            return None
        if process and process.poll() is not None:
            return None
        now = record.read(folder)
        if now and now.state == "ready" and now.supervisor.is_alive():
            return now
        time.sleep(0.1)
    raise StackError(f"The stack is not ready; see {folder / 'log'}.")


def up_detached(folder: Path, names: Collection[str] = ()) -> int:
    """Start everything in a session of its own; return when it is ready."""
    env.make_folder(folder)
    if record.is_held(folder):
        return tell_of_the_running_one(folder)
    log = folder / "log" / "up.log"
    with log.open("w") as stream:
        process = subprocess.Popen(
            [sys.executable, "-m", "config.stack", "up", "--quiet", *names],
            cwd=REPOSITORY,
            env={**os.environ, "STACK_DIR": str(folder)},
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            start_new_session=True,
        )
    try:
        ready = wait_until_ready(folder, process)
    except KeyboardInterrupt:
        process.terminate()
        process.wait()
        raise
    if ready is None:
        lines = log.read_text().strip().splitlines()
        raise StackError(lines[-1] if lines else f"The stack did not start; see {log}.")
    print(ready.ready_line)
    return 0
