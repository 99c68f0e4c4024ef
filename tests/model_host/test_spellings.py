"""The encodings of one value by the versions of NumPy, SciPy and pandas: each reads as the same
value.

What each version really wrote is in ``spellings/``; here are its forms one by one, and what is made
of them that no version writes.
"""

from __future__ import annotations

import datetime
import io
import pickle
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest
import skops
import skops.io
from numpy.random import _pickle as ctors
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.linear_model import LinearRegression, SGDClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, SplineTransformer

from model_host.loading.safe_load import load
from tests.model_host.test_hostile_files import (
    dumped,
    infected,
    named,
    nodes_of,
    program,
    refusal_of,
    rewritten,
)

NAMES_ONLY = (ctors.__generator_ctor, ctors.__randomstate_ctor, ctors.__bit_generator_ctor)
GENERATORS = ("MT19937", "PCG64", "PCG64DXSM", "Philox", "SFC64")


class Reduced:
    """Pickles as it is told to."""

    def __init__(self, *reduced: Any) -> None:
        self.reduced = reduced

    def __reduce__(self) -> Any:
        return self.reduced


class AsNumPy1(pickle.Pickler):
    """Writes what makes random numbers as NumPy 1 does: by the name of its bit generator."""

    def reducer_override(self, value: Any) -> Any:
        generator, random_state, bit_generator = NAMES_ONLY
        if isinstance(value, np.random.RandomState):
            state = dict(value.get_state(legacy=False))
            return random_state, (state["bit_generator"], bit_generator), state
        if isinstance(value, np.random.Generator):
            state = dict(value.bit_generator.state)
            return generator, (state["bit_generator"], bit_generator), state
        if isinstance(value, np.random.BitGenerator):
            return bit_generator, (value.state["bit_generator"],), value.state
        return NotImplemented


def as_numpy_1(model: Any) -> bytes:
    buffer = io.BytesIO()
    AsNumPy1(buffer, 4).dump(model)
    return buffer.getvalue()


def read(*values: Any, write: Any = dumped) -> list[Any]:
    """Return what the loader makes of the values, which are in an attribute of a model."""
    found: list[Any] = load(write(infected(*values)), "joblib").estimator.extra_
    return found


# Random generators


def generators(kind: str) -> tuple[Any, ...]:
    """Return two generators that have begun, with one half of a number left over."""
    generator = np.random.Generator(getattr(np.random, kind)(7))
    state = np.random.RandomState(getattr(np.random, kind)(7))
    generator.random(3, dtype="f4")
    state.normal(size=3)
    return generator, state


@pytest.mark.parametrize("write", [dumped, as_numpy_1, skops.io.dumps])
@pytest.mark.parametrize("kind", GENERATORS)
def test_what_makes_random_numbers_goes_on_where_it_was(kind: str, write: Any) -> None:
    generator, state = generators(kind)

    found, found_state = read(generator, state, write=write)

    assert found.random(9).tolist() == generator.random(9).tolist()
    assert found_state.normal(size=9).tolist() == state.normal(size=9).tolist()


@pytest.mark.parametrize("write", [dumped, as_numpy_1])
@pytest.mark.parametrize("kind", GENERATORS)
def test_a_bit_generator_alone_goes_on_where_it_was(kind: str, write: Any) -> None:
    source = getattr(np.random, kind)(7)

    (found,) = read(source, write=write)

    assert found.random_raw(9).tolist() == source.random_raw(9).tolist()


def of(kind: str, **changed: Any) -> dict[str, Any]:
    return {**getattr(np.random, kind)(7).state, **changed}


