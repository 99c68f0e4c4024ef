"""The answers to many rows as columns: values, confidences, probabilities and scores by target, and
the places of the rows that are unusual."""

from __future__ import annotations

from typing import Any

import numpy as np

from model_host.answering.many_rows.row_by_row import Ask
from model_host.protocol.inputs import Scalar
from model_host.protocol.outputs import (
    TargetOutput,
)
from model_host.structure.anatomy import classes_by_target, labels, target_names, task_of
from model_host.structure.report_limits import TEXT
from model_host.structure.scalars import is_plain_text


def columns_of(estimator: Any, ask: Ask, count: int) -> tuple[list[dict[str, Any]], set[int]]:
    """One mapping of lists for each target, and the places of rows that are unusual."""
    answer = np.asarray(ask("predict"))
    if answer.ndim not in (1, 2) or len(answer) != count:
        return [], set(range(count))
    by_target = answer.reshape(count, -1).T
    odd: set[int] = set()
    task = task_of(estimator)
    shares = scores = None
    if task in ("classification", "clustering"):
        shares = ask("predict_proba")
    if shares is None and task in ("classification", "outlier detection"):
        scores = ask("decision_function")
    columns = []
    for index, (name, values) in enumerate(
        zip(target_names(len(by_target)), by_target, strict=True)
    ):
        column: dict[str, Any] = {"name": name, "values": _values(values, odd), "classes": ()}
        column |= {"confidences": [], "probabilities": [], "scores": []}
        if shares is not None:
            column |= _shares(estimator, index, len(by_target), shares, values, odd)
        elif scores is not None:
            column["scores"] = _scores(estimator, np.asarray(scores), by_target, index, odd)
        columns.append(column)
    return columns, odd


def _values(values: Any, odd: set[int]) -> list[Scalar]:
    """The values as the contract's scalars; the places of others are added to ``odd``."""
    if values.dtype.kind == "f":
        odd.update(np.flatnonzero(~np.isfinite(values)).tolist())
        return [float(value) for value in values.tolist()]
    if values.dtype.kind in "biu":
        return list(values.tolist())
    if values.dtype.kind == "U":
        values = values.astype(object)
    kept: list[Scalar] = []
    for place, value in enumerate(values.tolist()):
        if not isinstance(value, str) or len(value) > TEXT or not is_plain_text(value):
            odd.add(place)
        kept.append(str(value) if isinstance(value, str) else None)
    return kept


def _shares(
    estimator: Any, index: int, targets: int, shares: Any, values: Any, odd: set[int]
) -> dict[str, Any]:
    """The probability of each class and that of the answer, as in `confidence.py`; unusual is what
    it would speak of."""
    if isinstance(shares, list):
        table = np.asarray(shares[index], dtype=np.float64)
    elif targets == 1:
        table = np.asarray(shares, dtype=np.float64)
    else:
        applies = np.asarray(shares, dtype=np.float64)[:, index]
        table = np.stack([1 - applies, applies], axis=1)
    known = classes_by_target(estimator)
    classes = known[index] if known and len(known) == targets else None
    if classes is None or len(classes) != table.shape[1]:
        classes = tuple(range(table.shape[1]))
    places = {value: place for place, value in reversed(list(enumerate(classes)))}
    chosen = np.array([places.get(value, -1) for value in values.tolist()])
    own = table[np.arange(len(table)), chosen]
    is_honest = np.isfinite(table).all(axis=1) & (table >= 0).all(axis=1)
    is_honest &= abs(table.sum(axis=1) - 1) <= 0.0099  # what is nearer to the limit is asked alone
    odd.update(np.flatnonzero(~is_honest | (chosen < 0) | (table.max(axis=1) > own)).tolist())
    return {
        "classes": labels(classes),
        "confidences": own.tolist(),
        "probabilities": [tuple(row) for row in table.tolist()],
    }


def _scores(
    estimator: Any, scores: Any, by_target: Any, index: int, odd: set[int]
) -> list[float | None]:
    """The score of each answer, where there is one number for each."""
    if scores.ndim != 1 or len(by_target) != 1:
        odd.update(range(by_target.shape[1]))
        return [None] * by_target.shape[1]
    odd.update(np.flatnonzero(~np.isfinite(scores)).tolist())
    return [float(score) for score in scores.tolist()]


def column_of(target: TargetOutput) -> dict[str, Any]:
    shares = target.probabilities
    return {
        "name": target.name,
        "values": [target.value],
        "classes": tuple(share.value for share in shares),
        "confidences": [target.confidence] if shares else [],
        "probabilities": [tuple(share.probability for share in shares)] if shares else [],
        "scores": [] if target.score is None else [target.score],
    }
