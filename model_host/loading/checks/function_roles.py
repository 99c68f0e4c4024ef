"""The functions that a model may keep, each only where honest models of its kind keep it.

The allow-list says what a file may name, not where it may put it: a function that is harmless as a
score may be harmful as the transformation of an input. Types are data (the type of columns), but
are refused wherever the library calls what it finds.
"""

from __future__ import annotations

import contextlib
import functools
import operator
import types
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from sklearn.cluster import BisectingKMeans, FeatureAgglomeration
from sklearn.compose import TransformedTargetRegressor
from sklearn.decomposition import KernelPCA
from sklearn.feature_extraction.text import _VectorizerMixin
from sklearn.feature_selection._univariate_selection import _BaseFilter
from sklearn.gaussian_process.kernels import Kernel, PairwiseKernel
from sklearn.impute import KNNImputer, SimpleImputer
from sklearn.kernel_approximation import Nystroem
from sklearn.kernel_ridge import KernelRidge
from sklearn.manifold import Isomap
from sklearn.metrics import DistanceMetric
from sklearn.metrics._scorer import _BaseScorer
from sklearn.model_selection._search import BaseSearchCV
from sklearn.neighbors._base import NeighborsBase
from sklearn.preprocessing import FunctionTransformer
from sklearn.semi_supervised._label_propagation import BaseLabelPropagation
from sklearn.svm._base import BaseLibSVM

from model_host.loading.allow_list import ENTRIES, resolve
from model_host.protocol.errors import HostError

FUNCTIONS = (
    functools.partial,
    types.FunctionType,
    types.BuiltinFunctionType,
    types.MethodType,
    types.MethodDescriptorType,
    operator.itemgetter,
    operator.methodcaller,
    np.ufunc,
    type(np.clip),  # NumPy's functions have a type of their own
)
_SUMS = {"amax", "amin", "max", "mean", "median", "min", "prod", "ptp", "std", "sum", "var"}
_SUMS |= {"nanmax", "nanmean", "nanmedian", "nanmin", "nanprod", "nanstd", "nansum", "nanvar"}
_UNFILLED = (np.ndarray, np.ma.MaskedArray)
"""Types whose call returns an uninitialised array."""

Names = frozenset[tuple[str, str]]


def _functions(*modules: str) -> Names:
    """Our names of the functions of the list in these modules or below them."""
    return frozenset(
        (module, name)
        for (module, name), role in ENTRIES.items()
        if role == "VALUE" and any(f"{module}.".startswith(f"{one}.") for one in modules)
    )


TEXT_METHODS = frozenset({"capitalize", "casefold", "lower", "swapcase", "title", "upper"}) | {
    "lstrip",
    "rsplit",
    "rstrip",
    "split",
    "splitlines",
    "strip",
}
ARRAY_METHODS = frozenset({"flatten", "ravel", "squeeze"})
"""The methods of `str` and `numpy.ndarray` that a file may use: those without further arguments."""

KEEPING = frozenset({"out", "where"})
"""Keywords by which a function writes to an array of the model."""
LONGEST_TEXT = 4096
"""Bytes of one value, where a file says of what type to make the columns."""

_OF_NUMPY = _functions("numpy")
_OF_ARRAYS = (
    _OF_NUMPY
    | _functions("pandas.core", "scipy.sparse", "scipy.special", "sklearn.preprocessing")
    | {("sklearn.utils.validation", "check_array")}
    | {("operator", "itemgetter"), ("operator", "methodcaller")}
    | {("numpy.ndarray", name) for name in ARRAY_METHODS}
)
_OF_TEXTS = _functions("sklearn.feature_extraction.text") | {
    ("builtins.str", name) for name in TEXT_METHODS
}
_OF_TEXTS |= {("operator", "methodcaller")}
_SCORES = _functions("sklearn.feature_selection")
_MEASURES = _functions("sklearn.metrics")
_DISTANCES = _functions("scipy.spatial.distance")
_KERNELS = frozenset(
    (module, name)
    for module, name in _functions("sklearn.metrics.pairwise")
    if name.endswith("_kernel") or name == "cosine_similarity"
)
_PARTIAL = _OF_ARRAYS | _SCORES | _MEASURES | _DISTANCES
_REDUCING = frozenset(one for one in _OF_NUMPY if one[1] in _SUMS)

_ROLES: tuple[tuple[type | tuple[type, ...], frozenset[str], Names], ...] = (
    (
        (FunctionTransformer, TransformedTargetRegressor),
        frozenset({"func", "inverse_func"}),
        _OF_ARRAYS,
    ),
    (
        _VectorizerMixin,
        frozenset({"analyzer", "preprocessor", "strip_accents", "tokenizer"}),
        _OF_TEXTS,
    ),
    (_BaseFilter, frozenset({"score_func"}), _SCORES),
    (_BaseScorer, frozenset({"_score_func"}), _MEASURES),
    ((BaseLibSVM, BaseLabelPropagation), frozenset({"kernel"}), _KERNELS),
    ((KernelPCA, KernelRidge, Nystroem), frozenset({"kernel"}), frozenset()),
    (PairwiseKernel, frozenset({"metric"}), frozenset()),
    (
        (NeighborsBase, KNNImputer, Isomap),
        frozenset({"metric", "effective_metric_"}),
        _DISTANCES,
    ),
    (BisectingKMeans, frozenset({"_kmeans_single"}), _functions("sklearn.cluster._kmeans")),
    (FeatureAgglomeration, frozenset({"pooling_func"}), _REDUCING),
    (SimpleImputer, frozenset({"strategy"}), _REDUCING),
    ((NeighborsBase, KNNImputer), frozenset({"weights"}), _OF_NUMPY - _REDUCING),
)
_OBJECTS: dict[str, tuple[type, ...]] = {
    "kernel": (Kernel,),
    "metric": (DistanceMetric,),
    "effective_metric_": (DistanceMetric,),
}
"""The values other than functions that these attributes have in honest models."""
_CALLED_OBJECTS = (_BaseScorer, Kernel, DistanceMetric)
"""The callables that honest models keep where functions are allowed."""
_TRIED = {"param_grid", "param_distributions", "cv_results_", "best_params_"}
"""The candidates of a search, which no prediction calls."""


