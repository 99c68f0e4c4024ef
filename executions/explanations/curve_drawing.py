"""The curve of a prediction's answer over one numeric input: its points and its drawing.

Pure. Coordinates are those of the drawing's view box, ``WIDTH`` × ``HEIGHT``.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from executions.answer import input_text
from executions.explanations.contributions import NumberText
from model_host.protocol.explanation import Curve
from model_host.protocol.inputs import Scalar
from models_registry.inputs.feature_spec import FeatureSpec, Kind
from models_registry.models import Target

POINTS = 25
WIDTH, HEIGHT, MARGIN = 600, 180, 12


@dataclass(frozen=True)
class CurvePoint:
    """One row of the table beneath the drawing; ``is_own`` is the person's own value."""

    input_text: str
    answer_text: str
    is_own: bool


@dataclass(frozen=True)
class CurveView:
    """A curve ready to be shown. ``line`` is an SVG point list; ``own`` the person's own point."""

    label: str
    subject: str
    sentence: str
    line: str
    own: tuple[str, str] | None
    low_text: str
    high_text: str
    top_text: str
    bottom_text: str
    points: tuple[CurvePoint, ...]


def points_of(feature: FeatureSpec, own: Scalar) -> list[int | float]:
    """Return about 25 values over the input's shown range, the person's own among them; [] for an
    input that is no number or has only one value."""
    if not feature.is_number:
        return []
    mine = own if isinstance(own, int | float) else None
    low, high = _range(feature, mine)
    if feature.kind is Kind.INTEGER:  # in whole numbers, which may have more digits than a float64
        first, last = math.ceil(low), max(math.floor(high), math.ceil(low))
        steps: list[int | float] = [
            first + (last - first) * step // (POINTS - 1) for step in range(POINTS)
        ]
    else:
        steps = [low + (high - low) * step / (POINTS - 1) for step in range(POINTS)]
    asked = {*steps} if mine is None else {*steps, mine}
    return sorted(asked) if len(asked) > 1 else []


def _range(feature: FeatureSpec, own: int | float | None) -> tuple[int | float, int | float]:
    """The shown range and the person's own value; half as much again around a typical value on a
    side that has no bound."""
    low, high = feature.shown_range
    typical = feature.typical if isinstance(feature.typical, int | float) else None
    centre = next((one for one in (own, typical, low, high) if one is not None), 0.0)
    reach = (abs(centre) // 2 if isinstance(centre, int) else abs(centre) / 2) or 1
    low = min(centre - reach, high if high is not None else centre) if low is None else low
    high = max(centre + reach, low) if high is None else high
    if own is not None:
        low, high = min(low, own), max(high, own)
    return low, high


def draw(
    curve: Curve,
    points: Sequence[int | float],
    feature: FeatureSpec,
    own: Scalar,
    targets: Sequence[Target],
) -> CurveView:
    """Return the drawing of a curve over ``points``."""
    numbers = curve.numbers
    target = targets[0] if targets else Target()
    is_probability = curve.quantity == "probability"
    text = NumberText.of(curve.quantity, numbers, target.unit)
    bottom, top = _span(numbers, is_probability=is_probability)
    places = [
        (
            MARGIN + (WIDTH - 2 * MARGIN) * (point - points[0]) / (points[-1] - points[0]),
            MARGIN + (HEIGHT - 2 * MARGIN) * (top - number) / (top - bottom),
        )
        for point, number in zip(points, numbers, strict=True)
    ]
    here = next((place for place, point in zip(places, points, strict=True) if point == own), None)
    subject = (
        f"Probability of {target.label_of(curve.label)}"
        if is_probability
        else str(target) or "Prediction"
    )
    ends = [input_text(feature, point) for point in (points[0], points[-1])]
    first, last = text.plain(numbers[0]), text.plain(numbers[-1])
    return CurveView(
        label=feature.label,
        subject=subject,
        sentence=f"{subject} from {first} at {ends[0]} to {last} at {ends[1]}.",
        line=" ".join(f"{x:.1f},{y:.1f}" for x, y in places),
        own=(f"{here[0]:.1f}", f"{here[1]:.1f}") if here else None,
        low_text=ends[0],
        high_text=ends[1],
        top_text=text.plain(top),
        bottom_text=text.plain(bottom),
        points=tuple(
            CurvePoint(input_text(feature, point), text.plain(number), point == own)
            for point, number in zip(points, numbers, strict=True)
        ),
    )


def _span(numbers: Sequence[float], *, is_probability: bool) -> tuple[float, float]:
    """The lowest and the highest number of the drawing: never so close that noise looks like a
    cliff."""
    low, high = min(numbers), max(numbers)
    least = 0.1 if is_probability else 0.02 * max(abs(low), abs(high)) or 1.0
    spare = max(0.0, least - (high - low)) / 2
    low, high = low - spare, high + spare
    return (max(0.0, low), min(1.0, high)) if is_probability else (low, high)