@pytest.mark.parametrize(
    ("kind", "state"),
    [
        ("Philox", of("Philox", buffer_pos=-9)),
        ("Philox", of("Philox", buffer_pos=5)),
        ("Philox", of("Philox", buffer_pos=2**70)),
        ("Philox", of("Philox", buffer=np.zeros(3, np.uint64))),
        ("Philox", of("Philox", state={"counter": np.zeros(4, np.uint64), "key": "key"})),
        ("SFC64", of("SFC64", state={"state": np.zeros(3, np.uint64)})),
        ("SFC64", of("SFC64", state={"state": np.zeros(4)})),
        ("SFC64", of("SFC64", has_uint32=7)),
        ("PCG64", of("PCG64", state={"state": 1.5, "inc": 1})),
        ("PCG64", of("PCG64", bit_generator="PCG64DXSM")),
        ("PCG64", {"bit_generator": "PCG64", "state": {"state": 1, "inc": 1}}),
        ("MT19937", {"bit_generator": "MT19937", "state": {"key": np.zeros(9, "u4"), "pos": 0}}),
        ("MT19937", of("MT19937", state={"key": np.zeros(624, np.uint32), "pos": 625})),
        ("os", {}),
        ("BitGenerator", {}),
        (np.ndarray, {}),
        (("MT19937",), {}),
    ],
)
def test_a_bit_generator_of_a_state_that_none_has_is_refused(kind: Any, state: Any) -> None:
    generator, random_state, bit_generator = NAMES_ONLY
    gauss = {"has_gauss": 0, "gauss": 0.0}
    for bent in (
        Reduced(bit_generator, (kind,), state),
        Reduced(generator, (kind,), state),
        Reduced(generator, (kind, bit_generator), state),
        Reduced(random_state, (kind, bit_generator), state | gauss),
    ):
        refusal_of(dumped(infected(bent)), "used with values that no honest file has")


def test_a_generator_by_name_is_refused_without_its_state_and_with_another_maker() -> None:
    generator, random_state, _ = NAMES_ONLY

    for made in (generator, random_state):
        refusal_of(
            dumped(infected(Reduced(made, ("PCG64",)))), "leaves an object without its state"
        )
        bent = Reduced(made, ("PCG64", np.max), of("PCG64"))
        refusal_of(dumped(infected(bent)), "`random generator` is used with values")


# Splines


@pytest.mark.parametrize("write", [dumped, skops.io.dumps])
@pytest.mark.parametrize("extrapolation", ["constant", "linear", "continue", "periodic"])
def test_a_spline_of_a_column_that_never_varied_opens_and_answers_the_same(
    extrapolation: Any, write: Any
) -> None:
    rows = np.random.default_rng(0).normal(size=(40, 2))
    rows[:, 1] = 2024
    spline = SplineTransformer(extrapolation=extrapolation)
    model = make_pipeline(spline, LinearRegression()).fit(rows, rows[:, 0])
    asked = np.array([[0.1, 2024.0], [0.2, 2025.0], [0.2, -1e300]])

    found = load(write(model), "joblib").estimator

    assert found.predict(asked).tolist() == model.predict(asked).tolist()


def coordinates(**given: Any) -> Any:
    """Return a matrix of three numbers, as SciPy 1.10 writes it."""
    state = {"_shape": (2, 3), "maxprint": 50, "has_canonical_format": True}
    places = {"row": np.array([0, 1, 1]), "col": np.array([0, 0, 2]), "data": np.arange(1.0, 4)}
    return Made(Global("scipy.sparse._coo", "coo_matrix"), None, {**state, **places, **given})


def test_a_matrix_of_coordinates_of_scipy_1_10_is_read() -> None:
    assert kept(coordinates()).toarray().tolist() == [[1, 0, 0], [2, 0, 3]]


@pytest.mark.parametrize(
    "given",
    [
        {"row": np.array([0, 1, 2])},
        {"row": np.array([0, 1, -1])},
        {"col": np.array([0, 1, 3])},
        {"row": np.array([0, 1])},
        {"data": np.arange(2.0)},
        {"row": [0, 1, 1]},
        {"col": np.sin},
        {"_shape": (2, -3)},
    ],
)
def test_coordinates_outside_their_matrix_are_refused(given: dict[str, Any]) -> None:
    refusal_of(keeping(coordinates(**given)), "is damaged or was made by hand")


# pandas and Arrow


@dataclass
class Global:
    """A name in a pickle, whether or not this server has it."""

    module: str
    name: str


@dataclass
class Made:
    """What a pickle makes: by a call, or of a class without arguments; and perhaps its state."""

    by: Any
    arguments: tuple[Any, ...] | None = None
    state: Any = None


