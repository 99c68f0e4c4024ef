"""The confidence of a model in one answer, from its own numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from model_host.protocol.outputs import ClassProbability
from model_host.structure.anatomy import classes_by_target, final_estimator, labels, task_of

DISAGREEMENT = "The model's decision rule and its probabilities disagree here."
_SUM_TOLERANCE = 0.01


@dataclass(frozen=True)
class Confidence:
    """The confidence for one target: ``probability`` of the label that ``predict`` returned and of
    every class, or the ``score`` of a decision function, which is no probability, or nothing."""

    probability: float | None = None
    probabilities: tuple[ClassProbability, ...] = ()
    score: float | None = None
    warning: str = ""


def confidences(estimator: Any, row: Any, answers: list[Any], notes: list[str]) -> list[Confidence]:
    """Return one ``Confidence`` for each of the ``answers``; what goes wrong is added to the
    ``notes``.

    A failing ``predict_proba`` or ``decision_function`` never fails the prediction.
    """
    task = task_of(estimator)
    if task in ("classification", "clustering"):
        table = _ask(estimator, "predict_proba", row, notes)
        if table is not None:
            return _from_probabilities(estimator, answers, table, notes)
    if task in ("classification", "outlier detection"):
        scores = _ask(estimator, "decision_function", row, notes)
        if scores is not None:
            return _from_scores(estimator, answers, np.asarray(scores))
    return [Confidence() for _ in answers]


def _from_probabilities(
    estimator: Any, answers: list[Any], table: Any, notes: list[str]
) -> list[Confidence]:
    """``table`` is (1, classes); for several targets a list of such, or (1, targets) with the
    probability that each label applies."""
    by_target = classes_by_target(estimator)
    sure: list[Confidence] = []
    for index, answer in enumerate(answers):
        if isinstance(table, list):
            row = np.asarray(table[index], dtype=np.float64)[0]
        elif len(answers) == 1:
            row = np.asarray(table, dtype=np.float64)[0]
        else:
            applies = float(np.asarray(table)[0, index])
            row = np.array([1 - applies, applies])
        classes = by_target[index] if by_target and len(by_target) == len(answers) else None
        if classes is None or len(classes) != len(row):
            classes = tuple(range(len(row)))
        sure.append(_of_label(classes, answer, row, notes))
    return sure


def _of_label(
    classes: tuple[Any, ...], answer: Any, row: npt.NDArray[np.float64], notes: list[str]
) -> Confidence:
    is_honest = np.isfinite(row).all() and (row >= 0).all() and abs(row.sum() - 1) <= _SUM_TOLERANCE
    if not is_honest:
        notes.append(f"The class probabilities do not sum to 1: {row.tolist()}")
        return Confidence()
    if answer not in classes:
        notes.append(f"predict returned {answer!r}, which is none of the classes.")
        return Confidence()
    probability = float(row[classes.index(answer)])
    return Confidence(
        probability,
        tuple(ClassProbability(*one) for one in zip(labels(classes), row.tolist(), strict=True)),
        warning=DISAGREEMENT if row.max() > probability else "",
    )


def _from_scores(
    estimator: Any, answers: list[Any], scores: npt.NDArray[np.float64]
) -> list[Confidence]:
    """The score of the returned label; for two classes the one score there is (above 0 means the
    second class), for several targets each target's own."""
    values = scores.ravel().tolist()
    by_target = classes_by_target(estimator)
    if len(values) == len(answers):
        return [Confidence(score=_finite(value)) for value in values]
    is_one_vs_one = getattr(final_estimator(estimator), "decision_function_shape", "") == "ovo"
    if len(answers) == 1 and by_target and len(values) == len(by_target[0]) and not is_one_vs_one:
        return [Confidence(score=_finite(values[by_target[0].index(answers[0])]))]
    return [Confidence() for _ in answers]


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None


def _ask(estimator: Any, method: str, row: Any, notes: list[str]) -> Any:
    """The result of the method; None if the estimator lacks it or it fails."""
    call = getattr(estimator, method, None)
    if call is None:
        return None
    try:
        return call(row)
    except MemoryError:
        raise
    except Exception as error:  # The model's code may raise anything; the answer is complete.
        notes.append(f"{method}: {type(error).__name__}: {error}")
        return None
