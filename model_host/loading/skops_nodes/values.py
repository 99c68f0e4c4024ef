"""The loaders of plain values, containers and arrays in a ``.skops`` file."""

from __future__ import annotations

import io
import json
import math
import zipfile
from collections import OrderedDict, defaultdict
from typing import Any

import numpy as np
from sklearn.utils import Bunch

from model_host.loading.constructors.calls import MAKERS, instance
from model_host.loading.constructors.numpy_values import check_array_type, check_shape
from model_host.loading.reading_state import Named, check_key, damaged, resolve, unfit
from model_host.loading.skops_nodes.builder import Builder, Node, loader
from model_host.protocol.errors import HostError

LARGEST_INTEGER = 2**512
_SPARSE = {
    "csr": ("data", "indices", "indptr"),
    "csc": ("data", "indices", "indptr"),
    "coo": ("data", "row", "col"),
    "dia": ("data", "offsets"),
}

# Plain values


@loader("JsonNode", ("builtins", "str"))
def _json(builder: Builder, node: Node) -> Any:
    if type(text := node.get("content")) is not str:
        raise damaged("a node of it has no content")
    value = json.loads(text)
    plain = value is None or type(value) in (str, bool, int, float)
    if not plain or (type(value) is int and abs(value) >= LARGEST_INTEGER):
        raise damaged("a plain value of it is none")
    return value


@loader(
    "DictNode",
    ("builtins", "dict"),
    ("collections", "OrderedDict"),
    ("sklearn.utils._bunch", "Bunch"),
)
def _mapping(builder: Builder, node: Node) -> Any:
    kind, content = builder.plain_name(node), node.get("content")
    kinds = builder.part(node, "key_types")
    if type(content) is not dict or type(kinds) is not list or len(kinds) != len(content):
        raise damaged("a dict of it has other keys than it says")
    made: Any = OrderedDict() if kind == "OrderedDict" else Bunch() if kind == "Bunch" else {}
    for key_type, (text, value) in zip(kinds, content.items(), strict=True):
        made[_key(key_type, text)] = builder.build(value)
    return made


@loader("DefaultDictNode", ("collections", "defaultdict"))
def _default_mapping(builder: Builder, node: Node) -> Any:
    builder.plain_name(node)
    factory, content = builder.part(node, "content", "default_factory"), node["content"]
    if factory not in (None, int, float, str, list, dict):
        raise unfit("defaultdict")
    if type(content := builder.part(content, "main")) is not dict:
        raise unfit("defaultdict")
    return defaultdict(factory, content)


@loader("ListNode", ("builtins", "list"))
def _list(builder: Builder, node: Node) -> list[Any]:
    builder.plain_name(node)
    return builder.items(node)


@loader("SetNode", ("builtins", "set"))
def _set(builder: Builder, node: Node) -> set[Any]:
    builder.plain_name(node)
    members = builder.items(node)
    for member in members:
        check_key(member)
    return set(members)


@loader("TupleNode", ("builtins", "tuple"), ("sklearn.impute._iterative", "_ImputerTriplet"))
def _tuple(builder: Builder, node: Node) -> tuple[Any, ...]:
    members = tuple(builder.items(node))
    if builder.plain_name(node) == "tuple":
        return members
    made: tuple[Any, ...] = instance(builder.reading, Named(builder.entry(node)), members)
    return made


@loader("BytesNode", ("builtins", "bytes"))
def _bytes(builder: Builder, node: Node) -> bytes:
    builder.plain_name(node)
    return builder.member(node)


@loader("BytearrayNode", ("builtins", "bytearray"))
def _bytearray(builder: Builder, node: Node) -> bytearray:
    builder.plain_name(node)
    return bytearray(builder.member(node))


@loader("SliceNode", ("builtins", "slice"))
def _slice(builder: Builder, node: Node) -> Any:
    builder.plain_name(node)
    match node.get("content"):
        case {"start": start, "stop": stop, "step": step}:
            return MAKERS["builtins", "slice"](builder.reading, (start, stop, step))
    raise unfit("slice")


# Arrays


