"""The bar "Which version was active when": the place of each period, in percent of its width.

Pure. The geometry goes into SVG attributes; the strict content policy forbids styles.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from models_registry.timeline.periods import Period

LABEL_WIDTH = 15.0
"""The minimum width of a label in percent of the bar; a label in a narrower period is left out."""
NARROWEST = 0.4


@dataclass(frozen=True)
class Segment:
    """One period on the bar. ``tone`` tells neighbours apart: "now", "was", "was2", "gap"."""

    period: Period
    x: float
    width: float
    tone: str
    is_labelled: bool
    is_last: bool

    @property
    def left(self) -> str:
        return f"{self.x:.2f}%"

    @property
    def across(self) -> str:
        return f"{max(self.width, NARROWEST):.2f}%"


@dataclass(frozen=True)
class Bar:
    """All segments, oldest first, and the position of a marked moment, if it is on the bar."""

    segments: tuple[Segment, ...]
    mark: str = ""


def bar_of(
    periods: Sequence[Period], *, now: datetime, marked: datetime | None = None
) -> Bar | None:
    """Return the bar of the whole history up to ``now``; None if there is none."""
    if not periods:
        return None
    first, until = periods[0].start.astimezone(UTC), now.astimezone(UTC)
    length = max((until - first).total_seconds(), 1.0)

    def at(moment: datetime) -> float:
        return min(max((moment - first).total_seconds() / length * 100, 0.0), 100.0)

    segments: list[Segment] = []
    free_from = 0.0
    for number, period in enumerate(periods):
        x, end = at(period.start), at(period.end or until)
        is_last = number == len(periods) - 1 and number > 0
        is_labelled = is_last or (x >= free_from and x <= 100 - 2 * LABEL_WIDTH)
        if is_labelled:
            free_from = x + LABEL_WIDTH
        tone = (
            "gap" if period.is_gap else "now" if period.end is None else ("was", "was2")[number % 2]
        )
        segments.append(Segment(period, x, end - x, tone, is_labelled or number == 0, is_last))
    if marked is None or not first <= marked.astimezone(UTC) <= until:
        return Bar(tuple(segments))
    return Bar(tuple(segments), f"{at(marked):.2f}%")
