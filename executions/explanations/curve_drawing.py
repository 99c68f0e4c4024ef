"""The curve of a prediction's answer over one of its inputs: its points and its drawing.

Pure. Coordinates are those of the drawing's view box, ``WIDTH`` × ``HEIGHT``.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from config.text.numbers import written
from executions.explanations.contributions import NumberText
from executions.results.answer import input_text
from executions.results.scale import Scale, nice_ticks, scale_of
from model_host.protocol.explanation import Curve
from model_host.protocol.inputs import Scalar
from models_registry.inputs.feature_spec import FeatureSpec, Kind
from models_registry.inputs.number_text import brief_number, show_number
from models_registry.models import Target

POINTS = 25
MOST_CHOICES = 25
"""The number of choices that are compared."""
WIDTH, HEIGHT, MARGIN = 600, 180, 12
SHARES = Scale((0.0, 0.25, 0.5, 0.75, 1.0), "")
"""The scale of a probability, always the whole of it."""


@dataclass(frozen=True)
class CurvePoint:
    """One value of the input and the answer there; ``is_own`` is the person's own value. Choices
    are bars from ``x_percent`` on."""

    input_text: str
    answer_text: str
    is_own: bool
    x_percent: float = 0.0
    width_percent: float = 0.0


@dataclass(frozen=True)
class Tick:
    """A label of the horizontal axis; ``anchor`` keeps it inside the drawing."""

    x_percent: float
    text: str
    anchor: str


@dataclass(frozen=True)
class CurveView:
    """A curve ready to be shown. ``line`` is an SVG point list, empty where choices are compared;
    ``own`` the person's own point; ``heights`` are the grid lines of the labels ``levels``, from
    the top."""

    label: str
    axis: str
    subject: str
    sentence: str
    note: str
    line: str
    own: tuple[str, str] | None
    ticks: tuple[Tick, ...]
    levels: tuple[str, ...]
    heights: tuple[str, ...]
    points: tuple[CurvePoint, ...]


def points_of(feature: FeatureSpec, own: Scalar) -> list[Scalar]:
    """Return the values to ask about, the person's own among them: about 25 round numbers over the
    range that the model was trained on, or the choices; [] for an input that is a text or has only
    one value."""
    if not feature.is_number:
        return _choices(feature, own)
    mine = own if isinstance(own, int | float) else None
    low, high = _range(feature, mine)
    whole = feature.kind is Kind.INTEGER
    between = _whole_steps(low, high) if whole else _steps(low, high)
    asked: set[int | float] = {
        *(_on_step(feature, point) for point in between if low <= point <= high)
    }
    asked |= set() if mine is None else {mine}
    return [*sorted(asked)] if len(asked) > 1 else []


def _choices(feature: FeatureSpec, own: Scalar) -> list[Scalar]:
    if feature.kind is Kind.BOOLEAN:
        known: list[Scalar] = [True, False]
    elif feature.kind is Kind.CHOICE:
        known = [value for value, _ in feature.choices[:MOST_CHOICES]]
    else:
        return []
    if feature.may_be_missing:
        known.append(None)
    if not any(_same(point, own) for point in known):
        known.append(own)
    return known if len(known) > 1 else []


def _same(one: Scalar, other: Scalar) -> bool:
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def _range(feature: FeatureSpec, own: int | float | None) -> tuple[int | float, int | float]:
    """The range that the model was trained on, else the hard one, and the person's own value; half
    as much again around a typical value on a side that has no bound."""
    low = feature.minimum if feature.soft_minimum is None else feature.soft_minimum
    high = feature.maximum if feature.soft_maximum is None else feature.soft_maximum
    if low is not None and feature.minimum is not None:
        low = max(low, feature.minimum)
    if high is not None and feature.maximum is not None:
        high = min(high, feature.maximum)
    typical = feature.typical if isinstance(feature.typical, int | float) else None
    centre = next((one for one in (own, typical, low, high) if one is not None), 0.0)
    reach = (abs(centre) // 2 if isinstance(centre, int) else abs(centre) / 2) or 1
    low = min(centre - reach, high if high is not None else centre) if low is None else low
    high = max(centre + reach, low) if high is None else high
    if own is not None:
        low, high = min(low, own), max(high, own)
    return low, high


def _whole_steps(low: int | float, high: int | float) -> list[int]:
    """The ends and the multiples of a round step between them: in whole numbers, which may have
    more digits than a float64."""
    first, last = math.ceil(low), math.floor(high)
    least = max(1, -(-(last - first) // (POINTS - 1)))
    power = 10 ** (len(str(least)) - 1)
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= least)
    return [first, *range(-(-first // step) * step, last + 1, step), last]


def _steps(low: float, high: float) -> list[float]:
    """The ends and the multiples of a round step between them."""
    least = (high - low) / (POINTS - 1)
    if not 1e-200 < least < 1e200 or low + least == low or high - least == high:
        return [low, high]
    power = 10.0 ** math.floor(math.log10(least))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10, 20) if factor * power >= least)
    first, last = math.ceil(low / step), math.floor(high / step)
    return [low, *(float(f"{mark * step:.12g}") for mark in range(first, last + 1)), high]


def _on_step(feature: FeatureSpec, point: int | float) -> int | float:
    """The nearest value that the form accepts, where an input has steps."""
    if not feature.step:
        return point
    base = feature.minimum or 0
    place = float(f"{base + round((point - base) / feature.step) * feature.step:.12g}")
    return round(place) if feature.kind is Kind.INTEGER else place


def draw(
    curve: Curve,
    points: Sequence[Scalar],
    feature: FeatureSpec,
    own: Scalar,
    targets: Sequence[Target],
    *,
    outcomes: tuple[float, float] | None = None,
) -> CurveView:
    """Return the drawing of a curve over ``points``: of a probability between 0 and 100 %, of a
    number among the ``outcomes`` of the reference data if they are known."""
    target = targets[0] if targets else Target()
    is_probability = curve.quantity == "probability"
    text = NumberText.of(curve.quantity, curve.numbers, target.unit)
    subject = (
        f"Probability of {target.label_of(curve.label)}"
        if is_probability
        else str(target) or "Prediction"
    )
    scale = SHARES if is_probability else scale_of(curve.numbers, outcomes, target.unit)
    if not feature.is_number:
        scale = SHARES if is_probability else scale_of((0.0, *curve.numbers), None)
    shares = [scale.percent(number) / 100 if scale else 0.5 for number in curve.numbers]
    zero = scale.percent(0.0) / 100 if scale else 0.0
    shown = tuple(
        CurvePoint(
            input_text(feature, point),
            text.plain(number),
            _same(point, own),
            100 * min(share, zero),
            100 * abs(share - zero),
        )
        for point, number, share in zip(points, curve.numbers, shares, strict=True)
    )
    levels = _levels(scale, text, is_probability=is_probability)
    places = _places(points, shares) if feature.is_number else []
    return CurveView(
        label=feature.label,
        axis=f"{feature.label}, {feature.unit}" if feature.unit else feature.label,
        subject=subject,
        sentence=_sentence(subject, shown, curve.numbers, is_line=feature.is_number),
        note=scale.note if scale and not is_probability and feature.is_number else "",
        line=" ".join(",".join(place) for place in places),
        own=next((place for place, one in zip(places, shown, strict=False) if one.is_own), None),
        ticks=_ticks(feature, points) if feature.is_number else (),
        levels=levels,
        heights=tuple(
            f"{MARGIN + (HEIGHT - 2 * MARGIN) * n / max(1, len(levels) - 1):.1f}"
            for n in range(len(levels))
        ),
        points=shown,
    )


def _places(points: Sequence[Scalar], shares: Sequence[float]) -> list[tuple[str, str]]:
    return [
        (
            f"{WIDTH * _along(points, point):.1f}",
            f"{HEIGHT - MARGIN - (HEIGHT - 2 * MARGIN) * share:.1f}",
        )
        for point, share in zip(points, shares, strict=True)
    ]


def _along(points: Sequence[Scalar], point: Scalar | float) -> float:
    """The position of a number on the horizontal axis, of the drawing's width."""
    first, last = points[0], points[-1]
    share = (point - first) / (last - first)  # type: ignore[operator]
    return (MARGIN + (WIDTH - 2 * MARGIN) * share) / WIDTH


