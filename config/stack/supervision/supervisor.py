"""The supervisor: starts the parts in the order of dependencies, waits until each is healthy, and
restarts them.

Every child is started from the supervising thread, since the signal that a child gets when its
parent dies is bound to that thread. Each leads a session of its own, so that Ctrl-C reaches the
supervisor alone and a part's children can be ended with it.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from config.stack.environment import REPOSITORY, bare
from config.stack.errors import NotHealthyError, StackError
from config.stack.supervision.console import Console
from config.stack.supervision.parts import Part
from config.stack.supervision.pids import Identity

TICK_SECONDS = 0.05
GRACE_SECONDS = 5.0  # for a part to stop by itself: `docker stop` waits 10 s for all
OWN_SECONDS = 5.0  # for a person's own server to answer
FIRST_BACKOFF_SECONDS = 0.2
LAST_BACKOFF_SECONDS = 30.0
PROGRESS_SECONDS = 10.0  # between two lines that say what the start waits for
STEADY_SECONDS = 60.0  # after which a crash counts as the first again
STARTS_BEFORE_GIVING_UP = 3  # while the stack is not ready


class StoppedError(Exception):
    """The person asked the stack to stop while it was starting."""


@dataclass
class Running:
    """One started part."""

    part: Part
    process: subprocess.Popen[bytes] | None = None
    identity: Identity | None = None
    reader: threading.Thread | None = None
    began: float = field(default_factory=time.monotonic)
    ready: float | None = None
    starts: int = 0
    starts_again_at: float | None = None
    told_to_stop_at: float | None = None
    check: Future[None] | None = None
    trouble: str = "no answer yet"


class Supervisor:
    """The supervisor of one list of parts; `on_change` is called whenever a process starts."""

    def __init__(
        self,
        parts: Sequence[Part],
        *,
        console: Console,
        on_change: Callable[[], None] = lambda: None,
    ) -> None:
        self.parts = parts
        self.console = console
        self.on_change = on_change
        self.running: dict[str, Running] = {}
        self.healthy: set[str] = set()
        self.is_stopping = False
        self.grace_seconds = GRACE_SECONDS

    # --- starting --------------------------------------------------------------------------

    def start(self, *, seconds: float) -> None:
        """Start every part; return when all are healthy. StackError names the one that is not."""
        began = told = time.monotonic()
        deadline = began + seconds
        with ThreadPoolExecutor(max_workers=4) as checks:
            while len(self.healthy) < len(self.parts):
                if self.is_stopping:
                    raise StoppedError
                for part in self.parts:
                    if part.name not in self.running and self.healthy.issuperset(part.after):
                        self.begin(part)
                for running in self.running.values():
                    if running.part.name in self.healthy:
                        self.look_after_crash(running)
                    else:
                        self.look_after_start(running, checks)
                now = time.monotonic()
                if now > deadline:
                    raise StackError(self.too_late(seconds))
                if now > told + PROGRESS_SECONDS:
                    told = now
                    self.console.say(f"after {now - began:.0f} s: waiting for {self.waiting()}")
                time.sleep(TICK_SECONDS)

    def begin(self, part: Part) -> None:
        running = self.running.setdefault(part.name, Running(part))
        running.starts += 1
        running.starts_again_at = None
        running.began = time.monotonic()
        if part.is_own:
            return
        part.prepare()
        account = part.account
        uid, gid = (account.uid, account.gid) if account else (os.getuid(), os.getgid())
        process = subprocess.Popen(
            [
                sys.executable, "-I", "-S", str(Path(__file__).with_name("launcher.py")),
                str(os.getpid()), str(int(part.stop_signal)), f"{uid}:{gid}", *part.argv,
            ],
            env={**bare(self.console.folder), **part.environment},
            cwd=REPOSITORY, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        running.process, running.identity = process, Identity.of(process.pid)
        if process.stdout:
            running.reader = self.console.follow(part, process.stdout)
        self.on_change()

    def look_after_start(self, running: Running, checks: ThreadPoolExecutor) -> None:
        """Advance the start of one part that is not healthy yet by a step."""
        part = running.part
        if running.starts_again_at is not None:
            if time.monotonic() >= running.starts_again_at:
                self.begin(part)
            return
        code = self.exit_code(running)
        if part.is_step:
            if code == 0:
                self.note_healthy(running)
            elif code is not None:
                raise StackError(f"The step {part.name} failed: {self.last_words(part)}")
            return
        if code is not None:
            if running.starts >= STARTS_BEFORE_GIVING_UP:
                raise StackError(f"{part.name} does not start: {self.last_words(part)}")
            running.starts_again_at = time.monotonic() + FIRST_BACKOFF_SECONDS
            return
        if running.check is None:
            running.check = checks.submit(part.check)
        elif running.check.done():
            future, running.check = running.check, None
            try:
                future.result()
            except NotHealthyError as error:
                running.trouble = str(error)
                if part.is_own and time.monotonic() - running.began > OWN_SECONDS:
                    raise StackError(
                        f"Your own {part.name} at {part.address} does not answer: {error}"
                    ) from None
            else:
                self.note_healthy(running)

    def note_healthy(self, running: Running) -> None:
        self.healthy.add(running.part.name)
        running.ready = time.monotonic()
        line = f"{running.part.name} is ready after {self.took(running):.1f} s"
        self.console.log_of("stack").write(line)
        self.console.say(line)

    def took(self, running: Running) -> float:
        """Return the seconds in which a part became ready, since all that it needs was there."""
        ready = [self.running[name].ready for name in running.part.uses if name in self.running]
        since = max([running.began, *(moment for moment in ready if moment is not None)])
        return max((running.ready or time.monotonic()) - since, 0.0)

    def waiting(self) -> str:
        """Name the parts that are not healthy yet."""
        names = [part.name for part in self.parts if part.name not in self.healthy]
        return ", ".join(names)

    def slowest(self) -> str:
        """Return the part that took longest to become ready, and how long."""
        name, seconds = max(
            ((name, self.took(running)) for name, running in self.running.items()),
            key=lambda one: one[1],
        )
        return f"{name} {seconds:.1f} s"

    def last_words(self, part: Part) -> str:
        log = self.console.log_of(part.name)
        return f"{log.last_words()} (more in {log.file})"

    def too_late(self, seconds: float) -> str:
        waiting = [running for name, running in self.running.items() if name not in self.healthy]
        told = "; ".join(f"{running.part.name}: {running.trouble}" for running in waiting)
        logs = self.console.folder / "log"
        return f"Not ready within {seconds:.0f} s. {told}. The logs are in {logs}."

    # --- watching --------------------------------------------------------------------------

    def watch(self) -> None:
        """Restart parts that crash, until asked to stop."""
        while not self.is_stopping:
            for running in self.running.values():
                self.look_after_crash(running)
            time.sleep(TICK_SECONDS)

    def look_after_crash(self, running: Running) -> None:
        """Restart a server that ended, after a pause that grows with each crash."""
        if running.part.is_step or running.part.is_own:
            return
        now = time.monotonic()
        if running.starts_again_at is not None:
            if now >= running.starts_again_at:
                try:
                    self.begin(running.part)
                except (StackError, OSError) as error:
                    running.starts_again_at = now + LAST_BACKOFF_SECONDS
                    self.console.say(str(error), of=running.part.name)
            return
        code = self.exit_code(running)
        if code is None:
            return
        if now - running.began > STEADY_SECONDS:
            running.starts = 0
        wait = min(FIRST_BACKOFF_SECONDS * 2**running.starts, LAST_BACKOFF_SECONDS)
        running.starts_again_at = now + wait
        how = signal.Signals(-code).name if code < 0 else f"code {code}"
        self.console.say(f"ended with {how}; starts again in {wait:.1f} s", of=running.part.name)

    @staticmethod
    def exit_code(running: Running) -> int | None:
        """Return the exit code of a part that ended, its whole group ended with it; else None.

        The group is signalled while the dead leader still holds its number.
        """
        process = running.process
        if process is None or process.returncode is not None:
            return process.returncode if process else None
        options = os.WEXITED | os.WNOHANG | os.WNOWAIT
        if os.waitid(os.P_PID, process.pid, options) is None:
            return None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        if running.reader:
            running.reader.join(timeout=1)  # its last output is reported
        return process.wait()

    # --- stopping --------------------------------------------------------------------------

    def ask_to_stop(self) -> None:
        """Request the stop; safe inside a signal handler. A second request skips the waiting."""
        self.grace_seconds = 0.0 if self.is_stopping else GRACE_SECONDS
        self.is_stopping = True

    def stop(self) -> None:
        """Stop every part, dependents first; kill those that do not end in time."""
        self.is_stopping = True
        while alive := [r for r in self.running.values() if r.process and self.is_running(r)]:
            needed = {name for one in alive for name in (*one.part.after, *one.part.uses)}
            for running in alive:
                if running.part.name in needed or running.process is None:
                    continue
                now = time.monotonic()
                if running.told_to_stop_at is None:
                    running.told_to_stop_at = now
                    running.process.send_signal(running.part.stop_signal)
                elif now - running.told_to_stop_at > self.grace_seconds:
                    running.process.kill()
            time.sleep(TICK_SECONDS)

    def is_running(self, running: Running) -> bool:
        return self.exit_code(running) is None
