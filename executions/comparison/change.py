"""The change of an answer from the one before it, with the inputs that changed. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from config.text.numbers import MINUS, decimal_text
from executions.comparison.differences import difference, same
from executions.results.answer import four_digits, percent
from executions.results.scale import Scale
from model_host.protocol.inputs import Scalar
from model_host.protocol.outputs import Outputs, TargetOutput
from models_registry.inputs.input_schema import InputSchema
from models_registry.inputs.number_text import with_unit
from models_registry.models import Target

NAMED = 3
"""The number of changed inputs that are named."""


@dataclass(frozen=True)
class Line:
    """One target: ``text`` is "95.5 → 91.2 %", ``delta`` is "−4.3 points"; ``was`` is the former
    answer if it was another class. ``name`` is that of the target if there are several, or the
    class that the numbers are about if it is a new one."""

    name: str
    text: str
    delta: str = ""
    was: str = ""


@dataclass(frozen=True)
class Change:
    """``ghost_percent`` is where the gauge shows the former answer: the probability that it gave
    to the class of now, or the former number in the scale of the interval."""

    lines: tuple[Line, ...]
    inputs: tuple[tuple[str, str, str], ...]
    ghost_percent: float | None = None

    @property
    def named(self) -> tuple[tuple[str, str, str], ...]:
        return self.inputs[:NAMED]

    @property
    def more(self) -> int:
        return max(0, len(self.inputs) - NAMED)


def change(
    was: Outputs,
    now: Outputs,
    targets: Sequence[Target],
    *,
    inputs: Mapping[str, Any],
    former_inputs: Mapping[str, Any],
    schema: InputSchema,
    scale: Scale | None = None,
) -> Change:
    """Compare an answer with the former one of the same model. ``schema`` is that of the answer of
    now; inputs that the former one did not have are not compared. ``scale`` is that of the gauge
    of a number."""
    pairs = list(zip(was.targets, now.targets, strict=False))
    named = [
        targets[n] if n < len(targets) else Target(name=pair[1].name)
        for n, pair in enumerate(pairs)
    ]
    lines = tuple(
        _line(now.task, *pair, target, is_only=len(pairs) == 1)
        for pair, target in zip(pairs, named, strict=True)
    )
    return Change(lines, tuple(_changed(schema, former_inputs, inputs)), _ghost(*pairs[0], scale))


def _ghost(was: TargetOutput, now: TargetOutput, scale: Scale | None) -> float | None:
    if scale is not None and _is_number(was.value):
        is_drawn = scale.ticks[0] <= was.value <= scale.ticks[-1]  # type: ignore[operator]
        return scale.percent(was.value) if is_drawn else None  # type: ignore[arg-type]
    probability = None if now.confidence is None else _probability(was, now.value)
    return None if probability is None else 100 * probability


def _line(
    task: str, was: TargetOutput, now: TargetOutput, target: Target, *, is_only: bool
) -> Line:
    name = "" if is_only else str(target)
    if task == "regression" and _is_number(was.value) and _is_number(now.value):
        before, after = four_digits(was.value), four_digits(now.value)  # type: ignore[arg-type]
        if before == after:
            return Line(name, f"still {with_unit(after, target.unit)}")
        text = with_unit(f"{before} → {after}", target.unit)
        return Line(name, text, difference(was.value, now.value, four_digits))  # type: ignore[arg-type]
    labels = [one.text or target.label_of(one.value) for one in (was, now)]
    former = "" if labels[0] == labels[1] else _with_confidence(labels[0], was.confidence)
    probability = _probability(was, now.value)
    if now.confidence is None or probability is None:
        return Line(name, labels[1] if former else f"still {labels[1]}", was=former)
    if former:
        name = f"{name}: {labels[1]}" if name else labels[1]
    before, after = percent(probability), percent(now.confidence)
    if before == after:
        return Line(name, f"still {after}", was=former)
    points = 100 * (now.confidence - probability)
    sign = MINUS if points < 0 else "+"
    return Line(
        name,
        f"{before.removesuffix(' %')} → {after}",
        f"{sign}{decimal_text(abs(points), 1)} points",
        was=former,
    )


def _with_confidence(label: str, confidence: float | None) -> str:
    return label if confidence is None else f"{label} ({percent(confidence)})"


def _probability(output: TargetOutput, value: Scalar) -> float | None:
    """The probability that an output gives to a class."""
    for one in output.probabilities:
        if same(one.value, value):
            return one.probability
    return None


def _changed(
    schema: InputSchema, was: Mapping[str, Any], now: Mapping[str, Any]
) -> list[tuple[str, str, str]]:
    """(label, former value, value) of each input that changed."""
    before, after = schema.read(was), schema.read(now)
    return [
        (
            feature.label,
            feature.shown_with_unit(before[feature.name]),
            feature.shown_with_unit(after[feature.name]),
        )
        for feature in schema.asked
        if feature.name in was and not same(before[feature.name], after[feature.name])
    ]


def _is_number(value: Scalar) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
