"""A forked child: locks itself down, then opens one model file and answers for it.

Whatever a model file makes of this process, it holds one socket to the worker and nothing else.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import sys
import time
import traceback
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

from . import lockdown, wire
from .curve import curve
from .examine import examine
from .explanation import explain
from .prediction import predict
from .protocol import MAX_MESSAGE, MAX_REPLY
from .protocol.artifact import LoadReport
from .protocol.errors import OUT_OF_MEMORY, HostError
from .protocol.inputs import InputLayout, Scalar
from .protocol.orders import NOT_LOCKED_EXIT, OUT_OF_MEMORY_EXIT, Orders, SelfTest
from .protocol.trace import Traced
from .safe_load import Loaded, load
from .trace import peak_bytes, predict_traced


class _Silence(io.TextIOBase):
    """Where printing models print: they have no descriptor for it."""

    def write(self, text: str) -> int:
        return len(text)


def live(descriptor: int, orders: Orders, *, parent: int, canary: Path) -> NoReturn:
    """Locks this process, then serves on the socket ``descriptor`` until the worker closes it."""
    code = 1
    try:
        lockdown.name_process("model")
        for module in orders.modules:
            # What cannot be imported is missing when the loader asks for it, and is reported then.
            with contextlib.suppress(Exception):
                importlib.import_module(module)
        lockdown.strip(descriptor)
        sys.stdin = None
        sys.stdout = sys.stderr = _Silence()
        lockdown.limit(memory_bytes=orders.memory_bytes, cpu_seconds=orders.cpu_seconds)
        missing = lockdown.lock(parent=parent) if orders.locked else ()
        if orders.role == "self_test":
            _reply(lockdown.self_test(canary, missing))
        else:
            _serve(boosters=orders.boosters)
        code = 0
    except lockdown.LockdownError as error:
        if orders.role == "self_test":
            _reply(SelfTest(passed=False, findings=(f"The lock did not close: {error}.",)))
        code = NOT_LOCKED_EXIT
    except MemoryError:
        code = OUT_OF_MEMORY_EXIT
    finally:
        # Not sys.exit: no handler, destructor or buffer that came with the fork may run.
        os._exit(code)


def _serve(*, boosters: bool) -> None:
    loaded: Loaded | None = None
    while (request := _receive()) is not None:
        try:
            match loaded, request:
                case None, {"op": "load"}:
                    loaded, report = _load(request, boosters=boosters)
                    _reply(report)
                case Loaded(), {"op": "examine"}:
                    _reply(examine(loaded.estimator, loaded.libraries))
                case Loaded(), {"op": "predict"}:
                    layout = wire.from_json(InputLayout, request["layout"])
                    inputs: dict[str, Scalar] = request["inputs"]
                    _reply(predict(loaded.estimator, layout, inputs))
                case Loaded(), {"op": "trace"}:
                    _reply_traced(_trace(loaded, request))
                case Loaded(), {"op": "explain", "typical": typical, "seed": seed}:
                    layout = wire.from_json(InputLayout, request["layout"])
                    inputs, seconds = request["inputs"], request["seconds"]
                    _reply(
                        explain(
                            loaded.estimator, layout, inputs, typical, seed=seed, seconds=seconds
                        )
                    )
                case Loaded(), {"op": "curve", "name": name, "points": points}:
                    layout = wire.from_json(InputLayout, request["layout"])
                    _reply(curve(loaded.estimator, layout, request["inputs"], name, points))
                case _:
                    raise HostError("CRASH", "The model's process was asked for something unknown.")
        except HostError as error:
            _fail(error)
        except MemoryError:
            loaded = None
            _fail(HostError("MEMORY", OUT_OF_MEMORY, traceback=traceback.format_exc()))
        except BaseException as error:  # A model may raise SystemExit, too.
            _fail(_failure(request, error))


def _load(request: dict[str, Any], *, boosters: bool) -> tuple[Loaded, LoadReport]:
    """Opens the bytes that follow the request. ``memory_bytes`` is how far the peak rose."""
    started, before = time.perf_counter(), peak_bytes()
    length = wire.ARTIFACT_LENGTH.unpack(_read(wire.ARTIFACT_LENGTH.size))[0]
    loaded = load(
        memoryview(_read(length)),
        request["format"],
        approved=frozenset((module, name) for module, name in request["approved"]),
        boosters=boosters,
    )
    return loaded, LoadReport(
        types=loaded.types,
        seconds=time.perf_counter() - started,
        memory_bytes=peak_bytes() - before,
    )


def _trace(loaded: Loaded, request: dict[str, Any]) -> Traced:
    return predict_traced(
        loaded.estimator,
        wire.from_json(InputLayout, request["layout"]),
        request["inputs"],
        level=request["level"],
        hidden=frozenset(request["hidden"]),
    )


def _failure(request: dict[str, Any], error: BaseException) -> HostError:
    said = "".join(traceback.format_exception_only(error)).strip()
    if request["op"] in ("predict", "trace"):
        message = f"The model failed on these inputs: {said}"
        return HostError("MODEL", message, traceback=traceback.format_exc())
    return HostError("LOAD", f"The file does not open: {said}", traceback=traceback.format_exc())


def _receive() -> dict[str, Any] | None:
    """The next request, or None when the worker has closed the socket."""
    header = _read(wire.MESSAGE_LENGTH.size)
    if not header:
        return None
    length = wire.MESSAGE_LENGTH.unpack(header)[0]
    if length > MAX_MESSAGE:
        raise wire.MalformedMessage(f"a request of {length} bytes")
    request = wire.parse(_read(length))
    if not isinstance(request, dict):
        raise wire.MalformedMessage("a request that is no object")
    return request


def _read(length: int) -> bytearray:
    """Exactly ``length`` bytes, or none at the end. EOFError if the worker stops half-way."""
    received = bytearray(length)
    rest = memoryview(received)
    while rest:
        count = os.readv(lockdown.SOCKET, [rest])
        if count == 0:
            if len(rest) == length:
                return bytearray()
            raise EOFError
        rest = rest[count:]
    return received


def _reply(result: object) -> None:
    try:
        message = wire.frame({"ok": True, "result": wire.to_json(result)}, limit=MAX_REPLY)
    except wire.MalformedMessage as error:
        raise HostError("MODEL", f"The model's answer is too large: {error}.") from None
    _send(message)


def _reply_traced(traced: Traced) -> None:
    """What can be answered unwatched is answered watched, too: the trace gives way."""
    try:
        _reply(traced)
    except HostError:
        _reply(replace(traced, trace=None))


def _fail(error: HostError) -> None:
    _send(wire.frame({"ok": False, "error": wire.error_to_json(error)}, limit=MAX_REPLY))


def _send(message: bytes) -> None:
    rest = memoryview(message)
    while rest:
        rest = rest[os.write(lockdown.SOCKET, rest) :]
