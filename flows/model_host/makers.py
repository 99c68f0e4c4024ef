"""What really happens where a file calls something or makes an object: functions of our own.

``call`` stands for REDUCE, ``instance`` for NEWOBJ. Each function below checks every argument and
every state exactly, and builds with constructors that run nothing from the file.
"""

from __future__ import annotations

import datetime
import functools
import math
import re
from collections import OrderedDict, defaultdict
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils import check_array

from .protocol import TypeName
from .reading import Absent, ArrayHeader, Made, Named, Reading, check_key, damaged, resolve

Arguments = tuple[Any, ...]
Maker = Callable[[Reading, Arguments], Any]

_MAKERS: dict[TypeName, Maker] = {}
_NUMBERS_ONLY = ("sklearn._loss._loss", "sklearn.linear_model._sgd_fast")
_DTYPE = re.compile(r"b1|[iu][1248]|f[248]|f16|c8|c16|O8?|[USV]\d{1,6}|[Mm]8")
_TIME_UNITS = frozenset({"Y", "M", "W", "D", "h", "m", "s", "ms", "us", "ns", "generic"})
MOST_DIMENSIONS = 32


def call(reading: Reading, called: object, arguments: Arguments) -> Any:
    """What REDUCE gives: a plain value, or a ``Made`` whose state may follow."""
    if not isinstance(called, Named):
        raise damaged(f"it calls a {type(called).__name__}")
    entry = called.entry
    if entry.approved:
        return Made(resolve(entry)(*arguments), _set_approved_state)
    if entry.role != "REDUCE":
        raise damaged(f"it calls `{entry.module}.{entry.name}`, which is not to be called")
    if entry.module in _NUMBERS_ONLY and (entry.module, entry.name) not in _MAKERS:
        if not all(isinstance(number, float | int | np.floating) for number in arguments):
            raise _unfit(entry.name)
        return resolve(entry)(*arguments)
    return _MAKERS[entry.module, entry.name](reading, arguments)


def instance(reading: Reading, cls: object, arguments: Arguments) -> Any:
    """What NEWOBJ gives: an instance without attributes. Only approved classes take arguments."""
    if not isinstance(cls, Named) or cls.entry.role != "NEWOBJ":
        raise damaged("it makes an object of something that is no class")
    entry = cls.entry
    made = resolve(entry)
    if entry.approved:
        return Made(made.__new__(made, *arguments), _set_approved_state)
    if arguments:
        raise _unfit(entry.name)
    if (entry.module, entry.name) == ("joblib.numpy_pickle", "NumpyArrayWrapper"):
        return Made(ArrayHeader(), _unreachable, needs_state=True)
    return Made(made.__new__(made), _set_attributes)


def check_shape(shape: object) -> None:
    if (
        type(shape) is not tuple
        or len(shape) > MOST_DIMENSIONS
        or not all(type(length) is int and 0 <= length < 2**40 for length in shape)
    ):
        raise _unfit("shape")


def _unfit(name: str) -> Exception:
    return damaged(f"`{name}` is used with values that no honest file has")


def _unreachable(reading: Reading, value: Any, state: Any) -> None:
    raise damaged("it holds an array header without an array")


def _set_attributes(reading: Reading, value: Any, state: Any) -> None:
    """The attributes of an instance, as ``object.__setstate__`` would set them."""
    if state is None:
        return
    if type(state) is not dict or not all(type(name) is str for name in state):
        raise _unfit(type(value).__name__)
    if any(name.startswith("__") and name.endswith("__") for name in state):
        raise damaged(f"it sets a special attribute of a {type(value).__name__}")
    attributes = dict(state)
    if type(version := attributes.pop("_sklearn_version", None)) is str:
        reading.libraries["scikit-learn"] = version[:40]
    if type(value).__module__ == "sklearn.isotonic":
        value.__setstate__(attributes)  # it rebuilds its interpolation from its thresholds
    else:
        vars(value).update(attributes)


