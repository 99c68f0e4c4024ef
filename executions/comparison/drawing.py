"""The coordinates of a comparison's chart in the PDF. Pure; the template draws the SVG.

The drawing is 520 wide and 152 high, in units of its view box; the plot area is inside it.
"""

from dataclasses import dataclass

from executions.comparison.chart import Chart
from executions.results.answer import four_digits
from executions.results.scale import nice_ticks

LEFT, RIGHT, TOP, BOTTOM = 44.0, 520.0, 20.0, 120.0
BAR, GAP = 28.0, 8.0


@dataclass(frozen=True)
class Tick:
    y: float
    text: str


@dataclass(frozen=True)
class Bar:
    x: float
    y: float
    height: float
    series: int
    text: str

    @property
    def middle(self) -> float:
        return self.x + BAR / 2


@dataclass(frozen=True)
class Dot:
    """A number, with the ends of its interval if it has one."""

    x: float
    y: float
    text: str
    low_y: float | None = None
    high_y: float | None = None


@dataclass(frozen=True)
class Label:
    x: float
    text: str


@dataclass(frozen=True)
class Drawing:
    ticks: tuple[Tick, ...]
    labels: tuple[Label, ...]
    bars: tuple[Bar, ...] = ()
    dots: tuple[Dot, ...] = ()
    legend: tuple[tuple[float, int, str], ...] = ()

    @property
    def line(self) -> str:
        """Return the dots as the points of an SVG polyline."""
        return " ".join(f"{dot.x:.1f},{dot.y:.1f}" for dot in self.dots)


def draw(chart: Chart) -> Drawing:
    return _draw_bars(chart) if chart.kind == "bars" else _draw_points(chart)


def _draw_bars(chart: Chart) -> Drawing:
    slot = (RIGHT - LEFT) / len(chart.points)
    width = len(chart.series) * BAR + (len(chart.series) - 1) * GAP
    bars, labels = [], []
    for place, point in enumerate(chart.points):
        middle = LEFT + slot * (place + 0.5)
        labels.append(Label(middle, point.label))
        for series, (value, text) in enumerate(point.cells):
            if value is not None:
                x = middle - width / 2 + series * (BAR + GAP)
                height = (BOTTOM - TOP) * value / 100
                bars.append(Bar(x, BOTTOM - height, height, series, text))
    ticks = tuple(
        Tick(BOTTOM - (BOTTOM - TOP) * share / 100, f"{share} %") for share in (0, 50, 100)
    )
    legend = tuple(
        (LEFT + series * 160.0, series, name[:28]) for series, name in enumerate(chart.series)
    )
    return Drawing(ticks, tuple(labels), bars=tuple(bars), legend=legend)


def _draw_points(chart: Chart) -> Drawing:
    numbers = [value for point in chart.points for value in point.values if value is not None]
    marks = nice_ticks(min(numbers), max(numbers))
    lowest, highest = marks[0], marks[-1]

    def height(value: float | None) -> float | None:
        if value is None:
            return None
        return BOTTOM - (BOTTOM - TOP) * (value - lowest) / (highest - lowest)

    dots, labels = [], []
    for x, point in zip(_places(chart), chart.points, strict=True):
        value, low, high = point.values
        assert value is not None
        y = height(value)
        assert y is not None
        dots.append(Dot(x, y, four_digits(value), height(low), height(high)))
        labels.append(Label(x, point.label))
    ticks = tuple(Tick(height(mark) or BOTTOM, four_digits(mark)) for mark in marks)
    return Drawing(ticks, tuple(labels), dots=tuple(dots))


def _places(chart: Chart) -> list[float]:
    """The positions of the points: by their number if they have one, else evenly spaced."""
    inset = (RIGHT - LEFT) / (2 * len(chart.points))
    xs = [point.x for point in chart.points]
    known = [x for x in xs if x is not None]
    if len(known) == len(xs) and max(known) > min(known):
        span = max(known) - min(known)
        width = RIGHT - LEFT - 2 * inset
        return [LEFT + inset + width * (x - min(known)) / span for x in known]
    return [LEFT + inset * (2 * place + 1) for place in range(len(xs))]