def opcodes(value: Any) -> bytes:
    """Return a value as a pickle in protocol 4 builds it."""
    match value:
        case Global(module, name):
            return named(module, name)
        case Made(by, arguments, state):
            call = b")\x81" if arguments is None else opcodes(arguments) + b"R"
            return opcodes(by) + call + (b"" if state is None else opcodes(state) + b"b")
        case list() | tuple():
            start, end = (b"](", b"e") if isinstance(value, list) else (b"(", b"t")
            return start + b"".join(map(opcodes, value)) + end
        case dict():
            pairs = b"".join(opcodes(part) for pair in value.items() for part in pair)
            return b"}(" + pairs + b"u"
    return pickle.dumps(value, 3)[2:-1]  # it writes to each place of its memo before it reads it


def keeping(value: Any) -> bytes:
    """Return a model that keeps the value in an attribute."""
    state = {**vars(LinearRegression().fit([[0.0], [1.0]], [0.0, 1.0])), "kept_": value}
    return program(
        opcodes(Made(Global("sklearn.linear_model._base", "LinearRegression"), None, state))
    )


def kept(value: Any) -> Any:
    return load(keeping(value), "pickle").estimator.kept_


LIB = "pyarrow.lib"
ARROW_STRINGS = Global("pandas.arrays", "ArrowStringArray")
STRING_DTYPE = Made(Global("pandas", "StringDtype"), ("pyarrow", float("nan")))
INDEX = Global("pandas", "Index")
MANAGERS = "pandas.core.internals.managers"
NAMES = Made(
    Global("pandas.core.indexes.base", "_new_Index"),
    (INDEX, {"data": np.array(["a", "b"], object), "name": None}),
)
FORTY = np.arange(40)


def buffer(content: bytes) -> Made:
    return Made(Global(LIB, "py_buffer"), (content,))


def ends(*numbers: int) -> Made:
    return buffer(np.array(numbers, "<i8").tobytes())


def arrow(
    *buffers: Any,
    kind: Any = "large_string",
    length: Any = 2,
    start: Any = 0,
    rest: Any = ([], None),
) -> Made:
    """Return two texts, "ab" and "c", unless told otherwise."""
    given = list(buffers) or [None, ends(0, 2, 3), buffer(b"abc")]
    alias = Made(Global(LIB, "type_for_alias"), (kind,))
    return Made(Global(LIB, "_restore_array"), ((alias, length, 0, start, given, *rest),))


def arrow_index(array: Any) -> Made:
    texts = Made(ARROW_STRINGS, None, {"_pa_array": array, "_dtype": STRING_DTYPE})
    return Made(
        Global("pandas.core.indexes.base", "_new_Index"), (INDEX, {"data": texts, "name": None})
    )


def series(values: Any, index: Any = NAMES, **state: Any) -> Made:
    manager = Made(Global(MANAGERS, "SingleBlockManager"), None, ([index], [values], [index], {}))
    return Made(Global("pandas", "Series"), None, {"_mgr": manager, "_name": None, **state})


def frame(*blocks: Any, columns: Any = NAMES, index: Any = NAMES) -> Made:
    made = tuple(
        Made(Global("pandas._libs.internals", "_unpickle_block"), (*one, 2)) for one in blocks
    )
    manager = Made(Global(MANAGERS, "BlockManager"), (made, [columns, index]))
    return Made(Global("pandas", "DataFrame"), None, {"_mgr": manager})


def backed(kind: str, *state: Any) -> Made:
    module = "pandas" if kind == "Categorical" else "pandas.arrays"
    maker = Global("pandas._libs.arrays", "__pyx_unpickle_NDArrayBacked")
    return Made(maker, (Global(module, kind), 1, None), state or None)


def reals(count: int) -> Made:
    ends = {"name": None, "start": 0, "stop": count, "step": 1}
    return Made(
        Global("pandas.core.indexes.base", "_new_Index"), (Global("pandas", "RangeIndex"), ends)
    )


def categories(given: Any) -> Made:
    return Made(Global("pandas", "CategoricalDtype"), None, {"categories": given, "ordered": False})


