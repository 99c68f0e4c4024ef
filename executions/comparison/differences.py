"""Differences between predictions and a baseline, in words. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from config.text.numbers import MINUS, decimal_text, written
from executions.results.answer import Answer, four_digits, input_text
from model_host.protocol.inputs import Scalar
from models_registry.inputs.feature_spec import FeatureSpec, same_value
from models_registry.inputs.input_schema import InputSchema
from models_registry.inputs.number_text import show_number

EQUAL = 1e-9
"""Numbers this close, relative to the larger, are the same."""


@dataclass(frozen=True)
class Compared:
    """One prediction, requested ``at`` (``when`` in words); ``version`` is "v4"; ``answer`` is None
    if it failed, and then ``failure`` says why; ``number`` is a regressor's value, ``confidence`` a
    classifier's from 0 to 1. ``public_id`` tells it from others of the same minute."""

    at: datetime
    when: str
    version: str
    schema: InputSchema
    inputs: dict[str, Scalar]
    answer: Answer | None
    number: float | None = None
    failure: str = ""
    confidence: float | None = None
    public_id: str = ""

    @cached_property
    def values(self) -> dict[str, Scalar]:
        """The inputs in the types of their kinds."""
        return self.schema.read(self.inputs)

    @cached_property
    def features(self) -> dict[str, FeatureSpec]:
        return self.schema.by_name


@dataclass(frozen=True)
class Cell:
    """A value as text; ``delta`` says how it differs from the baseline's. ``is_absent``: the input
    does not exist in this version."""

    text: str
    delta: str = ""
    is_changed: bool = False
    is_absent: bool = False


@dataclass(frozen=True)
class Line:
    """One thing compared: its label, and a cell for each prediction."""

    label: str
    cells: tuple[Cell, ...]
    name: str = ""

    @property
    def differs(self) -> bool:
        return any(cell.is_changed for cell in self.cells)


@dataclass(frozen=True)
class Comparison:
    """``result`` are the lines on the answer, ``inputs`` those of every input of any version."""

    result: tuple[Line, ...]
    inputs: tuple[Line, ...]

    @property
    def differing(self) -> tuple[Line, ...]:
        return tuple(line for line in self.inputs if line.differs)

    @property
    def identical(self) -> tuple[Line, ...]:
        return tuple(line for line in self.inputs if not line.differs)


def compare(predictions: Sequence[Compared]) -> Comparison:
    """Compare with the first of ``predictions``, the baseline. Inputs that the model does not use
    are not compared."""
    base, *others = predictions
    names = dict.fromkeys(feature.name for one in predictions for feature in one.schema.asked)
    result = [Line("Prediction", _cells(base, others, _answer_cell))]
    if any(one.answer and one.answer.confidence_text for one in predictions):
        result.append(Line("Model confidence", _cells(base, others, _confidence_cell)))
    if any(one.answer and one.answer.interval for one in predictions):
        result.append(Line("90 % interval", _cells(base, others, _interval_cell)))
    return Comparison(tuple(result), tuple(_input_line(name, predictions) for name in names))


def _cells(base: Compared, others: Sequence[Compared], cell: Any) -> tuple[Cell, ...]:
    return (cell(base, None), *(cell(other, base) for other in others))


def _answer_cell(one: Compared, base: Compared | None) -> Cell:
    text = _answer_text(one)
    if base is None or text == _answer_text(base):
        return Cell(text)
    if one.number is not None and base.number is not None:
        return Cell(text, difference(base.number, one.number, four_digits), is_changed=True)
    return Cell(text, f"was {_answer_text(base)}", is_changed=True)


def _answer_text(one: Compared) -> str:
    return one.answer.text if one.answer else one.failure


def _confidence_cell(one: Compared, base: Compared | None) -> Cell:
    text = one.answer.confidence_text if one.answer else ""
    was = base.answer.confidence_text if base and base.answer else ""
    if base is None or text == was or not (text and was):
        return Cell(text or "–", is_changed=bool(base and text != was))
    assert one.answer is not None
    assert base.answer is not None
    points = one.answer.confidence_percent - base.answer.confidence_percent
    return Cell(text, f"{_signed(decimal_text(abs(points), 1), points)} points", is_changed=True)


def _interval_cell(one: Compared, base: Compared | None) -> Cell:
    text = _interval_text(one)
    return Cell(text, is_changed=base is not None and text != _interval_text(base))


def _interval_text(one: Compared) -> str:
    if one.answer is None or one.answer.interval is None:
        return "–"
    return one.answer.interval.text


def _input_line(name: str, predictions: Sequence[Compared]) -> Line:
    features = [one.features.get(name) for one in predictions]
    values = [one.values.get(name) for one in predictions]
    label = next(feature.label for feature in features if feature is not None)
    cells = [_input_cell(predictions[0], features[0], values[0], None, None, None)]
    for one, feature, value in zip(predictions[1:], features[1:], values[1:], strict=True):
        cells.append(_input_cell(one, feature, value, predictions[0], features[0], values[0]))
    return Line(label, tuple(cells), name)


def _input_cell(
    one: Compared,
    feature: FeatureSpec | None,
    value: Scalar,
    base: Compared | None,
    base_feature: FeatureSpec | None,
    was: Scalar,
) -> Cell:
    if feature is None:
        return Cell(f"not in {one.version}", is_changed=base_feature is not None, is_absent=True)
    text = input_text(feature, value)
    if base is None:
        return Cell(text)
    if base_feature is None:
        return Cell(text, f"added in {one.version}", is_changed=True)
    if same(value, was):
        return Cell(text)
    if is_number(value) and is_number(was) and feature.is_number:
        return Cell(text, difference(was, value), is_changed=True)  # type: ignore[arg-type]
    return Cell(text, f"was {input_text(base_feature, was)}", is_changed=True)


def same(one: Scalar, other: Scalar) -> bool:
    """Return whether two values are equal after type normalisation; numbers within 1e-9 relative,
    two whole ones exactly."""
    if isinstance(one, float) or isinstance(other, float):
        if not is_number(one) or not is_number(other):
            return False
        return math.isclose(one, other, rel_tol=EQUAL)  # type: ignore[arg-type]
    return same_value(one, other)


def is_number(value: Scalar) -> bool:
    """Return whether a value is a number and no truth value."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def difference(was: int | float, now: int | float, show: Any = None) -> str:
    """Format the difference of ``now`` from ``was``, as "+6 (+21 %)"; without a share if ``was`` is
    0."""
    delta, share = delta_of(was, now)
    words = _signed((show or _short)(abs(delta)), delta)
    if share is None:
        return words
    return f"{words} ({_signed(decimal_text(abs(share), 0), share)} %)"


def delta_of(was: int | float, now: int | float) -> tuple[int | float, float | None]:
    """Return the difference of ``now`` from ``was`` without the noise of binary fractions, and the
    same in percent of ``was``; None if that is 0."""
    delta = _exact(now - was)
    if was == 0 or not math.isfinite(share := 100 * delta / abs(was)):
        return delta, None
    return delta, _exact(share)


def _short(number: int | float) -> str:
    return written(show_number(number, "of a difference"))  # which is never a year


def _exact(number: int | float) -> int | float:
    return number if isinstance(number, int) else float(f"{number:.12g}")


def _signed(text: str, number: float) -> str:
    return f"{MINUS if number < 0 else '+'}{text}"
