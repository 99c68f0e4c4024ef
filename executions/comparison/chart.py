"""The data of a comparison's chart. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from executions.comparison.differences import Compared, Comparison
from executions.results.answer import four_digits, percent

SHORT_ID = len("P-") + 6
CLASSES = 3
"""The maximum number of classes in a chart; with more there is only the table."""


@dataclass(frozen=True)
class Point:
    """One prediction in the chart: its position, and its numbers in the order of the chart's
    ``series``; None for a missing one."""

    label: str
    values: tuple[float | None, ...]
    x: float | None = None
    are_shares: bool = False
    """Whether the numbers are probabilities in percent, of which none reads as certain."""

    @property
    def cells(self) -> tuple[tuple[float | None, str], ...]:
        """Each number with its text."""
        return tuple((v, "–" if v is None else self._text(v)) for v in self.values)

    def _text(self, value: float) -> str:
        if self.are_shares:
            return percent(value / 100).removesuffix(" %")
        return four_digits(value)


@dataclass(frozen=True)
class Chart:
    """Grouped ``bars`` of class probabilities in percent, or ``points`` of a number with its
    interval (series: the number, low, high) over ``x``."""

    kind: str
    title: str
    series: tuple[str, ...]
    points: tuple[Point, ...]
    unit: str = ""


def chart_of(predictions: Sequence[Compared], comparison: Comparison) -> Chart | None:
    """Return the chart of the predictions that have an answer: against the one numeric input that
    differs, else in order of time. None where fewer than two have numbers."""
    order, over, labels, xs = _axis(predictions, comparison)
    labels = _apart(labels, predictions)
    shown = [index for index in order if predictions[index].answer is not None]
    if len(shown) < 2:
        return None
    if all(predictions[index].number is not None for index in shown):
        return _points(predictions, shown, over, labels, xs)
    if all(_classes(predictions[index]) for index in shown):
        return _bars(predictions, shown, labels)
    return None


def _axis(
    predictions: Sequence[Compared], comparison: Comparison
) -> tuple[list[int], str, list[str], list[float | None]]:
    """The order of the predictions, the title of the axis, and the label and position of each."""
    differing = comparison.differing
    if len(differing) == 1:
        line = differing[0]
        features = [one.schema.by_name.get(line.name) for one in predictions]
        values = [one.values.get(line.name) for one in predictions]
        numbers = [
            value if feature and feature.is_number and isinstance(value, int | float) else None
            for feature, value in zip(features, values, strict=True)
        ]
        if all(number is not None for number in numbers):
            labels = [f"{line.label} {cell.text}" for cell in line.cells]
            order = sorted(range(len(predictions)), key=lambda index: numbers[index] or 0)
            return order, line.label, labels, numbers
    order = sorted(range(len(predictions)), key=lambda index: predictions[index].at)
    return order, "time", [one.when for one in predictions], [None] * len(predictions)


def _apart(labels: list[str], predictions: Sequence[Compared]) -> list[str]:
    """The labels; predictions that would have the same one are called by the part of their IDs that
    a search needs."""
    return [
        one.public_id[:SHORT_ID] if labels.count(label) > 1 else label
        for label, one in zip(labels, predictions, strict=True)
    ]


def _points(
    predictions: Sequence[Compared],
    shown: list[int],
    over: str,
    labels: list[str],
    xs: list[float | None],
) -> Chart:
    points = []
    for index in shown:
        answer = predictions[index].answer
        assert answer is not None
        low, high = (answer.interval.low, answer.interval.high) if answer.interval else (None, None)
        points.append(Point(labels[index], (predictions[index].number, low, high), xs[index]))
    answer = predictions[shown[0]].answer
    return Chart(
        "points",
        f"Prediction over {over}",
        ("Prediction", "Low", "High"),
        tuple(points),
        answer.unit if answer else "",
    )


def _classes(one: Compared) -> dict[str, float]:
    return {label: share for label, _, share in one.answer.classes} if one.answer else {}


def _bars(predictions: Sequence[Compared], shown: list[int], labels: list[str]) -> Chart:
    shares = [_classes(predictions[index]) for index in shown]
    most = {label: max(s.get(label, 0.0) for s in shares) for s in shares for label in s}
    series = tuple(sorted(most, key=lambda label: -most[label])[:CLASSES])
    points = tuple(
        Point(labels[index], tuple(share.get(label) for label in series), are_shares=True)
        for index, share in zip(shown, shares, strict=True)
    )
    return Chart("bars", "Probability of each outcome", series, points, "%")
