"""A forked child: locks itself down, then opens one model file and answers for it.

Even if a model file takes over this process, it has one socket to the worker and nothing else.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import io
import os
import pickle
import sys
import time
import traceback
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

from model_host import wire
from model_host.answering.complaints import blamed_on_version
from model_host.answering.curve import curve
from model_host.answering.explanation import explain
from model_host.answering.many_rows.predictions import first_of, predict_many
from model_host.answering.prediction import predict
from model_host.answering.trace import peak_bytes, predict_traced
from model_host.loading.origin import saved_with
from model_host.loading.safe_load import Loaded, load
from model_host.locked import lockdown
from model_host.protocol import MAX_MESSAGE, MAX_REPLY, codec
from model_host.protocol.artifact import LoadReport, Origin
from model_host.protocol.errors import OUT_OF_MEMORY, HostError
from model_host.protocol.inputs import InputLayout
from model_host.protocol.orders import NOT_LOCKED_EXIT, OUT_OF_MEMORY_EXIT, Orders, SelfTest
from model_host.protocol.outputs import ManyOutputs
from model_host.protocol.trace import Traced
from model_host.structure.examine import examine


class _Silence(io.TextIOBase):
    """The output of models that print: a file without a descriptor, which discards everything."""

    def write(self, text: str) -> int:
        return len(text)


def live(descriptor: int, orders: Orders, *, parent: int, canary: Path) -> NoReturn:
    """Lock this process, then serve on the socket ``descriptor`` until the worker closes it."""
    code = 1
    try:
        lockdown.name_process("model")
        for module in orders.modules:
            # A module that cannot be imported is reported when the loader needs it.
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
    state = b""
    while (request := _receive()) is not None:
        try:
            match loaded, request:
                case None, {"op": "origin"}:
                    _reply(Origin(saved_with(_artifact())))
                case None, {"op": "load"}:
                    loaded, report = _load(request, boosters=boosters)
                    state = b"" if loaded.is_constant else _state_of(loaded.estimator)
                    _reply(report)
                case Loaded(), _:
                    result = _answer(loaded, request)
                    is_constant = loaded.is_constant or state == _state_of(loaded.estimator) != b""
                    _reply_answer(result, has_changed=not is_constant)
                case _:
                    raise _unknown()
        except HostError as error:
            _fail(error)
        except MemoryError:
            loaded = None
            _fail(HostError("MEMORY", OUT_OF_MEMORY, traceback=traceback.format_exc()))
        except BaseException as error:  # A model may raise SystemExit, too.
            _fail(_failure(request, error))


def _answer(loaded: Loaded, request: dict[str, Any]) -> object:
    """The model's answer to a request."""
    try:
        return _asked(loaded, request)
    except HostError as failure:
        saved = loaded.libraries.get("scikit-learn", "")
        blamed = blamed_on_version(failure, saved, lambda: _fails_always(loaded, request))
        if blamed is failure:
            raise
        raise blamed from failure


def _fails_always(loaded: Loaded, request: dict[str, Any]) -> bool:
    """Whether the model has no answer to a typical row either."""
    layout = codec.from_json(InputLayout, request["layout"])
    names = [column.name for column in layout.columns]
    return examine(loaded.estimator, loaded.libraries, names).trial_failure is not None


def _asked(loaded: Loaded, request: dict[str, Any]) -> object:
    match request:
        case {"op": "examine", "names": names, "named_by": named_by}:
            return examine(loaded.estimator, loaded.libraries, names, named_by)
        case {"op": "predict", "inputs": inputs}:
            layout = codec.from_json(InputLayout, request["layout"])
            return predict(loaded.estimator, layout, inputs)
        case {"op": "predict_many"}:
            return _many(loaded, request)
        case {"op": "trace"}:
            return _trace(loaded, request)
        case {"op": "explain", "inputs": inputs, "typical": typical, "seed": seed}:
            layout, seconds = codec.from_json(InputLayout, request["layout"]), request["seconds"]
            return explain(loaded.estimator, layout, inputs, typical, seed=seed, seconds=seconds)
        case {"op": "curve", "inputs": inputs, "name": name, "points": points}:
            layout = codec.from_json(InputLayout, request["layout"])
            return curve(loaded.estimator, layout, inputs, name, points)
    raise _unknown()