def _set_approved_state(reading: Reading, value: Any, state: Any) -> None:
    """As pickle does it: the class's own way where it has one."""
    if hasattr(type(value), "__setstate__"):
        value.__setstate__(state)
    elif type(state) is dict:
        vars(value).update(state)
    else:
        raise _unfit(type(value).__name__)


def _maker(module: str, *names: str) -> Callable[[Maker], Maker]:
    def register(maker: Maker) -> Maker:
        _MAKERS.update({(module, name): maker for name in names})
        return maker

    return register


# Python's own


@_maker("builtins", "bytes")
def _bytes(reading: Reading, arguments: Arguments) -> bytes:
    if arguments:
        raise _unfit("bytes")
    return b""


@_maker("builtins", "bytearray")
def _bytearray(reading: Reading, arguments: Arguments) -> bytearray:
    match arguments:
        case ():
            return bytearray()
        case (bytes(content),):
            return bytearray(content)
        case (str(text), "latin-1"):
            return bytearray(text, "latin-1")
    raise _unfit("bytearray")


@_maker("_codecs", "encode")
def _encode(reading: Reading, arguments: Arguments) -> bytes:
    match arguments:
        case (str(text), "latin1"):
            return text.encode("latin-1")
    raise _unfit("encode")


@_maker("builtins", "complex")
def _complex(reading: Reading, arguments: Arguments) -> complex:
    match arguments:
        case (float(real), float(imaginary)):
            return complex(real, imaginary)
    raise _unfit("complex")


@_maker("builtins", "slice")
def _slice(reading: Reading, arguments: Arguments) -> slice:
    if len(arguments) != 3 or not all(
        end is None or isinstance(end, int | str | np.integer) for end in arguments
    ):
        raise _unfit("slice")
    return slice(*arguments)


def _members(arguments: Arguments) -> list[Any]:
    match arguments:
        case (list(members),):
            for member in members:
                check_key(member)
            return members
    raise _unfit("set")


@_maker("builtins", "set")
def _set(reading: Reading, arguments: Arguments) -> set[Any]:
    return set(_members(arguments))


@_maker("builtins", "frozenset")
def _frozenset(reading: Reading, arguments: Arguments) -> frozenset[Any]:
    return frozenset(_members(arguments))


@_maker("collections", "OrderedDict")
def _ordered_dict(reading: Reading, arguments: Arguments) -> OrderedDict[Any, Any]:
    if arguments:
        raise _unfit("OrderedDict")
    return OrderedDict()


@_maker("collections", "defaultdict")
def _defaultdict(reading: Reading, arguments: Arguments) -> defaultdict[Any, Any]:
    if arguments not in ((), (None,), (int,), (float,), (str,), (list,), (dict,)):
        raise _unfit("defaultdict")
    return defaultdict(*arguments)


@_maker("datetime", "datetime")
def _datetime(reading: Reading, arguments: Arguments) -> datetime.datetime:
    match arguments:
        case (bytes(packed),) if len(packed) == 10:
            return datetime.datetime(packed)  # type: ignore[call-arg, arg-type]  # noqa: DTZ001
    raise _unfit("datetime")


@_maker("functools", "partial")
def _partial(reading: Reading, arguments: Arguments) -> Made:
    if len(arguments) != 1 or arguments[0] is not check_array:
        raise _unfit("partial")
    return Made(functools.partial(check_array), _build_partial, needs_state=True)


def _build_partial(reading: Reading, value: Any, state: Any) -> None:
    match state:
        case (function, (), dict(keywords), None | {}) if function is check_array:
            for argument in keywords.values():
                for part in argument if type(argument) is list else [argument]:
                    check_key(part)
            value.__setstate__((check_array, (), keywords, None))
        case _:
            raise _unfit("partial")


# NumPy's arrays


@_maker("numpy", "dtype")
def _dtype(reading: Reading, arguments: Arguments) -> Made:
    match arguments:
        case (str(text), False | 0, True | 1) if _DTYPE.fullmatch(text):
            return Made(np.dtype(text, False, True), _build_dtype, needs_state=True)
    raise _unfit("dtype")


