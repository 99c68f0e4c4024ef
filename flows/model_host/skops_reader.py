"""Reads a ``.skops`` file with skops' own loader, after a look of ours at all that it asks for.

skops trusts what its caller says, and by default every estimator. Here each node of the schema is
first held against our allow-list and against the short table of loaders below; skops is then told
to trust exactly the names that passed. Loaders that fetch methods or call operators are absent.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from typing import Any

import skops.io
from scipy.interpolate import BSpline

from . import allow_list
from .makers_scipy import set_spline
from .protocol.errors import HostError
from .reading import Reading, damaged, resolve

UNPACKED_BYTES = 2 * 1024**3
SCHEMA_BYTES = 64 * 1024**2
MEMBERS = 100_000
PROTOCOLS = (2,)

_PLAIN: dict[str, frozenset[str]] = {
    "DictNode": frozenset(
        {"builtins.dict", "collections.OrderedDict", "sklearn.utils._bunch.Bunch"}
    ),
    "DefaultDictNode": frozenset({"collections.defaultdict"}),
    "ListNode": frozenset({"builtins.list"}),
    "SetNode": frozenset({"builtins.set"}),
    "TupleNode": frozenset({"builtins.tuple", "sklearn.impute._iterative._ImputerTriplet"}),
    "BytesNode": frozenset({"builtins.bytes"}),
    "BytearrayNode": frozenset({"builtins.bytearray"}),
    "SliceNode": frozenset({"builtins.slice"}),
    "MaskedArrayNode": frozenset({"numpy.ma.MaskedArray"}),
    "DTypeNode": frozenset({"numpy.dtype"}),
    "RandomStateNode": frozenset({"numpy.random.mtrand.RandomState"}),
    "TreeNode": frozenset({"sklearn.tree._tree.Tree"}),
}

BSpline.__setstate__ = set_spline  # skops has the class itself set its state
_COMPILED = (
    "sklearn.metrics._dist_metrics",
    "sklearn.neighbors._ball_tree",
    "sklearn.neighbors._kd_tree",
)


def read_skops(data: bytes | memoryview, reading: Reading) -> Any:
    """The object in the archive. Counts every type that it names in ``reading``."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        _check_archive(archive)
        schema = json.loads(archive.read("schema.json"))
        if type(schema) is not dict or schema.get("protocol") not in PROTOCOLS:
            raise HostError(
                "LOAD",
                "The file was written by another version of skops, which is not read here. "
                "Save the model again with the version used here.",
            )
        files = {name: archive.getinfo(name).file_size for name in archive.namelist()}
        trusted = set()
        is_of_today = True
        read = 0
        for node in _nodes(schema):
            written = node.get("__module__"), node.get("__class__")
            trusted.add(_check_node(node, reading))
            is_of_today &= written == (node["__module__"], node["__class__"])
            if type(file := node.get("file")) is str:
                read += files.get(file, 0)
            _note_version(node, reading)
        if read > UNPACKED_BYTES:
            raise damaged("it reads its arrays over and over")
        if reading.unknown:
            return None
        data = bytes(data) if is_of_today else _with_schema(archive, schema)
    return skops.io.loads(data, trusted=sorted(trusted))


