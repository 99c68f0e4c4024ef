"""Training leftovers of a model: scorers, splitters, search results. No prediction reads them, so
they do not decide whether a model is served.

The readers put an inert ``Absent`` where a file names what is not known, or uses what is known in a
way that is refused. ``leave_out`` tells by the whole object what these belong to: what only
training leads to is taken out of the model, and is neither made nor imported; anything else is
refused, in the words of before. A test holds the attributes below against every estimator.
"""

from __future__ import annotations

import functools
import types
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from inspect import Parameter, signature
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.cluster import BisectingKMeans
from sklearn.cluster._kmeans import _BaseKMeans
from sklearn.decomposition import FastICA
from sklearn.ensemble._gb import BaseGradientBoosting
from sklearn.ensemble._hist_gradient_boosting.gradient_boosting import BaseHistGradientBoosting
from sklearn.feature_selection import RFE
from sklearn.feature_selection._univariate_selection import _BaseFilter
from sklearn.gaussian_process import GaussianProcessClassifier, GaussianProcessRegressor
from sklearn.gaussian_process._gpc import _BinaryGaussianProcessClassifierLaplace
from sklearn.linear_model import RANSACRegressor
from sklearn.metrics._scorer import _BaseScorer
from sklearn.model_selection._search import BaseSearchCV
from sklearn.neural_network._multilayer_perceptron import BaseMultilayerPerceptron

from model_host.loading.reading_state import LISTED_FOR_SOME, Absent, Named, Reading, unknown_types
from model_host.moved import TunedThresholdClassifierCV
from model_host.protocol.artifact import TypeName

MOST_TOLD = 3
"""The number of names of one kind that the sentence lists."""
LONGEST_TOLD = 60
_PARAMETERS = {
    "cv": "splitter",
    "scoring": "scorer",
    "memory": "cache",
    "callback": "callback",
    "verbose": "log",
    "n_jobs": "number of processes",
}
"""Parameters that serve training alone in every class that has them."""
_TRIED = "values that the search tried"
_MACHINES = (
    GaussianProcessClassifier,
    GaussianProcessRegressor,
    _BinaryGaussianProcessClassifierLaplace,
)
_TRAINING: tuple[tuple[type | tuple[type, ...], dict[str, str]], ...] = (
    (
        BaseEstimator,
        {
            "_skl_callbacks": "callback",
            "_skl_callbacks_to_teardown": "callback",
            "_callback_fit_ctx": "callback",
        },
    ),
    (
        BaseSearchCV,
        {
            "scorer_": "scorer",
            "refit": "choice of the best",
            "param_grid": _TRIED,
            "param_distributions": _TRIED,
            "cv_results_": _TRIED,
            "best_params_": _TRIED,
            "_checked_cv_orig": "splitter",
            "pre_dispatch": "number of processes",
            "error_score": "scorer",
            "estimator": "estimator that the search began with",
        },
    ),
    (TunedThresholdClassifierCV, {"cv_results_": "thresholds that were tried"}),
    (_BaseScorer, {"_score_func": "scorer"}),
    (_BaseFilter, {"score_func": "score of the columns"}),
    (RFE, {"importance_getter": "importance of the columns"}),
    (BaseHistGradientBoosting, {"_scorer": "scorer", "_feature_subsample_rng": "random numbers"}),
    (BaseGradientBoosting, {"_rng": "random numbers"}),
    (BaseMultilayerPerceptron, {"_random_state": "random numbers", "_optimizer": "optimizer"}),
    (_MACHINES, {"optimizer": "optimizer"}),
    ((_BaseKMeans, BisectingKMeans), {"init": "start"}),
    (FastICA, {"fun": "contrast function", "fun_args": "contrast function"}),
    (RANSACRegressor, {"is_data_valid": "check", "is_model_valid": "check", "loss": "loss"}),
)
"""Attributes of scikit-learn's classes that none of their predictions reads, and their names in
words."""
_PLUMBING = {
    "__builtin__",
    "_codecs",
    "_functools",
    "builtins",
    "cloudpickle",
    "copy_reg",
    "copyreg",
    "dill",
    "functools",
    "numpy",
    "operator",
    "scipy",
    "types",
}
"""Packages whose names do not describe what was left out."""


_OF_LIBRARIES = (type, types.ModuleType, types.FunctionType, types.BuiltinFunctionType, np.ufunc)
"""What a file cannot make, only name. A module, which SciPy's splines keep, leads to all others."""
_LEAVES = frozenset({type(None), bool, int, float, complex, str, bytes, bytearray})


def leave_out(root: Any, reading: Reading) -> str:
    """Remove from the model what serves training alone and could not be constructed. Returns the
    sentence that says so, "" where nothing was left out. Raises HostError where something else
    could not be made: where training does not lead to it, or something else does, too."""
    if not reading.refused and not reading.has_dropped:
        return ""
    needed = _Walk(reading)
    needed.go([root])
    left = _Walk(reading, is_in_training=True)
    left.go([value for _, _, value in needed.slots])
    missing = [one for one in reading.refused if id(one) in needed.seen or id(one) not in left.seen]
    reading.unknown = {(one.module, one.name): None for one in missing if one.error is None}
    if reading.unknown:
        reading.unknown |= needed.listed_for_some
        raise unknown_types(tuple(reading.unknown))
    for one in missing:
        if one.error is not None:
            raise one.error
    sentence = _told(needed.slots, reading)
    lost = left.leading_to(reading.refused)
    for part, attribute, value in needed.slots:
        if id(value) in lost:
            _reset(part, attribute)
    return sentence