@dataclass(frozen=True)
class Slot:
    """A place in a model: an attribute of a class, with everything in its containers.

    ``functions``: those of the list that may stand there. ``objects``: of what classes others may
    be, None where any. ``is_called``: the library may call what it finds there. ``is_free``: no
    prediction of the library reads it.
    """

    holder: str = ""
    attribute: str = ""
    functions: Names = frozenset()
    objects: tuple[type, ...] | None = None
    is_called: bool = False
    is_free: bool = False

    @property
    def rule(self) -> tuple[Names, tuple[type, ...] | None, bool, bool]:
        """The values allowed there, whatever the holder."""
        return self.functions, self.objects, self.is_called, self.is_free

    def __str__(self) -> str:
        return f"`{self.attribute[:80]}` of a {self.holder}"


ROOT = Slot(is_free=True)
"""The place of the file's root object; a root that is not a model is refused elsewhere."""


@cache
def slot(holder: Any, attribute: str) -> Slot:
    """Return what may stand in ``attribute`` of an instance of ``holder``."""
    for kinds, names, functions in _ROLES:
        if issubclass(holder, kinds) and attribute in names:
            objects = _OBJECTS.get(attribute, ())
            return Slot(holder.__name__, attribute, functions, objects, is_called=True)
    if issubclass(holder, BaseSearchCV) and attribute in _TRIED:
        return anything(holder)
    constraints = getattr(holder, "_parameter_constraints", {}).get(attribute, ())
    is_called = constraints != "no_validation" and callable in constraints
    return Slot(holder.__name__, attribute, is_called=is_called)


@cache
def anything(holder: Any) -> Slot:
    """Return a place where any value may stand, as in an object whose class a superuser
    approved."""
    return Slot(holder.__name__, is_free=True)


def check_object(value: Any, place: Slot) -> None:
    """Check a value that is not a function. Raises HostError where it must not stand: in the place
    of a function, or where the library calls what can be called."""
    if place.is_free or not place.is_called:
        return
    if isinstance(value, place.objects if place.objects is not None else _CALLED_OBJECTS):
        return
    if place.objects is not None or callable(value):
        raise _misplaced("object", value, place)


def check_function(value: Any, place: Slot) -> None:
    """Check a function or a type. Raises HostError where it must not stand."""
    if place.is_free:
        return
    if isinstance(value, type):
        if not place.is_called and value not in _UNFILLED:
            return
        if value in _UNFILLED:
            raise HostError(
                "LOAD",
                f"The file keeps the type `{value.__name__}` as {place}: called, it "
                "makes arrays of memory that was not filled, which may hold anything.",
            )
    elif isinstance(value, functools.partial):
        if _is_one_of(value.func, place.functions & _PARTIAL):  # its keywords are checked
            return
    elif isinstance(value, operator.itemgetter | operator.methodcaller):
        if ("operator", type(value).__name__) in place.functions:
            return
    elif _is_one_of(value, place.functions):
        return
    raise _misplaced("type" if isinstance(value, type) else "function", value, place)


def _misplaced(what: str, value: Any, place: Slot) -> HostError:
    return HostError(
        "LOAD",
        f"The file keeps the {what} `{_name_of(value)}` as {place}, where it is not used by any "
        "model that is known here. Save the model without it, or have a class of your own approved "
        "that uses it.",
    )


def is_short(dtype: Any) -> bool:
    """Return whether values of ``dtype`` are no longer than plain values are. Such as only pandas
    knows have no length."""
    if dtype is None or not isinstance(dtype, str | type | np.dtype):
        return dtype is None
    try:
        return np.dtype(dtype).itemsize <= LONGEST_TEXT
    except TypeError:
        return isinstance(dtype, str)


def is_distance(function: Any) -> bool:
    """Return whether the function measures how far two rows are apart."""
    return _is_one_of(function, _DISTANCES)


def may_be_partial(function: Any) -> bool:
    """Return whether a file may give the function keywords."""
    return _is_one_of(function, _PARTIAL)


def _is_one_of(value: Any, names: Names) -> bool:
    return any(value is one for one in _resolved(names))


@cache
def _resolved(names: Names) -> tuple[Any, ...]:
    """The functions themselves, as far as the libraries here have them, without the types among
    them."""
    found = [
        getattr(kind, method)
        for kind, known in ((str, TEXT_METHODS), (np.ndarray, ARRAY_METHODS))
        for method in known
        if (f"{kind.__module__}.{kind.__name__}", method) in names
    ]
    for name in sorted(names & ENTRIES.keys()):
        with contextlib.suppress(ImportError, AttributeError):
            found.append(resolve(*name))
    return tuple(one for one in found if not isinstance(one, type))


def _name_of(value: Any) -> str:
    return str(getattr(value, "__name__", type(value).__name__))[:80]
