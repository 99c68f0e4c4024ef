"""Handles of the zygote and its children in the worker: start, request, end, resource
accounting."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import select
import signal
import socket
import subprocess
import threading
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from model_host import wire
from model_host.processes.conversation import Conversation, ConversationEnded, Watch
from model_host.protocol import codec
from model_host.protocol.artifact import Artifact, LoadReport
from model_host.protocol.errors import OUT_OF_MEMORY, HostError
from model_host.protocol.orders import NOT_LOCKED_EXIT, OUT_OF_MEMORY_EXIT, Orders, SelfTest

ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "LC_ALL": "C.UTF-8",
}
"""The whole environment of the zygote. With OpenMP's threads alive, forked children hang."""

START_SECONDS = 120.0
CONTROL_SECONDS = 10.0
SELF_TEST_SECONDS = 60.0  # a locked child has 10 s of the processor, on a machine that may be busy
END_SECONDS = 5.0
LAST_WORDS_SECONDS = 0.5
"""The seconds that a child that has closed its socket gets to end by itself, so that its exit
status tells why."""

_LAUNCH = """
import gc, importlib.util, json, os, sys
gc.disable()
folder, control, *also = sys.argv[1:]
try:
    spec = importlib.util.spec_from_file_location(
        "model_host", folder + "/__init__.py", submodule_search_locations=[folder])
    sys.modules["model_host"] = package = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(package)
    from model_host.locked.zygote import main
    main(int(control), boosters="boosters" in also)
except Exception as error:
    import traceback
    said = {"failed": f"{type(error).__name__}: {error}"[:600],
            "is_import": isinstance(error, ImportError),
            "traceback": traceback.format_exc()[-1900:]}
    os.write(int(control), json.dumps(said).encode())
    sys.exit(1)
"""
"""Loads the package by itself: nothing else of ours can be imported there. While it imports, little
is garbage, and a tenth of the time would go into the search for it. The last words fit into
``wire.CONTROL_BYTES`` whatever they are."""

FROM_OUTSIDE = frozenset({signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP})
"""The signals by which others end a process; any other signal is its own fault."""
NO_ROOM = frozenset({errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE})
"""The errors for which a process temporarily cannot start."""
OTHER_LIBRARIES = (
    "The libraries here are not those of requirements.txt: install these again (pip install "
    "--require-hashes -r requirements.txt), then restart the worker."
)
OTHER_RUNTIME = (
    "The runtime's libraries are not those of its lock: add it again (manage.py runtime add {}), "
    "then restart the worker."
)


class ZygoteLost(Exception):
    """The zygote died, did not start, or does not answer; its children have ended.

    ``is_its_own``: nobody took it away, so another one would end the same way; ``advice`` says what
    to do then, and ``traceback`` where it failed.
    """

    def __init__(
        self, why: str, *, is_its_own: bool = False, advice: str = "", traceback: str = ""
    ) -> None:
        super().__init__(why)
        self.is_its_own = is_its_own
        self.advice = advice or "Mend that, then restart the worker; its log has the rest."
        self.traceback = traceback


