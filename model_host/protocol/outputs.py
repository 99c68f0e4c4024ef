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