def _build_dtype(reading: Reading, value: np.dtype[Any], state: Any) -> None:
    """Accepts the state only if it is what NumPy itself gives for the type it describes: a type
    that lies about its size or its objects would turn bytes into pointers."""
    if type(state) is not tuple or len(state) not in (8, 9):
        raise _unfit("dtype")
    _, order, _, names, fields, itemsize, _, flags = state[:8]
    described = value
    if type(names) is tuple and type(fields) is dict and type(itemsize) is int:
        parts = [fields.get(name) for name in names]
        for part in parts:
            if type(part) is not tuple or len(part) < 2 or not _is_plain(reading, part[0]):
                raise _unfit("dtype")
        described = np.dtype(
            {
                "names": list(names),
                "formats": [part[0] for part in parts if part],
                "offsets": [part[1] for part in parts if part],
                "itemsize": itemsize,
            },
            align=bool(type(flags) is int and flags & 0x80),
        )
    elif value.kind in "mM" and len(state) == 9:
        match state[8]:
            case (_, (bytes(unit), int(count), 1, 1)) if unit.decode("ascii") in _TIME_UNITS:
                described = np.dtype(f"{value.kind}8[{count}{unit.decode('ascii')}]")
            case _:
                raise _unfit("dtype")
    if order == ">":
        described = described.newbyteorder(">")
    if described.__reduce__()[2] != state:
        raise _unfit("dtype")
    value.__setstate__(state)  # type: ignore[attr-defined]


def _is_plain(reading: Reading, dtype: object) -> bool:
    return isinstance(dtype, np.dtype) and reading.is_built(dtype) and not dtype.hasobject


def _check_content(reading: Reading, shape: Any, dtype: Any, raw: Any) -> None:
    """That ``raw`` is as many bytes, or for an object array as many items, as the shape says."""
    check_shape(shape)
    if not isinstance(dtype, np.dtype) or not reading.is_built(dtype):
        raise _unfit("ndarray")
    count = math.prod(shape)
    if dtype.hasobject:
        fits = dtype == np.dtype(object) and type(raw) is list and len(raw) == count
    else:
        fits = (
            type(raw) in (bytes, bytearray)
            and dtype.itemsize > 0
            and len(raw) == count * dtype.itemsize
        )
    if not fits:
        raise _unfit("ndarray")


@_maker("numpy._core.multiarray", "_reconstruct")
def _array(reading: Reading, arguments: Arguments) -> Made:
    match arguments:
        case (cls, (0,), b"b" | "b") if cls is np.ndarray:
            return Made(np.ndarray((0,), "b"), _build_array, needs_state=True)
    raise _unfit("ndarray")


def _build_array(reading: Reading, value: Any, state: Any) -> None:
    match state:
        case (1, shape, dtype, bool(fortran) | int(fortran), raw):
            _check_content(reading, shape, dtype, raw)
            value.__setstate__((1, shape, dtype, fortran, raw))
        case _:
            raise _unfit("ndarray")


@_maker("numpy._core.numeric", "_frombuffer")
def _array_from_buffer(reading: Reading, arguments: Arguments) -> np.ndarray[Any, Any]:
    raw, dtype, shape, order, axes = arguments if len(arguments) == 5 else (*arguments, None)
    _check_content(reading, shape, dtype, raw)
    if dtype.hasobject:
        raise _unfit("ndarray")
    flat = np.frombuffer(raw, dtype)
    if order == "K" and type(axes) is tuple and sorted(axes) == list(range(len(shape))):
        return flat.reshape(shape).transpose(axes)  # written in the order of its strides
    if order not in ("C", "F") or axes is not None:
        raise _unfit("ndarray")
    return flat.reshape(shape, order=order)


@_maker("numpy._core.multiarray", "scalar")
def _scalar(reading: Reading, arguments: Arguments) -> Any:
    match arguments:
        case (dtype, bytes(raw)) if _is_plain(reading, dtype) and dtype.itemsize == len(raw):
            return np.frombuffer(raw, dtype)[0] if raw else dtype.type()
    raise _unfit("scalar")


