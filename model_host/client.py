"""The worker's client of the model host: ``ModelHost`` sends requests to locked processes and keeps
them warm.

A child serves one artifact and one request at a time. Children are kept for the next prediction
until others need the room, and are ended after any error, a number of predictions, or idle time
(``pool.py``); what they are locked in is ``sandbox.py``'s.
What goes wrong is a ``HostError``; three things are not the model's doing and have their own
exception: ``ArtifactChanged``, ``PredictionCancelled``, and RuntimeError for a closed host.

This module imports neither Django, Prefect nor scikit-learn.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from types import TracebackType
from typing import Self, TypeVar

from model_host import wire
from model_host.processes.conversation import ArtifactChanged, PredictionCancelled, malformed
from model_host.processes.handles import Child
from model_host.processes.pool import Pool
from model_host.processes.sandbox import Sandbox
from model_host.protocol import codec
from model_host.protocol.artifact import Artifact, Limits, LoadReport, Origin
from model_host.protocol.errors import HostError
from model_host.protocol.examination import Examination
from model_host.protocol.explanation import Curve, Explanation
from model_host.protocol.inputs import InputLayout, Scalar
from model_host.protocol.orders import SelfTest
from model_host.protocol.outputs import ManyOutputs, Outputs
from model_host.protocol.trace import Traced, TraceLevel
from model_host.structure.report_limits import SENTENCE, unfit_answer, unfit_answers, unfit_report

__all__ = ["ArtifactChanged", "ModelHost", "PredictionCancelled"]

EXPLAIN_SECONDS = 2.0
MANY_SECONDS = 2.0
"""The time after which a model that answers row by row replies with what it has."""

T = TypeVar("T")


class ModelHost:
    """The model host's client: opens models in locked processes. Thread-safe; a context manager.

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
        self._sandbox = Sandbox(
            python=python, allow_unsandboxed=allow_unsandboxed, boosters=boosters
        )
        self._pool = Pool(
            self._sandbox.fork,
            max_children=max_children,
            max_memory_bytes=max_memory_bytes,
            children_per_model=children_per_model,
            max_predictions=1 if one_child_per_prediction else max_predictions_per_child,
            idle_seconds=idle_seconds,
        )

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
        """The result of the start-up self-test; starts the host if necessary."""
        self.start()
        return self._sandbox.self_test

    @property
    def libraries_running(self) -> dict[str, str]:
        """The versions of the libraries that open models here, by distribution name, and Python's;
        starts the host if necessary."""
        self.start()
        return self._sandbox.libraries_running

    @property
    def cold(self) -> tuple[str, ...]:
        """The warm-ups that failed, a line each, which should be none; starts the host if
        necessary."""
        self.start()
        return self._sandbox.cold

    def start(self) -> None:
        """Start the zygote (takes seconds) and test the sandbox; repeating it is harmless.

        HostError if the zygote does not come up. A failed self-test does not raise here: each
        request is refused instead.
        """
        self._sandbox.start()
        self._pool.start()

    def check(self) -> None:
        """Raise HostError if no model is opened here: the zygote does not start, or the self-test
        failed and its findings are not allowed."""
        self.start()
        self._sandbox.check()

    @property
    def is_awake(self) -> bool:
        """Whether its processes run."""
        return self._sandbox.is_awake

    def rest(self, *, unused_seconds: float = 0.0) -> bool:
        """End every process if no request runs and none came for ``unused_seconds``; the next
        request starts them again. Return whether they have ended."""
        is_unused = self._pool.rest(unused_seconds)
        if is_unused:
            self._sandbox.rest()
        return is_unused

    def close(self) -> None:
        """End every process; a running prediction ends with a lost CRASH."""
        self._pool.close()
        self._sandbox.close()

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
        """Make one prediction. Setting ``cancelled`` from another thread kills the process within
        50 ms and raises PredictionCancelled here. ``note`` hears whether the model was warm."""
        request = _request("predict", layout, inputs)
        answer = self._ask(artifact, request, limits, cancelled=cancelled, note=note)
        return _fit(_read(Outputs, answer))

    def predict_many(
        self,
        artifact: Artifact,
        layout: InputLayout,
        rows: Sequence[Sequence[Scalar]],
        limits: Limits,
        *,
        cancelled: threading.Event | None = None,
        note: Callable[[str], None] = lambda event: None,
    ) -> ManyOutputs:
        """Predict the first of these rows, given in the layout's order: as many as are answered in
        about ``MANY_SECONDS``, at least one, each as ``predict`` answers it. A HostError is about
        one of the rows or about all."""
        request = _request(
            "predict_many",
            layout,
            {},
            rows=rows,
            seconds=min(MANY_SECONDS, limits.predict_seconds / 2),
        )
        answer = self._ask(artifact, request, limits, cancelled=cancelled, note=note)
        many = _read(ManyOutputs, answer)
        if unfit := unfit_answers(many, len(rows)):
            raise HostError("MODEL", unfit)
        return many

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
        """Predict with a trace: the same answer, and how it was computed. Values of the inputs
        named in ``hidden`` stay out of the trace. ``is_fresh``: in a process of its own. A
        HostError carries the trace up to the failure, where the process lived to tell."""
        request = _request("trace", layout, inputs, level=level, hidden=sorted(hidden))
        answer = self._ask(
            artifact, request, limits, cancelled=cancelled, note=note, is_kept=not is_fresh
        )
        traced = _read(Traced, answer)
        _fit(traced.outputs)
        return traced

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
        """Return the contribution of each input to the answer; takes about ``EXPLAIN_SECONDS`` at
        most."""
        request = _request(
            "explain", layout, inputs, typical=dict(typical), seed=seed, seconds=EXPLAIN_SECONDS
        )
        seconds = EXPLAIN_SECONDS + limits.predict_seconds
        return _read(Explanation, self._ask(artifact, request, limits, seconds=seconds))

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
        """Return the model's number at each of the ``points`` of one input, all others
        unchanged."""
        request = _request("curve", layout, inputs, name=name, points=list(points))
        return _read(Curve, self._ask(artifact, request, limits))

    def origin(self, artifact: Artifact, limits: Limits) -> Origin:
        """Return which version of scikit-learn saved the file, as far as it says; nothing of it is
        opened."""
        with self._borrowed(artifact, limits, is_kept=False) as child:
            request = wire.frame({"op": "origin"})
            return _read(Origin, child.ask(request, seconds=limits.load_seconds, artifact=artifact))

    def warm(self, artifact: Artifact, limits: Limits) -> LoadReport:
        """Ensure that a process holds the artifact, and return the cost of opening it."""
        with self._borrowed(artifact, limits) as child:
            return child.report or _load(child, artifact, limits, None)

    def examine(
        self,
        artifact: Artifact,
        limits: Limits,
        *,
        names: Sequence[str] = (),
        named_by: str = "",
    ) -> tuple[LoadReport, Examination]:
        """Open the artifact in a process of its own and examine the fitted model. ``names``: of the
        inputs, where it does not say them, and ``named_by`` whom."""
        with self._borrowed(artifact, limits, is_kept=False) as child:
            report = _load(child, artifact, limits, None)
            seconds = limits.load_seconds + limits.predict_seconds
            request = {"op": "examine", "names": list(names), "named_by": named_by}
            answer = child.ask(wire.frame(request), seconds=seconds)
            examination = _read(Examination, answer)
            if unfit := unfit_report(examination):
                raise HostError("LOAD", unfit)
            return report, examination

    def _ask(
        self,
        artifact: Artifact,
        request: bytes,
        limits: Limits,
        *,
        seconds: float | None = None,
        cancelled: threading.Event | None = None,
        note: Callable[[str], None] = lambda event: None,
        is_kept: bool = True,
    ) -> object:
        """The answer of a child that holds the artifact to a request about a person's inputs; it
        may take ``seconds``, or as long as a prediction."""
        with self._borrowed(artifact, limits, cancelled, is_kept=is_kept) as child:
            if child.report is None:
                report = _load(child, artifact, limits, cancelled)
                megabytes = report.memory_bytes / 1024**2
                note(f"model was loaded in {report.seconds:.3f} s and took {megabytes:.0f} MB")
            else:
                note("model was warm")
            seconds = limits.predict_seconds if seconds is None else seconds
            answer = child.ask(request, seconds=seconds, cancelled=cancelled)
            child.predictions += 1
            if child.has_changed:
                note("model changed as it answered; its process is ended")
            return answer

    def _borrowed(
        self,
        artifact: Artifact,
        limits: Limits,
        cancelled: threading.Event | None = None,
        *,
        is_kept: bool = True,
    ) -> AbstractContextManager[Child]:
        """A child of the pool. HostError where models may not be opened at all."""
        self.check()
        return self._pool.borrowed(artifact, limits, cancelled, is_kept=is_kept)


def _request(
    op: str, layout: InputLayout, inputs: Mapping[str, Scalar], **options: object
) -> bytes:
    """A question about inputs as a message. HostError INPUT for inputs that cannot travel."""
    try:
        values = {"layout": codec.to_json(layout), "inputs": codec.to_json(dict(inputs))}
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
    report = _read(LoadReport, answer)
    child.report = replace(report, left_out=report.left_out[:SENTENCE])
    return child.report


def _fit(outputs: Outputs) -> Outputs:
    """The answer, if it can be shown to people whole. HostError MODEL if not."""
    if unfit := unfit_answer(outputs):
        raise HostError("MODEL", unfit)
    return outputs


def _read(kind: type[T], answer: object) -> T:
    try:
        return codec.from_json(kind, answer)
    except codec.MalformedMessage as error:
        raise malformed(error) from None
