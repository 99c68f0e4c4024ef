"""The walk over everything that a file left in memory, before anyone calls it.

Names and opcodes are checked while reading; what only shows in the whole object is checked here,
for every format alike. ``settle`` visits each object once, without recursion.
"""

from __future__ import annotations

import functools
import inspect
import types
from collections import OrderedDict, defaultdict
from collections.abc import Iterable
from typing import Any

import numpy as np
import scipy.sparse
from sklearn.tree._tree import Tree
from sklearn.utils import Bunch

from .protocol import HostError, TypeName
from .reading import ArrayHeader, Named, damaged

_LEAVES = (type(None), bool, int, float, complex, str, bytes, bytearray, slice)
_CALM = {"n_jobs": 1, "memory": None, "verbose": False}
_FUNCTIONS = (
    type,
    functools.partial,
    types.FunctionType,
    types.BuiltinFunctionType,
    np.ufunc,
    type(np.clip),  # NumPy's functions have a type of their own
)
_MAPPINGS = (dict, OrderedDict, defaultdict, Bunch)


def settle(root: object, approved: frozenset[TypeName]) -> None:
    """Makes the loaded object fit to predict in a process of its own, one thread, no cache on disk:
    sets ``n_jobs`` to 1, ``memory`` to None and ``verbose`` to False wherever they occur. Raises
    HostError where a part of it is not what it should be."""
    seen: dict[int, object] = {}
    waiting: list[object] = [root]
    while waiting:
        part = waiting.pop()
        if isinstance(part, _LEAVES) or id(part) in seen:
            continue
        seen[id(part)] = part  # kept, so that the identity is not given to another
        waiting.extend(_parts(part, approved))


def _parts(part: object, approved: frozenset[TypeName]) -> Iterable[Any]:
    """What ``part`` holds, after its own checks."""
    if isinstance(part, Named | ArrayHeader):
        raise damaged("it stores a type where only a value may be")
    if isinstance(part, _MAPPINGS):
        return [*part.keys(), *part.values()]
    if isinstance(part, list | tuple | set | frozenset):
        return part
    if isinstance(part, np.ndarray):
        return part.ravel().tolist() if part.dtype == np.dtype(object) else ()
    if isinstance(part, Tree):
        _check_tree(part)
        return ()
    if isinstance(part, np.random.RandomState | np.random.Generator):
        _check_generator(part)
        return ()
    if isinstance(part, _FUNCTIONS) or not hasattr(part, "__dict__"):
        return ()
    if scipy.sparse.issparse(part):
        _check_sparse(part)
    attributes = vars(part)
    if (type(part).__module__, type(part).__name__) not in approved:
        _check_attributes(part, attributes)
    for name, calm in _CALM.items():
        if name in attributes:
            attributes[name] = calm
    return attributes.values()


def _check_attributes(part: Any, attributes: dict[str, Any]) -> None:
    """No attribute takes the place of a method, and no vectorizer opens files by name."""
    for name in attributes:
        if _is_method(type(part), name):
            raise damaged(f"it replaces the method `{name}` of a {type(part).__name__}")
    if attributes.get("input") in ("file", "filename"):
        raise HostError(
            "LOAD",
            f"The {type(part).__name__} reads files (input={attributes['input']!r}); "
            "here a model is given the text itself. Set input='content' and save it again.",
        )


@functools.cache
def _is_method(cls: type, name: str) -> bool:
    inherited = inspect.getattr_static(cls, name, None)
    return callable(inherited) or isinstance(inherited, property | classmethod | staticmethod)


def _check_tree(tree: Any) -> None:
    """Every child lies behind its parent and inside the tree, and every split looks at a feature
    that exists: scikit-learn follows these numbers without looking."""
    count = tree.node_count
    left, right, feature = tree.children_left, tree.children_right, tree.feature
    inner = left != -1
    numbers = np.arange(count)[inner]
    children = np.concatenate([left[inner], right[inner]])
    if (
        count < 1
        or (children <= np.concatenate([numbers, numbers])).any()
        or (children >= count).any()
        or (feature[inner] < 0).any()
        or (feature[inner] >= tree.n_features).any()
    ):
        raise damaged("a decision tree leads outside itself")


def _check_generator(generator: Any) -> None:
    """That a random generator reads inside its own state."""
    source = getattr(generator, "bit_generator", None) or generator._bit_generator
    state = source.state
    position = state["state"].get("pos", 0) if isinstance(state["state"], dict) else 0
    if not (0 <= position <= 624 and 0 <= state.get("buffer_pos", 0) <= 4):
        raise damaged("a random generator reads outside its state")


def _check_sparse(matrix: Any) -> None:
    """That the indices of a sparse matrix lie inside it."""
    try:
        check = getattr(matrix, "check_format", None) or matrix._check
        check()
        if hasattr(matrix, "indices"):
            matrix.check_format(full_check=True)
    except (ValueError, AttributeError, TypeError) as error:
        raise damaged("a sparse matrix points outside itself") from error
