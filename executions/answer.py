"""A prediction as people read it: the answer, how sure the model is, and what to know about it.

Pure presentation of stored outputs (`model_host/protocol/outputs.py`, Outputs). Numbers keep
four significant digits on screen.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from config.numbers import count_text, decimal_text, written
from models_registry.inputs.feature_spec import FeatureSpec, Scalar
from models_registry.inputs.number_text import MONEY, with_unit
from models_registry.models import Target

LOW_CONFIDENCE = 0.6
SOURCES = {"model": "model's own", "reference": "from data the model had not seen"}
"""The source of an interval, in words."""


@dataclass(frozen=True)
class IntervalText:
    """An interval, and the position of the answer in it (percent of its width)."""

    low_text: str
    high_text: str
    low: float
    high: float
    sentence: str
    point_percent: float


@dataclass(frozen=True)
class Answer:
    """One target's answer; ``others`` are the further targets of a model with several, as (name,
    text). ``classes`` are (label, share as text, share in percent), the likeliest first. Below
    ``low_threshold_percent`` an answer is undecided."""

    label: str = ""
    value_text: str = ""
    unit: str = ""
    unit_before: bool = False
    confidence_text: str = ""
    confidence_percent: float = 0.0
    low_threshold_percent: float = 0.0
    classes: tuple[tuple[str, str, float], ...] = ()
    interval: IntervalText | None = None
    no_confidence_text: str = ""
    score_text: str = ""
    others: tuple[tuple[str, str], ...] = ()

    @property
    def is_low(self) -> bool:
        return bool(self.confidence_text) and self.confidence_percent < self.low_threshold_percent

    @property
    def text(self) -> str:
        """The answer in one line."""
        return with_unit(self.value_text, self.unit) if self.value_text else self.label


def read_answer(outputs: dict[str, Any], targets: Sequence[Target]) -> Answer:
    """Convert stored outputs to an answer with the labels and units of the version's targets."""
    named = [
        (targets[index] if index < len(targets) else Target(name=output["name"]), output)
        for index, output in enumerate(outputs["targets"])
    ]
    answers = [_read_target(outputs["task"], target, output) for target, output in named]
    others = tuple(
        (str(target), answer.text)
        for (target, _), answer in zip(named[1:], answers[1:], strict=True)
    )
    return replace(answers[0], others=others)


def _read_target(task: str, target: Target, output: dict[str, Any]) -> Answer:
    value, confidence = output["value"], output["confidence"]
    classes = tuple(
        (target.label_of(entry["value"]), percent(entry["probability"]), 100 * entry["probability"])
        for entry in sorted(output["probabilities"], key=lambda entry: -entry["probability"])
    )
    is_number = task == "regression" and isinstance(value, int | float)
    return Answer(
        label="" if is_number else output["text"] or target.label_of(value),
        value_text=four_digits(value) if is_number else "",
        unit=target.unit if is_number else "",
        unit_before=target.unit in MONEY,
        confidence_text="" if confidence is None else percent(confidence),
        confidence_percent=100 * (confidence or 0.0),
        low_threshold_percent=100 * low_confidence(len(classes)),
        classes=classes,
        interval=_interval(output["interval"], value, target.unit),
        no_confidence_text=_no_confidence(task, output),
        score_text="" if output["score"] is None else four_digits(output["score"]),
    )


def _interval(interval: dict[str, Any] | None, value: float, unit: str) -> IntervalText | None:
    if interval is None:
        return None
    low, high = interval["low"], interval["high"]
    texts = four_digits(low), four_digits(high)
    words = with_unit(" to ".join(texts), unit)
    source = SOURCES[interval.get("source", "model")]
    return IntervalText(
        *texts,
        low=low,
        high=high,
        sentence=f"{100 * interval['level']:.0f} % interval ({source}): {words}",
        point_percent=100 * (value - low) / (high - low) if high > low else 50.0,
    )


def _no_confidence(task: str, output: dict[str, Any]) -> str:
    if task == "classification" and output["confidence"] is None:
        return "This model does not provide a confidence."
    if task == "regression" and output["interval"] is None:
        return "This model does not provide an interval."
    return ""


def low_confidence(classes: int) -> float:
    """Return the confidence below which an answer counts as undecided: 0.6 for two classes, 1.5 /
    classes for more."""
    return LOW_CONFIDENCE if classes <= 2 else min(LOW_CONFIDENCE, 1.5 / classes)


def percent(probability: float) -> str:
    """Format a probability as a percentage with one decimal; the highest is "> 99.9 %"."""
    if probability > 0.999:
        return f"> {decimal_text(99.9, 1)} %"
    if 0 < probability < 0.001:
        return f"< {decimal_text(0.1, 1)} %"
    return f"{decimal_text(100 * probability, 1)} %"


def four_digits(number: float) -> str:
    """Format a number with four significant digits, thousands grouped; whole numbers below
    10,000,000 stay whole."""
    if isinstance(number, int) or (float(number).is_integer() and abs(number) < 1e4):
        return count_text(int(number))
    if abs(number) >= 1e3 and abs(number) < 1e12:
        digits = len(str(int(abs(number))))
        return decimal_text(round(number, 4 - digits), 0)
    return written(f"{number:.4g}")


def input_text(feature: FeatureSpec, value: Scalar) -> str:
    """Return the value of an input with its unit."""
    if value is None or not feature.is_number:
        return feature.display_with_unit(value)
    return with_unit(written(feature.display(value)), feature.unit)
