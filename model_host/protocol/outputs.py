"""The outputs of a model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from model_host.protocol.inputs import Scalar

Task = Literal["classification", "regression", "clustering", "outlier detection", "other"]


@dataclass(frozen=True)
class ClassProbability:
    value: Scalar
    probability: float


@dataclass(frozen=True)
class Interval:
    """A 90 % interval and where it comes from ("model": the estimator's own standard deviation)."""

    low: float
    high: float
    level: float = 0.9
    source: str = "model"


@dataclass(frozen=True)
class TargetOutput:
    """One target's answer. ``confidence`` is ``predict_proba`` at the index of the label that
    ``predict`` returned, None for regressors and where the model gives none. ``score`` is a
    ``decision_function`` value, not a probability. ``text`` replaces ``value`` (then None) when the
    answer cannot be written as JSON."""

    name: str
    value: Scalar
    confidence: float | None = None
    probabilities: tuple[ClassProbability, ...] = ()
    interval: Interval | None = None
    score: float | None = None
    text: str = ""


@dataclass(frozen=True)
class LostNumber:
    """A number that a step of the model made infinite or NaN. ``input`` is its cause, together with
    ``others`` if there are any; ``became`` is "inf", "-inf" or words; ``condition`` says what the
    step expects of the input, "" where that is not known."""

    input: str
    step: str
    became: str
    condition: str = ""
    others: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outputs:
    """One prediction, whole. ``warnings`` are sentences fit to show a person; ``notes`` are details
    for admins (warnings that Python raised in predict). ``seconds`` is the time in predict.
    ``lost``: the first number that a step lost, where the model went on with it."""

    task: Task
    targets: tuple[TargetOutput, ...]
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    seconds: float = 0.0
    lost: LostNumber | None = None


@dataclass(frozen=True)
class TargetAnswers:
    """One target's answers to many rows, a list each with an entry for every row; empty where no
    row has one. ``probabilities`` are those of ``classes``, of which all rows have the same."""

    name: str
    values: tuple[Scalar, ...]
    classes: tuple[Scalar, ...] = ()
    confidences: tuple[float | None, ...] = ()
    probabilities: tuple[tuple[float, ...], ...] = ()
    scores: tuple[float | None, ...] = ()
    intervals: tuple[tuple[float, ...], ...] = ()
    level: float = 0.9
    source: str = "model"

    def at(self, place: int) -> TargetOutput:
        """Return one row's answer, as a prediction of this row alone gives it."""
        bounds = self.intervals[place] if self.intervals else ()
        shares = self.probabilities[place] if self.probabilities else ()
        pairs = zip(self.classes, shares, strict=True) if shares else ()
        return TargetOutput(
            self.name,
            self.values[place],
            confidence=self.confidences[place] if self.confidences else None,
            probabilities=tuple(ClassProbability(*pair) for pair in pairs),
            interval=Interval(bounds[0], bounds[1], self.level, self.source) if bounds else None,
            score=self.scores[place] if self.scores else None,
        )


@dataclass(frozen=True)
class RowFailure:
    """A row that has no answer, and why: an error class, a sentence, and the input it is about."""

    row: int
    code: Literal["INPUT", "MODEL", "TIMEOUT", "MEMORY", "CRASH"]
    message: str
    input: str = ""


@dataclass(frozen=True)
class RowOutputs:
    """A row whose answer is more than its values: with warnings, or of another shape."""

    row: int
    outputs: Outputs


@dataclass(frozen=True)
class ManyOutputs:
    """The answers to the first ``count`` of the rows asked. A row is in ``failures``, or in
    ``singles``, or has its place in ``rows`` and the entries of that place in ``targets``.
    ``notes`` are for admins, about any of the rows."""

    task: Task
    count: int
    rows: tuple[int, ...] = ()
    targets: tuple[TargetAnswers, ...] = ()
    singles: tuple[RowOutputs, ...] = ()
    failures: tuple[RowFailure, ...] = ()
    notes: tuple[str, ...] = ()
    seconds: float = 0.0

    def by_row(self) -> dict[int, Outputs | RowFailure]:
        """Return the outcome of each row by its number, equal to that of a prediction of this row
        alone, but for its time and its notes."""
        found: dict[int, Outputs | RowFailure] = {one.row: one for one in self.failures}
        found |= {one.row: one.outputs for one in self.singles}
        for place, row in enumerate(self.rows):
            found[row] = Outputs(self.task, tuple(one.at(place) for one in self.targets))
        return found