@_maker("numpy.ma.core", "_mareconstruct")
def _masked_array(reading: Reading, arguments: Arguments) -> Made:
    match arguments:
        case (cls, base, (0,), b"b" | "b") if cls is np.ma.MaskedArray and base is np.ndarray:
            empty = np.ma.core._mareconstruct(cls, base, (0,), "b")  # type: ignore[attr-defined]
            return Made(empty, _build_masked, needs_state=True)
    raise _unfit("MaskedArray")


def _build_masked(reading: Reading, value: Any, state: Any) -> None:
    match state:
        case (1, shape, dtype, bool(fortran) | int(fortran), raw, bytes(mask), fill):
            _check_content(reading, shape, dtype, raw)
            if len(mask) != math.prod(shape) or dtype.names:
                raise _unfit("MaskedArray")
            if isinstance(fill, np.ndarray):
                fill = fill.item() if fill.shape == () else None
            check_key(fill)
            value.__setstate__((1, shape, dtype, fortran, raw, mask, fill))
        case _:
            raise _unfit("MaskedArray")


# NumPy's random generators


@_maker("numpy.random._pickle", "__bit_generator_ctor")
def _bit_generator(reading: Reading, arguments: Arguments) -> Made:
    match arguments:
        case (Named(entry),) if entry.module.startswith("numpy.random."):
            return Made(resolve(entry)(0), _build_bit_generator, needs_state=True)
    raise _unfit("BitGenerator")


def _build_bit_generator(reading: Reading, value: Any, state: Any) -> None:
    if type(state) is tuple and len(state) == 2:
        state = state[0]  # beside it the seed, which only makes further generators
    value.state = _generator_state(value, state)


def _generator_state(value: Any, state: Any) -> dict[str, Any]:
    """The state, checked: a position beyond the end reads beyond the end."""
    name, spare = type(value).__name__, {"has_uint32", "uinteger"}
    match state:
        case {"bit_generator": given, "state": {"key": np.ndarray() as key, "pos": int(pos)}}:
            fits = name == "MT19937" and key.shape == (624,) and key.dtype.kind == "u"
            if given == name and fits and 0 <= pos <= 624:
                return {"bit_generator": name, "state": {"key": key, "pos": pos}}
        case {"bit_generator": given, "state": dict(inner)} if spare <= state.keys():
            numbers = [*inner.values(), state["has_uint32"], state["uinteger"]]
            fits = inner.keys() == {"state", "inc"} and all(type(n) is int for n in numbers)
            if given == name and name.startswith("PCG64") and fits:
                return {key: state[key] for key in ("bit_generator", "state", *spare)}
    raise _unfit(name)


@_maker("numpy.random._pickle", "__randomstate_ctor")
def _random_state(reading: Reading, arguments: Arguments) -> Made:
    if not arguments or type(arguments[0]) is not np.random.MT19937:
        raise _unfit("RandomState")
    return Made(np.random.RandomState(arguments[0]), _build_random_state)


def _build_random_state(reading: Reading, value: Any, state: Any) -> None:
    match state:
        case {"has_gauss": 0 | 1 as has_gauss, "gauss": float(gauss)}:
            checked = _generator_state(value._bit_generator, state)
            value.set_state({**checked, "has_gauss": has_gauss, "gauss": gauss})
        case _:
            raise _unfit("RandomState")


@_maker("numpy.random._pickle", "__generator_ctor")
def _generator(reading: Reading, arguments: Arguments) -> np.random.Generator:
    if not arguments or not isinstance(arguments[0], np.random.BitGenerator):
        raise _unfit("Generator")
    return np.random.Generator(arguments[0])


# pandas: columns that were chosen by an Index


class _Strings:
    """The texts of a pandas array, on their way into an Index."""

    values: np.ndarray[Any, Any]


