"""Constructors of SciPy's splines and sparse matrices, whichever version of SciPy wrote them.

A matrix of coordinates has them as ``row`` and ``col`` until SciPy 1.10, and as ``coords`` since.

A spline is knots, weights, a degree, an axis and whether it goes on beyond its ends. SciPy up to
1.15 keeps these as ``t``, ``c``, ``k``, ``axis`` and ``extrapolate``; 1.16 and 1.17 keep the arrays
as ``_t`` and ``_c`` beside a function; 1.18 keeps an object with the former names beside an empty
array. Whatever the form, the version that runs here makes the spline from its numbers.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.interpolate import BSpline, _bsplines

from model_host.loading.constructors.calls import SETTERS, set_attributes
from model_host.loading.reading_state import Reading, unfit

_MODULE = "scipy.interpolate._bsplines"
_NUMBERS = ("t", "c", "k", "extrapolate", "axis")
_Inner: Any = getattr(_bsplines, "_BSpline", BSpline)
"""The object in which a spline of SciPy 1.18 keeps its numbers."""


def set_spline(spline: BSpline, state: Any) -> None:
    """Set the spline that ``state`` describes, in place. HostError if it describes none."""
    match state:
        case (BSpline() | _Inner() as inner, np.ndarray()):
            state = {name: getattr(inner, name) for name in _NUMBERS}
        case {"_t": knots, "_c": weights, **others}:
            state = {**others, "t": knots, "c": weights}
    match state:
        case {"t": knots, "c": weights, "k": int(degree), "extrapolate": beyond, "axis": int(axis)}:
            are_plain = type(knots) is type(weights) is np.ndarray
            if are_plain and (isinstance(beyond, bool) or beyond == "periodic"):
                vars(spline).update(
                    vars(BSpline.construct_fast(knots, weights, degree, beyond, axis))
                )
                return
    raise unfit("BSpline")


def _set_state(reading: Reading, value: Any, state: Any) -> None:
    set_spline(value, state)


SETTERS[_MODULE, "BSpline"] = SETTERS[_MODULE, "_BSpline"] = _set_state


def _set_coordinates(reading: Reading, value: Any, state: Any) -> None:
    match state:
        case {"row": np.ndarray() as rows, "col": np.ndarray() as columns, **others}:
            state = {**others, "coords": (rows, columns)}
    set_attributes(reading, value, state)


for _name in ("coo_matrix", "coo_array"):
    SETTERS["scipy.sparse._coo", _name] = _set_coordinates
