"""Constructors of pandas' values, whichever version from 1.5 on wrote them, with or without
pyarrow.

An Index or a Series chose columns, a category is an Interval or a Timestamp, a kernel's machine
keeps the DataFrame that it was fitted on: here these are data. What a file says of them is checked
down to each cell; the pandas that runs here makes them anew by its public constructors.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, timedelta, timezone
from typing import Any

import numpy as np
import pandas as pd
from pandas._libs.arrays import NDArrayBacked
from pandas._libs.interval import IntervalMixin
from pandas.api.extensions import ExtensionArray, ExtensionDtype
from pandas.arrays import (
    BooleanArray,
    DatetimeArray,
    FloatingArray,
    IntegerArray,
    IntervalArray,
    PeriodArray,
    StringArray,
    TimedeltaArray,
)

from model_host.loading.constructors.arrow_values import arrow_values
from model_host.loading.constructors.calls import BLANKS, MAKERS, Arguments, Maker, maker
from model_host.loading.reading_state import Made, Named, Part, Reading, check_key, unfit
from model_host.moved import NumpyExtensionArray, text_type
from model_host.protocol.errors import HostError

OF_PANDAS: tuple[type, ...] = (
    *(pd.Series, pd.DataFrame, pd.Index, ExtensionArray, ExtensionDtype),
    *(pd.Interval, pd.Period, type(pd.NaT), type(pd.NA), pd.offsets.BaseOffset),
)
"""The types whose parts are checked here; a Timestamp and a Timedelta are Python's times."""
_UNITS = {7: "s", 8: "ms", 9: "us", 10: "ns"}
"""The units of time by NumPy's numbers for them."""
_FREQUENCY = re.compile(r"period\[\d{0,4}[A-Za-z]{1,3}(-[A-Z]{3})?\]")
_MASKED: dict[str, Any] = {
    "BooleanArray": BooleanArray,
    "IntegerArray": IntegerArray,
    "FloatingArray": FloatingArray,
}
_BACKED: dict[str, Any] = {
    "Categorical": pd.Categorical,
    "DatetimeArray": DatetimeArray,
    "PeriodArray": PeriodArray,
    "StringArray": StringArray,
    "TimedeltaArray": TimedeltaArray,
}
"""Arrays of pandas that keep one array of NumPy and a type."""


def _check_cells(reading: Reading, cells: list[Any]) -> None:
    """Check that objects are plain values, or types of columns."""
    for cell in cells:
        if isinstance(cell, np.dtype | ExtensionDtype) and reading.is_built(cell):
            continue
        try:
            check_key(cell)
        except HostError as error:
            raise HostError(
                "LOAD",
                f"The file keeps a {type(cell).__name__[:60]} among the values of a pandas Series, "
                "DataFrame or Index, where only texts, numbers and times are read. Keep a list in "
                "its place, or leave it out of the model, then save the model again.",
            ) from error


def row_of(reading: Reading, given: Any) -> Any:
    """Return the data of an Index or a Series: one row of an array whose cells are checked."""
    if not isinstance(given, np.ndarray | ExtensionArray) or not reading.is_built(given):
        raise unfit("pandas array")
    if given.ndim != 1:
        raise unfit("pandas array")
    if isinstance(given, np.ndarray):
        if type(given) is not np.ndarray or given.dtype.kind not in "biufcmMOSU":
            raise unfit("pandas array")
        if given.dtype == object:
            _check_cells(reading, given.tolist())
    return given


# Single values


@maker("pandas._libs.tslibs.nattype", "_nat_unpickle")
def _not_a_time(reading: Reading, arguments: Arguments) -> Any:
    return pd.NaT


@maker("pandas._libs.tslibs.timestamps", "_unpickle_timestamp")
def _timestamp(reading: Reading, arguments: Arguments) -> Any:
    match arguments:
        case (int(number), _, None | timezone() as zone, 7 | 8 | 9 | 10 as unit):
            moment = pd.Timestamp(np.datetime64(number, _UNITS[unit]))  # type: ignore[call-overload]
            return moment.tz_localize("UTC").tz_convert(zone) if zone else moment
    raise unfit("Timestamp")


@maker("pandas._libs.tslibs.timedeltas", "_timedelta_unpickle")
def _timedelta(reading: Reading, arguments: Arguments) -> Any:
    match arguments:
        case (int(number), 7 | 8 | 9 | 10 as unit):
            return pd.Timedelta(np.timedelta64(number, _UNITS[unit]))  # type: ignore[call-overload]
    raise unfit("Timedelta")


@maker("pytz", "_UTC")
def _utc(reading: Reading, arguments: Arguments) -> timezone:
    return UTC


@maker("pandas", "Interval")
def _interval(reading: Reading, arguments: Arguments) -> Any:
    match arguments:
        case (left, right, "left" | "right" | "both" | "neither" as closed) if all(
            isinstance(end, int | float | np.number | pd.Timestamp | pd.Timedelta)
            for end in (left, right)
        ):
            return pd.Interval(left, right, closed)
    raise unfit("Interval")


