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
import zipfile
from collections.abc import Iterator
from typing import Any

from model_host.loading import allow_list
from model_host.loading.file_formats import of_zip
from model_host.loading.reading_state import (
    Reading,
    damaged,
)
from model_host.loading.skops_nodes import objects, values  # noqa: F401  (they register)
from model_host.loading.skops_nodes.builder import PLAIN, Builder, Node
from model_host.protocol.artifact import TypeName
from model_host.protocol.errors import HostError

UNPACKED_BYTES = 2 * 1024**3
SCHEMA_BYTES = 64 * 1024**2
MEMBERS = 100_000
PROTOCOLS = (0, 1, 2)
"""The protocols of skops 0.1 to 0.16; only a function and a loss differ between the three."""


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
        builder = Builder(archive, reading, UNPACKED_BYTES)
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
    if allow_list.ALIASES.get(written, written) in PLAIN.get(loader, ()):
        return
    reading.named.add(written)
    entry = allow_list.find(*written, boosters=reading.boosters)
    if written not in reading.approved and entry is None:
        reading.unknown[written] = None
