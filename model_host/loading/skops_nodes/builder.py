"""The builder of the objects in a ``.skops`` file, and the table of loaders that build a node each.

The loaders themselves are in the other modules of this package. A node that is refused becomes a
placeholder.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator
from typing import Any

from model_host.loading import allow_list
from model_host.loading.reading_state import Absent, Made, Reading, damaged, in_words
from model_host.protocol.artifact import TypeName
from model_host.protocol.errors import HostError

Node = dict[str, Any]
Loader = Callable[["Builder", Node], Any]

LOADERS: dict[str, Loader] = {}
PLAIN: dict[str, tuple[TypeName, ...]] = {}
"""The types of which these loaders make instances; all other types must be in the allow-list."""


def loader(name: str, *types: TypeName) -> Callable[[Loader], Loader]:
    """Register the loader of nodes that name it: of these ``types`` alone, where there are any."""

    def register(loader: Loader) -> Loader:
        LOADERS[name] = loader
        if types:
            PLAIN[name] = types
        return loader

    return register


class Builder:
    """One archive and what was already built of it, by the numbers that skops gives its objects
    and by where it stands in the schema; and the unknown types that a placeholder stands for."""

    def __init__(self, archive: zipfile.ZipFile, reading: Reading, bytes_left: int) -> None:
        self.archive = archive
        self.reading = reading
        self.built: dict[object, Any] = {}
        self.bytes_left = bytes_left
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
        if (build := LOADERS.get(node["__loader__"])) is None:
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
        if name not in PLAIN[node["__loader__"]]:
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

    def finish(self, made: Any, state: Any, is_stated: bool = True) -> Any:
        """Return the constructed object with its state set."""
        if not isinstance(made, Made):
            return made
        if is_stated:
            self.reading.build(made, state)  # refused, it makes the node a placeholder
        elif made.needs_state:
            raise damaged("it leaves an object without its state")
        return made.value


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
