"""Turns one set of inputs into what ``predict`` is called with, in the training data's types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from .column_routes import routes_of
from .input_columns import InputColumn
from .protocol.errors import HostError
from .protocol.inputs import Column, InputLayout, Scalar

_LARGEST_FLOAT = float(np.finfo(np.float64).max)
_LARGEST_INTEGER = int(np.iinfo(np.int64).max)


def one_row(estimator: Any, layout: InputLayout, inputs: Mapping[str, Scalar]) -> Any:
    """The row for one prediction: a DataFrame, a (1, n) array or a list of one text.

    A column is bool for booleans, int64 for integers that may not be missing, else float64 for
    numbers, pandas' own ``str`` for texts and the categories' own type for choices. A missing value
    is written as this model's training data wrote it: NaN, None or an imputer's own marker.
    Raises HostError INPUT naming the input whose value is of another kind or missing.
    """
    strangers = inputs.keys() - {column.name for column in layout.columns}
    if strangers:
        name = min(strangers)
        raise HostError("INPUT", "the model has no input of this name", input=name)
    if layout.container == "texts":
        (column,) = layout.columns
        return [_cell(column, inputs.get(column.name))]
    known = routes_of(estimator, len(layout.columns)).columns
    cells = {
        column.name: _column(column, inputs.get(column.name), about)
        for column, about in zip(layout.columns, known, strict=True)
    }
    if layout.container == "frame":
        return pd.DataFrame(cells)
    values = list(cells.values())
    has_objects = any(value.dtype.kind in "OUT" for value in values)
    return np.array([[value[0] for value in values]], dtype=object if has_objects else np.float64)


def _column(column: Column, value: Scalar, about: InputColumn) -> Any:
    """One cell as a column of its own, with the dtype that scikit-learn is to see."""
    cell = _cell(column, value)
    if cell is None:
        marker = about.marker
        if column.kind in ("float", "integer") and isinstance(marker, int | float | None):
            return np.array([np.nan if marker is None else marker], dtype=np.float64)
        return np.array([marker], dtype=object)
    if isinstance(cell, bool):
        return np.array([cell])
    if isinstance(cell, str):
        return np.array([cell], dtype=object)  # in a frame it becomes pandas' own str
    if about.holds_objects:
        return np.array([cell], dtype=object)
    if isinstance(cell, int) and not column.may_be_missing and column.kind != "float":
        return np.array([cell], dtype=np.int64)
    return np.array([cell], dtype=np.float64)


def _cell(column: Column, value: Scalar) -> Scalar:
    """The value checked against its kind. Raises HostError INPUT."""
    if value is None:
        if not column.may_be_missing:
            raise HostError("INPUT", "it may not be left empty", input=column.name)
        return None
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if column.kind == "boolean" and not isinstance(value, bool):
        raise HostError("INPUT", "yes or no is expected", input=column.name)
    if column.kind == "string" and not isinstance(value, str):
        raise HostError("INPUT", "a text is expected", input=column.name)
    if column.kind in ("float", "integer") and not is_number:
        raise HostError("INPUT", "a number is expected", input=column.name)
    if column.kind == "integer" and isinstance(value, float) and not value.is_integer():
        raise HostError("INPUT", "a whole number is expected", input=column.name)
    most = _LARGEST_FLOAT if column.kind == "float" else _LARGEST_INTEGER
    if isinstance(value, int | float) and abs(value) > most:
        raise HostError("INPUT", "the number is too large", input=column.name)
    return int(value) if column.kind == "integer" else value