def test_the_forms_that_the_attacks_below_bend_are_honest() -> None:
    assert kept(arrow_index(arrow())).tolist() == ["ab", "c"]
    assert kept(arrow_index(arrow(start=1, length=1))).tolist() == ["c"]
    assert kept(arrow_index(arrow(None, None, None, length=0))).tolist() == []
    assert kept(series(np.array([True, False]))).to_dict() == {"a": True, "b": False}
    halves = [(np.ones((1, 2)), slice(1, 2)), (np.zeros((1, 2)), np.array([0]))]
    assert kept(frame(*halves)).to_dict("list") == {"a": [0, 0], "b": [1, 1]}
    assert kept(backed("Categorical", categories(NAMES), np.array([1], "i1"))).tolist() == ["b"]


ARROWS: dict[str, Made] = {
    "a text that ends beyond its letters": arrow(None, ends(0, 2, 4), buffer(b"abc")),
    "a text that begins before its letters": arrow(None, ends(-1, 2, 3), buffer(b"abc")),
    "texts that go back": arrow(None, ends(2, 0, 3), buffer(b"abc")),
    "texts that go beyond and come back": arrow(None, ends(0, 2**62, 3), buffer(b"abc")),
    "texts without letters": arrow(None, ends(0, 2, 3), None),
    "more texts than ends": arrow(length=3),
    "a quintillion texts": arrow(length=2**60),
    "fewer texts than none": arrow(length=-1),
    "a start beyond the end": arrow(start=2),
    "a start before the beginning": arrow(start=-1),
    "a start beyond all memory": arrow(start=2**63),
    "short ends": arrow(None, buffer(b"1234567"), buffer(b"abc")),
    "marks for fewer texts": arrow(buffer(b""), ends(0, 2, 3), buffer(b"abc")),
    "marks that end before the start": arrow(buffer(b"\xff"), buffer(bytes(160)), None, start=8),
    "too few buffers": arrow(None, ends(0, 2, 3)),
    "a buffer of text": arrow(None, ends(0, 2, 3), Made(Global(LIB, "py_buffer"), ("abc",))),
    "a buffer that is none": arrow(None, b"abc", buffer(b"abc")),
    "a function for a buffer": arrow(None, np.sin, np.sin),
    "an array within an array": arrow(None, ends(0, 2, 3), arrow()),
    "children": arrow(rest=([arrow()], None)),
    "a dictionary": arrow(rest=([], arrow())),
    "a kind that is no text": arrow(kind=b"string"),
    "a length that is none": arrow(length=2.0),
    "short numbers": arrow(None, buffer(bytes(15)), kind="int64"),
    "numbers from beyond": arrow(None, buffer(bytes(16)), kind="int64", start=1),
    "few truths": arrow(None, buffer(b"\xff"), kind="bool", length=9),
    "truths from beyond": arrow(None, buffer(b"\xff"), kind="bool", start=7),
    "chunks that are no arrays": Made(
        Global(LIB, "chunked_array"), ([np.sin], Made(Global(LIB, "type_for_alias"), ("string",)))
    ),
    "an array that is none": Made(Global(LIB, "type_for_alias"), ("string",)),
    "an array of NumPy": Made(
        Global("numpy._core.multiarray", "scalar"), (np.dtype("i8"), bytes(8))
    ),
}


@pytest.mark.parametrize("name", ARROWS)
def test_an_array_of_arrow_that_is_not_what_it_says_is_refused(name: str) -> None:
    refusal_of(keeping(arrow_index(ARROWS[name])), "is used with values that no honest file has")


def test_letters_that_are_no_text_are_refused() -> None:
    refusal_of(keeping(arrow_index(arrow(None, ends(0, 1, 2), buffer(b"\xff\xfe")))), "is damaged")


@pytest.mark.parametrize(
    "kind", ["timestamp[ns, tz=UTC]", "decimal128(3, 2)", "null", "date32[day]"]
)
def test_an_arrow_type_that_is_not_read_is_named_with_the_way_out(kind: str) -> None:
    refusal_of(
        keeping(arrow_index(arrow(None, buffer(b""), kind=kind))),
        f"The file keeps a pandas column of Arrow's type {kind!r}, which is not read here. Convert",
    )