def _ticks(feature: FeatureSpec, points: Sequence[Scalar]) -> tuple[Tick, ...]:
    """The round numbers inside the axis, else its ends."""
    low, high = points[0], points[-1]
    assert isinstance(low, int | float)
    assert isinstance(high, int | float)
    marks: list[float] = []
    if max(abs(low), abs(high)) < 1e15 and high - low > 1e-200:
        marks = [mark for mark in nice_ticks(low, high) if low <= mark <= high]
    if feature.kind is Kind.INTEGER:
        marks = [mark for mark in marks if mark.is_integer()]
    texts = [written(brief_number(mark)) for mark in marks]
    if len(set(texts)) < 2 or len(set(texts)) < len(texts):
        marks, texts = [low, high], [written(show_number(one)) for one in (low, high)]
    return tuple(
        Tick(100 * place, text, "start" if place < 0.06 else "end" if place > 0.94 else "middle")
        for mark, text in zip(marks, texts, strict=True)
        for place in (_along(points, mark),)
    )


def _levels(scale: Scale | None, text: NumberText, *, is_probability: bool) -> tuple[str, ...]:
    if scale is None:
        return ()
    if is_probability:
        return tuple(f"{100 * tick:.0f} %" for tick in reversed(scale.ticks))
    return tuple(reversed(scale.tick_texts))


def _sentence(
    subject: str, points: Sequence[CurvePoint], numbers: Sequence[float], *, is_line: bool
) -> str:
    if is_line:
        first, last = points[0], points[-1]
        return (
            f"{subject} from {first.answer_text} at {first.input_text} to {last.answer_text} at "
            f"{last.input_text}."
        )
    best = points[max(range(len(points)), key=numbers.__getitem__)]
    least = points[min(range(len(points)), key=numbers.__getitem__)]
    if best.answer_text == least.answer_text:
        return f"{subject} is {best.answer_text} with each of these values."
    return (
        f"{subject} is highest with {best.input_text} ({best.answer_text}) and lowest with "
        f"{least.input_text} ({least.answer_text})."
    )