def _offset(name: str) -> Maker:
    """The length of a period: a number of months, or a quarter that ends in March."""

    def make(reading: Reading, arguments: Arguments) -> Any:
        match arguments:
            case (int(count), bool(normalized), *anchor) if 0 < count < 10**6:
                kind = getattr(pd.offsets, name)
                if anchor in ([], [timedelta(0)]):
                    return kind(count, normalized)
                if anchor == [None] or (type(anchor[0]) is int and 0 <= anchor[0] <= 12):
                    return kind(count, normalized, *anchor[:1])
        raise unfit(name)

    return make


for _name in (
    *("Day", "Hour", "Minute", "Second", "Milli", "Micro", "Nano", "Week"),
    *("BusinessDay", "MonthEnd", "QuarterEnd", "YearEnd"),
):
    MAKERS["pandas._libs.tslibs.offsets", _name] = _offset(_name)


@maker("pandas", "Period")
def _period(reading: Reading, arguments: Arguments) -> Any:
    match arguments:
        case (None, pd.offsets.BaseOffset() as length, int(ordinal)):
            return pd.Period(ordinal=ordinal, freq=length)
    raise unfit("Period")


# Types of columns


@maker("pandas", "StringDtype")
def _string_dtype(reading: Reading, arguments: Arguments) -> Any:
    """Arrow's texts are Python's here."""
    match arguments:
        case () | (str(),):
            return text_type(pd.NA)
        case (str(), missing) if missing is pd.NA or type(missing) is float:
            return text_type(missing)
    raise unfit("StringDtype")


def _set_string_dtype(reading: Reading, value: Any, state: Any) -> None:
    match state:
        case {"storage": str(storage)}:
            missing = np.nan if storage.endswith("numpy") else pd.NA
            vars(value).update(vars(text_type(missing)))
        case _:
            raise unfit("StringDtype")


@maker("pandas", "PeriodDtype")
def _period_dtype(reading: Reading, arguments: Arguments) -> Any:
    match arguments:
        case (pd.offsets.BaseOffset() as length,):
            return pd.PeriodDtype(length)
        case (str(text),) if _FREQUENCY.fullmatch(text):
            return pd.PeriodDtype(text)
    raise unfit("PeriodDtype")


def _set_category_dtype(reading: Reading, value: Any, state: Any) -> None:
    match state:
        case {"categories": pd.Index() | None as categories, "ordered": bool() | None as ordered}:
            proper = pd.CategoricalDtype(categories, ordered)
            value.__setstate__({"categories": proper.categories, "ordered": proper.ordered})
        case _:
            raise unfit("CategoricalDtype")


def _set_zoned_dtype(reading: Reading, value: Any, state: Any) -> None:
    match state:
        case {"unit": "s" | "ms" | "us" | "ns" as unit, "tz": timezone() as zone}:
            value.__setstate__({"unit": unit, "tz": zone})
        case _:
            raise unfit("DatetimeTZDtype")


def _set_interval_dtype(reading: Reading, value: Any, state: Any) -> None:
    match state:
        case {
            "subtype": np.dtype() as kind,
            "closed": "left" | "right" | "both" | "neither" as end,
        }:
            proper = pd.IntervalDtype(kind, end)
            value.__setstate__({"subtype": proper.subtype, "closed": proper.closed})
        case _:
            raise unfit("IntervalDtype")


def _set_nothing(reading: Reading, value: Any, state: Any) -> None:
    """Check the state of a numeric type, which is ignored."""
    if state is not None and type(state) is not dict:
        raise unfit(type(value).__name__)


# Arrays


@maker("pandas._libs.arrays", "__pyx_unpickle_NDArrayBacked")
def _backed(reading: Reading, arguments: Arguments) -> Made:
    match arguments:
        case (Named(entry), int(), None) if entry.name in _BACKED:
            kind = _BACKED[entry.name]
            return Made(kind.__new__(kind), _build_backed, needs_state=True)
    raise unfit("pandas array")


def _build_backed(reading: Reading, value: Any, state: Any) -> None:
    match state:
        case (dtype, np.ndarray() as values) | (dtype, np.ndarray() as values, dict()):
            _fill(reading, value, _proper(reading, value, dtype, values))
        case _:
            raise unfit(type(value).__name__)


def _fill(reading: Reading, value: Any, proper: Any) -> None:
    NDArrayBacked.__init__(value, proper._ndarray, proper.dtype)


