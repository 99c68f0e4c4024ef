"""The scale that a model's numbers are drawn in: a range that means something by itself, so that a
wide interval looks wide and a flat curve flat. Pure.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from config.text.numbers import written
from models_registry.inputs.number_text import brief_number, with_unit


@dataclass(frozen=True)
class Scale:
    """A scale between the first and the last of its ``ticks``, round numbers at equal steps;
    ``note`` says what it is."""

    ticks: tuple[float, ...]
    note: str
    unit: str = ""

    @property
    def low_text(self) -> str:
        return self._text(self.ticks[0])

    @property
    def high_text(self) -> str:
        return self._text(self.ticks[-1])

    @property
    def tick_texts(self) -> tuple[str, ...]:
        """The ticks without the unit."""
        return tuple(written(brief_number(tick)) for tick in self.ticks)

    def percent(self, number: float) -> float:
        """Return the position of a number on the scale, of its width."""
        low, high = self.ticks[0], self.ticks[-1]
        return min(max(100 * (number - low) / (high - low), 0.0), 100.0)

    def _text(self, tick: float) -> str:
        return with_unit(written(brief_number(tick, self.unit)), self.unit)


def scale_of(
    numbers: Sequence[float], outcomes: tuple[float, float] | None, unit: str = ""
) -> Scale | None:
    """Return a scale that holds the numbers: that of the ``outcomes`` in the reference data if they
    are known, else one that begins at 0, or has it in the middle. None where the numbers are too
    far apart, or too small, to be drawn."""
    low, high = min(numbers), max(numbers)
    if outcomes and outcomes[0] < outcomes[1]:
        ends = [with_unit(written(brief_number(end, unit)), unit) for end in outcomes]
        low, high = min(low, outcomes[0]), max(high, outcomes[1])
        note = f"Outcomes in the reference data are between {ends[0]} and {ends[1]}."
    elif low >= 0:
        low, note = 0.0, "The scale begins at 0."
    elif high <= 0:
        high, note = 0.0, "The scale ends at 0."
    else:
        low, high = -max(-low, high), max(-low, high)
        note = "The scale has 0 in the middle."
    if not 1e-200 < max(abs(low), abs(high)) < 1e200:
        return None
    ticks = nice_ticks(low, high)
    return Scale(tuple(ticks), note, unit) if ticks[0] < ticks[-1] else None


def nice_ticks(low: float, high: float) -> list[float]:
    """Return three to five round numbers that reach from below ``low`` to above ``high``."""
    span = (high - low) or abs(high) or 1.0
    rough = span / 3
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough)
    first, last = math.floor(low / step), math.ceil(high / step)
    if first == last:
        first, last = first - 1, last + 1
    return [step * mark for mark in range(first, last + 1)]
