"""One prediction: the row, the answer, and the model's confidence.

Runs in the locked child. The outputs are exactly what scikit-learn returns for the one row; nothing
of one prediction remains for the next.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import Any, Protocol

import numpy as np
from sklearn.metrics import DistanceMetric
from sklearn.neighbors import BallTree, KDTree
from sklearn.neighbors._base import NeighborsBase

from model_host.answering.complaints import complaint
from model_host.answering.confidence import Confidence, confidences
from model_host.answering.intervals import gives_interval, intervals
from model_host.answering.lost_numbers import (
    lost_number,
    may_have_lost,
    objection,
    speaks_of_lost_numbers,
)
from model_host.answering.one_row import one_row
from model_host.answering.watching import asked_once
from model_host.protocol.errors import HostError
from model_host.protocol.inputs import InputLayout, Scalar
from model_host.protocol.outputs import Interval, Outputs, TargetOutput
from model_host.structure.anatomy import target_names, task_of
from model_host.structure.followed_inputs import routes_of
from model_host.structure.report_limits import TEXT
from model_host.structure.scalars import NotAScalar, as_scalar, as_text

_MOST_NOTES = 20
_MAX_NOTE = 300


class Observer(Protocol):
    """An observer of a prediction, which does not change it."""

    def begin(self, row: Any, raised: list[warnings.WarningMessage]) -> Callable[[Any], Any]:
        """Return the model's ``predict``, to be called with ``row``; it fills ``raised``."""

    def fail(self, error: Exception) -> None:
        """Record the error that replaced an answer."""


def predict(
    estimator: Any,
    layout: InputLayout,
    inputs: Mapping[str, Scalar],
    observer: Observer | None = None,
) -> Outputs:
    """Return the model's answer to one set of inputs, given by name; a value of None is missing.

    Raises HostError: INPUT with the input's name where a value does not fit the layout or the model
    refuses it, MODEL with the traceback where ``predict`` raises. MemoryError passes through.
    """
    notes: list[str] = []
    with warnings.catch_warnings(record=True) as raised:
        warnings.simplefilter("always")
        try:
            with (
                undisturbed(estimator, len(layout.columns)),
                nullcontext() if observer else asked_once(estimator, len(layout.columns)),
            ):
                row = one_row(estimator, layout, inputs)
                ask = observer.begin(row, raised) if observer else estimator.predict
                started = time.perf_counter()
                answer = ask(row)
                answers = _answers(answer)
                # A step may have worked in the row itself; without an observer it is asked once.
                if observer:
                    row = one_row(estimator, layout, inputs)
                sure = confidences(estimator, row, answers, notes)
                bounds = _bounds(estimator, row, answers, notes)
                seconds = time.perf_counter() - started
        except (HostError, MemoryError):
            raise
        except Exception as error:  # The model's code may raise anything.
            if observer:
                observer.fail(error)
            raise _complaint(error, estimator, layout, inputs) from error
    lost = None
    if may_have_lost(estimator, layout, raised):
        with undisturbed(estimator, len(layout.columns)):
            lost = lost_number(estimator, layout, inputs)
    notes += [f"{one.category.__name__}: {one.message}" for one in raised]
    if not answers:
        notes.append(f"The answer is a {type(answer).__name__} that is not one row of values.")
        targets = [TargetOutput("prediction", None, text=as_text(answer))]
    else:
        names = target_names(len(answers))
        targets = [_target(*one, notes) for one in zip(names, answers, sure, bounds, strict=True)]
    return Outputs(
        task=task_of(estimator),
        targets=tuple(targets),
        warnings=tuple(dict.fromkeys(one.warning for one in sure if one.warning)),
        notes=tuple([note[:_MAX_NOTE] for note in dict.fromkeys(notes)][:_MOST_NOTES]),
        seconds=seconds,
        lost=lost,
    )


def _complaint(
    error: Exception, estimator: Any, layout: InputLayout, inputs: Mapping[str, Scalar]
) -> HostError:
    """The error that the model raised: about a number that an earlier step lost, or unchanged."""
    found = complaint(error, estimator, layout, inputs)
    if not speaks_of_lost_numbers(error):
        return found
    with undisturbed(estimator, len(layout.columns)):
        lost = lost_number(estimator, layout, inputs, error)
    if lost is None:
        return found
    return HostError(
        "INPUT", objection(lost), traceback=found.traceback, input=lost.input, step=lost.step
    )


def _answers(answer: Any) -> list[Any]:
    """One value for each target; [] where the answer is neither (1,) nor (1, targets)."""
    dense = np.asarray(answer.toarray() if hasattr(answer, "toarray") else answer)
    return list(dense.ravel()) if dense.ndim in (1, 2) and len(dense) == 1 else []


def _bounds(
    estimator: Any, row: Any, answers: list[Any], notes: list[str]
) -> list[Interval | None]:
    if answers and gives_interval(estimator):
        try:
            return intervals(estimator, row, np.asarray(answers, dtype=np.float64))
        except MemoryError:
            raise
        except Exception as error:  # The answer itself is complete.
            notes.append(f"interval: {type(error).__name__}: {error}")
    return [None for _ in answers]


def _target(
    name: str, answer: Any, sure: Confidence, interval: Interval | None, notes: list[str]
) -> TargetOutput:
    try:
        value, text = as_scalar(answer), ""
    except NotAScalar as unfit:
        value, text = None, str(unfit)
        notes.append(f"{name} cannot be written as a number or a text.")
    if isinstance(value, str) and len(value) > TEXT:
        notes.append(f"{name} is a text of {len(value):,} characters, of which the first are kept.")
        text, value = f"{value[: TEXT - 1]}…", None
    return TargetOutput(
        name,
        value,
        confidence=sure.probability,
        probabilities=sure.probabilities,
        interval=interval,
        score=sure.score,
        text=text,
    )


@contextmanager
def undisturbed(estimator: Any, width: int) -> Iterator[None]:
    """Restore every random generator, numpy's own and those of the model, every neighbour tree,
    which counts its steps, and every metric, which may keep the last difference, so that no
    prediction depends on the one before it."""
    parts = routes_of(estimator, width).visited
    kept = [value for part in parts for value in getattr(part, "__dict__", {}).values()]
    kept += [one._tree for one in kept if isinstance(one, NeighborsBase) and hasattr(one, "_tree")]
    states = [one for one in kept if isinstance(one, np.random.RandomState)]
    generators = [one for one in kept if isinstance(one, np.random.Generator)]
    counting = [one for one in kept if isinstance(one, KDTree | BallTree | DistanceMetric)]
    counted = [one.__getstate__() for one in counting]
    before = [(one, one.get_state()) for one in states]
    streams = [one.bit_generator for one in generators]
    positions = [stream.state for stream in streams]
    own = np.random.get_state(legacy=False)
    try:
        yield
    finally:
        np.random.set_state(own)
        for state, found in before:
            state.set_state(found)
        for stream, position in zip(streams, positions, strict=True):
            stream.state = position
        for one, found in zip(counting, counted, strict=True):
            one.__setstate__(found)
