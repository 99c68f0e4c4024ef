"""The loaders of objects in a ``.skops`` file: estimators, trees, losses, functions, generators.

They build with the constructors that pickles have, too. Loaders that fetch methods or call
operators are absent, and so are those that call a constructor, but for types that a superuser
approved.
"""

from __future__ import annotations

from typing import Any

from model_host.loading.constructors.calls import MAKERS, call, instance
from model_host.loading.reading_state import Named, damaged, resolve, unfit
from model_host.loading.skops_nodes.builder import Builder, Node, loader
from model_host.protocol.errors import HostError

_COMPILED = (
    "sklearn.metrics._dist_metrics",
    "sklearn.neighbors._ball_tree",
    "sklearn.neighbors._kd_tree",
)
_LOSSES = ("sklearn._loss._loss", "sklearn.linear_model._sgd_fast")


@loader("ObjectNode")
def _object(builder: Builder, node: Node) -> Any:
    entry = builder.entry(node)
    content = node.get("content")
    state = None if content is None else builder.build(content)
    if entry.module in _COMPILED:
        made = MAKERS[entry.module, "newObj"](builder.reading, (Named(entry),))
    elif entry.role in ("NEWOBJ", "PARSED"):
        made = instance(builder.reading, Named(entry), ())
    else:
        raise builder.misused(node)
    return builder.finish(made, state, content is not None)


@loader("ConstructorFromReduceNode")
def _constructed(builder: Builder, node: Node) -> Any:
    """Call the constructor of an approved type; of no other."""
    entry = builder.entry(node)
    if not entry.approved or type(arguments := builder.part(node, "content")) is not tuple:
        raise builder.misused(node)
    return resolve(entry)(*arguments)


@loader("TreeNode", ("sklearn.tree._tree", "Tree"))
def _tree(builder: Builder, node: Node) -> Any:
    builder.plain_name(node)
    made = MAKERS["sklearn.tree._tree", "Tree"](
        builder.reading, builder.part(node, "__reduce__", "args")
    )
    return builder.finish(made, builder.part(node, "content"))


@loader("LossNode")
def _loss(builder: Builder, node: Node) -> Any:
    entry = builder.entry(node)
    arguments = builder.part(node, "__reduce__", "args")
    if entry.module not in _LOSSES or type(arguments) is not tuple:
        raise builder.misused(node)
    if builder.part(node, "content"):
        raise unfit(entry.name)
    if entry.role == "ARGUMENT":  # it has a maker that makes it of nothing
        name = (entry.module, f"__pyx_unpickle_{entry.name}")
        return builder.finish(MAKERS[name](builder.reading, (Named(entry), 0, None)), ())
    return call(builder.reading, Named(entry), arguments)


@loader("TypeNode")
@loader("FunctionNode")
def _value(builder: Builder, node: Node) -> Any:
    """Return a function or a type that the model keeps as a value."""
    entry = builder.entry(node)
    if not entry.approved and (entry.role != "VALUE" or entry.name == "memmap"):
        raise builder.misused(node)
    return resolve(entry)


@loader("PartialNode", ("functools", "partial"))
def _partial(builder: Builder, node: Node) -> Any:
    """Construct a ``functools.partial`` of a known function; ``python_values.py`` checks its
    keywords."""
    builder.plain_name(node)
    match node.get("content"):
        case {
            "func": {"__loader__": "FunctionNode"} as function,
            "args": arguments,
            "kwds": keywords,
            "namespace": namespace,
        }:
            called = builder.build(function)
            made = MAKERS["functools", "partial"](builder.reading, (called,))
            parts = [builder.build(part) for part in (arguments, keywords, namespace)]
            return builder.finish(made, (called, *parts))
    raise damaged("it makes a partial of something that is no function")


@loader("OperatorFuncNode")
def _operator(builder: Builder, node: Node) -> Any:
    """Construct an item getter or method caller, of those on the list."""
    entry, attributes = builder.entry(node), builder.part(node, "attrs")
    maker = MAKERS.get((entry.module, entry.name)) if entry.module == "operator" else None
    if maker is None or type(attributes) is not tuple:
        raise builder.misused(node)
    try:
        return maker(builder.reading, attributes)
    except HostError:
        raise builder.misused(node) from None


@loader("RandomStateNode", ("numpy.random.mtrand", "RandomState"))
def _random_state(builder: Builder, node: Node) -> Any:
    builder.plain_name(node)
    return _random(builder, builder.part(node, "content"), "__randomstate_ctor")


@loader("RandomGeneratorNode")
def _generator(builder: Builder, node: Node) -> Any:
    """Construct a generator in its saved state; the seed beside it only spawns further
    generators."""
    if builder.entry(node).module != "numpy.random._generator":
        raise builder.misused(node)
    return _random(builder, builder.part(node, "content", "bit_generator"), "__generator_ctor")


def _random(builder: Builder, state: Any, maker: str) -> Any:
    """Construct a random generator from the state of its bit generator."""
    name = state.get("bit_generator") if type(state) is dict else None
    made = MAKERS["numpy.random._pickle", maker](builder.reading, (name,))
    return builder.finish(made, state)
