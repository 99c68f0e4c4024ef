"""Values of NumPy and pandas, and models that keep them, in the encoding of each version of the
libraries.

``python -m tests.model_host.spelled`` saves them all with the interpreter that runs it, by
joblib, by pickle in protocol 2 and by skops, in one file of ``spellings/`` that is named by the
versions; with ``--without-pyarrow`` as if pyarrow were not installed. What a value is in words, and
what a model answered for the rows of ``frame``, is saved as JSON, which every version reads. Takes
scikit-learn 1.3 and pandas 1.5 or later.
"""

from __future__ import annotations

import copy
import datetime
import decimal
import importlib
import io
import json
import os
import pickle
import subprocess
import sys
import tarfile
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import scipy.interpolate
import scipy.sparse
import sklearn
import skops
import skops.io
from sklearn.compose import ColumnTransformer, make_column_transformer
from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, SplineTransformer, StandardScaler

IN_SKOPS = ("random state", "times of NumPy", "network", "boosting", "histogram", "spline")
"""Beside the generators. What pandas makes skops either does not write or does not read again."""
OWN_SERIES = "1.9."
"""Of an older scikit-learn, models are another question."""
SPELLINGS = Path(__file__).parent / "spellings"


@dataclass(frozen=True)
class Spelled:
    """A file by one version: the value that its model keeps, or what the model answers, if any."""

    name: str
    content: bytes
    expected: Any
    is_model: bool


def frame() -> Any:
    """Return the rows that the models answer for."""
    count = np.arange(60)
    return pd.DataFrame(
        {
            "age": 20 + count % 41,
            "income": 900.5 + 37.25 * (count % 13),
            "city": np.array(["Oslo", "Lund", "Åre"], dtype=object)[count % 3],
        }
    )


def values() -> Iterator[tuple[str, Any]]:
    """Yield what models keep, by a name each."""
    rows = frame()
    moments = pd.to_datetime(["2020-01-01T00:00:00", "2021-03-04T05:06:07"])
    names, texts = rows.columns, ["Oslo", None, "", "Åre"]
    yield "index of names", names
    yield "sliced index", names[1:]
    yield "named index", names.rename("feature")
    yield "empty index", names[:0]
    yield "index of integers", pd.Index([3, 1, 2])
    yield "index of floats", pd.Index([3.5, 1.25])
    yield "index of unsigned integers", pd.Index(np.array([3, 1], np.uint64))
    yield "index of both", pd.Index(["a", 1])
    yield "range", pd.RangeIndex(2, 12, 3)
    yield "index of moments", pd.DatetimeIndex(moments, name="when")
    yield "index of days", pd.date_range("2020-01-01", periods=3)
    yield "index of durations", pd.TimedeltaIndex([pd.Timedelta(1, "D"), pd.Timedelta(2, "s")])
    yield "index of intervals", pd.IntervalIndex.from_breaks([0, 1.5, 4])
    yield "index of categories", pd.CategoricalIndex(["b", "a", "b"])
    yield "index of periods", pd.period_range("2020-01", periods=3, freq="M")
    yield "index of pairs", pd.MultiIndex.from_tuples([("a", 1), ("b", 2)], names=["x", "y"])
    yield "mask", rows.dtypes.map(lambda dtype: dtype.kind in "if")
    yield "names", pd.Series(["age", "income"], name="chosen")
    yield "types", rows.dtypes
    yield "numbers", rows["income"][:5]
    yield "small numbers", pd.Series(np.array([1, 2], np.int8), index=["a", "b"])
    yield "texts", rows["city"][:5]
    yield "texts with gaps", pd.Series(texts)
    yield "texts of pandas", pd.Series(texts, dtype="string")
    yield "categories", rows["city"].astype("category")[:5]
    yield "bins", pd.cut(rows["age"][:5], [0, 21, 23, 99])
    yield "moments", pd.Series(moments)
    yield "moments in UTC", pd.Series(moments).dt.tz_localize("UTC")
    yield "durations", pd.Series([pd.Timedelta(1, "D"), pd.NaT])
    yield "nullable truths", pd.Series([True, None, False], dtype="boolean")
    yield "nullable integers", pd.Series([1, None, 2**53 + 1], dtype="Int64")
    yield "nullable floats", pd.Series([1.5, None], dtype="Float64")
    yield "intervals", pd.Series(pd.arrays.IntervalArray.from_breaks([0, 1, 2]))
    yield "periods", pd.Series(pd.period_range("2020Q1", periods=2, freq="Q"))
    yield "frame", rows[:5]
    yield "frame of numbers", rows[["age", "income"]][:5]
    yield "frame of all kinds", _all_kinds(rows[:4])
    yield "frame without rows", rows[:0]
    yield "array of texts", pd.array(texts, dtype="string")
    yield "array of categories", pd.Categorical(["b", "a", None], ["a", "b"], ordered=True)
    yield "array of moments", pd.array(moments)
    yield "type of categories", pd.CategoricalDtype(["b", "a"], ordered=True)
    yield "type of texts", pd.StringDtype()
    lengths = (
        *(pd.offsets.YearEnd(), pd.offsets.QuarterEnd(startingMonth=3), pd.offsets.MonthEnd(2)),
        *(pd.offsets.Week(weekday=6), pd.offsets.Day(), pd.offsets.Hour(), pd.offsets.Second()),
    )
    yield "periods of all lengths", [pd.Period("2020-01-06 05:00", freq=one) for one in lengths]
    yield (
        "matrices",
        [
            getattr(scipy.sparse, f"{form}_{kind}")(np.eye(3)[1:])
            for form in ("csr", "csc", "coo", "dia")
            for kind in ("matrix", "array")
        ],
    )
    yield "curve", scipy.interpolate.BSpline(np.arange(8.0), np.array([1.0, 3, 2, 5]), 3)
    yield (
        "scalars",
        [
            decimal.Decimal("1.50"),
            pd.NA,
            pd.NaT,
            pd.Timestamp("2020-01-02T03:04:05"),
            pd.Timestamp("2020-01-02T03:04:05.000006", tz="UTC"),
            pd.Timedelta(90, "s"),
            pd.Interval(0, 1.5, closed="left"),
            pd.Interval(pd.Timestamp("2020-01-01"), pd.Timestamp("2020-02-01")),
            pd.Period("2020-01", "M"),
            pd.Period("2020-01-06", "W"),
            np.datetime64("2020-01-02", "D"),
            np.timedelta64(5, "h"),
            np.str_("Åre"),
            np.float32(0.5),
            datetime.date(2020, 1, 2),
            datetime.time(3, 4),
            datetime.timedelta(1, 2),
            datetime.datetime(2020, 1, 2, tzinfo=datetime.UTC),
        ],
    )
    yield "times of NumPy", [np.datetime64("2020-01-02", "D"), np.timedelta64(5, "h")]
    for kind in ("MT19937", "PCG64", "PCG64DXSM", "Philox", "SFC64"):
        generator = np.random.Generator(getattr(np.random, kind)(7))
        generator.random(3, dtype="f4")
        yield f"generator {kind}", generator
    state = np.random.RandomState(7)
    state.normal(size=3)
    yield "random state", state
    if has_pyarrow():
        yield from _arrow(texts)