def _unknown() -> HostError:
    return HostError("CRASH", "The model's process was asked for something unknown.")


class _Digest:
    """A file that keeps only the digest of what is written to it."""

    def __init__(self) -> None:
        self._hash = hashlib.blake2b()
        self.digest = self._hash.digest

    def write(self, data: bytes) -> int:
        self._hash.update(data)
        return memoryview(data).nbytes


def _state_of(estimator: Any) -> bytes:
    """A digest of the model's whole state, as it would be saved; empty if there is none."""
    file = _Digest()
    try:
        pickle.Pickler(file, protocol=5).dump(estimator)
    except MemoryError:
        raise
    except Exception:
        return b""
    return file.digest()


def _load(request: dict[str, Any], *, boosters: bool) -> tuple[Loaded, LoadReport]:
    """Open the bytes that follow the request. ``memory_bytes`` is how far the peak rose."""
    started, before = time.perf_counter(), peak_bytes()
    loaded = load(
        _artifact(),
        request["format"],
        approved=frozenset((module, name) for module, name in request["approved"]),
        boosters=boosters,
    )
    return loaded, LoadReport(
        types=loaded.types,
        seconds=time.perf_counter() - started,
        memory_bytes=peak_bytes() - before,
        left_out=loaded.left_out,
    )


def _artifact() -> memoryview:
    """The bytes that follow a request about a file."""
    length = wire.ARTIFACT_LENGTH.unpack(_read(wire.ARTIFACT_LENGTH.size))[0]
    return memoryview(_read(length))


def _many(loaded: Loaded, request: dict[str, Any]) -> ManyOutputs:
    saved = loaded.libraries.get("scikit-learn", "")
    return predict_many(
        loaded.estimator,
        codec.from_json(InputLayout, request["layout"]),
        request["rows"],
        seconds=request["seconds"],
        is_constant=loaded.is_constant,
        judge=lambda failure: blamed_on_version(
            failure, saved, lambda: _fails_always(loaded, request)
        ),
    )


def _trace(loaded: Loaded, request: dict[str, Any]) -> Traced:
    return predict_traced(
        loaded.estimator,
        codec.from_json(InputLayout, request["layout"]),
        request["inputs"],
        level=request["level"],
        hidden=frozenset(request["hidden"]),
    )


def _failure(request: dict[str, Any], error: BaseException) -> HostError:
    said = "".join(traceback.format_exception_only(error)).strip()
    if request["op"] in ("predict", "predict_many", "trace"):
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
        raise codec.MalformedMessage(f"a request of {length} bytes")
    request = wire.parse(_read(length))
    if not isinstance(request, dict):
        raise codec.MalformedMessage("a request that is no object")
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


def _reply(result: object, *, has_changed: bool = False) -> None:
    """``has_changed``: this process is not to be asked about anybody else's inputs."""
    message: dict[str, Any] = {"ok": True, "result": codec.to_json(result)}
    if has_changed:
        message["changed"] = True
    try:
        framed = wire.frame(message, limit=MAX_REPLY)
    except codec.MalformedMessage as error:
        raise HostError("MODEL", f"The model's answer is too large: {error}.") from None
    _send(framed)


def _reply_answer(result: object, *, has_changed: bool) -> None:
    """Reply with the answer; where the reply would be too large, without a trace, or with the
    answers to fewer rows."""
    try:
        _reply(result, has_changed=has_changed)
    except HostError:
        if isinstance(result, ManyOutputs) and result.count > 1:
            _reply_answer(first_of(result, result.count // 2), has_changed=has_changed)
        elif isinstance(result, Traced):
            _reply(replace(result, trace=None), has_changed=has_changed)
        else:
            raise


def _fail(error: HostError) -> None:
    _send(wire.frame({"ok": False, "error": wire.error_to_json(error)}, limit=MAX_REPLY))


def _send(message: bytes) -> None:
    rest = memoryview(message)
    while rest:
        rest = rest[os.write(lockdown.SOCKET, rest) :]
