"""Many rows of inputs as tables for ``predict``, each cell as in the table of its row alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from model_host.answering.one_row import cell_of
from model_host.protocol.errors import HostError
from model_host.protocol.inputs import Column, InputLayout, Kind, Scalar
from model_host.structure.followed_inputs import routes_of
from model_host.structure.input_facts import InputColumn


def tables(
    estimator: Any, layout: InputLayout, rows: Sequence[Sequence[Scalar]], alone: set[int]
) -> Iterator[tuple[Any, list[int]]]:
    """Yield the rows whose cells have the same types as one table, with their numbers: beside other
    types a column would be another one than in the table of one row. Rows that cannot be in such a
    table are added to ``alone``."""
    known = routes_of(estimator, len(layout.columns)).columns
    columns: list[Any] = []
    varying: list[list[Any]] = []
    for index, (column, about) in enumerate(zip(layout.columns, known, strict=True)):
        cells, types = _cells(column, about, [row[index] for row in rows], alone)
        columns.append(cells)
        if len(set(types)) > 1:
            varying.append(types)
    groups: dict[Any, list[int]] = {}
    for row in range(len(rows)):
        if row not in alone:
            groups.setdefault(tuple(types[row] for types in varying), []).append(row)
    for places in groups.values():
        parts = [_part(cells, places, len(rows)) for cells in columns]
        if layout.container == "frame":
            names = [column.name for column in layout.columns]
            yield pd.DataFrame(dict(zip(names, parts, strict=True))), places
        elif all(part.dtype == np.float64 or part.dtype == np.bool_ for part in parts):
            yield np.column_stack([part.astype(np.float64) for part in parts]), places
        else:
            alone.update(places)


def single_rows(table: Any) -> Iterator[Any]:
    """Yield the rows of a table as tables of their own, in memory like that of one prediction."""
    if isinstance(table, pd.DataFrame):
        yield from (table.iloc[[place]].copy() for place in range(len(table)))
    elif isinstance(table, np.ndarray):
        yield from (np.array(table[place : place + 1], order="C") for place in range(len(table)))
    else:  # sparse
        yield from (table[[place]] for place in range(table.shape[0]))


def _part(cells: Any, places: list[int], count: int) -> Any:
    if isinstance(cells, np.ndarray):
        return cells if len(places) == count else cells[places]
    return np.concatenate([cells[row] for row in places])


def _cells(
    column: Column, about: InputColumn, given: list[Scalar], alone: set[int]
) -> tuple[Any, list[Any]]:
    """The cells of a column, an array each or together one, and their types."""
    is_plain = column.kind is Kind.FLOAT and about.is_used and not about.vocabularies
    if is_plain and about.dtype is None and all(type(value) is float for value in given):
        numbers = np.array(given, dtype=np.float64)
        if np.isfinite(numbers).all():
            return numbers, []
    made: dict[Any, Any] = {}
    cells, types = [], []
    for row, value in enumerate(given):
        key = type(value), value
        if key not in made:
            made[key] = _cell(column, about, value)
        cell, kind = made[key]
        if kind is None:
            alone.add(row)
        cells.append(cell)
        types.append(kind)
    return cells, types


def _cell(column: Column, about: InputColumn, value: Scalar) -> tuple[Any, Any]:
    try:
        cell = cell_of(column, value, about)
    except HostError:  # the row's own prediction tells
        return np.array([None], dtype=object), None
    return cell, (cell.dtype, type(cell[0]) if cell.dtype == object else None)