def _proper(reading: Reading, value: Any, dtype: Any, values: np.ndarray[Any, Any]) -> Any:
    """The array of the kind of ``value`` that pandas makes of ``values``; HostError where they are
    not what ``dtype`` says."""
    match value, dtype, values.dtype.kind:
        case StringArray(), _, "O" if values.ndim == 1:
            return _text_array(values, dtype if isinstance(dtype, pd.StringDtype) else None)
        case pd.Categorical(), pd.CategoricalDtype(), "i" if values.ndim == 1:
            return pd.Categorical.from_codes(values, dtype=dtype)
        case PeriodArray(), pd.PeriodDtype(), "i" if values.ndim == 1:
            return PeriodArray(values.astype(np.int64), dtype=dtype)
        case TimedeltaArray(), np.dtype(), "m":
            return _times(values)
        case DatetimeArray(), np.dtype(), "M":
            return _times(values)
        case DatetimeArray(), pd.DatetimeTZDtype(unit=unit), "M":
            if (moments := _times(values)).dtype == f"M8[{unit}]":
                return moments.tz_localize("UTC").tz_convert(dtype.tz)
    raise unfit(type(value).__name__)


def _times(values: np.ndarray[Any, Any]) -> Any:
    """Times in one row, or in the rows of a DataFrame's block."""
    if values.ndim not in (1, 2) or np.datetime_data(values.dtype)[0] not in _UNITS.values():
        raise unfit("pandas array")
    return pd.array(values.ravel()).reshape(values.shape)


def _text_array(values: np.ndarray[Any, Any], dtype: pd.StringDtype | None) -> Any:
    """Texts, and among them what stands for a missing one."""
    texts = values.tolist()
    if not all(type(text) in (str, float, type(None), type(pd.NA)) for text in texts):
        raise unfit("StringArray")
    missing = np.nan if dtype is None else dtype.na_value
    plain = [text if type(text) is str else None for text in texts]
    return pd.array(plain, dtype=text_type(missing))


def _set_arrow_texts(reading: Reading, value: Any, state: Any) -> None:
    match state:
        case {"_dtype": pd.StringDtype() as dtype}:
            texts = arrow_values(state.get("_pa_array", state.get("_data")))
            _fill(reading, value, _text_array(texts, dtype))
        case _:
            raise unfit("ArrowStringArray")


def _set_arrow_column(reading: Reading, value: Any, state: Any) -> None:
    if type(state) is not dict:
        raise unfit("ArrowExtensionArray")
    values = arrow_values(state.get("_pa_array", state.get("_data")))
    _fill(reading, value, NumpyExtensionArray(values))


def _set_masked(reading: Reading, value: Any, state: Any) -> None:
    match state:
        case {"_data": np.ndarray() as data, "_mask": np.ndarray() as mask} if data.ndim == 1:
            vars(value).update(vars(type(value)(data, mask)))  # it checks types and shapes
        case _:
            raise unfit(type(value).__name__)


@maker("pandas._libs.interval", "__pyx_unpickle_IntervalMixin")
def _interval_array(reading: Reading, arguments: Arguments) -> Made:
    match arguments:
        case (Named(entry), int(), None) if entry.name == "IntervalArray":
            return Made(IntervalMixin.__new__(IntervalArray), _build_intervals, needs_state=True)
    raise unfit("IntervalArray")


def _build_intervals(reading: Reading, value: Any, state: Any) -> None:
    match state:
        case ({"_left": left, "_right": right, "_dtype": pd.IntervalDtype() as dtype},):
            ends = [row_of(reading, end) for end in (left, right)]
            vars(value).update(vars(IntervalArray.from_arrays(*ends, closed=dtype.closed)))
        case _:
            raise unfit("IntervalArray")


def blank(module: str, name: str, make: Any, build: Any, *, needs_state: bool = True) -> None:
    """Register the function that NEWOBJ calls for a type, and the one that sets its state."""
    BLANKS[module, name] = lambda: Made(make(), build, needs_state)


def empty(kind: Any) -> Callable[[], Any]:
    """Return an instance of ``kind`` without a state."""
    return lambda: kind.__new__(kind)


blank("pandas", "StringDtype", empty(pd.StringDtype), _set_string_dtype)
blank("pandas", "CategoricalDtype", empty(pd.CategoricalDtype), _set_category_dtype)
blank("pandas", "DatetimeTZDtype", empty(pd.DatetimeTZDtype), _set_zoned_dtype)
blank("pandas", "IntervalDtype", empty(pd.IntervalDtype), _set_interval_dtype)
blank("pandas", "ArrowDtype", lambda: Part("Arrow type", None), _set_nothing, needs_state=False)
blank("pandas.arrays", "ArrowStringArray", empty(StringArray), _set_arrow_texts)
blank("pandas.arrays", "ArrowExtensionArray", empty(NumpyExtensionArray), _set_arrow_column)
for _name, _kind in _MASKED.items():
    blank("pandas.arrays", _name, empty(_kind), _set_masked)
for _name in (
    *("Int8Dtype", "Int16Dtype", "Int32Dtype", "Int64Dtype", "UInt8Dtype", "UInt16Dtype"),
    *("UInt32Dtype", "UInt64Dtype", "Float32Dtype", "Float64Dtype", "BooleanDtype"),
):
    blank("pandas", _name, getattr(pd, _name), _set_nothing, needs_state=False)