@_maker("pandas._libs.arrays", "__pyx_unpickle_NDArrayBacked")
def _pandas_array(reading: Reading, arguments: Arguments) -> Made:
    match arguments:
        case (Named(entry), int(), None) if entry.name == "StringArray":
            return Made(_Strings(), _build_pandas_array, needs_state=True)
    raise _unfit("StringArray")


def _build_pandas_array(reading: Reading, value: Any, state: Any) -> None:
    match state:
        case (_, np.ndarray() as values) | (_, np.ndarray() as values, {}):
            value.values = values
        case _:
            raise _unfit("StringArray")


@_maker("pandas", "StringDtype")
def _string_dtype(reading: Reading, arguments: Arguments) -> None:
    return None  # an Index of texts gets this server's own


@_maker("pandas.core.indexes.base", "_new_Index")
def _index(reading: Reading, arguments: Arguments) -> Any:
    match arguments:
        case (Named(entry), {"data": _Strings() | np.ndarray() as given, **rest}):
            check_key(name := rest.get("name"))
            values = given.values if isinstance(given, _Strings) else given
            if entry.name == "Index" and values.ndim == 1:
                for item in (items := values.tolist()):
                    check_key(item)
                return pd.Index(items, name=name)
        case (Named(entry), {"start": int(a), "stop": int(b), "step": int(c), "name": name}):
            check_key(name)
            if entry.name == "RangeIndex":
                return pd.RangeIndex(a, b, c, name=name)
    raise _unfit("Index")


# scikit-learn's compiled classes


@_maker("sklearn._loss._loss", "__pyx_unpickle_CyHalfMultinomialLoss")
def _multinomial_loss(reading: Reading, arguments: Arguments) -> Any:
    match arguments:
        case (Named(entry), int(), None | ()) if entry.name == "CyHalfMultinomialLoss":
            return Made(resolve(entry)(), _build_nothing)
    raise _unfit("CyHalfMultinomialLoss")


def _build_nothing(reading: Reading, value: Any, state: Any) -> None:
    if state not in ((), None):
        raise _unfit(type(value).__name__)


@_maker("sklearn.tree._tree", "Tree")
def _tree(reading: Reading, arguments: Arguments) -> Made:
    from sklearn.tree._tree import Tree

    match arguments:
        case (int(features), np.ndarray() as classes, int(outputs)):
            countable = classes.shape == (outputs,) and classes.dtype.kind in "iu" and outputs > 0
            if features >= 0 and countable and classes.min() > 0:
                return Made(Tree(features, classes, outputs), _build_tree, needs_state=True)
    raise _unfit("Tree")


def _build_tree(reading: Reading, value: Any, state: Any) -> None:
    match state:
        case {"max_depth": int(), "node_count": int(count), "nodes": np.ndarray() as nodes}:
            if nodes.ndim != 1 or count != len(nodes):
                raise _unfit("Tree")
            value.__setstate__(state)  # it checks the types and shapes of both arrays
        case _:
            raise _unfit("Tree")


def _compiled(name: str, length: int) -> Maker:
    """``newObj(cls)`` of scikit-learn's metrics and trees: an instance whose state must follow."""

    def maker(reading: Reading, arguments: Arguments) -> Made:
        match arguments:
            case (Named(entry),) if name in entry.name:
                cls = resolve(entry)
                return Made(cls.__new__(cls), build, needs_state=True)
        raise _unfit(name)

    def build(reading: Reading, value: Any, state: Any) -> None:
        if type(state) is not tuple or len(state) != length:
            raise _unfit(name)
        if not all(reading.is_built(part) and not isinstance(part, Absent) for part in state):
            raise _unfit(name)
        value.__setstate__(state)

    return maker


_MAKERS["sklearn.metrics._dist_metrics", "newObj"] = _compiled("Distance", 3)
_MAKERS["sklearn.neighbors._ball_tree", "newObj"] = _compiled("BallTree", 13)
_MAKERS["sklearn.neighbors._kd_tree", "newObj"] = _compiled("KDTree", 13)
