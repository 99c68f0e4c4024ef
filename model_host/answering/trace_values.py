"""Values in a trace: the shape of a step's output, its first row, a local variable.

Nothing here may fail or warn, whatever a model returns: problems are described in words instead.
"""

from __future__ import annotations

import math
import reprlib
import warnings
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from model_host.protocol.trace import TracedCell
from model_host.structure.scalars import is_missing

HIDDEN = "[hidden]"
_MOST_COLUMNS = 50
_LONGEST_VALUE = 60
_LONGEST_VARIABLE = 200

_REPR = reprlib.Repr()
_REPR.maxstring = _REPR.maxother = _LONGEST_VARIABLE
_REPR.maxdict = _REPR.maxlist = _REPR.maxtuple = _REPR.maxset = 8
_REPR.maxlevel = 3


@dataclass(frozen=True)
class Look:
    """The summary of an output: its shape, columns by dtype, missing values, and the range of its
    finite numbers; None for what is unknown."""

    shape: tuple[int, ...] = ()
    dtypes: dict[str, int] = field(default_factory=dict)
    missing: int | None = None
    minimum: float | None = None
    maximum: float | None = None


def look_of(output: Any) -> Look:
    """Summarise a DataFrame, an array, a sparse matrix or a list, cheaply."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _look_of(output)
    except MemoryError:
        raise
    except Exception:  # an output of another library's own kind
        return Look(dtypes={printable(type(output).__name__, 100): 1})


def _look_of(output: Any) -> Look:
    if isinstance(output, pd.DataFrame):
        dtypes = {printable(name, 60): count for name, count in _counted(output.dtypes).items()}
        values = output.select_dtypes("number").to_numpy(dtype=np.float64, na_value=np.nan)
        missing = int(output.isna().to_numpy().sum())
        return Look(output.shape, dtypes, missing, *_range(values))
    if hasattr(output, "toarray"):
        stored = np.asarray(output.data)
        low, high = _range(stored)
        if output.shape[0] * output.shape[1] > stored.size:  # what is not stored is 0
            low, high = min(low or 0.0, 0.0), max(high or 0.0, 0.0)
        dtypes = {f"{output.dtype} (sparse)": output.shape[1]}
        return Look(tuple(output.shape), dtypes, _missing(stored), low, high)
    values = np.asarray(output)
    columns = math.prod(values.shape[1:])
    dtypes = {printable(values.dtype, 60): columns}
    return Look(values.shape, dtypes, _missing(values), *_range(values))


def _counted(dtypes: Any) -> Counter[str]:
    return Counter(str(dtype) for dtype in dtypes)


def _missing(values: Any) -> int:
    if values.dtype.kind == "f":
        return int(np.isnan(values).sum())
    if values.dtype.kind == "O":
        return sum(is_missing(value) for value in values.ravel())
    return 0


def _range(values: Any) -> tuple[float | None, float | None]:
    if values.dtype.kind not in "fiub":
        return None, None
    finite = values[np.isfinite(values)]
    return (float(finite.min()), float(finite.max())) if finite.size else (None, None)


def not_finite(output: Any) -> list[tuple[int, str, str]]:
    """Return the values of an output's first row that are infinite or missing, as (column's number,
    its name or "", "inf", "-inf" or "nan")."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _not_finite(output)
    except MemoryError:
        raise
    except Exception:  # an output of another library's own kind
        return []


def _not_finite(output: Any) -> list[tuple[int, str, str]]:
    names: list[str] = []
    if isinstance(output, pd.DataFrame):
        names = [printable(name, 60) for name in output.columns]
        values = output.iloc[:1].to_numpy(dtype=object).ravel()
    elif hasattr(output, "toarray"):
        values = output[:1].toarray().ravel()
    else:
        whole = np.asarray(output)
        values = whole.reshape(len(whole), -1)[0] if whole.ndim else whole.ravel()
    if values.dtype.kind == "f":
        places = np.flatnonzero(~np.isfinite(values)).tolist()
    elif values.dtype.kind == "O":
        places = [place for place, value in enumerate(values) if _is_not_finite(value)]
    else:
        places = []
    return [(place, names[place] if names else "", _name_of(values[place])) for place in places]


def _is_not_finite(value: Any) -> bool:
    return is_missing(value) or (isinstance(value, float | np.floating) and not np.isfinite(value))


def _name_of(value: Any) -> str:
    return "nan" if is_missing(value) else "inf" if value > 0 else "-inf"


def cells(output: Any, most: int = _MOST_COLUMNS) -> tuple[TracedCell, ...]:
    """Return the first row of an output, or of what a model is called with: its first columns as
    text."""
    try:
        if isinstance(output, pd.DataFrame):
            frame = output.iloc[:1, :most]
            return tuple(
                TracedCell(printable(name, 60), printable(dtype, 60), _value(frame.iat[0, index]))
                for index, (name, dtype) in enumerate(frame.dtypes.items())
            )
        if hasattr(output, "toarray"):
            output = output[:1, :most].toarray()
        values = np.asarray(output)
        first = values.reshape(len(values), -1)[0][:most] if values.ndim else values.ravel()
        dtype = printable(values.dtype, 60)
        return tuple(TracedCell("", dtype, _value(value)) for value in first)
    except MemoryError:
        raise
    except Exception:  # an output of another library's own kind
        return (TracedCell("", printable(type(output).__name__, 60), shown(output)),)


def _value(value: Any) -> str:
    plain = value.item() if isinstance(value, np.generic) else value
    return printable(plain, _LONGEST_VALUE)


def shown(value: Any) -> str:
    """Format a variable as text of at most 200 characters."""
    try:
        return printable(_REPR.repr(value), _LONGEST_VARIABLE)
    except MemoryError:
        raise
    except Exception:  # a class may say anything of itself
        return f"<{printable(type(value).__name__, 100)}>"


def printable(value: Any, most: int) -> str:
    """Convert ``str(value)`` to text that JSON, UTF-8 and PostgreSQL take, shortened to
    ``most``."""
    try:
        text = str(value)
    except MemoryError:
        raise
    except Exception:  # an exception of the model's own class, say
        text = f"<{type(value).__name__}>"
    text = text.replace("\0", "\\x00").encode("utf-8", "backslashreplace").decode()
    return text if len(text) <= most else text[: most - 1] + "…"
