"""The walk over all objects that a file created, before any of them is called.

Names and opcodes are checked while reading; properties of the whole object are checked here,
for every format alike. ``settle`` visits each object once for each place that has rules of its own,
without recursion.
"""

from __future__ import annotations

import datetime
import functools
import inspect
import string
import sys
from collections import OrderedDict, defaultdict
from collections.abc import Iterable
from functools import cache
from typing import Any

import numpy as np
import scipy.sparse
from scipy.interpolate import BSpline
from sklearn.cluster._birch import _CFNode, _CFSubcluster
from sklearn.ensemble._gb import BaseGradientBoosting
from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor
from sklearn.feature_extraction.text import _VectorizerMixin
from sklearn.isotonic import IsotonicRegression
from sklearn.svm._base import BaseLibSVM
from sklearn.utils import Bunch

from model_host.loading.allow_list import is_older
from model_host.loading.checks.function_roles import (
    FUNCTIONS,
    KEEPING,
    ROOT,
    Slot,
    anything,
    check_function,
    check_object,
    is_short,
    slot,
)
from model_host.loading.checks.index_checks import check_indices
from model_host.loading.checks.learnt_numbers import check_learnt_numbers
from model_host.loading.checks.length_checks import check_lengths
from model_host.loading.constructors.pandas_values import OF_PANDAS
from model_host.loading.reading_state import ArrayHeader, Named, Part, damaged
from model_host.protocol.artifact import TypeName
from model_host.protocol.errors import HostError

MOST_PARTS = 20_000_000
"""The maximum number of parts of a model; a part in ten places counts ten times, since a prediction
would visit it ten times."""
_LEAVES = (
    type(None),
    bool,
    int,
    float,
    complex,
    str,
    bytes,
    bytearray,
    slice,
    np.generic,
    np.dtype,
    datetime.date,
    datetime.time,
    datetime.timedelta,
    datetime.tzinfo,
    *OF_PANDAS,
)
_CONTAINERS = (dict, list, tuple, set, frozenset, np.ndarray)
_CALM = {"n_jobs": 1, "_n_threads": 1, "memory": None, "verbose": False}
_KEYWORDS = ("kw_args", "inv_kw_args")
_MAPPINGS = (OrderedDict, defaultdict, Bunch)
_SORTING = {"manhattan", "cityblock", "l1", "laplacian"}
"""Distances for which scikit-learn may sort the entries of sparse rows in place."""
_LINKED = (_CFNode, _CFSubcluster)
"""Birch's leaves are chained in both directions, in honest models too."""
_PREDICTOR: tuple[type, tuple[str, ...]] = (
    TreePredictor,
    ("nodes", "raw_left_cat_bitsets", "binned_left_cat_bitsets"),
)
_WRITABLE: tuple[tuple[type, tuple[str, ...]], ...] = (
    (BaseLibSVM, ("_dual_coef_", "_intercept_", "_probA", "_probB", "_BaseLibSVM__Xfit")),
    (BaseGradientBoosting, ("estimators_",)),
    *((_PREDICTOR,) if is_older("scikit-learn 1.3") else ()),
    *(((BSpline, ("t", "c")),) if is_older("scipy 1.11") else ()),
)
"""Arrays that compiled code only accepts if they are writable, although it does not write to
them."""


class _Walk:
    """The state of the walk: the visited objects, and their containers."""

    def __init__(self, approved: frozenset[TypeName]) -> None:
        self.approved = approved
        self.functions = [getattr(sys.modules.get(module), name, None) for module, name in approved]
        self.seen: dict[object, object] = {}
        self.within: dict[int, list[int]] = {}
        self.writable: set[int] = set()
        self.sorted: set[int] = set()
        self.is_constant = True

    def is_approved(self, part: object) -> bool:
        """Return whether a superuser approved the class of ``part``."""
        return (type(part).__module__, type(part).__name__) in self.approved

    def is_chained(self, part: object) -> bool:
        """Return whether its way may lead back to where it began, in honest models, too."""
        return isinstance(part, _LINKED) or self.is_approved(part)