def _arrow(texts: list[Any]) -> Iterator[tuple[str, Any]]:
    pyarrow = importlib.import_module("pyarrow")
    yield "texts in Arrow", pd.Series(texts, dtype="string[pyarrow]")
    yield "texts in Arrow, sliced", pd.Series(texts * 5, dtype="string[pyarrow]")[9:13]
    for name, items in (
        ("string", texts),
        ("int64", [1, None, 2**53 + 1]),
        ("uint8", [1, 255]),
        ("float64", [1.5, None]),
        ("float32", [0.5]),
        ("bool_", [True, None, False] * 5),
        ("large_string", ["a", "å"]),
    ):
        dtype = pd.ArrowDtype(getattr(pyarrow, name)())
        yield f"Arrow's {name}", pd.Series(items, dtype=dtype)
        yield f"Arrow's {name}, sliced", pd.Series(items, dtype=dtype)[1:]


def _all_kinds(rows: Any) -> Any:
    return rows.assign(
        when=pd.to_datetime(["2020-01-01", None, "2020-01-03", "2020-01-04"]),
        until=pd.to_datetime(["2021-01-01", None, "2021-01-03", "2021-01-04"]),
        kind=rows["city"].astype("category"),
        truth=pd.array([True, None, False, True], dtype="boolean"),
        count=pd.array([1, 2, None, 3], dtype="Int64"),
        flag=[True, False, True, True],
    )


def models() -> Iterator[tuple[str, Any]]:
    """Models that keep such values, fitted on ``frame``. A type of number that they know is not a
    question of the version."""
    rows = frame()
    target = (rows["age"] % 2).to_numpy()
    numbers = rows.select_dtypes("number").columns
    texts = rows.select_dtypes(exclude="number").columns
    mask = rows.dtypes.map(lambda dtype: dtype.kind in "if")

    def chosen(one: Any, other: Any) -> Any:
        columns = make_column_transformer((StandardScaler(), one), (OneHotEncoder(), other))
        return make_pipeline(columns, LogisticRegression()).fit(rows, target)

    yield "columns by index", chosen(numbers, texts)
    yield "columns by mask", chosen(mask, ~mask)
    yield "columns by series of names", chosen(pd.Series(numbers), pd.Series(texts))
    given = OneHotEncoder(categories=[rows["city"].astype("category").cat.categories])
    columns = ColumnTransformer([("city", given, texts)], remainder="passthrough")
    yield "categories by index", make_pipeline(columns, LogisticRegression()).fit(rows, target)
    plain = rows[["age", "income"]]
    network = MLPClassifier((3,), max_iter=20, random_state=np.random.RandomState(3))
    yield "network", make_pipeline(StandardScaler(), network).fit(plain, target)
    boosting = GradientBoostingClassifier(n_estimators=3, random_state=np.random.RandomState(3))
    yield "boosting", boosting.fit(plain, target)
    yield "histogram", HistGradientBoostingClassifier(max_iter=3, random_state=3).fit(plain, target)
    steps = [("spline", SplineTransformer()), ("line", LinearRegression())]
    yield "spline", Pipeline(steps).fit(plain.assign(income=7.0), plain["age"])