OF_PANDAS: dict[str, tuple[Made, str]] = {
    "an index of lists": (
        Made(NAMES.by, (INDEX, {"data": np.array([[1], None], object)[:1], "name": None})),
        "The file keeps a list among the values of a pandas",
    ),
    "an index of functions": (
        Made(NAMES.by, (INDEX, {"data": np.array([np.sin], object), "name": None})),
        "The file keeps a ufunc among the values of a pandas",
    ),
    "an index of rows": (Made(NAMES.by, (INDEX, {"data": np.ones((2, 2)), "name": None})), ""),
    "an index of records": (Made(NAMES.by, (INDEX, {"data": np.zeros(2, "i4,i4"), "name": 1})), ""),
    "an index of a list": (Made(NAMES.by, (INDEX, {"data": ["a"], "name": None})), ""),
    "an index of a series": (Made(NAMES.by, (INDEX, {"data": series(FORTY[:2])})), ""),
    "an index called by a function": (
        Made(NAMES.by, (INDEX, {"data": np.ones(2), "name": np.sin})),
        "a ufunc is used as a key",
    ),
    "an index of another class": (
        Made(NAMES.by, (Global("pandas", "Categorical"), {"data": np.ones(2)})),
        "",
    ),
    "an index of texts that are not there": (
        Made(NAMES.by, (INDEX, {"data": backed("StringArray"), "name": None})),
        "",
    ),
    "moments of numbers": (
        Made(
            Global("pandas.core.indexes.datetimes", "_new_DatetimeIndex"),
            (Global("pandas", "DatetimeIndex"), {"data": FORTY, "name": None}),
        ),
        "",
    ),
    "a series of fewer values": (series(np.ones(1)), ""),
    "a series of rows": (series(np.ones((2, 2))), ""),
    "a series of models": (
        series(np.array([LinearRegression()] * 2)),
        "The file keeps a LinearRegression among",
    ),
    "a series of a frame": (series(frame()), ""),
    "a series of a table": (
        Made(Global("pandas", "Series"), None, {"_mgr": frame().state["_mgr"], "_name": None}),
        "",
    ),
    "a series without values": (
        Made(
            Global("pandas", "Series"), None, {"_mgr": Made(Global(MANAGERS, "SingleBlockManager"))}
        ),
        "",
    ),
    "a series without a state": (Made(Global("pandas", "Series")), "without its state"),
    "a frame without a state": (Made(Global("pandas", "DataFrame")), "without its state"),
    "a series with arguments": (
        Made(Global("pandas", "Series"), (np.ones(2),)),
        "The file calls `pandas.Series`",
    ),
    "a column that is not there": (frame((np.ones((1, 2)), slice(5, 6))), ""),
    "a column too many": (frame((np.ones((3, 2)), slice(0, 3))), ""),
    "a column twice": (
        frame((np.ones((2, 2)), slice(0, 2)), (np.ones((1, 2)), slice(0, 1))),
        "",
    ),
    "a column at once twice": (frame((np.ones((2, 2)), np.array([0, 0]))), ""),
    "a column missing": (frame((np.ones((1, 2)), slice(0, 1))), ""),
    "columns of other lengths": (frame((np.ones((2, 3)), slice(0, 2))), ""),
    "a block of lists": (
        frame((np.array([[[1], 2]] * 2, object), slice(0, 2))),
        "The file keeps a list among",
    ),
    "a block that is a series": (frame((series(FORTY[:2]), slice(0, 1))), ""),
    "a block of three dimensions": (frame((np.ones((2, 2, 1)), slice(0, 2))), ""),
    "a thousand million columns": (frame(columns=reals(10**9)), "more columns than a model may"),
    "a thousand million empty columns": (
        frame((np.ones((2**30, 0)), slice(0, 2**30)), index=reals(0)),
        "more columns than a model may",
    ),
    "a table by itself": (
        frame((FORTY[:4].reshape(2, 2), slice(0, 2))).state["_mgr"],
        "stores a type where only a value may be",
    ),
    "a buffer by itself": (buffer(b"abc"), "stores a type where only a value may be"),
    "a category that is not there": (
        backed("Categorical", categories(NAMES), np.array([2], "i1")),
        "is damaged",
    ),
    "a category before the first": (
        backed("Categorical", categories(NAMES), np.array([-2], "i1")),
        "is damaged",
    ),
    "a category by a fraction": (backed("Categorical", categories(NAMES), np.ones(1)), ""),
    "categories of numbers": (backed("Categorical", np.dtype("i1"), np.zeros(1, "i1")), ""),
    "categories in a list": (categories(["a"]), ""),
    "texts that are lists": (
        backed("StringArray", STRING_DTYPE, np.array([[1], None], object)),
        "",
    ),
    "texts that are numbers": (backed("StringArray", STRING_DTYPE, FORTY), ""),
    "moments that are objects": (
        backed("DatetimeArray", np.dtype("M8[ns]"), np.array([np.sin], object)),
        "",
    ),
    "moments of another unit": (
        backed(
            "DatetimeArray",
            Made(
                Global("pandas", "DatetimeTZDtype"),
                None,
                {"unit": "s", "tz": datetime.UTC},
            ),
            np.zeros(2, "M8[ns]"),
        ),
        "",
    ),
    "moments of no unit": (backed("DatetimeArray", np.dtype("M8"), np.zeros(2, "M8")), ""),
    "an array of a class that is none": (backed("BooleanArray", None, FORTY), ""),
    "a mask of another length": (
        Made(
            Global("pandas.arrays", "BooleanArray"),
            None,
            {"_data": np.ones(2, bool), "_mask": np.zeros(3, bool)},
        ),
        "is damaged",
    ),
    "a mask of numbers": (
        Made(Global("pandas.arrays", "IntegerArray"), None, {"_data": FORTY, "_mask": FORTY}),
        "is damaged",
    ),
    "an interval of a function": (
        Made(Global("pandas", "Interval"), (np.sin, 1, "right")),
        "`Interval` is used with values",
    ),
    "an interval that goes back": (
        Made(Global("pandas", "Interval"), (2, 1, "right")),
        "is damaged",
    ),
    "a moment of another unit": (
        Made(Global("pandas._libs.tslibs.timestamps", "_unpickle_timestamp"), (1, None, None, 99)),
        "",
    ),
    "a moment in a zone of text": (
        Made(
            Global("pandas._libs.tslibs.timestamps", "_unpickle_timestamp"),
            (1, None, "/etc/passwd", 10),
        ),
        "",
    ),
    "a duration of text": (
        Made(Global("pandas._libs.tslibs.timedeltas", "_timedelta_unpickle"), ("1 day", 10)),
        "",
    ),
    "a period of a function": (Made(Global("pandas", "Period"), (None, np.sin, 1)), ""),
    "a month of many months": (
        Made(Global("pandas._libs.tslibs.offsets", "MonthEnd"), (10**9, False)),
        "",
    ),
    "a quarter of another year": (
        Made(Global("pandas._libs.tslibs.offsets", "QuarterEnd"), (1, False, 99)),
        "",
    ),
    "a period of a text": (
        Made(Global("pandas", "PeriodDtype"), ("period[__import__('os')]",)),
        "",
    ),
    "what is missing, called": (Made(Global("pandas", "NA"), ()), "The file calls"),
}


