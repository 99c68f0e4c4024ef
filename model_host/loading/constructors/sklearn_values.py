"""Constructors of scikit-learn's compiled classes."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.tree._tree import Tree

from model_host.loading.allow_list import ENTRIES
from model_host.loading.checks.function_roles import is_distance
from model_host.loading.constructors.calls import MAKERS, Arguments, Maker, maker
from model_host.loading.reading_state import Absent, Made, Named, Reading, resolve, unfit
from model_host.moved import PyFuncDistance


@maker("sklearn._loss._loss", "__pyx_unpickle_CyHalfMultinomialLoss")
def _multinomial_loss(reading: Reading, arguments: Arguments) -> Any:
    match arguments:
        case (Named(entry), int(), None | ()) if entry.name == "CyHalfMultinomialLoss":
            return Made(resolve(entry)(), _build_nothing)
    raise unfit("CyHalfMultinomialLoss")


def _build_nothing(reading: Reading, value: Any, state: Any) -> None:
    if state not in ((), None):
        raise unfit(type(value).__name__)


def _former_loss(reading: Reading, arguments: Arguments) -> Any:
    """A loss of scikit-learn before 1.6: its class, and its numbers where it has any."""
    match arguments:
        case (Named(entry), int(), None | tuple() as numbers) if entry.name.startswith("Cy"):
            if all(isinstance(number, float | int) for number in numbers or ()):
                return Made(resolve(entry)(*(numbers or ())), _build_nothing)
    raise unfit("loss")


for _module, _name in ENTRIES:
    if _module == "sklearn._loss._loss" and _name.startswith("__pyx_unpickle_"):
        MAKERS.setdefault((_module, _name), _former_loss)


@maker("sklearn.tree._tree", "Tree")
def _tree(reading: Reading, arguments: Arguments) -> Made:
    match arguments:
        case (int(features), np.ndarray() as classes, int(outputs)):
            countable = classes.shape == (outputs,) and classes.dtype.kind in "iu" and outputs > 0
            if features >= 0 and countable and classes.min() > 0:
                return Made(Tree(features, classes, outputs), _build_tree, needs_state=True)
    raise unfit("Tree")


def _build_tree(reading: Reading, value: Any, state: Any) -> None:
    match state:
        case {"max_depth": int(), "node_count": int(count), "nodes": np.ndarray() as nodes}:
            if nodes.ndim != 1 or count != len(nodes):
                raise unfit("Tree")
            value.__setstate__(state)  # it checks the types and shapes of both arrays
        case _:
            raise unfit("Tree")


def _compiled(name: str, length: int) -> Maker:
    """``newObj(cls)`` of scikit-learn's metrics and trees: an instance whose state must follow."""

    def maker(reading: Reading, arguments: Arguments) -> Made:
        match arguments:
            case (Named(entry),) if name in entry.name:
                cls = resolve(entry)
                return Made(cls.__new__(cls), build, needs_state=True)
        raise unfit(name)

    def build(reading: Reading, value: Any, state: Any) -> None:
        if isinstance(value, PyFuncDistance):
            state = _by_function(state)
        elif type(state) is not tuple or len(state) != length:
            raise unfit(name)
        if any(isinstance(part, Absent) for part in state):
            raise unfit(name)
        value.__setstate__(state)

    return maker


def _is_number(value: Any) -> bool:
    if isinstance(value, np.ndarray):
        return value.dtype.kind in "biuf"
    return value is None or isinstance(value, int | float | np.number | np.bool_)


def _by_function(state: Any) -> tuple[Any, ...]:
    """The state of a metric that calls a function: one of SciPy's distances, which is given plain
    numbers besides the rows."""
    match state:
        case (float(), np.ndarray(), np.ndarray(), function, dict(given)) if is_distance(function):
            keywords = {
                name: value.copy() if isinstance(value, np.ndarray) else value
                for name, value in given.items()
            }
            if all(map(_is_number, keywords.values())) and all(
                type(one) is str for one in keywords
            ):
                return (*state[:4], keywords)
    raise unfit("PyFuncDistance")


MAKERS["sklearn.metrics._dist_metrics", "newObj"] = _compiled("Distance", 3)
MAKERS["sklearn.neighbors._ball_tree", "newObj"] = _compiled("BallTree", 13)
MAKERS["sklearn.neighbors._kd_tree", "newObj"] = _compiled("KDTree", 13)