def answers(model: Any) -> Any:
    """Return what a model answers for the rows of ``frame``."""
    rows = frame()[list(model.feature_names_in_)]
    method = "predict_proba" if hasattr(model, "predict_proba") else "predict"
    return getattr(model, method)(rows).tolist()


def described(value: Any) -> Any:
    """Return the value in JSON, alike whatever version made it."""
    if isinstance(value, pd.DataFrame):
        series = [value.iloc[:, place] for place in range(value.shape[1])]
        return ["frame", described(value.columns), [described(one) for one in series]]
    if isinstance(value, pd.Series):
        return ["series", value.name, described(value.index), _cells(value)]
    if isinstance(value, pd.Index):
        return ["index", list(value.names), _cells(value)]
    if isinstance(value, pd.CategoricalDtype):
        return ["categories", described(value.categories), bool(value.ordered)]
    if isinstance(value, np.random.RandomState):
        return copy.deepcopy(value).normal(size=3).tolist()
    if isinstance(value, np.random.Generator):
        return copy.deepcopy(value).random(5).tolist()
    if isinstance(value, list):
        return [_cell(one) for one in value]
    if isinstance(value, pd.api.extensions.ExtensionArray):
        return ["array", _cells(value)]
    if isinstance(value, scipy.interpolate.BSpline):
        return value(np.arange(2, 6) / 2).tolist()
    return _cell(value)


def _cells(values: Any) -> Any:
    if isinstance(dtype := getattr(values, "dtype", None), pd.CategoricalDtype):
        return [described(dtype), [_cell(one) for one in values]]
    return [_cell(one) for one in values]


def _cell(one: Any) -> Any:
    if isinstance(one, tuple):
        return [_cell(part) for part in one]
    if isinstance(one, pd.Interval):
        return ["interval", _cell(one.left), _cell(one.right), one.closed]
    if isinstance(one, pd.CategoricalDtype):
        return described(one)
    if scipy.sparse.issparse(one):
        return [type(one).__name__, one.toarray().tolist()]
    if pd.isna(one):
        return None
    if isinstance(one, np.datetime64 | np.timedelta64 | datetime.timedelta):
        return f"{type(one).__name__} {one}"
    if isinstance(one, bool | np.bool_ | int | float | str | np.number):
        return one.item() if isinstance(one, np.generic) else one
    if isinstance(one, np.dtype | pd.StringDtype):
        return "text" if str(one) in ("object", "str", "string") else str(one)
    return f"{type(one).__name__} {one}"


def write() -> Path:
    """Writes the corpus of this interpreter, and returns the file."""
    versions = {"numpy": np, "scipy": scipy, "pandas": pd, "joblib": joblib, "skops": skops}
    name = "_".join(f"{one}-{library.__version__}" for one, library in versions.items())
    path = SPELLINGS / f"{name}_{'with' if has_pyarrow() else 'without'}-pyarrow.tar.xz"
    expected: dict[str, tuple[bool, Any]] = {}
    with tarfile.open(path, "w:xz", preset=9) as archive:
        for name, value in values():
            model = LinearRegression().fit([[0.0], [1.0]], [0.0, 1.0])
            model.kept_ = value
            expected[name] = False, described(value)
            _save(archive, name, model)
        for name, model in models() if sklearn.__version__.startswith(OWN_SERIES) else ():
            expected[name] = True, answers(model)
            _save(archive, name, model)
        _add(archive, "expected.json", json.dumps(expected).encode())
    return path


def _save(archive: tarfile.TarFile, name: str, model: Any) -> None:
    buffer = io.BytesIO()
    joblib.dump(model, buffer)
    _add(archive, f"{name}.joblib", buffer.getvalue())
    _add(archive, f"{name}.pickle", pickle.dumps(model, 2))
    if name in IN_SKOPS or name.startswith("generator"):
        _add(archive, f"{name}.skops", skops.io.dumps(model))


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    archive.addfile(member, io.BytesIO(content))


def read(path: Path) -> Iterator[Spelled]:
    """Yield the files that ``write`` wrote."""
    with tarfile.open(path) as archive:
        content = {
            member.name: archive.extractfile(member).read()  # type: ignore[union-attr]
            for member in archive
        }
    expected = json.loads(content.pop("expected.json"))
    for file, data in content.items():
        is_model, said = expected[file.rpartition(".")[0]]
        yield Spelled(file, data, said, is_model)


def has_pyarrow() -> bool:
    try:
        importlib.import_module("pyarrow")
    except ImportError:
        return False
    return True


def write_without_pyarrow() -> None:
    """As ``write`` does, in a process that finds a pyarrow that cannot be imported."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "pyarrow.py").write_text("raise ImportError\n")
        command = [sys.executable, "-m", "tests.model_host.spelled"]
        subprocess.run(command, env={**os.environ, "PYTHONPATH": folder}, check=True)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    if "--without-pyarrow" in sys.argv:
        write_without_pyarrow()
    else:
        print(write())