def settle(root: object, approved: frozenset[TypeName]) -> bool:
    """Prepare the loaded object to predict in a process of its own: one thread, no cache on disk,
    no array that can be written to, no mapping that makes entries of itself. Raises HostError where
    a part of it is not what it should be.

    Returns whether every part is known to stay as it is, whatever is predicted.
    """
    walk = _Walk(approved)
    waiting: list[tuple[object, Slot]] = [(root, ROOT)]
    while waiting:
        part, place = waiting.pop()
        judged_by_place = isinstance(part, (*_CONTAINERS, *FUNCTIONS, type)) or callable(part)
        key = (id(part), place.rule) if judged_by_place else id(part)
        if key in walk.seen:
            continue
        walk.seen[key] = part  # kept, so that the identity is not given to another
        found = [one for one in _parts(part, place, walk) if not isinstance(one[0], _LEAVES)]
        if not walk.is_chained(part):
            walk.within[id(part)] = [id(one) for one, _ in found]
        waiting.extend(found)
    _check_size(id(root), walk.within)
    return walk.is_constant


def _parts(part: Any, place: Slot, walk: _Walk) -> Iterable[tuple[Any, Slot]]:
    """The parts inside ``part``, each with its place, after the part's own checks."""
    if isinstance(part, Named) and place.holder == "make_column_selector":
        return ()  # a type of columns, for which nobody asks after fit
    if isinstance(part, Named | ArrayHeader | Part):
        raise damaged("it stores a type where only a value may be")
    if isinstance(part, functools.partial):
        vars(part)  # looked at or not, it is the same then
    if isinstance(part, (*FUNCTIONS, type)):
        if not any(part is one for one in walk.functions):
            check_function(part, place)
        return ()
    if not walk.is_approved(part):
        check_object(part, place)
    if isinstance(part, dict):
        if type(part) is defaultdict and not walk.approved:
            part.default_factory = None
        return ((one, place) for one in (*part.keys(), *part.values()))
    if isinstance(part, list | tuple | set | frozenset):
        return ((one, place) for one in part)
    if isinstance(part, np.ndarray):
        return _cells(part, place, walk)
    check_indices(part)
    check_lengths(part)
    check_learnt_numbers(part)
    if not hasattr(part, "__dict__"):
        return ()
    kind: Any = type(part)
    if isinstance(part, BSpline):  # scipy_values.py sets its other attributes
        _keep_writable(part, vars(part), walk)
        return ((array, slot(kind, "c")) for array in (part.t, part.c))
    attributes = vars(part)
    if walk.is_approved(part):
        return ((value, anything(kind)) for value in attributes.values())
    _check_attributes(part, attributes)
    _calm(part, attributes, walk)
    own = {"f_"} if isinstance(part, IsotonicRegression) else ()  # made by the class itself
    return ((value, slot(kind, name)) for name, value in attributes.items() if name not in own)


def _cells(array: np.ndarray[Any, Any], place: Slot, walk: _Walk) -> Iterable[tuple[Any, Slot]]:
    """The objects in an array, those under a mask, too. Nobody writes to it any more."""
    if type(array) is not np.ndarray and not place.is_free:
        raise HostError(
            "LOAD",
            f"The file keeps an array of which values are hidden by a mask as {place}, where only "
            "plain arrays are read. Fill it (numpy.ma.filled), then save the model again.",
        )
    if id(array) not in walk.writable:
        array.flags.writeable = False
    if array.dtype != np.dtype(object):
        return ()
    return ((one, place) for one in np.ma.getdata(array).ravel().tolist())


