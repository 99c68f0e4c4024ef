"""The classification of a model's exceptions: an objection to one input, a fault of the model, or a
file that another version of scikit-learn wrote."""

from __future__ import annotations

import re
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from types import TracebackType
from typing import Any

import numpy as np
import pandas as pd
import sklearn
from sklearn.naive_bayes import CategoricalNB
from sklearn.preprocessing import SplineTransformer

from model_host.loading.safe_load import is_of_this_version, train_again
from model_host.protocol.errors import HostError
from model_host.protocol.inputs import InputLayout, Scalar
from model_host.structure.followed_inputs import routes_of
from model_host.structure.routes import is_sklearn
from model_host.structure.training_values import training_values

_MAX_MESSAGE = 2000
_MAX_TRACEBACK = 20_000
_MAX_REASON = 200
_LARGEST_FLOAT32 = float(np.finfo(np.float32).max)
_OWN = __name__.partition(".")[0]
_LIBRARIES = {"sklearn", "numpy", "scipy", "pandas", "joblib", *sys.stdlib_module_names}
_METHODS = {"transform", "inverse_transform", "predict", "predict_proba", "decision_function"}
_LAYOUT = re.compile("[Bb]uffer|incompatible dtype|unpack|number of fields")
"""The messages of compiled code about an array with the layout of another version."""
_OF_A_RANGE = (CategoricalNB, SplineTransformer)
_OUT_OF_RANGE = re.compile("beyond the limits of the knots|is out of bounds for axis")
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
"""scikit-learn's message, the values it may be about, and the rule in words for a person."""


def complaint(
    error: Exception, estimator: Any, layout: InputLayout, inputs: Mapping[str, Scalar]
) -> HostError:
    """Convert what ``predict`` raised to INPUT with the input's name if the model refuses its
    value, else to MODEL. The number of a column in scikit-learn's words counts the encoder's
    columns."""
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
    if beyond := _beyond(error, estimator, inputs, names):
        return HostError("INPUT", beyond[1], traceback=told, input=beyond[0], step=step)
    if _has_lost_names(error):
        return HostError("LOAD", _SET_OUTPUT, traceback=told, step=step)
    message = f"{type(error).__name__}: {said}"[:_MAX_MESSAGE]
    return HostError("MODEL", message, traceback=told, step=step)


def _beyond(
    error: Exception, estimator: Any, inputs: Mapping[str, Scalar], names: list[str]
) -> tuple[str, str] | None:
    """The input whose value is outside the range of a step that takes no others, and the range."""
    inputs_of = routes_of(estimator, len(names)).inputs_of
    for step in _speakers(error):
        signals = inputs_of.get(id(step), ())
        if not isinstance(step, _OF_A_RANGE) or not _OUT_OF_RANGE.search(str(error)):
            continue
        known = training_values(step, len(signals))
        if known.minimum is None or known.maximum is None:
            return None
        for signal, low, high in zip(signals, known.minimum, known.maximum, strict=True):
            value = None if signal.raw is None else inputs.get(names[signal.raw])
            if signal.raw is not None and _is_number(value) and not low <= value <= high:
                return names[signal.raw], f"a number from {low:.15g} to {high:.15g} is expected"
    return None


def _has_lost_names(error: Exception) -> bool:
    """Whether a step that was fitted on a table of an earlier one got an array from it."""
    if isinstance(error, AttributeError):
        return isinstance(error.obj, np.ndarray) and hasattr(pd.DataFrame, error.name or "")
    is_by_name = isinstance(error, ValueError | IndexError | TypeError)
    return is_by_name and _BY_NAME.search(str(error)) is not None


def blamed_on_version(
    failure: HostError, saved: str, fails_always: Callable[[], bool]
) -> HostError:
    """Convert the failure to LOAD with a sentence on versions if those are its cause, else return
    it.

    They are where scikit-learn's own code misses an attribute that every estimator of the version
    running here has; and, in a file of another version, where that code fails on whatever is asked
    (``fails_always``), but not by a word on values. ``saved``: the version that the file records.
    """
    error = failure.__cause__
    if failure.code != "MODEL" or not isinstance(error, Exception) or not _is_of_libraries(error):
        return failure
    lacks, is_same = _lacks_an_attribute(error), is_of_this_version(saved)
    if not lacks and (is_same or _is_about_values(error) or not fails_always()):
        return failure
    here = sklearn.__version__
    # The messages of other errors may quote inputs.
    reason = f"{type(error).__name__}: {error}"[:_MAX_REASON] if lacks else type(error).__name__
    if is_same:
        sentence = (
            f"The file was saved with scikit-learn {saved}, but a part of it was made by another "
            f"version and saved again, and does not predict with {here} ({reason})."
        )
    elif saved:
        sentence = (
            f"The file was saved with scikit-learn {saved} and does not predict with {here}, which "
            f"runs here ({reason})."
        )
    else:
        sentence = (
            "The file does not say which version of scikit-learn saved it, and it does not predict "
            f"with {here}, which runs here ({reason})."
        )
    return HostError(
        "LOAD",
        f"{sentence} {train_again()}",
        traceback=failure.traceback,
        trace=failure.trace,
        step=failure.step,
    )


def _is_of_libraries(error: Exception) -> bool:
    """Whether the error came from the libraries' own code, without other code in between."""
    modules = [
        str(frame.f_globals.get("__name__", "")) for frame in reversed(_frames(error.__traceback__))
    ]
    if not modules or modules[0].startswith(_OWN):
        return False
    return all(
        module.startswith(_OWN) or module.partition(".")[0] in _LIBRARIES for module in modules
    )


def _lacks_an_attribute(error: Exception) -> bool:
    """Whether an estimator of scikit-learn lacks an attribute that its class sets when it is made
    or fitted, or something else replaces an estimator (a text where older versions wrote
    "passthrough")."""
    if not isinstance(error, AttributeError) or error.name is None:
        return False
    return is_sklearn(error.obj) or (error.name in _METHODS and isinstance(error.obj, str | None))


def _is_about_values(error: Exception) -> bool:
    return isinstance(error, ArithmeticError) or (
        isinstance(error, ValueError) and not _LAYOUT.search(str(error))
    )


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
    """The objects through whose methods the error propagated, the innermost first."""
    for frame in reversed(_frames(error.__traceback__)):
        if (speaker := frame.f_locals.get("self")) is not None:
            yield speaker


def _frames(trace: TracebackType | None) -> list[Any]:
    """The calls that an error passed through, the outermost first."""
    frames = []
    while trace is not None:
        frames.append(trace.tb_frame)
        trace = trace.tb_next
    return frames
