"""The search for the step in which a finite number became infinite or NaN: a logarithm of 0, a
division by 0, a square root of a negative number. The input value is at fault then, not the model.

The steps are observed in a separate call, which ends as soon as enough was seen.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from model_host.answering.one_row import one_row
from model_host.answering.watching import watched
from model_host.protocol.inputs import InputLayout, Kind, Scalar
from model_host.protocol.outputs import LostNumber
from model_host.structure.anatomy import final_estimator
from model_host.structure.followed_inputs import routes_of
from model_host.structure.routes import Routes
from model_host.structure.scalars import is_missing

_SPOKEN_OF = re.compile(r"\bnan\b|\binfs?\b|infinity|infinite|non-finite|not finite", re.IGNORECASE)
_OUT_OF_DOMAIN = re.compile("math domain error|expected a (positive|nonnegative|number in range)")
_WARNED_OF = re.compile("divide by zero|invalid value|overflow")
_LARGEST_FLOAT32 = float(np.finfo(np.float32).max)
_LARGE = 1e30
_OTHERS = (1.0, 0.5, 2.0, -1.0, 100.0, 10_000.0)
"""Values to try if an input's typical one is unknown."""
_MOST_SUSPECTS = 20

_ABOVE_0 = "a number above 0 is expected"
_NOT_0 = "a number other than 0 is expected"
_FROM_0 = "a number of 0 or more is expected"
_WITHIN_1 = "a number from -1 to 1 is expected"
_INSIDE_1 = "a number between -1 and 1 is expected"
_INSIDE_SHARE = "a number between 0 and 1 is expected"
_TOO_LARGE = "the number is too large"
_DOMAINS = {
    **dict.fromkeys(("log", "log2", "log10", "gamma", "gammaln", "digamma", "psi"), _ABOVE_0),
    "log1p": "a number above -1 is expected",
    **dict.fromkeys(("sqrt", "entr"), _FROM_0),
    **dict.fromkeys(("reciprocal", "divide", "true_divide"), _NOT_0),
    **dict.fromkeys(("remainder", "mod", "fmod", "floor_divide"), _NOT_0),
    **dict.fromkeys(("arcsin", "arccos", "asin", "acos"), _WITHIN_1),
    **dict.fromkeys(("arctanh", "atanh", "erfinv"), _INSIDE_1),
    **dict.fromkeys(("arccosh", "acosh"), "a number of 1 or more is expected"),
    **dict.fromkeys(("logit", "ndtri"), _INSIDE_SHARE),
    "erfcinv": "a number between 0 and 2 is expected",
    **dict.fromkeys(("exp", "exp2", "exp10", "expm1", "power", "float_power"), _TOO_LARGE),
    **dict.fromkeys(("sinh", "cosh", "square"), "a number closer to 0 is expected"),
}
"""The requirements of elementwise functions of NumPy and SciPy on numbers that they would turn into
NaN or infinity; of two numbers, of the second, the first being given with ``functools.partial``."""


def speaks_of_lost_numbers(error: Exception) -> bool:
    """Return whether a model objects to a number that is infinite or none, or could not compute
    one."""
    return _SPOKEN_OF.search(str(error)) is not None or _is_arithmetic(error)


def _is_arithmetic(error: Exception) -> bool:
    """Whether the error is Python's own for a computation that gives infinity or NaN elsewhere."""
    is_domain = isinstance(error, ValueError) and _OUT_OF_DOMAIN.search(str(error)) is not None
    return isinstance(error, ArithmeticError) or is_domain


def may_have_lost(
    estimator: Any, layout: InputLayout, raised: Sequence[warnings.WarningMessage]
) -> bool:
    """Return whether a prediction that succeeded may have gone on with a lost number: NumPy warned
    of one, or there is a step in which somebody's own code computes, which may keep that to
    itself."""
    if any(
        issubclass(one.category, RuntimeWarning) and _WARNED_OF.search(str(one.message))
        for one in raised
    ):
        return True
    return routes_of(estimator, len(layout.columns)).has_own_code


