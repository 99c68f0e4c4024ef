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
from scipy.interpolate import BSpline
from sklearn.ensemble._gb import BaseGradientBoosting
from sklearn.utils import Bunch

from .index_checks import check_indices
from .length_checks import check_lengths, check_start
from .protocol.artifact import TypeName
from .protocol.errors import HostError
from .reading import ArrayHeader, Named, damaged

_LEAVES = (type(None), bool, int, float, complex, str, bytes, bytearray, slice)
_CALM = {"n_jobs": 1, "_n_threads": 1, "memory": None, "verbose": False}
_FUNCTIONS = (
    type,
    functools.partial,
    types.FunctionType,
    types.BuiltinFunctionType,
    np.ufunc,
    type(np.clip),  # NumPy's functions have a type of their own
)
_CALLED = {"func", "inverse_func"}
_KEYWORDS = {"kw_args", "inv_kw_args"}
_KEEPING = {"out", "where"}
_MAPPINGS = (dict, OrderedDict, defaultdict, Bunch)


def settle(root: object, approved: frozenset[TypeName]) -> None:
    """Makes the loaded object fit to predict in a process of its own, one thread, no cache on disk:
    sets ``n_jobs`` and ``_n_threads`` to 1, ``memory`` to None and ``verbose`` to False wherever
    they occur. Raises HostError where a part of it is not what it should be."""
    seen: dict[int, object] = {}
    waiting: list[object] = [root]
    while waiting:
        part = waiting.pop()
        if isinstance(part, _LEAVES) or id(part) in seen:
            continue
        seen[id(part)] = part  # kept, so that the identity is not given to another
        waiting.extend(_parts(part, approved))
    for part in seen.values():
        if isinstance(part, BaseGradientBoosting):
            check_start(part)


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
    check_indices(part)
    check_lengths(part)
    if isinstance(part, (*_FUNCTIONS, BSpline)) or not hasattr(part, "__dict__"):
        return ()  # a spline's attributes are none of the file's: makers_scipy.py sets them
    attributes = vars(part)
    if (type(part).__module__, type(part).__name__) not in approved:
        _check_attributes(part, attributes)
    for name, calm in _CALM.items():
        if name in attributes:
            attributes[name] = calm
    return attributes.values()


def _check_attributes(part: Any, attributes: dict[str, Any]) -> None:
    """No attribute takes the place of what the class itself is, no vectorizer opens files by name,
    and no function is given a place to keep one prediction's values for the next."""
    kind: Any = type(part)
    for name in attributes:
        if name.startswith("__") and name.endswith("__"):
            raise damaged(f"it sets a special attribute of a {kind.__name__}")
        if _belongs_to_class(kind, name):
            raise damaged(f"it replaces `{name}` of the class {kind.__name__}")
    if attributes.get("input") in ("file", "filename"):
        raise HostError(
            "LOAD",
            f"The {kind.__name__} reads files (input={attributes['input']!r}); "
            "here a model is given the text itself. Set input='content' and save it again.",
        )
    for name in _CALLED & attributes.keys():
        if attributes[name] is np.ndarray or attributes[name] is np.ma.MaskedArray:
            raise damaged(f"a {kind.__name__} makes arrays of memory that was not filled")
    for name in _KEYWORDS & attributes.keys():
        if type(given := attributes[name]) is dict and _KEEPING & given.keys():
            raise damaged(f"a {kind.__name__} has its function write to an array of the model")


@functools.cache
def _belongs_to_class(cls: type, name: str) -> bool:
    """Whether an instance has no business with ``name``: a method, a property, a constant. Names
    that a class only declares, by a None or a bool, are the instance's own."""
    inherited = inspect.getattr_static(cls, name, None)
    return not isinstance(inherited, bool | None)
