"""The trace of one prediction: each step's output, duration and failure.

Runs in the locked child. The computation is the model's own, and the model is not changed.
"""

from __future__ import annotations

import resource
import sys
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import TracebackType
from typing import Any

import pandas as pd

from model_host import wire
from model_host.answering.prediction import predict
from model_host.answering.trace_values import (
    HIDDEN,
    cells,
    look_of,
    not_finite,
    printable,
    shown,
)
from model_host.answering.watching import MOST_STEPS, forget_watchers, watched
from model_host.protocol import codec
from model_host.protocol.errors import HostError
from model_host.protocol.inputs import InputLayout, Scalar
from model_host.protocol.trace import (
    MAX_TRACE,
    LostValue,
    StackFrame,
    StepTrace,
    Trace,
    Traced,
    TracedCell,
    TraceLevel,
)
from model_host.structure.examine import LIBRARIES_RUNNING
from model_host.structure.followed_inputs import routes_of

_METHODS = ("transform", "predict", "predict_proba", "decision_function", "score_samples")
_MOST_WARNINGS = 50
_MOST_LOST = 10
_MOST_FRAMES = 60
_MOST_VARIABLES = 30
_LONGEST_PATH = 200


def predict_traced(
    estimator: Any,
    layout: InputLayout,
    inputs: Mapping[str, Scalar],
    *,
    level: TraceLevel,
    hidden: frozenset[str],
) -> Traced:
    """Run ``prediction.predict`` with a trace. ``hidden`` names the inputs whose values may not
    show; what may derive from one shows no value either. A HostError carries the trace up to the
    failure."""
    tracer = Tracer(estimator, layout, level, hidden)
    try:
        outputs = predict(estimator, layout, inputs, tracer)
    except HostError as error:
        error.trace = tracer.trace()
        raise
    return Traced(outputs, tracer.trace())