def lost_number(
    estimator: Any,
    layout: InputLayout,
    inputs: Mapping[str, Scalar],
    error: Exception | None = None,
) -> LostNumber | None:
    """Return the first number that a step lost, and the input that it was made of. None where none
    was, or no other value of an input keeps it: then it is the model that loses it. ``error``: what
    the model said; of one of float32 a number is lost, too, that only a float64 holds."""
    most = _LARGEST_FLOAT32 if error is not None and "float32" in str(error) else np.inf
    search = _Search(estimator, layout, inputs, most)
    loss = search.loss(inputs)
    if loss is None:
        return None
    names = [column.name for column in layout.columns]
    suspects = [
        name
        for name in (names[origin] for origin in sorted(_origins(loss, search.routes, names)))
        if _is_number(inputs.get(name))
    ]
    blamed = [name for name in suspects[:_MOST_SUSPECTS] if search.is_kept_without(name, loss)]
    if not blamed:
        return None
    first = blamed[0]
    return LostNumber(
        input=first,
        step=loss.path,
        became=loss.became,
        condition=_condition(loss, search, first) if len(blamed) == 1 else "",
        others=tuple(blamed[1:]),
    )


def objection(lost: LostNumber) -> str:
    """Return the requirement on the input, in words for a person."""
    if lost.condition:
        return lost.condition
    place = f" in step {lost.step}" if lost.step else ""
    together = f" together with {', '.join(lost.others[:5])}" if lost.others else ""
    became = "infinite" if lost.became in ("inf", "-inf") else lost.became
    return f"it became {became}{place}{together}"


@dataclass(frozen=True)
class _Loss:
    """``column`` of the step's output, which is that of its input where both have the same
    number of columns (``is_aligned``)."""

    path: str
    step: Any
    column: int
    is_aligned: bool
    became: str


class _Seen(BaseException):
    """Ends the observed call once enough was seen; a BaseException, since a model might catch an
    Exception."""


class _Search:
    """The search, which calls the model with its steps observed."""

    def __init__(
        self, estimator: Any, layout: InputLayout, inputs: Mapping[str, Scalar], most: float
    ) -> None:
        self._estimator, self._layout, self._most = estimator, layout, most
        self.inputs = inputs
        self.routes = routes_of(estimator, len(layout.columns))
        self._last = final_estimator(estimator)
        self.has_reached = False

    def loss(self, inputs: Mapping[str, Scalar], path: str | None = None) -> _Loss | None:
        """Return the first number that is lost, up to the step of this ``path`` where one is
        given."""
        found: list[_Loss] = []
        self.has_reached = False

        def observe(at: str, step: Any, own: Any, arguments: Any, options: Any) -> Any:
            if getattr(own, "__name__", "") == "predict":
                if step is self._last and step is not self._estimator:
                    raise _Seen
                return own(*arguments, **options)
            try:
                output = own(*arguments, **options)
            except Exception as error:
                if _is_arithmetic(error):
                    self.has_reached = self.has_reached or at == path
                    found.append(_Loss(at, step, 0, False, "not a number"))
                    raise _Seen from error
                raise
            self.has_reached = self.has_reached or at == path
            loss = _between(at, step, arguments[0] if arguments else None, output, self._most)
            if loss is not None:
                found.append(loss)
            if found or at == path:
                raise _Seen
            return output

        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            with watched(self.routes.steps, ("transform", "predict"), observe):
                try:
                    self._estimator.predict(one_row(self._estimator, self._layout, inputs))
                except MemoryError:
                    raise
                except (_Seen, Exception):  # The model's code may raise anything.
                    return found[0] if found else None
        return found[0] if found else None

    def is_kept_without(self, name: str, loss: _Loss) -> bool:
        """Return whether another value of this input is not lost in that step."""
        column = self.routes.columns[[one.name for one in self._layout.columns].index(name)]
        others = [column.typical, *column.categories[:3], *_OTHERS]
        return any(self.keeps(name, other, loss) for other in others if _is_number(other))

    def keeps(self, name: str, other: Any, loss: _Loss) -> bool:
        """Return whether this value of the input is not lost in that step."""
        kind = next(one.kind for one in self._layout.columns if one.name == name)
        value = round(other) if kind == Kind.INTEGER else other
        found = self.loss({**self.inputs, name: value}, loss.path)
        is_same = found is not None and (found.path, found.column) == (loss.path, loss.column)
        return self.has_reached and not is_same