class Zygote:
    """One running zygote. It is ready to fork once constructed; any thread may use it."""

    def __init__(self, python: str, *, boosters: bool = False) -> None:
        """Starts the process and waits until it is warm. ZygoteLost if it does not come up."""
        also = ["boosters"] if boosters else []
        folder = Path(python).parent.parent
        is_runtime = (folder / "runtime.json").is_file()
        self._advice = OTHER_RUNTIME.format(folder.name) if is_runtime else OTHER_LIBRARIES
        self._asking = threading.Lock()
        self._control, theirs = socket.socketpair()
        with theirs:
            try:
                self._process = subprocess.Popen(
                    [
                        *(python, "-I", "-c", _LAUNCH),
                        *(str(Path(__file__).parents[1]), str(theirs.fileno()), *also),
                    ],
                    env=ENVIRONMENT,
                    cwd="/",
                    pass_fds=(theirs.fileno(),),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    start_new_session=True,  # Ctrl-C in the worker's terminal is for the worker.
                )
            except OSError as error:
                self._control.close()
                is_its_own = error.errno not in NO_ROOM
                raise ZygoteLost(f"{python}: {error.strerror}", is_its_own=is_its_own) from error
        self.pid = self._process.pid
        ready = self._answer(START_SECONDS)
        self.cold: tuple[str, ...] = tuple(ready["cold"])
        self.missing: tuple[str, ...] = tuple(ready["missing"])
        self.libraries: dict[str, str] = dict(ready["libraries"])

    def fork(self, orders: Orders) -> Child:
        """Fork a new child. HostError if the machine lacks the memory or processes for one."""
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                answer = self._ask({"op": "fork", "orders": asdict(orders)}, theirs.fileno())
            except (ZygoteLost, HostError):
                ours.close()
                raise
        if "error" in answer:
            ours.close()
            raise HostError(
                "CRASH", f"No process could be started for the model: {answer['error']}", lost=True
            )
        return Child(self, answer["pid"], ours, orders)

    def reap(self, pid: int) -> int:
        """Return the wait status of a child that has ended."""
        status: int = self._ask({"op": "reap", "pid": pid})["status"]
        return status

    def close(self) -> None:
        """End the process, and with it every child; repeating it is harmless."""
        with self._asking:
            self._control.close()
        try:
            self._process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        self._control.close()

    def _ask(self, message: dict[str, Any], descriptor: int | None = None) -> dict[str, Any]:
        data = json.dumps(message).encode()
        if len(data) > wire.CONTROL_BYTES:
            raise HostError("LOAD", "The file needs types of too many modules.")
        with self._asking:
            try:
                socket.send_fds(self._control, [data], [] if descriptor is None else [descriptor])
            except OSError as error:
                raise self._ended() from error
            return self._answer(CONTROL_SECONDS)

    def _answer(self, seconds: float) -> dict[str, Any]:
        """The next message; it comes in one piece, since the zygote sends it in one."""
        try:
            self._control.settimeout(seconds)
            data = self._control.recv(wire.CONTROL_BYTES)
        except OSError as error:
            self.kill()
            raise ZygoteLost(f"it did not answer within {seconds:g} seconds") from error
        if not data:
            raise self._ended()
        answer: dict[str, Any] = json.loads(data)
        if "failed" in answer:
            self.kill()
            raise ZygoteLost(
                answer["failed"],
                is_its_own=True,
                advice=self._advice if answer["is_import"] else "",
                traceback=answer["traceback"],
            )
        return answer

    def _ended(self) -> ZygoteLost:
        """The end of a zygote that closed its socket without a message."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(LAST_WORDS_SECONDS)
        self.kill()
        code = self._process.returncode
        if code >= 0:
            return ZygoteLost(f"it ended with code {code}", is_its_own=True)
        name = signal.Signals(-code).name
        return ZygoteLost(f"it was ended by {name}", is_its_own=-code not in FROM_OUTSIDE)


class Child:
    """One forked process, for use by one thread at a time."""

    def __init__(self, zygote: Zygote, pid: int, connection: socket.socket, orders: Orders) -> None:
        self.pid = pid
        self.report: LoadReport | None = None
        self.predictions = 0
        self.busy_seconds = 0.0
        self.used_at = time.monotonic()
        self._zygote = zygote
        self._orders = orders
        self._conversation = Conversation(connection)
        self._handle: int | None = None
        self._status: int | None = None
        if hasattr(os, "pidfd_open"):
            # The zygote has not reaped it: the number still means this process.
            with contextlib.suppress(ProcessLookupError):
                self._handle = os.pidfd_open(pid)

    def ask(
        self,
        request: bytes,
        *,
        seconds: float,
        cancelled: threading.Event | None = None,
        artifact: Artifact | None = None,
    ) -> object:
        """Send the framed request, and the artifact if one is given, and return the result.

        HostError for whatever went wrong in the child, TIMEOUT after ``seconds``;
        PredictionCancelled within 50 ms of ``cancelled``; ArtifactChanged. After any of them the
        child must be ended.
        """
        watch = Watch(seconds, cancelled)
        try:
            return self._conversation.ask(request, artifact, watch)
        except ConversationEnded:
            raise self._obituary() from None
        finally:
            self.used_at = time.monotonic()
            self.busy_seconds += self.used_at - watch.started

    def report_of_self_test(self) -> object:
        """Receive the report of a child that was forked for the self-test."""
        try:
            return self._conversation.answer(Watch(SELF_TEST_SECONDS))
        except ConversationEnded:
            raise self._obituary() from None

    def is_fit(self, seconds: float) -> bool:
        """Return whether the child waits for a request, and has CPU time left for one of
        ``seconds``."""
        # A child that is not quiet has died, or sends an unrequested message.
        return (
            self._conversation.is_quiet() and self.busy_seconds + seconds < self._orders.cpu_seconds
        )

    @property
    def has_changed(self) -> bool:
        """Whether a request may have left something of its inputs in the model."""
        return self._conversation.has_changed

    def memory_bytes(self) -> int:
        """Return its memory beyond the zygote's own pages; 0 if the system does not tell."""
        return max(0, _anonymous_bytes(self.pid) - _anonymous_bytes(self._zygote.pid))

    def end(self) -> int | None:
        """Kill the process if it still runs; return its wait status, or None if the zygote is
        gone."""
        if self._conversation.is_closed:
            return self._status
        self._conversation.close()
        with contextlib.suppress(ProcessLookupError):
            if self._handle is None:
                os.kill(self.pid, signal.SIGKILL)
            else:
                signal.pidfd_send_signal(self._handle, signal.SIGKILL)
        self._has_ended(END_SECONDS)
        with contextlib.suppress(ZygoteLost):
            self._status = self._zygote.reap(self.pid)
        if self._handle is not None:
            os.close(self._handle)
        return self._status

    def _has_ended(self, seconds: float) -> bool:
        """Waits for the process's end, where the system has handles to wait on."""
        if self._handle is None:
            return False
        waiting = select.poll()
        waiting.register(self._handle, select.POLLIN)
        return bool(waiting.poll(seconds * 1000))

    def _obituary(self) -> HostError:
        """The reason of the child's end, after its socket was closed."""
        ended_by_itself = self._has_ended(LAST_WORDS_SECONDS)
        status = self.end()
        if status is None:
            return HostError("CRASH", "The process that opens models was stopped.", lost=True)
        code = os.waitstatus_to_exitcode(status)
        if code == OUT_OF_MEMORY_EXIT:
            return HostError("MEMORY", OUT_OF_MEMORY)
        if code == NOT_LOCKED_EXIT:
            return HostError("LOAD", "The sandbox could not be put in place; no model is opened.")
        if code == -signal.SIGKILL and ended_by_itself:
            return HostError("CRASH", "The model's process was killed from outside.", lost=True)
        if code < 0:
            name = signal.Signals(-code).name
            return HostError("CRASH", f"The model's process died of signal {-code} ({name}).")
        return HostError("CRASH", f"The model's process ended without an answer (code {code}).")


def self_test(zygote: Zygote, *, locked: bool = True) -> SelfTest:
    """Have a locked child try to break out, and return what it could do.

    A child that says nothing may have become another program: not passed.
    """
    child = zygote.fork(Orders("self_test", memory_bytes=2**28, cpu_seconds=10, locked=locked))
    try:
        return codec.from_json(SelfTest, child.report_of_self_test())
    except (HostError, codec.MalformedMessage) as error:
        return SelfTest(passed=False, findings=(f"The locked process gave no answer: {error}",))
    finally:
        child.end()


def _anonymous_bytes(pid: int) -> int:
    """Resident memory that is no file's: what was shared at the fork counts for both."""
    try:
        _, resident, shared, *_ = map(int, Path(f"/proc/{pid}/statm").read_text().split())
    except (OSError, ValueError):
        return 0
    return (resident - shared) * os.sysconf("SC_PAGE_SIZE")
