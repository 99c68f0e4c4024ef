"""The check whether the rows of a model may have been preprocessed before it was fitted.

A model on arrays without names and without a step of its own that scales, encodes or imputes
accepts any numbers. If its training rows were scaled, its answers to raw values are wrong, without
any error. The file cannot rule that out, so an admin has to confirm it; the training rows that the
model has kept are shown as a sign.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from model_host.protocol.examination import Unprepared
from model_host.structure.routes import UNREADABLE, Routes, is_sklearn

_PREPARING = (
    "sklearn.preprocessing.",
    "sklearn.impute.",
    "sklearn.compose._column_transformer",
    "sklearn.feature_extraction.",
)
_OF_TARGET = "sklearn.preprocessing._label"
_FEWEST_ROWS, _FEWEST_SPLITS = 10, 3
_FARTHEST_SPLIT = 4.0
"""Splits of a standardised column lie within so many standard deviations."""
_SHOWN = 5

Numbers = npt.NDArray[np.floating[Any]]


def unprepared(routes: Routes, names: Sequence[str]) -> Unprepared | None:
    """Return the question about a model whose inputs have no names; None if a step prepares
    them."""
    if any(_prepares(part) for part in routes.visited):
        return None
    found: dict[str, set[int]] = {}
    for part in routes.visited:
        if getattr(part, "n_features_in_", None) != len(names) or not _gets_inputs(part, routes):
            continue
        try:
            for sign, column in _signs(part):
                if column < len(names):
                    found.setdefault(sign, set()).add(column)
        except UNREADABLE:  # of another version: nothing to be seen is no sign
            continue
    return Unprepared(
        tuple(
            f"{_listed([names[column] for column in sorted(columns)])} {sign}."
            for sign, columns in sorted(found.items())
        )
    )


def _prepares(part: Any) -> bool:
    """Whether the step scales, encodes or imputes; a custom transformer may do any of that."""
    module = f"{type(part).__module__}."
    if is_sklearn(part):
        return module.startswith(_PREPARING) and not module.startswith(_OF_TARGET)
    return hasattr(part, "transform")


def _gets_inputs(part: Any, routes: Routes) -> bool:
    """Whether the step receives the inputs themselves, in their order, and not for example their
    PCA."""
    return all(signal.raw is not None for signal in routes.inputs_of.get(id(part), ()))


def _signs(part: Any) -> Iterator[tuple[str, int]]:
    """The signs of preparation in each column of the rows that a fitted estimator was trained
    on."""
    for name, is_all in (("_fit_X", True), ("X_train_", True), ("support_vectors_", False)):
        rows = getattr(part, name, None)
        if isinstance(rows, np.ndarray) and rows.ndim == 2 and len(rows) >= _FEWEST_ROWS:
            yield from _of_rows(np.asarray(rows, float), is_all)
    if hasattr(part, "theta_") and hasattr(part, "var_"):
        weights = part.class_count_ / part.class_count_.sum()
        mean = weights @ part.theta_
        spread = np.sqrt(weights @ (part.var_ + part.theta_**2) - mean**2)
        yield from _standardised(mean, spread, 0.1)
    yield from _of_splits(list(_splits(part)))


def _of_rows(rows: Numbers, is_all: bool) -> Iterator[tuple[str, int]]:
    """The signs in stored training rows. ``is_all``: these are all rows, and not only those at the
    border of two classes."""
    low, high = rows.min(axis=0), rows.max(axis=0)
    is_binary = ((rows == 0) | (rows == 1)).all(axis=0) & (low != high)
    yield from (("only 0 and 1 in training", int(n)) for n in np.flatnonzero(is_binary))
    if is_all:
        is_scaled = (np.abs(low) < 1e-9) & (np.abs(high - 1) < 1e-9) & ~is_binary
        yield from (("from exactly 0 to exactly 1", int(n)) for n in np.flatnonzero(is_scaled))
    found = _standardised(rows.mean(axis=0), rows.std(axis=0), 0.1 if is_all else 0.6)
    yield from ((sign, n) for sign, n in found if low[n] < 0 < high[n])


def _standardised(mean: Numbers, spread: Numbers, tolerance: float) -> Iterator[tuple[str, int]]:
    is_near = (np.abs(mean) <= tolerance) & (np.abs(spread - 1) <= tolerance)
    yield from (("centred at 0 with a spread of 1", int(n)) for n in np.flatnonzero(is_near))


def _of_splits(splits: list[tuple[npt.NDArray[Any], Numbers]]) -> Iterator[tuple[str, int]]:
    """The signs in the thresholds of trees, for each column."""
    if not splits:
        return
    columns = np.concatenate([where for where, _ in splits])
    thresholds = np.concatenate([at for _, at in splits])
    for column in np.unique(columns).tolist():
        own = thresholds[columns == column]
        if np.all(own == 0.5):
            yield "split at 0.5 alone, as 0 and 1 are", int(column)
        elif (
            len(own) >= _FEWEST_SPLITS
            and own.min() < 0 < own.max()
            and np.abs(own).max() <= _FARTHEST_SPLIT
        ):
            yield "split on both sides of 0 and never far from it", int(column)


def _splits(part: Any) -> Iterator[tuple[npt.NDArray[Any], Numbers]]:
    """The columns and thresholds of every tree of one estimator."""
    if hasattr(part, "estimators_features_"):
        return  # each of its trees counts columns of its own
    grown = getattr(part, "estimators_", None)
    trees = np.ravel(np.asarray(grown, dtype=object)).tolist() if grown is not None else [part]
    for one in trees:
        if (tree := getattr(one, "tree_", None)) is not None:
            is_split = tree.feature >= 0
            yield tree.feature[is_split], tree.threshold[is_split]
    for stage in getattr(part, "_predictors", ()):
        for one in stage:
            nodes = one.nodes[one.nodes["is_leaf"] == 0]
            yield nodes["feature_idx"], nodes["num_threshold"]


def _listed(names: Sequence[str]) -> str:
    shown = list(names[:_SHOWN])
    if len(names) > _SHOWN:
        shown.append(f"{len(names) - _SHOWN} more")
    if len(shown) == 1:
        return f"{shown[0]} is"
    return f"{', '.join(shown[:-1])} and {shown[-1]} are"