def _between(path: str, step: Any, before: Any, after: Any, most: float) -> _Loss | None:
    """The number that a step lost, if any."""
    came, went = _numbers(before), _numbers(after)
    if went is None or not len(went):
        return None
    bad = ~np.isfinite(went) | (np.abs(np.nan_to_num(went)) > most)
    if not bad.any():
        return None
    if came is not None and len(came) == len(went):
        bad &= np.isfinite(came) & (np.abs(np.nan_to_num(came)) <= most)
    elif came is not None and not (np.isfinite(came) & (np.abs(came) <= most)).all():
        return None
    if not bad.any():
        return None
    column = int(np.flatnonzero(bad)[0])
    is_aligned = came is not None and len(came) == len(went)
    return _Loss(path, step, column, is_aligned, _word(went[column]))


def _word(number: Any) -> str:
    if np.isnan(number):
        return "not a number"
    return ("inf" if number > 0 else "-inf") if np.isinf(number) else "too large a number"


def _numbers(data: Any) -> npt.NDArray[np.float64] | None:
    """The first row as numbers, with 0 for other values; None for other data."""
    try:
        if hasattr(data, "toarray"):
            return np.asarray(data[:1].toarray(), dtype=np.float64).ravel()
        if isinstance(data, pd.DataFrame):
            cells: Any = [data.iat[0, index] for index in range(data.shape[1])]
        elif isinstance(data, pd.Series | np.ndarray):
            values = np.asarray(data)
            if values.dtype.kind in "fiub":
                return np.asarray(values.reshape(len(values), -1)[0], dtype=np.float64)
            cells = values.reshape(len(values), -1)[0].tolist()
        else:
            return None
        return np.array([_number(cell) for cell in cells], dtype=np.float64)
    except (IndexError, TypeError, ValueError, OverflowError):
        return None


def _number(cell: Any) -> float:
    if is_missing(cell):
        return np.nan
    return float(cell) if isinstance(cell, int | float | np.number) else 0.0


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _origins(loss: _Loss, routes: Routes, names: Sequence[str]) -> set[int]:
    """The inputs that the lost number may have been made of."""
    signals = routes.inputs_of.get(id(loss.step), ())
    if loss.is_aligned and loss.column < len(signals):
        return set(signals[loss.column].origins)
    return {one for signal in signals for one in signal.origins} or set(range(len(names)))


def _condition(loss: _Loss, search: _Search, name: str) -> str:
    """The requirement of the step's function, if it gets the value as it was entered; of any other
    what a 0 shows. "" where that is not known."""
    signals = search.routes.inputs_of.get(id(loss.step), ())
    is_raw = loss.is_aligned and loss.column < len(signals) and signals[loss.column].raw is not None
    function = getattr(loss.step, "func", None)
    if isinstance(function, partial):
        function = function.func
    if is_raw and isinstance(function, np.ufunc) and function.__name__ in _DOMAINS:
        return _DOMAINS[function.__name__]
    value = search.inputs[name]
    if value == 0 and search.keeps(name, 1.0, loss):
        return _NOT_0 if search.keeps(name, -1.0, loss) else _ABOVE_0
    if loss.became != "not a number" and isinstance(value, int | float) and abs(value) > _LARGE:
        return _TOO_LARGE
    return ""