class _Walk:
    """A walk over the objects of a file, placeholders and their parts included.

    ``listed_for_some``: names on the way that the list holds for other uses than to keep them.
    ``slots``: the attributes on the way that serve training alone, which it leads past. With
    ``is_in_training`` it leads through them, and notes what holds what; ``by_name``, not into what
    has a name that tells something.
    """

    def __init__(
        self, reading: Reading, *, is_in_training: bool = False, by_name: bool = False
    ) -> None:
        self.reading = reading
        self.is_in_training = is_in_training
        self.by_name = by_name
        self.seen: set[int] = set()
        self.slots: list[tuple[Any, str, Any]] = []
        self.listed_for_some: dict[TypeName, None] = {}
        self.holders: defaultdict[int, list[int]] = defaultdict(list)

    def go(self, roots: list[Any]) -> list[Absent]:
        """Visit everything reachable from the ``roots`` that was not visited yet. Returns the
        placeholders in the order of the file."""
        found, waiting = [], roots[::-1]
        while waiting:
            part = waiting.pop()
            if type(part) in _LEAVES or id(part) in self.seen:
                continue
            self.seen.add(id(part))
            if isinstance(part, Absent):
                found.append(part)
            if isinstance(part, Named) and part.name in LISTED_FOR_SOME:
                self.listed_for_some[part.name] = None
            inside = [one for one in self._inside(part) if type(one) not in _LEAVES]
            if self.is_in_training:
                for one in inside:
                    self.holders[id(one)].append(id(part))
            waiting.extend(reversed(inside))
        return found

    def leading_to(self, parts: list[Absent]) -> set[int]:
        """Return the identities of all that holds one of the ``parts``, them included."""
        found, waiting = set(), [id(one) for one in parts if id(one) in self.seen]
        while waiting:
            part = waiting.pop()
            if part not in found:
                found.add(part)
                waiting.extend(self.holders[part])
        return found

    def _inside(self, part: Any) -> Iterator[Any]:
        if spoilt := self.reading.spoilt.get(id(part)):
            yield spoilt
        if isinstance(part, Absent):
            if not self.by_name or not _tells(part):
                yield from part.parts
        elif isinstance(part, functools.partial):
            yield from (part.func, part.args, part.keywords)
        elif isinstance(part, dict):
            for pair in dict.items(part):
                yield from pair
        elif isinstance(part, tuple):
            yield from tuple.__iter__(part)  # a class of tuples may run anything to give its items
        elif isinstance(part, list | set | frozenset):
            yield from part
        elif isinstance(part, np.ndarray):
            if part.dtype.hasobject:
                yield from np.ma.getdata(part).ravel().tolist()
        elif not isinstance(part, _OF_LIBRARIES) and hasattr(part, "__dict__"):
            slots = {} if self.is_in_training else self._training_slots(part)
            for name, value in vars(part).items():
                if name in slots:
                    self.slots.append((part, name, value))
                else:
                    yield value

    def _training_slots(self, part: Any) -> dict[str, str]:
        kind: Any = type(part)
        attributes = vars(part)
        if (kind.__module__, kind.__name__) in self.reading.approved:
            return {}
        keywords = attributes.get("_kwargs")
        if isinstance(part, _BaseScorer) and not (
            type(keywords) is dict and "pos_label" in keywords
        ):
            return {}  # which class a threshold is for is then read from the function
        if isinstance(part, BaseSearchCV) and "best_estimator_" not in attributes:
            return {}  # it answers by what it began with
        return _slots_of(kind)


@cache
def _slots_of(kind: Any) -> dict[str, str]:
    """The attributes of scikit-learn's ``kind`` that serve training alone, and what they are."""
    is_own = kind.__module__.startswith("sklearn.")
    if not is_own or not issubclass(kind, BaseEstimator | _BaseScorer):
        return {}
    found = {name: _PARAMETERS[name] for name in signature(kind).parameters if name in _PARAMETERS}
    for kinds, names in _TRAINING:
        found |= names if issubclass(kind, kinds) else {}
    return found


def _reset(part: Any, attribute: str) -> None:
    """Reset training slots: a parameter to its default; learnt attributes are removed. The best
    estimator of a search is of the kind that the search began with."""
    if isinstance(part, BaseSearchCV) and attribute == "estimator":
        part.estimator = part.best_estimator_
        return
    parameter = signature(type(part)).parameters.get(attribute)
    if parameter is None:
        del vars(part)[attribute]
    else:
        vars(part)[attribute] = {} if parameter.default is Parameter.empty else parameter.default


def _told(slots: list[tuple[Any, str, Any]], reading: Reading) -> str:
    """The parts of the ``slots`` that were not constructed, in one sentence."""
    walk = _Walk(reading, is_in_training=True, by_name=True)
    told: dict[str, dict[str, None]] = {}
    for part, attribute, value in slots:
        kind: Any = type(part)
        if found := walk.go([value]):
            names = told.setdefault(_slots_of(kind)[attribute], {})
            names |= {
                f"`{ascii(one.name[:LONGEST_TOLD])[1:-1]}`": None for one in found if _tells(one)
            }
    if not told:
        return ""
    things = [f"the {what}{_named(what, list(names))}" for what, names in told.items()]
    serves = "serve" if len(things) > 1 or things[0].startswith(f"the {_TRIED}") else "serves"
    listed = " and ".join([", ".join(things[:-1]), things[-1]][len(things) == 1 :])
    return f"Left out: {listed}, which {serves} training alone."


def _tells(absent: Absent) -> bool:
    """Whether the name describes what was left out."""
    return absent.module.partition(".")[0] not in _PLUMBING


def _named(what: str, names: list[str]) -> str:
    if len(names) == 1 and what != _TRIED:
        return f" {names[0]}"
    shown = names[:MOST_TOLD] + [f"{len(names) - MOST_TOLD} more"] * (len(names) > MOST_TOLD)
    return f" ({', '.join(shown)})" if shown else ""
