"""The zygote: the process that every model's process is forked from. It has imported the libraries
and never reads a model file.

The worker executes it with four environment variables and one socket. It imports scikit-learn and
friends once, makes their lazy imports happen, and then forks on request. It runs one thread,
always: with OpenMP's threads alive, histogram gradient boosting hangs in a forked child.

On the control socket each message is one JSON object, sent in one piece and answered by one:

``{"op": "fork", "orders": Orders}`` with the child's socket as ancillary data → ``{"pid": n}``, or
``{"error": why}`` where the machine has no room for a process
``{"op": "reap", "pid": n}``, for a child that has ended → ``{"status": n}`` as of ``os.waitpid``

The first message, unasked, is ``{"ready": true, "cold": [...], "missing": [...], "libraries":
{...}}`` with the warm-ups that failed, the known types that the libraries lack, and the versions of
these libraries; the last may be ``{"failed": why,
"is_import": whether a library is missing, "traceback": where}``. It ends, and its children with it,
when the worker closes the socket or dies.
"""

from __future__ import annotations

import gc
import json
import os
import platform
import select
import signal
import socket
import threading
from pathlib import Path
from typing import Any

from model_host import wire
from model_host.locked import child, lockdown, warmup
from model_host.protocol import codec
from model_host.protocol.orders import Orders
from model_host.structure.examine import LIBRARIES_RUNNING


def main(control_descriptor: int, *, boosters: bool = False) -> None:
    """Warm up, for XGBoost and LightGBM too if ``boosters``, and serve the control socket until its
    other end is gone."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.chdir("/")
    lockdown.name_process("model-zygote")
    control = socket.socket(fileno=control_descriptor)
    waiting = select.poll()
    waiting.register(control, select.POLLIN)
    if platform.system() == "Linux":
        # A process that the worker forked may hold the socket open after the worker's death.
        waiting.register(os.pidfd_open(os.getppid()), select.POLLIN)
    cold, missing = warmup.warm_up(boosters=boosters)
    gc.collect()
    gc.freeze()  # Children share these pages for as long as nobody touches them.
    gc.enable()
    told = {"cold": cold[:20], "missing": missing[:50], "libraries": LIBRARIES_RUNNING}
    _say(control, {"ready": True, **told})
    _serve(control, waiting)


def _serve(control: socket.socket, waiting: select.poll) -> None:
    children: set[int] = set()
    try:
        while [ready for ready, _ in waiting.poll()] == [control.fileno()]:
            data, descriptors, _, _ = socket.recv_fds(control, wire.CONTROL_BYTES, 1)
            if not data:
                break
            request = json.loads(data)
            if request["op"] == "fork":
                try:
                    pid = _fork(descriptors[0], request["orders"])
                except OSError as error:  # No memory or no process left for it.
                    _say(control, {"error": str(error)})
                else:
                    children.add(pid)
                    _say(control, {"pid": pid})
                os.close(descriptors[0])
            else:
                _, status = os.waitpid(request["pid"], 0)
                children.remove(request["pid"])
                _say(control, {"status": status})
    finally:
        for pid in children:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def _fork(descriptor: int, orders: object) -> int:
    """Fork a child that serves on ``descriptor``; RuntimeError where a thread would be lost."""
    ordered = codec.from_json(Orders, orders)
    if threads() != 1:
        raise RuntimeError(f"{threads()} threads before a fork")
    zygote = os.getpid()
    pid = os.fork()
    if pid == 0:
        child.live(descriptor, ordered, parent=zygote, canary=_canary())
    return pid


def _canary() -> Path:
    """A file that a process may read whoever it is: the interpreter may lie in a closed folder."""
    return Path("/proc/self/stat" if platform.system() == "Linux" else os.__file__)


def threads() -> int:
    """Return how many threads this process has, those of C libraries included where the kernel
    tells."""
    if platform.system() == "Linux":
        return len(os.listdir("/proc/self/task"))
    return threading.active_count()


def _say(control: socket.socket, message: dict[str, Any]) -> None:
    control.sendall(json.dumps(message).encode())
