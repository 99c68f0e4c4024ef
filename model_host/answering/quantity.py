"""The explained quantity: the one number of an answer that explanations and curves use, for many
rows at once.

For a model that gives probabilities it is the probability of the label that ``predict`` returned,
for a regressor the value itself, both of the first target. Runs in the locked child, inside
``undisturbed``, so that asking changes neither the model nor the next prediction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from model_host.answering.confidence import confidences
from model_host.protocol.explanation import QuantityKind
from model_host.protocol.inputs import Scalar
from model_host.structure.anatomy import classes_by_target, task_of
from model_host.structure.scalars import NotAScalar, as_scalar

Numbers = npt.NDArray[np.float64]

NO_PROBABILITIES = (
    "This model gives no probabilities, so there is no number that its inputs could add up to."
)


class NotExplainable(Exception):
    """There is no such number; the message is a sentence for people that says why."""


@dataclass(frozen=True)
class Quantity:
    """The explained quantity. ``label`` is the class whose probability it is, None for a value.
    ``index`` is the column of the class; ``is_applied`` is for answers that say of each label
    whether it applies."""

    estimator: Any
    kind: QuantityKind
    label: Scalar = None
    index: int = 0
    is_applied: bool = True

    def of(self, rows: Any) -> Numbers:
        """Return one number for each of the rows, float64. Raises NotExplainable where one is not
        finite, and whatever the model raises."""
        if self.kind == "value":
            answers = self.estimator.predict(rows)
            numbers = np.asarray(answers, dtype=np.float64).reshape(len(rows), -1)[:, 0]
        else:
            numbers = self._probabilities(self.estimator.predict_proba(rows))
        if not np.isfinite(numbers).all():
            raise NotExplainable("The model gave no number for some values in between.")
        return numbers

    def _probabilities(self, table: Any) -> Numbers:
        first = np.asarray(table[0] if isinstance(table, list) else table, dtype=np.float64)
        column = first[:, self.index]
        return column if self.is_applied else 1 - column


def quantity_of(estimator: Any, row: Any) -> Quantity:
    """Return the explained quantity of the model's answer to ``row``, which holds one row. Raises
    NotExplainable, and whatever the model raises."""
    answers = list(np.asarray(estimator.predict(row)).ravel())
    task = task_of(estimator)
    if task == "regression":
        return Quantity(estimator, "value")
    if not hasattr(estimator, "predict_proba"):
        raise NotExplainable(NO_PROBABILITIES)
    if not answers or confidences(estimator, row, answers, [])[0].probability is None:
        raise NotExplainable(NO_PROBABILITIES)
    label = _as_label(answers[0])
    if len(answers) > 1 and not isinstance(estimator.predict_proba(row), list):
        return Quantity(estimator, "probability", label, is_applied=bool(answers[0]))
    by_target = classes_by_target(estimator)
    classes = by_target[0] if by_target else None
    index = classes.index(answers[0]) if classes else int(answers[0])
    return Quantity(estimator, "probability", label, index)


def stacked(rows: Sequence[Any]) -> Any:
    """Stack one-row tables of the same layout into one table."""
    if isinstance(rows[0], pd.DataFrame):
        names = rows[0].columns
        return pd.DataFrame({name: _column([row[name] for row in rows]) for name in names})
    if isinstance(rows[0], list):
        return [text for row in rows for text in row]
    return np.concatenate(rows)


def _column(cells: Sequence[Any]) -> Any:
    """One column of the cells: pandas would make NaN of a None beside texts, which is another
    category to an encoder."""
    values = [cell.iloc[0] for cell in cells]
    if any(value is None for value in values):
        return pd.Series(values, dtype=object)
    return pd.concat(cells, ignore_index=True)


def _as_label(answer: Any) -> Scalar:
    try:
        return as_scalar(answer)
    except NotAScalar as unfit:
        return str(unfit)