class Tracer:
    """The observer of one prediction."""

    def __init__(
        self, estimator: Any, layout: InputLayout, level: TraceLevel, hidden: frozenset[str]
    ) -> None:
        names = [column.name for column in layout.columns]
        self._estimator = estimator
        self._names = names
        self._level = level
        self._hidden = hidden & set(names)
        self._hidden_columns = {index for index, name in enumerate(names) if name in hidden}
        self._routes = routes_of(estimator, len(names))
        self._steps: list[StepTrace] = []
        self._open: set[int] = set()
        self._own_seconds = 0.0
        self._raised: list[warnings.WarningMessage] = []
        self._frame: tuple[TracedCell, ...] = ()
        self._failing_step: str | None = None
        self._exception = ""
        self._stack: tuple[StackFrame, ...] = ()
        self._peak_before = peak_bytes()
        self._created = self._begun = self._answered = time.perf_counter()

    def begin(self, row: Any, raised: list[warnings.WarningMessage]) -> Callable[[Any], Any]:
        self._raised = raised
        if self._level == "full":
            self._frame = self._cells_of_inputs(row)
        self._begun = self._answered = time.perf_counter()
        return self._predict

    def _predict(self, row: Any) -> Any:
        steps = [one for one in self._routes.steps if one[1] is not self._estimator]
        try:
            with watched(steps, _METHODS, self._observe):
                return self._observe("", self._estimator, self._estimator.predict, (row,), {})
        finally:
            self._answered = time.perf_counter()

    def _observe(
        self,
        path: str,
        step: Any,
        method: Callable[..., Any],
        arguments: tuple[Any, ...],
        options: dict[str, Any],
    ) -> Any:
        """Call the step's own method and note what it returned. A method that calls another one of
        the same step is one observation."""
        if id(step) in self._open or len(self._steps) >= MOST_STEPS:
            return method(*arguments, **options)
        place, own_before = len(self._steps), self._own_seconds
        noted = StepTrace(printable(path, _LONGEST_PATH), printable(type(step).__name__, 100), 0.0)
        self._steps.append(noted)
        self._open.add(id(step))
        started = time.perf_counter()
        try:
            output = method(*arguments, **options)
        except BaseException:
            noted = replace(noted, has_failed=True)
            raise
        else:
            return output
        finally:
            ended = time.perf_counter()
            spent = ended - started - (self._own_seconds - own_before)
            self._open.discard(id(step))
            if not noted.has_failed:
                noted = self._noted(noted, step, output, arguments)
            self._steps[place] = replace(noted, milliseconds=1000 * spent)
            self._own_seconds += time.perf_counter() - ended

    def _noted(
        self, step: StepTrace, estimator: Any, output: Any, arguments: tuple[Any, ...]
    ) -> StepTrace:
        """The step with a summary of its output, without values if one of them may be hidden."""
        look = look_of(output)
        if self._may_show_hidden(estimator):
            return replace(step, shape=look.shape, dtypes=look.dtypes, is_hidden=True)
        return replace(
            step,
            shape=look.shape,
            dtypes=look.dtypes,
            missing=look.missing,
            minimum=look.minimum,
            maximum=look.maximum,
            row=cells(output) if self._level == "full" else (),
            **self._lost(estimator, output, arguments),
        )

    def _lost(self, estimator: Any, output: Any, arguments: tuple[Any, ...]) -> dict[str, Any]:
        """What became infinite or NaN in a step, and what had been so before."""
        found = not_finite(output)
        if not found:
            return {}
        before = {value for _, _, value in not_finite(arguments[0])} if arguments else set()
        made = [one for one in found if one[2] not in before and not (before and one[2] == "nan")]
        return {
            "lost": tuple(
                LostValue(place, name, value, self._inputs_of(estimator, place, output))
                for place, name, value in (made or found)[:_MOST_LOST]
            ),
            "lost_count": len(found),
            "has_lost": bool(made),
        }

    def _inputs_of(self, estimator: Any, place: int, output: Any) -> tuple[str, ...]:
        """The inputs that a column of a step's output was made of: those of the same column that
        came in if there are as many, else all that came in."""
        reaching = self._routes.inputs_of.get(id(estimator), ())
        width = look_of(output).shape[1:]
        signals = [reaching[place]] if width == (len(reaching),) else reaching
        origins = sorted({origin for signal in signals for origin in signal.origins})
        return tuple(printable(self._names[origin], 100) for origin in origins[:_MOST_LOST])

    def _may_show_hidden(self, estimator: Any) -> bool:
        """Whether a hidden input may have reached the step. True if the step's columns are
        unknown."""
        if not self._hidden_columns:
            return False
        reaching = self._routes.inputs_of.get(id(estimator), ())
        origins = {origin for signal in reaching for origin in signal.origins}
        return not origins or bool(origins & self._hidden_columns)

    def _cells_of_inputs(self, row: Any) -> tuple[TracedCell, ...]:
        if isinstance(row, list) and isinstance(row[0], dict):
            row = pd.DataFrame(row, columns=self._names)
        return tuple(
            replace(cell, name=name, value=HIDDEN if name in self._hidden else cell.value)
            for name, cell in zip(
                (printable(name, 100) for name in self._names),
                cells(row, most=len(self._names)),
                strict=False,
            )
        )

    def fail(self, error: Exception) -> None:
        """Record where the exception came from, and remove our own calls from its traceback."""
        forget_watchers(error.__traceback__, __file__)
        paths = {id(step): path for path, step, _ in self._routes.steps}
        frames = list(_frames(error.__traceback__))
        for frame, _ in reversed(frames):
            path = paths.get(id(frame.f_locals.get("self")))
            if path is not None:
                self._failing_step = printable(path, _LONGEST_PATH)
                break
        said = HIDDEN if self._hidden else printable(error, 500)
        self._exception = f"{printable(type(error).__name__, 100)}: {said}"
        if self._level == "full":
            self._stack = tuple(
                StackFrame(
                    printable(_short(frame.f_code.co_filename), 200),
                    line,
                    printable(frame.f_code.co_name, 100),
                    self._variables(frame.f_locals),
                )
                for frame, line in frames[-_MOST_FRAMES:]
            )

    def _variables(self, variables: Mapping[str, Any]) -> dict[str, str]:
        """Variables as text; only their types if any input is hidden, since any of them may contain
        it."""
        return {
            printable(name, 100): (
                f"{HIDDEN} {type(value).__name__}"[:200] if self._hidden else shown(value)
            )
            for name, value in list(variables.items())[:_MOST_VARIABLES]
        }

    def trace(self) -> Trace:
        ended, peak = time.perf_counter(), peak_bytes()
        return _bounded(
            Trace(
                level=self._level,
                steps=tuple(self._steps),
                row_milliseconds=1000 * (self._begun - self._created),
                confidence_milliseconds=1000 * (ended - self._answered),
                peak_bytes=peak,
                grown_bytes=peak - self._peak_before,
                libraries=dict(LIBRARIES_RUNNING),
                warnings=tuple(self._warning(one) for one in self._raised[:_MOST_WARNINGS]),
                failing_step=self._failing_step,
                exception=self._exception,
                frame=self._frame,
                stack=self._stack,
            )
        )

    def _warning(self, raised: warnings.WarningMessage) -> str:
        said = HIDDEN if self._hidden else printable(raised.message, 500)
        where = f"{_short(raised.filename)}:{raised.lineno}"
        return f"{printable(raised.category.__name__, 100)}: {said} ({printable(where, 200)})"


def peak_bytes() -> int:
    """Return the peak memory of this process."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _frames(trace: TracebackType | None) -> Any:
    while trace is not None:
        yield trace.tb_frame, trace.tb_lineno
        trace = trace.tb_next


def _short(file: str) -> str:
    """A file's path from the package on."""
    return file.rpartition("site-packages/")[2] if "site-packages/" in file else file


def _bounded(trace: Trace) -> Trace:
    """The trace, reduced to ``MAX_TRACE``; the least useful parts are dropped first."""
    if _size(trace) > MAX_TRACE:
        trace = replace(trace, steps=tuple(replace(step, row=()) for step in trace.steps))
    if _size(trace) > MAX_TRACE:
        bare = tuple(replace(frame, variables={}) for frame in trace.stack)
        trace = replace(trace, stack=bare, frame=())
    if _size(trace) > MAX_TRACE:
        trace = replace(trace, steps=trace.steps[:20], warnings=trace.warnings[:5])
    return trace


def _size(trace: Trace) -> int:
    return len(wire.frame(codec.to_json(trace), limit=sys.maxsize))
