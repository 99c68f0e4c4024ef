"""Tells a model's own objection to one input from a fault of the model."""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable, Iterator, Mapping
from types import TracebackType
from typing import Any

import numpy as np
import pandas as pd

from .column_routes import routes_of
from .protocol.errors import HostError
from .protocol.inputs import InputLayout, Scalar

_MAX_MESSAGE = 2000
_MAX_TRACEBACK = 20_000
_LARGEST_FLOAT32 = float(np.finfo(np.float32).max)
_UNKNOWN_CATEGORY = re.compile(r"Found unknown categories .* in column (\d+)", re.DOTALL)

_BY_NAME = re.compile(
    "Specifying the columns using strings is only supported for|only integers, slices .* are valid"
)
_SET_OUTPUT = (
    "A step of the model chooses its columns by name and gets an array, which has no names: the "
    'notebook used set_config(transform_output="pandas"), which is not saved with a model. Call '
    '.set_output(transform="pandas") on the pipeline and save it again.'
)


def _is_number(value: Scalar) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_OBJECTIONS: tuple[tuple[re.Pattern[str], Callable[[Any], bool], str], ...] = (
    (
        re.compile("could not convert|Cannot cast|[Cc]annot use .* non-numeric"),
        lambda value: isinstance(value, str),
        "a number is expected",
    ),
    (
        re.compile("contains NaN|NaN values"),
        lambda value: value is None,
        "it may not be left empty",
    ),
    (
        re.compile("infinity or a value too large"),
        lambda value: _is_number(value) and abs(value) > _LARGEST_FLOAT32,
        "the number is too large",
    ),
    (
        re.compile("Negative values in data"),
        lambda value: _is_number(value) and value < 0,
        "a negative number is not accepted",
    ),
    (
        re.compile("strictly positive data"),
        lambda value: _is_number(value) and value <= 0,
        "a number above 0 is expected",
    ),
)
"""What scikit-learn says, which values it may be about, and the rule in a person's words."""


def complaint(
    error: Exception, estimator: Any, layout: InputLayout, inputs: Mapping[str, Scalar]
) -> HostError:
    """What ``predict`` raised, as INPUT with the input's name where the model refuses its value,
    else as MODEL. The number of a column in scikit-learn's words counts the encoder's columns."""
    said = str(error)
    told = "".join(traceback.format_exception(error))[-_MAX_TRACEBACK:]
    names = [column.name for column in layout.columns]
    step = _failing_step(error, estimator, len(names))
    if isinstance(error, ValueError | TypeError):
        if match := _UNKNOWN_CATEGORY.search(said):
            name = _encoded(error, int(match[1]), estimator, names)
            value = inputs.get(name)
            reason = f"it does not know “{value}”" if value is not None else "it may not be empty"
            return HostError(
                "INPUT", reason if name else said, traceback=told, input=name, step=step
            )
        for pattern, is_meant, reason in _OBJECTIONS:
            if not pattern.search(said):
                continue
            reaching = _reaching(error, estimator, names)
            if meant := [name for name in reaching if is_meant(inputs.get(name))]:
                quoted = [name for name in meant if repr(inputs.get(name)) in said]
                return HostError(
                    "INPUT", reason, traceback=told, input=(quoted or meant)[0], step=step
                )
    if _has_lost_names(error):
        return HostError("LOAD", _SET_OUTPUT, traceback=told, step=step)
    message = f"{type(error).__name__}: {said}"[:_MAX_MESSAGE]
    return HostError("MODEL", message, traceback=told, step=step)


def _has_lost_names(error: Exception) -> bool:
    """Whether a step that was fitted on a table of an earlier one got an array from it."""
    if isinstance(error, AttributeError):
        return isinstance(error.obj, np.ndarray) and hasattr(pd.DataFrame, error.name or "")
    is_by_name = isinstance(error, ValueError | IndexError | TypeError)
    return is_by_name and _BY_NAME.search(str(error)) is not None


def _failing_step(error: Exception, estimator: Any, width: int) -> str:
    """The path of the innermost step that the error passed through."""
    paths = {id(step): path for path, step, _ in routes_of(estimator, width).steps}
    return next((paths[id(one)] for one in _speakers(error) if id(one) in paths), "")


def _encoded(error: Exception, column: int, estimator: Any, names: list[str]) -> str:
    """The input behind the given column of the encoder that objected; "" where it is not known."""
    inputs_of = routes_of(estimator, len(names)).inputs_of
    for step in _speakers(error):
        signals = inputs_of.get(id(step), ())
        if hasattr(step, "categories_") and column < len(signals):
            origins = signals[column].origins
            return names[next(iter(origins))] if len(origins) == 1 else ""
    return ""


def _reaching(error: Exception, estimator: Any, names: list[str]) -> list[str]:
    """The inputs that reach the estimator that objected, all where that is not known."""
    inputs_of = routes_of(estimator, len(names)).inputs_of
    for step in _speakers(error):
        if signals := inputs_of.get(id(step)):
            origins = {origin for signal in signals for origin in signal.origins}
            return [name for index, name in enumerate(names) if index in origins]
    return names


def _speakers(error: Exception) -> Iterator[Any]:
    """The objects whose methods the error passed through, the innermost first."""
    frames: list[Any] = []
    trace: TracebackType | None = error.__traceback__
    while trace is not None:
        frames.append(trace.tb_frame)
        trace = trace.tb_next
    for frame in reversed(frames):
        if (speaker := frame.f_locals.get("self")) is not None:
            yield speaker
