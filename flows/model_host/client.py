"""The worker's door to the models: ``ModelHost`` keeps locked processes warm and asks them.

A child serves one artifact and one request at a time. Children are kept for the next prediction
until others need the room, and are ended after any error, a number of predictions, or idle time.
What goes wrong is a ``HostError``; three things are not the model's doing and have their own
exception: ``ArtifactChanged``, ``PredictionCancelled``, and RuntimeError for a closed host.

This module imports neither Django, Prefect nor scikit-learn.
"""

from __future__ import annotations

import logging
import math
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Self, TypeVar

from . import wire
from .conversation import ArtifactChanged, PredictionCancelled, malformed
from .processes import Child, Zygote, ZygoteLost, self_test
from .protocol import (
    Artifact,
    Curve,
    Examination,
    Explanation,
    HostError,
    InputLayout,
    Limits,
    LoadReport,
    Orders,
    Outputs,
    Scalar,
    SelfTest,
    Traced,
    TraceLevel,
)

__all__ = ["Artifact", "ArtifactChanged", "ModelHost", "PredictionCancelled"]

logger = logging.getLogger(__name__)

SPARE_CPU_SECONDS = 60
EXPLAIN_SECONDS = 2.0

T = TypeVar("T")


@dataclass(frozen=True)
class _Key:
    """What a warm child is good for. ``memory_bytes`` is fixed when the child is forked."""

    artifact: Artifact
    memory_bytes: int


