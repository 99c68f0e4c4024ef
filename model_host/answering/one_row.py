"""The conversion of one set of inputs into the argument of ``predict``, with the dtypes of
training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from model_host.protocol.errors import HostError
from model_host.protocol.inputs import Column, InputLayout, Kind, Scalar
from model_host.structure.anatomy import takes_texts
from model_host.structure.followed_inputs import routes_of
from model_host.structure.input_facts import InputColumn

_LARGEST_FLOAT = float(np.finfo(np.float64).max)
_LARGEST_INTEGER = int(np.iinfo(np.int64).max)
_SMALLEST_INTEGER = int(np.iinfo(np.int64).min)
_LARGEST_UNSIGNED = int(np.iinfo(np.uint64).max)


def one_row(estimator: Any, layout: InputLayout, inputs: Mapping[str, Scalar]) -> Any:
    """Return the row for one prediction: a DataFrame, a (1, n) array, a list of one text (a Series
    where a step of somebody's own comes before the vectorizer) or a list of one mapping.

    A column is bool for booleans, int64 for integers that may not be missing, else float64 for
    numbers (or the type that a step must have), pandas' own ``str`` for texts and the categories'
    own type for choices: a date that was sent as a text is a date again. A missing value is written
    as this model's training data wrote it: NaN, NaT, None or an imputer's own marker. What no step
    looks at is NaN.
    Raises HostError INPUT naming the input whose value is of another kind or missing.
    """
    strangers = inputs.keys() - {column.name for column in layout.columns}
    if strangers:
        name = min(strangers)
        raise HostError("INPUT", "the model has no input of this name", input=name)
    if layout.container == "texts":
        (column,) = layout.columns
        texts = [_cell(column, inputs.get(column.name))]
        return texts if takes_texts(estimator) else pd.Series(texts, name=column.name)
    known = routes_of(estimator, len(layout.columns)).columns
    if layout.container == "records":
        record = {
            column.name: _value(column, inputs.get(column.name), about)
            for column, about in zip(layout.columns, known, strict=True)
        }
        return [{name: value for name, value in record.items() if value is not None}]
    cells = {
        column.name: cell_of(column, inputs.get(column.name), about)
        for column, about in zip(layout.columns, known, strict=True)
    }
    if layout.container == "frame":
        return pd.DataFrame(cells)
    return _array(list(cells.values()))


def _array(cells: list[Any]) -> Any:
    """The cells as the (1, n) array that a model without column names was trained on: of float64,
    unless that would change one of them."""
    values = [cell[0] for cell in cells]
    types = {cell.dtype for cell in cells}
    if all(one.kind in "biuf" for one in types):
        if any(one.kind == "f" and one.itemsize < 8 for one in types):
            return np.array([values], dtype=min(types, key=lambda one: (one.kind != "f", one)))
        row = np.array([values], dtype=np.float64)
        # As Python numbers, since NumPy compares a whole number with a float64 as two float64.
        if all(a == b.item() or a != a for a, b in zip(row[0].tolist(), values, strict=True)):
            return row
    return np.array([values], dtype=types.pop() if len(types) == 1 else object)


def cell_of(column: Column, value: Scalar, about: InputColumn) -> Any:
    """One cell as a column of its own, with the dtype that scikit-learn is to see."""
    if not about.is_used:
        return np.array([np.nan])
    cell = _value(column, value, about)
    if cell is None:
        return _gap(column, about)
    if about.originals:
        return _category(about.originals[str(cell)], about)
    if isinstance(cell, bool):
        return np.array([cell])
    if isinstance(cell, str):
        return np.array([cell], dtype=object)  # in a frame it becomes pandas' own str
    if about.dtype is not None and about.dtype.kind in "Oiu":
        return _category(cell, about)
    if about.dtype is not None and about.dtype.kind == "f":
        return np.array([cell], dtype=about.dtype)
    if isinstance(cell, int) and column.kind != Kind.FLOAT and _needs_digits(column, cell):
        return np.array([cell], dtype=np.int64 if cell <= _LARGEST_INTEGER else np.uint64)
    return np.array([cell], dtype=np.float64)


def _value(column: Column, value: Scalar, about: InputColumn) -> Scalar:
    """The value checked against its kind, and against the encoders that it reaches."""
    cell = _cell(column, value, about)
    if cell is not None and (refusal := about.refusal_of(cell)):
        raise HostError("INPUT", refusal, input=column.name)
    return cell


def _gap(column: Column, about: InputColumn) -> Any:
    """The missing value of the column."""
    marker = about.marker
    if about.dtype is not None and about.dtype.kind in "mM":
        return np.array(["NaT"], dtype=about.dtype)
    if column.kind in (Kind.FLOAT, Kind.INTEGER) and isinstance(marker, int | float | None):
        of_number = about.dtype is not None and about.dtype.kind in "fO"
        return np.array(
            [np.nan if marker is None else marker], dtype=about.dtype if of_number else np.float64
        )
    return np.array([marker], dtype=object)


def _category(value: Any, about: InputColumn) -> Any:
    """A category in the type of the encoder's own; a number that this type does not hold, as one
    that it has not seen, in the type that holds it."""
    fits = about.dtype.kind not in "iu" or (
        isinstance(value, int) and np.iinfo(about.dtype).min <= value <= np.iinfo(about.dtype).max
    )
    if not fits:
        return np.array([value], dtype=np.float64)
    cells = np.empty(1, dtype=about.dtype)
    cells[0] = value
    return cells


def _needs_digits(column: Column, cell: int) -> bool:
    """Whether a whole number is sent as one: where it may not be missing, as in the training data,
    and where a float64 would lose digits."""
    return not column.may_be_missing or float(cell) != cell


def _cell(column: Column, value: Scalar, about: InputColumn | None = None) -> Scalar:
    """The value checked against its kind. Raises HostError INPUT."""
    if value is None:
        if not column.may_be_missing:
            raise HostError("INPUT", "it may not be left empty", input=column.name)
        return None
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if column.kind == Kind.BOOLEAN and not isinstance(value, bool):
        raise HostError("INPUT", "yes or no is expected", input=column.name)
    if column.kind == Kind.STRING and not isinstance(value, str):
        raise HostError("INPUT", "a text is expected", input=column.name)
    if column.kind in (Kind.FLOAT, Kind.INTEGER) and not is_number:
        raise HostError("INPUT", "a number is expected", input=column.name)
    if column.kind == Kind.INTEGER and isinstance(value, float) and not value.is_integer():
        raise HostError("INPUT", "a whole number is expected", input=column.name)
    if is_number and not _is_held(column, value, about):  # type: ignore[arg-type]
        raise HostError("INPUT", "the number is too large", input=column.name)
    return int(value) if column.kind == Kind.INTEGER else value


def _is_held(column: Column, number: int | float, about: InputColumn | None) -> bool:
    """Whether a numeric column can hold the value; an object column holds everything."""
    if column.kind == Kind.CHOICE and about is not None and about.dtype is not None:
        return about.dtype.kind == "O" or abs(number) <= _LARGEST_FLOAT
    if column.kind == Kind.INTEGER or (column.kind == Kind.CHOICE and isinstance(number, int)):
        return _SMALLEST_INTEGER <= number <= _LARGEST_UNSIGNED
    return abs(number) <= _LARGEST_FLOAT
