"""The reader of ``.skops`` files, node by node, which never calls what the file names.

A skops file is a zip archive: a tree of nodes in ``schema.json``, each with the loader that is to
make it, and arrays as members. skops itself calls what its nodes name (types that convert the keys
of a dict, constructors, classes of sparse matrices). Here every node is built by a function of ours
for its loader, with the makers that pickles have, too. Loaders that fetch methods or call operators
are absent, and so are those that call a constructor, but for types that a superuser approved.
Nodes that are refused become placeholders, as in ``pickle_machine.py``.
"""

from __future__ import annotations

import io
import json
import math
import zipfile
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from sklearn.utils import Bunch

from model_host.loading import allow_list
from model_host.loading.constructors.calls import MAKERS, call, instance
from model_host.loading.constructors.numpy_values import check_array_type, check_shape
from model_host.loading.file_formats import of_zip
from model_host.loading.reading_state import (
    Absent,
    Made,
    Named,
    Reading,
    check_key,
    damaged,
    in_words,
    resolve,
    unfit,
)
from model_host.protocol.artifact import TypeName
from model_host.protocol.errors import HostError

UNPACKED_BYTES = 2 * 1024**3
SCHEMA_BYTES = 64 * 1024**2
MEMBERS = 100_000
PROTOCOLS = (0, 1, 2)
"""The protocols of skops 0.1 to 0.16; only a function and a loss differ between the three."""
LARGEST_INTEGER = 2**512

_PLAIN: dict[str, frozenset[TypeName]] = {
    "DictNode": frozenset(
        {
            ("builtins", "dict"),
            ("collections", "OrderedDict"),
            ("sklearn.utils._bunch", "Bunch"),
        }
    ),
    "DefaultDictNode": frozenset({("collections", "defaultdict")}),
    "ListNode": frozenset({("builtins", "list")}),
    "SetNode": frozenset({("builtins", "set")}),
    "TupleNode": frozenset(
        {("builtins", "tuple"), ("sklearn.impute._iterative", "_ImputerTriplet")}
    ),
    "BytesNode": frozenset({("builtins", "bytes")}),
    "BytearrayNode": frozenset({("builtins", "bytearray")}),
    "SliceNode": frozenset({("builtins", "slice")}),
    "MaskedArrayNode": frozenset({("numpy.ma", "MaskedArray")}),
    "DTypeNode": frozenset({("numpy", "dtype")}),
    "RandomStateNode": frozenset({("numpy.random.mtrand", "RandomState")}),
    "TreeNode": frozenset({("sklearn.tree._tree", "Tree")}),
    "PartialNode": frozenset({("functools", "partial")}),
    "JsonNode": frozenset({("builtins", "str")}),
}
"""The types of which these loaders make instances; all other types must be in the allow-list."""

_COMPILED = (
    "sklearn.metrics._dist_metrics",
    "sklearn.neighbors._ball_tree",
    "sklearn.neighbors._kd_tree",
)
_LOSSES = ("sklearn._loss._loss", "sklearn.linear_model._sgd_fast")
_SPARSE = {
    "csr": ("data", "indices", "indptr"),
    "csc": ("data", "indices", "indptr"),
    "coo": ("data", "row", "col"),
    "dia": ("data", "offsets"),
}

Node = dict[str, Any]


