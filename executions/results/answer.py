"""A prediction as people read it: the answer, how sure the model is, and what to know about it.

Pure. Numbers keep four significant digits on screen.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from config.text.numbers import count_text, decimal_text, written
from executions.results.scale import Scale, scale_of
from model_host.protocol.inputs import Scalar
from model_host.protocol.outputs import Interval, Outputs, TargetOutput, Task
from models_registry.inputs.feature_spec import FeatureSpec
from models_registry.inputs.number_text import MONEY, unit_after, with_unit
from models_registry.models import Target

LOW_CONFIDENCE = 0.6
SENTENCES = {
    "model": "The model’s own {percent} % interval is {low} to {high}.",
    "reference": "{percent} of 100 comparable cases end between {low} and {high}.",
}
"""What an interval says, by its source: the model itself, or data that it had not seen."""


@dataclass(frozen=True)
class IntervalText:
    """An interval; ``name`` is "90 % interval". ``scale`` is what it is drawn in, None where it
    cannot be, and ``places`` are the positions of its low end, its high end and the answer there,
    in percent. ``reach_text`` is "± 40,400" where the answer is in the middle."""

    name: str
    low_text: str
    high_text: str
    low: float
    high: float
    sentence: str
    scale: Scale | None = None
    places: tuple[float, float, float] = (0.0, 0.0, 0.0)
    reach_text: str = ""

    @property
    def text(self) -> str:
        """The interval as it stands in a list, beside the answer with its unit: "118 to 245"."""
        return f"{self.low_text} to {self.high_text}"


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


def read_answer(
    outputs: Outputs, targets: Sequence[Target], *, outcomes: tuple[float, float] | None = None
) -> Answer:
    """Convert outputs to an answer with the labels and units of the version's targets. An interval
    is drawn in the range of ``outcomes`` if it is given."""
    named = [
        (targets[index] if index < len(targets) else Target(name=output.name), output)
        for index, output in enumerate(outputs.targets)
    ]
    answers = [_read_target(outputs.task, target, output, outcomes) for target, output in named]
    others = tuple(
        (str(target), answer.text)
        for (target, _), answer in zip(named[1:], answers[1:], strict=True)
    )
    return replace(answers[0], others=others)


def number_of(outputs: Outputs) -> int | float | None:
    """Return the first target's value if the model is a regressor that gave a number."""
    return _number(outputs.task, outputs.targets[0])


def _number(task: Task, output: TargetOutput) -> int | float | None:
    is_number = task == "regression" and isinstance(output.value, int | float)
    return output.value if is_number else None  # type: ignore[return-value]


def _read_target(
    task: Task, target: Target, output: TargetOutput, outcomes: tuple[float, float] | None
) -> Answer:
    number, confidence = _number(task, output), output.confidence
    classes = tuple(
        (target.label_of(one.value), percent(one.probability), 100 * one.probability)
        for one in sorted(output.probabilities, key=lambda one: -one.probability)
    )
    return Answer(
        label=output.text or target.label_of(output.value) if number is None else "",
        value_text="" if number is None else four_digits(number),
        unit="" if number is None else unit_after(four_digits(number), target.unit),
        unit_before=target.unit in MONEY,
        confidence_text="" if confidence is None else percent(confidence),
        confidence_percent=100 * (confidence or 0.0),
        low_threshold_percent=100 * low_confidence(len(classes)),
        classes=classes,
        interval=_interval(output.interval, number, target.unit, outcomes),
        no_confidence_text=_no_confidence(task, output),
        score_text="" if output.score is None else four_digits(output.score),
    )


def _interval(
    interval: Interval | None,
    number: float | None,
    unit: str,
    outcomes: tuple[float, float] | None,
) -> IntervalText | None:
    if interval is None or number is None:
        return None
    low, high = interval.low, interval.high
    places = _places(low, high)
    texts = _to_places(low, places), _to_places(high, places)
    percent = f"{100 * interval.level:.0f}"
    scale = scale_of((low, number, high), outcomes, unit)
    is_middle = math.isclose(number - low, high - number, rel_tol=1e-6)
    return IntervalText(
        f"{percent} % interval",
        *texts,
        low=low,
        high=high,
        sentence=SENTENCES[interval.source].format(
            percent=percent,
            low=with_unit(texts[0], unit) if unit in MONEY else texts[0],
            high=with_unit(texts[1], unit),
        ),
        scale=scale,
        places=(scale.percent(low), scale.percent(high), scale.percent(number))
        if scale
        else (0.0, 0.0, 0.0),
        reach_text=f"± {_to_places((high - low) / 2, places)}" if is_middle else "",
    )


def _places(low: float, high: float) -> int | None:
    """The decimals that both ends of an interval have: those of four digits of the larger; None on
    an extreme scale."""
    largest = max(abs(low), abs(high))
    if not 1e-4 <= largest < 1e12 or (float(low).is_integer() and float(high).is_integer()):
        return None
    return 3 - math.floor(math.log10(largest))


def _to_places(number: float, places: int | None) -> str:
    if places is None:
        return four_digits(number)
    return decimal_text(round(number, places) + 0.0, max(0, places))


def _no_confidence(task: Task, output: TargetOutput) -> str:
    if task == "classification" and output.confidence is None:
        return "This model does not provide a confidence."
    if task == "regression" and output.interval is None:
        return "This model does not provide an interval."
    return ""


def low_confidence(classes: int) -> float:
    """Return the confidence below which an answer counts as undecided: 0.6 for two classes, 1.5 /
    classes for more."""
    return LOW_CONFIDENCE if classes <= 2 else min(LOW_CONFIDENCE, 1.5 / classes)


def percent(probability: float) -> str:
    """Format a probability as a percentage with one decimal, from "< 0.1 %" to "> 99.9 %": a model
    is never certain."""
    if probability > 0.999:
        return f"> {decimal_text(99.9, 1)} %"
    if probability < 0.001:
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
    return feature.shown_with_unit(value)