def _with_schema(archive: zipfile.ZipFile, schema: dict[str, Any]) -> bytes:
    """The archive again with another schema."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as copy:
        for member in archive.infolist():
            is_schema = member.filename == "schema.json"
            copy.writestr(
                member.filename, json.dumps(schema) if is_schema else archive.read(member)
            )
    return content.getvalue()


def _check_archive(archive: zipfile.ZipFile) -> None:
    """Bounds what the archive says it holds; zipfile never reads more of a member than it says."""
    members = archive.infolist()
    names = {member.filename for member in members}
    if len(members) > MEMBERS or len(names) != len(members) or "schema.json" not in names:
        raise damaged("it is a zip archive, but not one that skops writes")
    if any(member.flag_bits & 1 for member in members):
        raise damaged("its archive is encrypted")
    total = sum(member.file_size for member in members)
    if total > UNPACKED_BYTES or archive.getinfo("schema.json").file_size > SCHEMA_BYTES:
        raise HostError("LOAD", "The file unpacks to more than a model may hold.")
    for member in members:
        if member.filename.endswith(".npz"):
            with zipfile.ZipFile(io.BytesIO(archive.read(member))) as arrays:
                total += sum(array.file_size for array in arrays.infolist())
    if total > UNPACKED_BYTES:
        raise HostError("LOAD", "The file unpacks to more than a model may hold.")


def _nodes(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every dict that skops could take for a node, wherever it stands in the schema."""
    waiting: list[Any] = [schema]
    while waiting:
        part = waiting.pop()
        if type(part) is dict:
            if "__loader__" in part:
                yield part
            waiting.extend(part.values())
        elif type(part) is list:
            waiting.extend(part)


def _check_node(node: dict[str, Any], reading: Reading) -> str:
    """The full name of the node's type, once its loader may make it. A node that another version
    wrote gets the name that the type has here."""
    loader, module, name = (node.get(key) for key in ("__loader__", "__module__", "__class__"))
    if not (type(loader) is str and type(module) is str and type(name) is str):
        raise damaged("a node of it has no loader or no type")
    written = (module, name)
    module, name = allow_list.ALIASES.get(written, written)
    full = f"{module}.{name}"
    if loader == "PartialNode" and full == "functools.partial":
        _check_partial(node)
        return full
    if loader == "JsonNode":
        return full
    if full in _PLAIN.get(loader, ()):
        node["__module__"], node["__class__"] = module, name
        return full
    reading.named.add(written)
    entry = allow_list.find(module, name, boosters=reading.boosters)
    if entry is None and written in reading.approved:
        return full
    if entry is None:
        reading.unknown[written] = None
        return full
    if not _fits(node, entry):
        message = f"The file makes `{full}` by a {loader[:40]!a}, which no honest model does."
        raise HostError("LOAD", message, refused=(written,))
    resolve(entry)
    node["__module__"], node["__class__"] = module, name = allow_list.located(module, name)
    return f"{module}.{name}"


def _note_version(node: dict[str, Any], reading: Reading) -> None:
    match node:
        case {"content": {"_sklearn_version": {"content": str(version)}}}:
            reading.libraries["scikit-learn"] = version.strip('"')[:40]


def _check_partial(node: dict[str, Any]) -> None:
    """``functools.partial`` only of scikit-learn's ``check_array``, with keywords alone."""
    match node.get("content"):
        case {
            "func": {
                "__loader__": "FunctionNode",
                "__module__": "sklearn.utils.validation",
                "__class__": "check_array",
            },
            "args": {"content": []},
        }:
            return
    raise damaged("it makes a partial of something else than check_array")


def _fits(node: dict[str, Any], entry: allow_list.Entry) -> bool:
    """Whether the node's loader makes such a type as its role in the allow-list says."""
    if entry.name.startswith("__") or (entry.module, entry.name) == ("numpy", "memmap"):
        return False  # skops has no stand-in of ours for either
    match node["__loader__"]:
        case "ObjectNode":
            stateful = type(node.get("content")) is dict
            compiled = entry.module in _COMPILED or entry.role == "PARSED"
            return entry.role == "NEWOBJ" or (stateful and compiled)
        case "RandomGeneratorNode":
            return entry.module == "numpy.random._generator"
        case "TypeNode" | "FunctionNode":
            return entry.role == "VALUE"
        case "NdArrayNode":
            return entry.module == "numpy" and entry.role == "VALUE"
        case "LossNode":
            return entry.role in ("REDUCE", "ARGUMENT") and entry.module in (
                "sklearn._loss._loss",
                "sklearn.linear_model._sgd_fast",
            )
        case "SparseMatrixNode":
            return entry.module.startswith("scipy.sparse.")
    return False
