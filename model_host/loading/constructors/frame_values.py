"""Constructors of pandas' Index, Series and DataFrame.

Their cells are checked by ``pandas_values.py``; the installed pandas constructs them again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.extensions import ExtensionArray
from pandas.arrays import DatetimeArray, PeriodArray, StringArray, TimedeltaArray

from model_host.loading.constructors.calls import Arguments, maker
from model_host.loading.constructors.pandas_values import blank, empty, row_of
from model_host.loading.reading_state import Named, Part, Reading, check_key, damaged, unfit

MOST_COLUMNS = 100_000


def _texts_or(values: Any) -> Any:
    """Texts as this server's own pandas keeps them; other values as they are."""
    if isinstance(values, StringArray) and values.dtype.na_value is not pd.NA:
        return values.tolist()
    if isinstance(values, np.ndarray) and values.dtype == object:
        items = values.tolist()
        return items if items and all(type(item) is str for item in items) else values
    return values


# Index


@maker("pandas.core.indexes.base", "_new_Index")
@maker("pandas.core.indexes.datetimes", "_new_DatetimeIndex")
@maker("pandas.core.indexes.timedeltas", "_new_TimedeltaIndex")
@maker("pandas.core.indexes.interval", "_new_IntervalIndex")
def _index(reading: Reading, arguments: Arguments) -> Any:
    match arguments:
        case (Named(entry), dict(given)) if entry.name in _INDEXES:
            check_key(name := given.get("name"))
            index = _INDEXES[entry.name](reading, given)
            return index if entry.name == "MultiIndex" else index.rename(name)
    raise unfit("Index")


def _plain_index(reading: Reading, given: dict[str, Any]) -> Any:
    return pd.Index(_texts_or(row_of(reading, given.get("data"))), copy=True)


def _range_index(reading: Reading, given: dict[str, Any]) -> Any:
    match given:
        case {"start": int(start), "stop": int(stop), "step": int(step)}:
            return pd.RangeIndex(start, stop, step)
    raise unfit("RangeIndex")


def _index_of(array: Any, index: Any) -> Callable[[Reading, dict[str, Any]], Any]:
    def make(reading: Reading, given: dict[str, Any]) -> Any:
        if not isinstance(given.get("data"), array):
            raise unfit(index.__name__)
        return index(row_of(reading, given["data"]))

    return make


def _interval_index(reading: Reading, given: dict[str, Any]) -> Any:
    match given:
        case {"left": pd.Index() as left, "right": pd.Index() as right, "closed": str(closed)}:
            return pd.IntervalIndex.from_arrays(left, right, closed=closed)
    raise unfit("IntervalIndex")


def _multi_index(reading: Reading, given: dict[str, Any]) -> Any:
    match given:
        case {"levels": list(levels), "codes": list(codes), "names": list(names)}:
            for name in names:
                check_key(name)
            are_numbers = all(row_of(reading, one).dtype.kind == "i" for one in codes)
            if are_numbers and all(isinstance(level, pd.Index) for level in levels):
                return pd.MultiIndex(levels=levels, codes=codes, names=names)
    raise unfit("MultiIndex")


_INDEXES: dict[str, Callable[[Reading, dict[str, Any]], Any]] = {
    "Index": _plain_index,
    "RangeIndex": _range_index,
    "CategoricalIndex": _index_of(pd.Categorical, pd.CategoricalIndex),
    "DatetimeIndex": _index_of(DatetimeArray, pd.DatetimeIndex),
    "TimedeltaIndex": _index_of(TimedeltaArray, pd.TimedeltaIndex),
    "PeriodIndex": _index_of(PeriodArray, pd.PeriodIndex),
    "IntervalIndex": _interval_index,
    "MultiIndex": _multi_index,
}


# Series and DataFrame


def _set_single(reading: Reading, value: Any, state: Any) -> None:
    """The axis and the values of a Series."""
    match state:
        case ([pd.Index() as index], [values], [_], dict()):
            if len(row_of(reading, values)) == len(index):
                value.content = (index, values)
                return
    raise unfit("SingleBlockManager")


def _set_series(reading: Reading, value: Any, state: Any) -> None:
    match state:
        case {"_mgr": Part("Series", (index, values))}:
            check_key(name := state.get("_name", state.get("name")))
            _become(value, pd.Series(_texts_or(values), index=index, name=name, copy=True))
        case _:
            raise unfit("Series")


@maker("pandas._libs.internals", "_unpickle_block")
def _block(reading: Reading, arguments: Arguments) -> Part:
    match arguments:
        case (np.ndarray() | ExtensionArray() as values, slice() | np.ndarray() as places, 2):
            if reading.is_built(values) and values.ndim in (1, 2):
                if values.ndim == 2 and len(values) > MOST_COLUMNS:
                    raise damaged("a DataFrame of it has more columns than a model may have")
                rows = [values] if values.ndim == 1 else list(values)
                return Part("DataFrame block", ([row_of(reading, row) for row in rows], places))
    raise unfit("DataFrame")


@maker("pandas.core.internals.managers", "BlockManager")
def _blocks(reading: Reading, arguments: Arguments) -> Part:
    match arguments:
        case (tuple(blocks), [pd.Index() as columns, pd.Index() as index]):
            if len(columns) <= MOST_COLUMNS:
                return Part("DataFrame", (columns, index, _columns(blocks, columns, index)))
            raise damaged("a DataFrame of it has more columns than a model may have")
    raise unfit("DataFrame")


def _columns(blocks: tuple[Any, ...], columns: pd.Index, index: pd.Index) -> list[Any]:
    """The values of each column, of which every one stands in one block."""
    found: dict[int, Any] = {}
    for block in blocks:
        if not isinstance(block, Part) or block.kind != "DataFrame block":
            raise unfit("DataFrame")
        rows, given = block.content
        places = np.arange(len(columns))[given].tolist()
        if len(places) != len(rows) or any(len(row) != len(index) for row in rows):
            raise unfit("DataFrame")
        found.update(zip(places, rows, strict=True))
    if len(found) != len(columns) or sum(len(block.content[0]) for block in blocks) != len(found):
        raise unfit("DataFrame")
    return [found[place] for place in range(len(columns))]


def _set_frame(reading: Reading, value: Any, state: Any) -> None:
    match state:
        case {"_mgr": Part("DataFrame", (columns, index, values))}:
            texts = {place: _texts_or(one) for place, one in enumerate(values)}
            frame = pd.DataFrame(texts, index=index)
            frame.columns = columns
            _become(value, frame)
        case _:
            raise unfit("DataFrame")


def _become(value: Any, proper: Any) -> None:
    """Turn the empty ``value`` into ``proper``, read-only."""
    for block in proper._mgr.blocks:
        if isinstance(block.values, np.ndarray):
            block.values.flags.writeable = False
    value.__setstate__(proper.__getstate__())


_MANAGERS = "pandas.core.internals.managers"
blank(_MANAGERS, "SingleBlockManager", lambda: Part("Series", None), _set_single)
blank("pandas", "Series", empty(pd.Series), _set_series)
blank("pandas", "DataFrame", empty(pd.DataFrame), _set_frame)