class ModelHost:
    """Opens models in locked processes. Thread-safe; a context manager.

    At most ``max_children`` processes, ``children_per_model`` of them for one artifact; idle ones
    are ended, longest unused first, while they hold more than ``max_memory_bytes`` together (the
    last used stays), after ``idle_seconds``, and after ``max_predictions_per_child``.
    ``one_child_per_prediction`` gives every prediction a process that never saw another's inputs.
    ``allow_unsandboxed`` serves models although the self-test failed; ``boosters`` opens those of
    XGBoost and LightGBM, too.
    """

    def __init__(
        self,
        *,
        python: str = sys.executable,
        max_children: int,
        max_memory_bytes: int,
        children_per_model: int,
        one_child_per_prediction: bool = False,
        max_predictions_per_child: int = 1000,
        idle_seconds: float = 900.0,
        allow_unsandboxed: bool = False,
        boosters: bool = False,
    ) -> None:
        self._python = python
        self._max_children = max_children
        self._max_memory_bytes = max_memory_bytes
        self._children_per_model = children_per_model
        self._max_predictions = 1 if one_child_per_prediction else max_predictions_per_child
        self._idle_seconds = idle_seconds
        self._allow_unsandboxed = allow_unsandboxed
        self._boosters = boosters
        self._starting = threading.Lock()
        self._zygote: Zygote | None = None
        self._self_test: SelfTest | None = None
        self._changed = threading.Condition()
        self._idle: dict[Child, _Key] = {}  # Longest unused first.
        self._busy: Counter[_Key] = Counter()
        self._is_closed = False
        self._keeper: threading.Thread | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def self_test(self) -> SelfTest:
        """What the start-up self-test found; starts the host if nobody did."""
        self.start()
        assert self._self_test is not None
        return self._self_test

    def start(self) -> None:
        """Starts the zygote (seconds) and tests the sandbox; harmless when repeated.

        HostError if the zygote does not come up. A failed self-test does not raise here: each
        request is refused instead.
        """
        try:
            self._running_zygote()
        except ZygoteLost as error:
            raise _not_started(error) from error

    def close(self) -> None:
        """Ends every process; a prediction that is running ends with a lost CRASH."""
        with self._changed:
            self._is_closed = True
            idle = list(self._idle)
            self._idle.clear()
            self._changed.notify_all()
        for child in idle:
            child.end()
        with self._starting:
            if self._zygote is not None:
                self._zygote.close()
        if self._keeper is not None:
            self._keeper.join()

    def predict(
        self,
        artifact: Artifact,
        layout: InputLayout,
        inputs: Mapping[str, Scalar],
        limits: Limits,
        *,
        cancelled: threading.Event | None = None,
        note: Callable[[str], None] = lambda event: None,
    ) -> Outputs:
        """One prediction. Setting ``cancelled`` from another thread kills the process within 50 ms
        and raises PredictionCancelled here. ``note`` hears whether the model was warm."""
        request = _request("predict", layout, inputs)
        return _read(Outputs, self._answer(artifact, request, limits, cancelled, note))

    def trace(
        self,
        artifact: Artifact,
        layout: InputLayout,
        inputs: Mapping[str, Scalar],
        limits: Limits,
        *,
        level: TraceLevel,
        hidden: Collection[str] = (),
        is_fresh: bool = False,
        cancelled: threading.Event | None = None,
        note: Callable[[str], None] = lambda event: None,
    ) -> Traced:
        """``predict``, watched: the same answer, and how it came about. Values of the inputs named
        in ``hidden`` stay out of the trace. ``is_fresh``: in a process of its own. A HostError
        carries the trace up to the failure, where the process lived to tell."""
        request = _request("trace", layout, inputs, level=level, hidden=sorted(hidden))
        answer = self._answer(artifact, request, limits, cancelled, note, is_kept=not is_fresh)
        return _read(Traced, answer)

    def _answer(
        self,
        artifact: Artifact,
        request: bytes,
        limits: Limits,
        cancelled: threading.Event | None,
        note: Callable[[str], None],
        *,
        is_kept: bool = True,
    ) -> object:
        key = _Key(artifact, limits.memory_bytes)
        with self._borrowed(key, limits, cancelled, is_kept=is_kept) as child:
            if child.report is None:
                report = _load(child, artifact, limits, cancelled)
                megabytes = report.memory_bytes / 1024**2
                note(f"model was loaded in {report.seconds:.3f} s and took {megabytes:.0f} MB")
            else:
                note("model was warm")
            answer = child.ask(request, seconds=limits.predict_seconds, cancelled=cancelled)
            child.predictions += 1
            return answer

    def explain(
        self,
        artifact: Artifact,
        layout: InputLayout,
        inputs: Mapping[str, Scalar],
        typical: Mapping[str, Scalar],
        limits: Limits,
        *,
        seed: int,
    ) -> Explanation:
        """What each input contributed to the answer; takes ``EXPLAIN_SECONDS`` or hardly more."""
        question: dict[str, object] = {
            "op": "explain",
            "typical": dict(typical),
            "seed": seed,
            "seconds": EXPLAIN_SECONDS,
        }
        seconds = EXPLAIN_SECONDS + limits.predict_seconds
        return _read(
            Explanation, self._ask(artifact, layout, inputs, limits, question, seconds=seconds)
        )

    def curve(
        self,
        artifact: Artifact,
        layout: InputLayout,
        inputs: Mapping[str, Scalar],
        limits: Limits,
        *,
        name: str,
        points: Sequence[Scalar],
    ) -> Curve:
        """The model's number at each of the ``points`` of one input, all others as they are."""
        question: dict[str, object] = {"op": "curve", "name": name, "points": list(points)}
        seconds = limits.predict_seconds
        return _read(Curve, self._ask(artifact, layout, inputs, limits, question, seconds=seconds))

    def _ask(
        self,
        artifact: Artifact,
        layout: InputLayout,
        inputs: Mapping[str, Scalar],
        limits: Limits,
        question: dict[str, object],
        *,
        seconds: float,
    ) -> object:
        """What a warm child answers about these inputs. HostError like ``predict``."""
        about = {"layout": layout, "inputs": dict(inputs)}
        request = wire.frame(
            {key: wire.to_json(value) for key, value in (question | about).items()}
        )
        with self._borrowed(_Key(artifact, limits.memory_bytes), limits, None) as child:
            if child.report is None:
                _load(child, artifact, limits, None)
            answer = child.ask(request, seconds=seconds)
            child.predictions += 1  # it has seen a person's inputs
            return answer

    def warm(self, artifact: Artifact, limits: Limits) -> LoadReport:
        """Makes sure that a process holds the artifact, and returns what opening it took."""
        with self._borrowed(_Key(artifact, limits.memory_bytes), limits, None) as child:
            return child.report or _load(child, artifact, limits, None)

    def examine(self, artifact: Artifact, limits: Limits) -> tuple[LoadReport, Examination]:
        """Opens the artifact in a process of its own and reads what the fitted model says."""
        key = _Key(artifact, limits.memory_bytes)
        with self._borrowed(key, limits, None, is_kept=False) as child:
            report = _load(child, artifact, limits, None)
            seconds = limits.load_seconds + limits.predict_seconds
            examination = child.ask(wire.frame({"op": "examine"}), seconds=seconds)
            return report, _read(Examination, examination)

    @contextmanager
    def _borrowed(
        self,
        key: _Key,
        limits: Limits,
        cancelled: threading.Event | None,
        *,
        is_kept: bool = True,
    ) -> Iterator[Child]:
        """A child for this thread alone: a warm one if ``is_kept`` and there is one, else new.

        It is kept afterwards if it ``is_kept`` and nothing went wrong, else ended.
        """
        self._running_zygote_or_refuse()
        seconds = limits.load_seconds + limits.predict_seconds
        child, evicted = self._take(key, seconds, cancelled, is_kept=is_kept)
        is_good = False
        try:
            for old in evicted:
                old.end()
            if child is None:
                child = self._fork(key.artifact, limits)
            yield child
            is_good = is_kept and child.predictions < self._max_predictions
        finally:
            if child is not None and not is_good:
                child.end()
            self._give_back(key, child if is_good else None)

    def _take(
        self, key: _Key, seconds: float, cancelled: threading.Event | None, *, is_kept: bool
    ) -> tuple[Child | None, list[Child]]:
        """A warm child or the right to fork one, and the children to end first."""
        evicted: list[Child] = []
        with self._changed:
            while not self._is_closed:
                if is_kept:
                    for child in [child for child, its in self._idle.items() if its == key][::-1]:
                        del self._idle[child]
                        if child.is_fit(seconds):
                            self._busy[key] += 1
                            return child, evicted
                        evicted.append(child)
                if not is_kept or self._busy[key] < self._children_per_model:
                    if len(self._idle) + self._busy.total() >= self._max_children and self._idle:
                        evicted.append(oldest := next(iter(self._idle)))
                        del self._idle[oldest]
                    if len(self._idle) + self._busy.total() < self._max_children:
                        self._busy[key] += 1
                        return None, evicted
                if cancelled is not None and cancelled.is_set():
                    raise PredictionCancelled
                self._changed.wait(None if cancelled is None else 0.05)
        raise RuntimeError("the model host is closed")

    def _give_back(self, key: _Key, child: Child | None) -> None:
        """Frees the place, and keeps ``child`` idle as far as memory allows."""
        memory = {} if child is None else {kept: kept.memory_bytes() for kept in list(self._idle)}
        evicted = []
        with self._changed:
            self._busy[key] -= 1
            if not self._busy[key]:
                del self._busy[key]
            if child is not None and self._is_closed:
                evicted.append(child)
            elif child is not None:
                self._idle[child] = key
                held = child.memory_bytes() + sum(memory.values())
                for old, size in memory.items():
                    if held <= self._max_memory_bytes:
                        break
                    if self._idle.pop(old, None) is not None:
                        evicted.append(old)
                    held -= size
            self._changed.notify_all()
        for old in evicted:
            old.end()

    def _fork(self, artifact: Artifact, limits: Limits) -> Child:
        orders = Orders(
            role="serve",
            memory_bytes=limits.memory_bytes,
            cpu_seconds=2 * math.ceil(limits.load_seconds + limits.predict_seconds)
            + SPARE_CPU_SECONDS,
            locked=self.self_test.passed,
            modules=tuple(sorted({module for module, _ in artifact.approved})),
            boosters=self._boosters,
        )
        try:
            zygote = self._running_zygote()
            try:
                return zygote.fork(orders)
            except ZygoteLost:
                logger.warning("zygote lost, starting another")
                return self._running_zygote(lost=zygote).fork(orders)
        except ZygoteLost as error:
            raise _not_started(error) from error

    def _running_zygote_or_refuse(self) -> None:
        if not self.self_test.passed and not self._allow_unsandboxed:
            raise HostError(
                "LOAD",
                "This server cannot open models safely: " + " ".join(self.self_test.findings),
            )

    def _running_zygote(self, *, lost: Zygote | None = None) -> Zygote:
        """The zygote, started if there is none or if it is the one that was ``lost``."""
        with self._starting:
            if self._is_closed:
                raise RuntimeError("the model host is closed")
            if self._zygote is None or self._zygote is lost:
                started = time.monotonic()
                self._zygote = None
                self._zygote = zygote = Zygote(self._python, boosters=self._boosters)
                if zygote.cold:
                    logger.warning("warm-up incomplete: %s", "; ".join(zygote.cold))
                if self._self_test is None or not self._self_test.passed:
                    self._self_test = self_test(zygote)
                logger.info(
                    "model host ready pid=%d seconds=%.1f sandboxed=%s",
                    zygote.pid,
                    time.monotonic() - started,
                    self._self_test.passed,
                )
                if self._keeper is None:
                    self._keeper = threading.Thread(
                        target=self._end_idle, name="model-host-keeper", daemon=True
                    )
                    self._keeper.start()
            return self._zygote

    def _end_idle(self) -> None:
        """The keeper's work: ends children that nobody has used for ``idle_seconds``."""
        while True:
            with self._changed:
                if self._is_closed:
                    return
                oldest_allowed = time.monotonic() - self._idle_seconds
                tired = [child for child in self._idle if child.used_at <= oldest_allowed]
                for child in tired:
                    del self._idle[child]
                if not tired:
                    first = min((child.used_at for child in self._idle), default=None)
                    self._changed.wait(None if first is None else first - oldest_allowed)
            for child in tired:
                child.end()


def _request(
    op: str, layout: InputLayout, inputs: Mapping[str, Scalar], **options: object
) -> bytes:
    """A prediction as a message. HostError INPUT for inputs that cannot travel."""
    try:
        values = {"layout": wire.to_json(layout), "inputs": wire.to_json(dict(inputs))}
        return wire.frame({"op": op, **values, **options})
    except ValueError as error:
        raise HostError("INPUT", f"The inputs cannot be sent to the model: {error}.") from None


def _load(
    child: Child, artifact: Artifact, limits: Limits, cancelled: threading.Event | None
) -> LoadReport:
    request = wire.frame(
        {
            "op": "load",
            "format": artifact.format,
            "approved": sorted(map(list, artifact.approved)),
        }
    )
    answer = child.ask(request, seconds=limits.load_seconds, cancelled=cancelled, artifact=artifact)
    child.report = _read(LoadReport, answer)
    return child.report


def _read(kind: type[T], answer: object) -> T:
    try:
        return wire.from_json(kind, answer)
    except wire.MalformedMessage as error:
        raise malformed(error) from None


def _not_started(error: ZygoteLost) -> HostError:
    message = f"The process that opens models could not be started: {error}."
    return HostError("CRASH", message, lost=True)