@pytest.mark.parametrize("name", OF_PANDAS)
def test_what_pandas_never_writes_is_refused(name: str) -> None:
    value, words = OF_PANDAS[name]

    refusal_of(keeping(value), words or "is used with values that no honest file has")


def test_a_series_of_lists_is_told_what_is_read() -> None:
    refusal_of(
        dumped(infected(pd.Series([["a"], ["b"]]))),
        "The file keeps a list among the values of a pandas Series, DataFrame or Index, where only",
    )


@pytest.mark.parametrize("dtype", [pd.CategoricalDtype, pd.CategoricalDtype(), pd.StringDtype()])
def test_a_selector_of_columns_by_a_type_of_pandas_opens(dtype: Any) -> None:
    rows = pd.DataFrame({"a": [1.0, 2, 3], "b": pd.Categorical(["x", "y", "x"])})
    chosen = make_column_selector(dtype_include=dtype)
    columns = make_column_transformer((OneHotEncoder(), chosen), remainder="passthrough")
    model = make_pipeline(columns, LinearRegression())
    rows = rows.astype({"b": "string"}) if dtype == pd.StringDtype() else rows
    model.fit(rows, [1, 2, 3])

    found = load(dumped(model), "joblib").estimator

    assert found.predict(rows).tolist() == model.predict(rows).tolist()


