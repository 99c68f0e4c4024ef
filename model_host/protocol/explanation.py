"""Explanations and curves of a model's answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from model_host.protocol.inputs import Scalar

QuantityKind = Literal["probability", "value"]


@dataclass(frozen=True)
class Contribution:
    """The contribution of one input, by name, to the difference from the typical case."""

    name: str
    amount: float


@dataclass(frozen=True)
class Explanation:
    """The explanation of an answer's difference from a typical case: ``baseline`` plus all
    ``contributions`` (largest first) is ``prediction``. The numbers are probabilities of ``label``,
    the class that ``predict`` returned, or the value itself. ``not_compared`` are inputs without a
    typical value. ``method`` is "exact" for all coalitions, "sampled" for random orders; ``rows``
    is how many rows the model was asked. Where there is none, ``problem`` says why in a sentence
    for people."""

    quantity: QuantityKind = "value"
    label: Scalar = None
    baseline: float = 0.0
    prediction: float = 0.0
    contributions: tuple[Contribution, ...] = ()
    not_compared: tuple[str, ...] = ()
    method: Literal["exact", "sampled"] = "exact"
    rows: int = 0
    seconds: float = 0.0
    problem: str = ""


@dataclass(frozen=True)
class Curve:
    """The number at each requested point: the probability of ``label``, or the value. Where there
    is none, ``problem`` says why in a sentence for people."""

    quantity: QuantityKind = "value"
    label: Scalar = None
    numbers: tuple[float, ...] = ()
    problem: str = ""
