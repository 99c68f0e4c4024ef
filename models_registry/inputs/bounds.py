"""The bound of an input that refuses a value which a step of the model lost: it became infinite or
NaN. Pure.

The model host says what the step expects of the input ("a number above 0 is expected",
`model_host/answering/lost_numbers.py`). Bounds are inclusive, so a requirement that excludes its
limit has no smallest allowed number but among whole numbers and multiples of a step: there the next
one is the bound; else the trained range where it keeps the requirement, else the limit and a
millionth.
"""

import math
import re
from dataclasses import dataclass, replace
from typing import Literal

from config.text.numbers import written
from models_registry.inputs.feature_spec import FeatureSpec, Kind, Scalar
from models_registry.inputs.number_text import show_number, with_unit

_MARGIN = 1e-6
_N = r"(-?\d+(?:\.\d+)?)"
_ABOVE = re.compile(rf"a number above {_N} is expected")
_FROM = re.compile(rf"a number of {_N} or more is expected")
_WITHIN = re.compile(rf"a number from {_N} to {_N} is expected")
_INSIDE = re.compile(rf"a number between {_N} and {_N} is expected")
_NOT_0 = "a number other than 0 is expected"
_SMALLER = ("the number is too large", "a number closer to 0 is expected")


@dataclass(frozen=True)
class Bound:
    """A hard limit for an input. ``why`` says in a sentence how its value was chosen."""

    field: Literal["minimum", "maximum"]
    value: int | float
    why: str
    unit: str = ""

    @property
    def words(self) -> str:
        """ "minimum 1", for a button, or "minimum € 6,400"."""
        text = written(show_number(self.value, self.unit))
        return f"{self.field} {with_unit(text, self.unit)}"


def bound_against(feature: FeatureSpec, value: Scalar, said: str) -> Bound | None:
    """Return the widest bound that refuses ``value``, which a step lost. ``said`` holds the host's
    requirement, in an error's message or in a warning. None where the input is no number, where no
    bound refuses this value alone, or nothing is known of what the step accepts."""
    if not feature.is_number or isinstance(value, bool) or not isinstance(value, int | float):
        return None
    found = _bound_against(feature, value, said)
    return replace(found, unit=feature.unit) if found else None


def _bound_against(feature: FeatureSpec, value: int | float, said: str) -> Bound | None:
    low, high, is_open = _required(feature, said)
    if low is not None and (value < low or (is_open and value == low)):
        return _lowest(feature, low, is_open)
    if high is not None and (value > high or (is_open and value == high)):
        return _highest(feature, high, is_open)
    return _trained(feature, value)


def _required(feature: FeatureSpec, said: str) -> tuple[float | None, float | None, bool]:
    """The lowest and the highest number that the step accepts, and whether these are excluded."""
    if found := _ABOVE.search(said):
        return float(found[1]), None, True
    if found := _FROM.search(said):
        return float(found[1]), None, False
    if found := _WITHIN.search(said):
        return float(found[1]), float(found[2]), False
    if found := _INSIDE.search(said):
        return float(found[1]), float(found[2]), True
    if _NOT_0 in said:
        low, high = feature.shown_range
        if low is not None and low >= 0:
            return 0.0, None, True
        if high is not None and high <= 0:
            return None, 0.0, True
    return None, None, False


def _lowest(feature: FeatureSpec, limit: float, is_open: bool) -> Bound | None:
    trained = feature.soft_minimum
    found = _nearest(feature, limit, 1, is_open, trained)
    return found if found is None or _fits(feature, found) else None


def _highest(feature: FeatureSpec, limit: float, is_open: bool) -> Bound | None:
    trained = feature.soft_maximum
    found = _nearest(feature, limit, -1, is_open, trained)
    return found if found is None or _fits(feature, found) else None


def _nearest(
    feature: FeatureSpec, limit: float, side: Literal[1, -1], is_open: bool, trained: float | None
) -> Bound:
    """The allowed number nearest to ``limit`` on the side (1: above) that the step accepts."""
    field: Literal["minimum", "maximum"] = "minimum" if side == 1 else "maximum"
    end, shown = ("smallest", "above") if side == 1 else ("largest", "below")
    if feature.kind is Kind.INTEGER:
        whole = math.ceil(limit) if side == 1 else math.floor(limit)
        number = whole + side if is_open and whole == limit else whole
        return Bound(field, number, f"It is the {end} whole number that the step accepts.")
    if not is_open:
        return Bound(field, limit, f"It is the {end} number that the step accepts.")
    if feature.step and limit == 0:
        return Bound(field, side * feature.step, f"It is the {end} step that the step accepts.")
    if trained is not None and (trained - limit) * side > 0:
        return Bound(
            field,
            trained,
            f"The step accepts every number {shown} {written(show_number(limit))}; this is the "
            f"{end} that the model was trained with.",
        )
    return Bound(
        field,
        limit + side * _MARGIN,
        f"The step accepts every number {shown} {written(show_number(limit))}, but not that number "
        "itself; this is a millionth from it.",
    )


def _trained(feature: FeatureSpec, value: int | float) -> Bound | None:
    """The end of the trained range that a value lies beyond, where nothing else is known."""
    low, high = feature.soft_minimum, feature.soft_maximum
    if low is not None and value < low:
        return Bound("minimum", low, "It is the smallest that the model was trained with.")
    if high is not None and value > high:
        return Bound("maximum", high, "It is the largest that the model was trained with.")
    return None


def _fits(feature: FeatureSpec, bound: Bound) -> bool:
    """Whether the bound leaves any value."""
    if bound.field == "minimum":
        return feature.maximum is None or bound.value <= feature.maximum
    return feature.minimum is None or bound.value >= feature.minimum