@pytest.mark.parametrize("number", ["1E+999999999", "1" * 500, 1.5, b"1"])
def test_a_decimal_number_of_absurd_length_is_refused(number: Any) -> None:
    refusal_of(keeping(Made(Global("decimal", "Decimal"), (number,))), "`Decimal` is used with")


def test_what_a_series_says_beside_its_values_is_left_out() -> None:
    more = {"attrs": {"a": np.sin}, "_metadata": ["apply"], "apply": 1, "_flags": {"b": np.sin}}

    found = kept(series(np.ones(2), **more))

    assert found.attrs == {}
    assert callable(found.apply)


def test_nobody_writes_to_the_values_of_a_series_or_a_frame() -> None:
    for found in (kept(series(np.ones(2))), kept(frame((np.ones((2, 2)), slice(0, 2))))):
        assert [block.values.flags.writeable for block in found._mgr.blocks] == [False]


def test_weights_in_a_series_are_looked_at_as_those_in_an_array() -> None:
    model = LinearRegression().fit([[0.0], [1.0]], [0.0, 1.0])
    model.coef_ = pd.Series([np.nan])

    refusal_of(dumped(model), "`coef_` of the LinearRegression holds numbers that are not finite")


def test_what_skops_writes_of_pandas_is_told_with_the_way_out() -> None:
    data = skops.io.dumps(infected(pd.RangeIndex(3)))

    refusal_of(data, "which skops writes in a form that it does not read again. Give columns")


# skops


def of_protocol(protocol: int, model: Any) -> bytes:
    """Return the model as an earlier skops writes it."""

    def change(schema: dict[str, Any]) -> None:
        schema["protocol"] = protocol
        for one in nodes_of(schema):
            if one["__loader__"] == "LossNode":
                one["__loader__"] = "SGDNode"
            if one["__loader__"] == "FunctionNode" and not protocol:
                content = {"module_path": one["__module__"], "function": one["__class__"]}
                one |= {"__module__": "builtins", "__class__": "function", "content": content}

    return rewritten(skops.io.dumps(model), change)


@pytest.mark.parametrize("protocol", [0, 1, 2])
def test_every_protocol_of_skops_is_read(protocol: int) -> None:
    rows, target = np.random.default_rng(0).normal(size=(40, 2)), [0, 1] * 20
    steps = (FunctionTransformer(np.tanh), SGDClassifier(loss="log_loss", random_state=0))
    model = make_pipeline(*steps).fit(rows, target)

    found = load(of_protocol(protocol, model), "skops").estimator

    assert found.predict_proba(rows).tolist() == model.predict_proba(rows).tolist()


def test_a_later_skops_is_told_with_the_versions_that_are_read() -> None:
    data = of_protocol(3, LinearRegression().fit([[0.0], [1.0]], [0.0, 1.0]))

    refusal_of(
        data,
        f"The file was written by skops {skops.__version__}, whose format is not read here; the "
        "formats of skops 0.1 to 0.16 are. Save the model again with one of these, or with",
    )


def test_a_skops_file_of_an_older_scikit_learn_that_does_not_open_names_both_versions() -> None:
    """skops 0.9 writes the loss of a histogram as an object."""
    model = GradientBoostingClassifier(n_estimators=2).fit([[0.0], [1.0]], [0, 1])

    def change(schema: dict[str, Any]) -> None:
        for one in nodes_of(schema):
            if one["__loader__"] == "LossNode":
                one["__loader__"] = "ObjectNode"
            if "_sklearn_version" in one.get("content", ()):
                one["content"]["_sklearn_version"]["content"] = '"1.3.2"'

    refusal_of(
        rewritten(skops.io.dumps(model), change),
        "The file was saved with scikit-learn 1.3.2 and does not open with",
    )