def read_skops(data: bytes | memoryview, reading: Reading) -> Any:
    """Read the object in the archive. Counts every type that it names in ``reading``."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        _check_archive(archive)
        schema = json.loads(archive.read("schema.json"))
        if type(schema) is not dict:
            raise damaged("its schema is none")
        if schema.get("protocol") not in PROTOCOLS:
            raise _of_another_skops(schema)
        for node in _nodes(schema):
            _modernise(node)
            _note_version(node, reading)
            _note_name(node, reading)
        builder = _Builder(archive, reading)
        root = builder.build(schema)
        for name in reading.unknown.keys() - builder.unknown:
            reading.refuse(*name, None)  # it stands where no loader looks
        return root


def _check_archive(archive: zipfile.ZipFile) -> None:
    """Limit the declared sizes of the archive; zipfile never reads more of a member than it
    declares."""
    members = archive.infolist()
    names = {member.filename for member in members}
    if "schema.json" not in names and len(members) <= MEMBERS:
        raise HostError("LOAD", f"The file {of_zip([member.filename for member in members])}")
    if len(members) > MEMBERS or len(names) != len(members):
        raise damaged("it is a zip archive, but not one that skops writes")
    if any(member.flag_bits & 1 for member in members):
        raise HostError(
            "LOAD",
            "The file is an encrypted zip archive. Unpack it and upload the model file in it.",
        )
    total = sum(member.file_size for member in members)
    if total > UNPACKED_BYTES or archive.getinfo("schema.json").file_size > SCHEMA_BYTES:
        raise HostError("LOAD", "The file unpacks to more than a model may hold.")


def _nodes(schema: Node) -> Iterator[Node]:
    """Every dict that could be a node, anywhere in the schema."""
    waiting: list[Any] = [schema]
    while waiting:
        part = waiting.pop()
        if type(part) is dict:
            if "__loader__" in part:
                yield part
            waiting.extend(part.values())
        elif type(part) is list:
            waiting.extend(part)


def _nodes_below(node: Node) -> Iterator[Node]:
    """The nodes that stand in ``node``, but not those in them."""
    waiting: list[Any] = list(node.values())
    while waiting:
        part = waiting.pop()
        if type(part) is dict and "__loader__" in part:
            yield part
        elif type(part) is dict:
            waiting.extend(part.values())
        elif type(part) is list:
            waiting.extend(part)


def _of_another_skops(schema: Node) -> HostError:
    written = str(schema.get("_skops_version") or "another version")
    return HostError(
        "LOAD",
        f"The file was written by skops {ascii(written[:20])[1:-1]}, whose format is not read "
        "here; the formats of skops 0.1 to 0.16 are. Save the model again with one of these, or "
        "with joblib.dump(model, 'model.joblib').",
    )


def _modernise(node: Node) -> None:
    """Convert a node of an earlier protocol to protocol 2."""
    match node:
        case {
            "__loader__": "FunctionNode",
            "content": {"module_path": str(module), "function": str(name)},
        }:
            node["__module__"], node["__class__"] = module, name
        case {"__loader__": "SGDNode"}:
            node["__loader__"] = "LossNode"


def _note_version(node: Node, reading: Reading) -> None:
    """Note which scikit-learn an estimator is of, before one of another version is refused."""
    match node.get("content"):
        case {"content": {"_sklearn_version": {"content": str(text)}}}:
            reading.libraries.setdefault("scikit-learn", text.strip('"')[:40])


def _note_name(node: Node, reading: Reading) -> None:
    """Note the type of a node as named, and as unknown unless it may be used at all."""
    loader, name = node["__loader__"], (node.get("__module__"), node.get("__class__"))
    if not all(type(text) is str for text in (loader, *name)):
        raise damaged("a node of it has no loader or no type")
    written: TypeName = name  # type: ignore[assignment]
    if loader == "ObjectNode" and written[0].partition(".")[0] in ("pandas", "pyarrow"):
        raise HostError(
            "LOAD",
            f"The file keeps a {written[1][:60]} of {written[0].partition('.')[0]}, which skops "
            "writes in a form that it does not read again. Give columns and categories as lists, "
            "as in X.columns.tolist(), or save the model with joblib.dump(model, 'model.joblib').",
        )
    if allow_list.ALIASES.get(written, written) in _PLAIN.get(loader, ()):
        return
    reading.named.add(written)
    entry = allow_list.find(*written, boosters=reading.boosters)
    if written not in reading.approved and entry is None:
        reading.unknown[written] = None


class _Builder:
    """One archive and what was already built of it, by the numbers that skops gives its objects
    and by where it stands in the schema; and the unknown types that a placeholder stands for."""

    def __init__(self, archive: zipfile.ZipFile, reading: Reading) -> None:
        self.archive = archive
        self.reading = reading
        self.built: dict[object, Any] = {}
        self.bytes_left = UNPACKED_BYTES
        self.done: dict[int, Any] = {}
        self.unknown: set[TypeName] = set()

    def build(self, node: Any) -> Any:
        """Return the object of ``node``; the same again where its number was built before."""
        if type(node) is not dict or "__loader__" not in node:
            raise damaged("something stands where a node should")
        number = node.get("__id__")
        if type(number) is int and number in self.built:
            return self.built[number]
        if id(node) in self.done:
            return self.done[id(node)]
        try:
            value = self.known(node)
        except HostError as error:
            if self.bytes_left < 0:
                raise
            value = self.refused(node, error)
        self.done[id(node)] = value
        if type(number) is int:
            self.built[number] = value
        return value

    def known(self, node: Node) -> Any:
        """Return the object of a node that the list knows."""
        if (node["__module__"], node["__class__"]) in self.reading.unknown:
            raise self.misused(node)
        if (build := _LOADERS.get(node["__loader__"])) is None:
            raise self.misused(node)
        return build(self, node)

    def refused(self, node: Node, error: HostError) -> Absent:
        """Return the placeholder of a node that is not constructed. Other nodes may share what it
        would hold."""
        name = (node["__module__"], node["__class__"])
        is_unknown = name in self.reading.unknown
        if is_unknown:
            self.unknown.add(name)
        inner = [self.build(one) for one in _nodes_below(node)]
        return self.reading.refuse(*name, None if is_unknown else error, inner)

    def items(self, node: Node, key: str = "content") -> list[Any]:
        """Return the objects of the list of nodes at ``key``."""
        if type(nodes := node.get(key)) is not list:
            raise damaged("a node of it has no content")
        return [self.build(one) for one in nodes]

    def part(self, node: Node, *keys: str) -> Any:
        """Return the object of the node at the end of ``keys``."""
        for key in keys:
            node = node.get(key) if type(node) is dict else None  # type: ignore[assignment]
        return self.build(node)

    def member(self, node: Node) -> bytes:
        """Return the bytes of the member that the node names."""
        name = node.get("file")
        if type(name) is not str or name == "schema.json":
            raise damaged("a node of it names no member of its archive")
        try:
            self.bytes_left -= self.archive.getinfo(name).file_size
        except KeyError:
            raise damaged("a node of it names no member of its archive") from None
        if self.bytes_left < 0:
            raise damaged("it reads its arrays over and over")
        return self.archive.read(name)

    def entry(self, node: Node) -> allow_list.Entry:
        """Return what the list says of the node's type, or a superuser's word."""
        module, name = node["__module__"], node["__class__"]
        entry = allow_list.find(module, name, boosters=self.reading.boosters)
        if entry is not None:
            return entry
        if (module, name) in self.reading.approved:
            return allow_list.Entry(module, name, "NEWOBJ", approved=True)
        raise self.misused(node)

    def plain_name(self, node: Node) -> str:
        """Return the name of the node's type, which its loader must know."""
        written = (node["__module__"], node["__class__"])
        name = allow_list.ALIASES.get(written, written)
        if name not in _PLAIN[node["__loader__"]]:
            raise self.misused(node)
        return name[1]

    def misused(self, node: Node) -> HostError:
        """Return the refusal of a type with a loader that is not its own."""
        name, loader = (node["__module__"], node["__class__"]), ascii(node["__loader__"][:40])
        if name in self.reading.approved:
            message = (
                f"The file keeps {in_words([name])} by a {loader}, which is not read here. Save "
                "the model with joblib.dump instead."
            )
        else:
            message = (
                f"The file makes {in_words([name])} by a {loader}, which no honest model does."
            )
        return HostError("LOAD", message, refused=(name,))

    # Plain values

    def json(self, node: Node) -> Any:
        if type(text := node.get("content")) is not str:
            raise damaged("a node of it has no content")
        value = json.loads(text)
        plain = value is None or type(value) in (str, bool, int, float)
        if not plain or (type(value) is int and abs(value) >= LARGEST_INTEGER):
            raise damaged("a plain value of it is none")
        return value

    def mapping(self, node: Node) -> Any:
        kind, content = self.plain_name(node), node.get("content")
        kinds = self.part(node, "key_types")
        if type(content) is not dict or type(kinds) is not list or len(kinds) != len(content):
            raise damaged("a dict of it has other keys than it says")
        made: Any = OrderedDict() if kind == "OrderedDict" else Bunch() if kind == "Bunch" else {}
        for key_type, (text, value) in zip(kinds, content.items(), strict=True):
            made[_key(key_type, text)] = self.build(value)
        return made

    def default_mapping(self, node: Node) -> Any:
        self.plain_name(node)
        factory, content = self.part(node, "content", "default_factory"), node["content"]
        if factory not in (None, int, float, str, list, dict):
            raise unfit("defaultdict")
        if type(content := self.part(content, "main")) is not dict:
            raise unfit("defaultdict")
        return defaultdict(factory, content)

    def list_(self, node: Node) -> list[Any]:
        self.plain_name(node)
        return self.items(node)

    def set_(self, node: Node) -> set[Any]:
        self.plain_name(node)
        members = self.items(node)
        for member in members:
            check_key(member)
        return set(members)

    def tuple_(self, node: Node) -> tuple[Any, ...]:
        members = tuple(self.items(node))
        if self.plain_name(node) == "tuple":
            return members
        made: tuple[Any, ...] = instance(self.reading, Named(self.entry(node)), members)
        return made

    def bytes_(self, node: Node) -> bytes:
        self.plain_name(node)
        return self.member(node)

    def bytearray_(self, node: Node) -> bytearray:
        self.plain_name(node)
        return bytearray(self.member(node))

    def slice_(self, node: Node) -> Any:
        self.plain_name(node)
        match node.get("content"):
            case {"start": start, "stop": stop, "step": step}:
                return MAKERS["builtins", "slice"](self.reading, (start, stop, step))
        raise unfit("slice")

    # Arrays

    def array(self, node: Node) -> Any:
        """Construct an array, or one number of NumPy's, which skops writes as an array without
        dimensions."""
        entry = self.entry(node)
        if entry.approved or entry.module != "numpy" or entry.role != "VALUE":
            raise self.misused(node)
        match node.get("type"):
            case "numpy":
                array = _npy(self.member(node))
            case "json":
                array = self.objects(node)
            case _:
                raise unfit("ndarray")
        if entry.name == "ndarray":
            return array
        if array.shape != () or array.dtype.type is not resolve(entry):
            raise self.misused(node)
        return array[()]

    def objects(self, node: Node) -> np.ndarray[Any, Any]:
        """Construct an array of objects, nested lists where it has more than one dimension."""
        shape = self.part(node, "shape")
        check_shape(shape)
        items = self.items(node)
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

    def masked_array(self, node: Node) -> Any:
        self.plain_name(node)
        data, mask = (self.part(node, "content", part) for part in ("data", "mask"))
        fits = type(data) is np.ndarray and isinstance(mask, np.ndarray | np.bool_ | bool)
        if not fits or np.asarray(mask).dtype != bool or np.shape(mask) not in ((), data.shape):
            raise unfit("MaskedArray")
        return np.ma.MaskedArray(data, mask)

    def dtype(self, node: Node) -> Any:
        self.plain_name(node)
        array = self.part(node, "content")
        if type(array) is not np.ndarray:
            raise unfit("dtype")
        return array.dtype

    def sparse_matrix(self, node: Node) -> Any:
        """Construct a matrix of the class that the list knows, from the arrays that belong to its
        format."""
        entry = self.entry(node)
        kind = entry.name.partition("_")[0]
        if not entry.module.startswith("scipy.sparse.") or entry.approved:
            raise self.misused(node)
        with zipfile.ZipFile(io.BytesIO(self.member(node))) as arrays:
            self.bytes_left -= sum(member.file_size for member in arrays.infolist())
            if self.bytes_left < 0:
                raise HostError("LOAD", "The file unpacks to more than a model may hold.")
            parts = [_npy(arrays.read(f"{name}.npy")) for name in (*_SPARSE[kind], "shape")]
        data, *places, shape = parts
        if shape.ndim != 1 or shape.dtype.kind not in "iu":
            raise unfit(entry.name)
        check_shape(size := tuple(shape.tolist()))
        given = (data, tuple(places)) if kind == "coo" else (data, *places)
        return resolve(entry)(given, shape=size)

    # Objects

    def object_(self, node: Node) -> Any:
        entry = self.entry(node)
        content = node.get("content")
        state = None if content is None else self.build(content)
        if entry.module in _COMPILED:
            made = MAKERS[entry.module, "newObj"](self.reading, (Named(entry),))
        elif entry.role in ("NEWOBJ", "PARSED"):
            made = instance(self.reading, Named(entry), ())
        else:
            raise self.misused(node)
        return self.finish(made, state, content is not None)

    def finish(self, made: Any, state: Any, is_stated: bool = True) -> Any:
        """Return the constructed object with its state set."""
        if not isinstance(made, Made):
            return made
        if is_stated:
            self.reading.build(made, state)  # refused, it makes the node a placeholder
        elif made.needs_state:
            raise damaged("it leaves an object without its state")
        return made.value

    def constructed(self, node: Node) -> Any:
        """Call the constructor of an approved type; of no other."""
        entry = self.entry(node)
        if not entry.approved or type(arguments := self.part(node, "content")) is not tuple:
            raise self.misused(node)
        return resolve(entry)(*arguments)

    def tree(self, node: Node) -> Any:
        self.plain_name(node)
        made = MAKERS["sklearn.tree._tree", "Tree"](
            self.reading, self.part(node, "__reduce__", "args")
        )
        return self.finish(made, self.part(node, "content"))

    def loss(self, node: Node) -> Any:
        entry = self.entry(node)
        arguments = self.part(node, "__reduce__", "args")
        if entry.module not in _LOSSES or type(arguments) is not tuple:
            raise self.misused(node)
        if self.part(node, "content"):
            raise unfit(entry.name)
        if entry.role == "ARGUMENT":  # it has a maker that makes it of nothing
            name = (entry.module, f"__pyx_unpickle_{entry.name}")
            return self.finish(MAKERS[name](self.reading, (Named(entry), 0, None)), ())
        return call(self.reading, Named(entry), arguments)

    def value(self, node: Node) -> Any:
        """Return a function or a type that the model keeps as a value."""
        entry = self.entry(node)
        if not entry.approved and (entry.role != "VALUE" or entry.name == "memmap"):
            raise self.misused(node)
        return resolve(entry)

    def partial(self, node: Node) -> Any:
        """Construct a ``functools.partial`` of a known function; ``python_values.py`` checks its
        keywords."""
        self.plain_name(node)
        match node.get("content"):
            case {
                "func": {"__loader__": "FunctionNode"} as function,
                "args": arguments,
                "kwds": keywords,
                "namespace": namespace,
            }:
                called = self.build(function)
                made = MAKERS["functools", "partial"](self.reading, (called,))
                parts = [self.build(part) for part in (arguments, keywords, namespace)]
                return self.finish(made, (called, *parts))
        raise damaged("it makes a partial of something that is no function")

    def operator(self, node: Node) -> Any:
        """Construct an item getter or method caller, of those on the list."""
        entry, attributes = self.entry(node), self.part(node, "attrs")
        maker = MAKERS.get((entry.module, entry.name)) if entry.module == "operator" else None
        if maker is None or type(attributes) is not tuple:
            raise self.misused(node)
        try:
            return maker(self.reading, attributes)
        except HostError:
            raise self.misused(node) from None

    def random_state(self, node: Node) -> Any:
        self.plain_name(node)
        return self.random(self.part(node, "content"), "__randomstate_ctor")

    def generator(self, node: Node) -> Any:
        """Construct a generator in its saved state; the seed beside it only spawns further
        generators."""
        if self.entry(node).module != "numpy.random._generator":
            raise self.misused(node)
        return self.random(self.part(node, "content", "bit_generator"), "__generator_ctor")

    def random(self, state: Any, maker: str) -> Any:
        """Construct a random generator from the state of its bit generator."""
        name = state.get("bit_generator") if type(state) is dict else None
        made = MAKERS["numpy.random._pickle", maker](self.reading, (name,))
        return self.finish(made, state)


_LOADERS: dict[str, Callable[[_Builder, Node], Any]] = {
    "JsonNode": _Builder.json,
    "DictNode": _Builder.mapping,
    "DefaultDictNode": _Builder.default_mapping,
    "ListNode": _Builder.list_,
    "SetNode": _Builder.set_,
    "TupleNode": _Builder.tuple_,
    "BytesNode": _Builder.bytes_,
    "BytearrayNode": _Builder.bytearray_,
    "SliceNode": _Builder.slice_,
    "NdArrayNode": _Builder.array,
    "MaskedArrayNode": _Builder.masked_array,
    "DTypeNode": _Builder.dtype,
    "SparseMatrixNode": _Builder.sparse_matrix,
    "ObjectNode": _Builder.object_,
    "ConstructorFromReduceNode": _Builder.constructed,
    "TreeNode": _Builder.tree,
    "LossNode": _Builder.loss,
    "TypeNode": _Builder.value,
    "FunctionNode": _Builder.value,
    "PartialNode": _Builder.partial,
    "OperatorFuncNode": _Builder.operator,
    "RandomStateNode": _Builder.random_state,
    "RandomGeneratorNode": _Builder.generator,
}


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