def _calm(part: Any, attributes: dict[str, Any], walk: _Walk) -> None:
    """Remove from ``part`` what it does not need to predict, and what would change while it
    predicts."""
    for name, calm in _CALM.items():
        if name in attributes:
            attributes[name] = calm
    attributes.pop("_metadata_request", None)  # of training; it leads back to ``part``
    for name, value in attributes.items():
        if type(value) in _MAPPINGS and name != "named_estimators_":
            attributes[name] = dict(value)
    _keep_writable(part, attributes, walk)
    if isinstance(part, _VectorizerMixin):  # it notes for which stop words it has warned
        if type(words := attributes.get("stop_words")) is str:
            attributes["stop_words"] = sys.intern(words)
        attributes["_stop_words_id"] = id(attributes.get("stop_words"))
    if _SORTING & {value for value in attributes.values() if type(value) is str}:
        walk.sorted |= {id(value) for value in attributes.values() if scipy.sparse.issparse(value)}
    if scipy.sparse.issparse(part) and part.format in ("csr", "csc"):
        for name in ("_has_sorted_indices", "_has_canonical_format"):
            attributes.pop(name, None)
        part.has_sorted_indices, part.has_canonical_format  # noqa: B018  (it notes what they are)
        if id(part) in walk.sorted and not part.has_canonical_format:
            walk.writable |= {id(part.data), id(part.indices), id(part.indptr)}
            walk.is_constant = False


def _keep_writable(part: Any, attributes: dict[str, Any], walk: _Walk) -> None:
    """Give ``part`` copies of the arrays that its code only takes if they are writable."""
    for kind, names in _WRITABLE:
        for name in names:
            if isinstance(part, kind) and type(attributes.get(name)) is np.ndarray:
                attributes[name] = attributes[name].copy(order="K")  # nobody else holds it
                walk.writable.add(id(attributes[name]))


def _check_size(root: int, within: dict[int, list[int]]) -> None:
    """Raise HostError if a part contains itself, or parts are nested so often that no prediction
    would end."""
    sizes: dict[int, int] = {}
    open_parts: set[int] = set()
    waiting = [root]
    while waiting:
        part = waiting[-1]
        if part not in open_parts and part not in sizes:
            open_parts.add(part)
            for one in within.get(part, ()):
                if one in open_parts:
                    raise damaged("a part of it contains itself")
                if one not in sizes:
                    waiting.append(one)
            continue
        waiting.pop()
        if part in open_parts:
            open_parts.remove(part)
            sizes[part] = 1 + sum(sizes[one] for one in within.get(part, ()))
            if sizes[part] > MOST_PARTS:
                raise damaged("its parts contain one another over and over")


def _check_attributes(part: Any, attributes: dict[str, Any]) -> None:
    """No attribute takes the place of what the class itself is, no vectorizer opens files by name,
    no text of the file looks into objects, and no function is given a place to keep one
    prediction's values for the next."""
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
    for name in _KEYWORDS:
        given = attributes.get(name)
        if given is not None and not isinstance(given, dict):
            raise damaged(f"the keywords of a {kind.__name__} are none")
        if given and KEEPING & given.keys():
            raise damaged(f"a {kind.__name__} has its function write to an array of the model")
        if given and not is_short(given.get("dtype")):
            raise damaged(f"a {kind.__name__} makes values longer than any value is")
    if isinstance(path := attributes.get("importance_getter"), str) and "__" in path:
        raise damaged(f"a {kind.__name__} looks into the inside of objects")
    if isinstance(pattern := attributes.get("verbose_feature_names_out"), str):
        _check_pattern(kind, pattern)
    width = attributes.get("n_features_in_", 0)
    if not isinstance(width, int | np.integer) or width < 0:
        raise damaged(f"a {kind.__name__} has a number of columns that is none")


def _check_pattern(kind: type, pattern: str) -> None:
    """The names of columns are put together of two names, and of nothing else."""
    for _, name, form, conversion in string.Formatter().parse(pattern):
        if name not in (None, "feature_name", "transformer_name") or form or conversion:
            raise damaged(f"a {kind.__name__} names its columns by more than their names")


@cache
def _belongs_to_class(cls: type, name: str) -> bool:
    """Whether an instance must not set ``name``: a method, a property, a constant of its class.
    Names that a class only declares, by a None or a bool, are the instance's own."""
    inherited = inspect.getattr_static(cls, name, None)
    return not isinstance(inherited, bool | None)
