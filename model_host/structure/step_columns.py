"""The columns that travel between the steps of a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from model_host.structure.input_facts import Marker

MOST_SIGNALS = 5000
"""Wider data, as text vectorizers make it, is followed as one signal."""


@dataclass(frozen=True)
class Gap:
    """A missing value of an input column, entered as ``marker``, in its current form ``form``."""

    column: int
    marker: Marker
    form: Marker


@dataclass(frozen=True)
class Signal:
    """One column of data inside the model: the input columns it was made of, the one whose values
    it still carries unchanged (None where none), and the missing values still missing in it."""

    origins: frozenset[int]
    raw: int | None = None
    gaps: frozenset[Gap] = frozenset()


Signals = Sequence[Signal]


def spread(signals: Signals, width: int) -> list[Signal]:
    """Return one signal for each column the estimator was fitted on; if the two cannot be matched,
    each derives from all input signals."""
    if len(signals) == width:
        return list(signals)
    return [replace(together(signals), raw=None)] * (width if width <= MOST_SIGNALS else 1)


def together(signals: Signals) -> Signal:
    parts = distinct(signals)
    if len(parts) == 1:
        return parts[0]
    origins = frozenset[int]().union(*(one.origins for one in parts))
    return Signal(origins, None, frozenset[Gap]().union(*(one.gaps for one in parts)))


def distinct(signals: Signals) -> list[Signal]:
    """Return each signal object once: wide data repeats the same one."""
    return list({id(signal): signal for signal in signals}.values())