@loader("NdArrayNode")
def _array(builder: Builder, node: Node) -> Any:
    """Construct an array, or one number of NumPy's, which skops writes as an array without
    dimensions."""
    entry = builder.entry(node)
    if entry.approved or entry.module != "numpy" or entry.role != "VALUE":
        raise builder.misused(node)
    match node.get("type"):
        case "numpy":
            array = _npy(builder.member(node))
        case "json":
            array = _objects(builder, node)
        case _:
            raise unfit("ndarray")
    if entry.name == "ndarray":
        return array
    if array.shape != () or array.dtype.type is not resolve(entry):
        raise builder.misused(node)
    return array[()]


def _objects(builder: Builder, node: Node) -> np.ndarray[Any, Any]:
    """Construct an array of objects, nested lists where it has more than one dimension."""
    shape = builder.part(node, "shape")
    check_shape(shape)
    items = builder.items(node)
    for _ in shape[1:]:
        if not all(type(row) is list for row in items):
            raise unfit("ndarray")
        items = [item for row in items for item in row]
    if len(items) != math.prod(shape):
        raise unfit("ndarray")
    array = np.empty(len(items), dtype=object)
    for place, item in enumerate(items):
        array[place] = item
    return array.reshape(shape)


@loader("MaskedArrayNode", ("numpy.ma", "MaskedArray"))
def _masked_array(builder: Builder, node: Node) -> Any:
    builder.plain_name(node)
    data, mask = (builder.part(node, "content", part) for part in ("data", "mask"))
    fits = type(data) is np.ndarray and isinstance(mask, np.ndarray | np.bool_ | bool)
    if not fits or np.asarray(mask).dtype != bool or np.shape(mask) not in ((), data.shape):
        raise unfit("MaskedArray")
    return np.ma.MaskedArray(data, mask)


@loader("DTypeNode", ("numpy", "dtype"))
def _dtype(builder: Builder, node: Node) -> Any:
    builder.plain_name(node)
    array = builder.part(node, "content")
    if type(array) is not np.ndarray:
        raise unfit("dtype")
    return array.dtype


@loader("SparseMatrixNode")
def _sparse_matrix(builder: Builder, node: Node) -> Any:
    """Construct a matrix of the class that the list knows, from the arrays that belong to its
    format."""
    entry = builder.entry(node)
    kind = entry.name.partition("_")[0]
    if not entry.module.startswith("scipy.sparse.") or entry.approved:
        raise builder.misused(node)
    with zipfile.ZipFile(io.BytesIO(builder.member(node))) as arrays:
        builder.bytes_left -= sum(member.file_size for member in arrays.infolist())
        if builder.bytes_left < 0:
            raise HostError("LOAD", "The file unpacks to more than a model may hold.")
        parts = [_npy(arrays.read(f"{name}.npy")) for name in (*_SPARSE[kind], "shape")]
    data, *places, shape = parts
    if shape.ndim != 1 or shape.dtype.kind not in "iu":
        raise unfit(entry.name)
    check_shape(size := tuple(shape.tolist()))
    given = (data, tuple(places)) if kind == "coo" else (data, *places)
    return resolve(entry)(given, shape=size)


def _key(kind: Any, text: str) -> Any:
    """The key of a dict; JSON has made a text of it."""
    if kind is str or kind is np.str_:
        return text
    if kind is bool or kind is np.bool_:
        return text in ("true", "True")
    if kind in (int, float) or (isinstance(kind, type) and issubclass(kind, np.number)):
        return kind(text)
    raise damaged("a dict of it has keys that are no plain values")


def _npy(content: bytes) -> np.ndarray[Any, Any]:
    """The array in a member, as NumPy writes it without pickles."""
    file = io.BytesIO(content)
    version = np.lib.format.read_magic(file)
    read = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }.get(version)
    if read is None:
        raise unfit("ndarray")
    shape, is_fortran, dtype = read(file)
    check_shape(shape)
    check_array_type(dtype)
    if len(content) - file.tell() != math.prod(shape) * dtype.itemsize:
        raise unfit("ndarray")
    flat = np.frombuffer(content, dtype, math.prod(shape), file.tell()).copy()
    return flat.reshape(shape, order="F" if is_fortran else "C")
