"""Differences between the metrics of two versions, and whether each is an improvement.

Pure.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from config.text.numbers import written
from models_registry.inputs.number_text import brief_number

Direction = Literal["higher", "lower"]
Verdict = Literal["better", "worse", "same", ""]

_ERRORS = frozenset({"mae", "mse", "rmse", "mape", "smape", "loss", "brier", "error", "deviance"})
"""Words in a metric's name that say that less is better."""
_HIGHER = frozenset({"higher", "high", "max", "maximize", "maximise", "up", "greater", "+"})
_LOWER = frozenset({"lower", "low", "min", "minimize", "minimise", "down", "less", "-"})


@dataclass(frozen=True)
class MetricChange:
    """One metric of two versions; None for a version that lacks it. ``verdict`` is "" if there is
    nothing to compare."""

    name: str
    before: float | None
    after: float | None
    direction: Direction

    @property
    def difference(self) -> float | None:
        if self.before is None or self.after is None:
            return None
        return self.after - self.before

    @property
    def before_text(self) -> str:
        return metric_text(self.before)

    @property
    def after_text(self) -> str:
        return metric_text(self.after)

    @property
    def difference_text(self) -> str:
        """The absolute difference."""
        return metric_text(None if self.difference is None else abs(self.difference))

    @property
    def verdict(self) -> Verdict:
        if self.before is None or self.after is None:
            return ""
        if math.isclose(self.before, self.after, rel_tol=1e-9, abs_tol=1e-12):
            return "same"
        return "better" if (self.after > self.before) == (self.direction == "higher") else "worse"

    @property
    def arrow(self) -> str:
        """▲ if the number rose, ▼ if it fell; ``verdict`` says whether that is an improvement."""
        if self.verdict in ("", "same"):
            return ""
        return "▲" if (self.difference or 0) > 0 else "▼"


def metric_text(value: float | None) -> str:
    """Format a metric with four significant digits."""
    return "–" if value is None else written(brief_number(value))


def metric_changes(
    before: Mapping[str, float],
    after: Mapping[str, float],
    directions: Mapping[str, object] | str | None = None,
) -> tuple[MetricChange, ...]:
    """Return every metric of either version: those of ``after`` in their order, then those it lost.

    ``directions`` is the training configuration's ``metric_direction``: "higher" or "lower" by
    metric name, or one word for all. Where it says nothing, a name like an error's (rmse, log_loss)
    is better lower and any other better higher.
    """
    names = [*after, *(name for name in before if name not in after)]
    return tuple(
        MetricChange(name, before.get(name), after.get(name), direction_of(name, directions or {}))
        for name in names
    )


def direction_of(name: str, directions: Mapping[str, object] | str) -> Direction:
    """Return whether more or less of this metric is better."""
    given = directions.get(name, "") if isinstance(directions, Mapping) else directions
    word = str(given).strip().lower().split(" ")[0]
    if word in _HIGHER:
        return "higher"
    if word in _LOWER:
        return "lower"
    plain = "".join(mark if mark.isalnum() else " " for mark in name.lower()).split()
    # scikit-learn's scorers turn an error's sign: neg_log_loss is better higher.
    is_error = any(word in _ERRORS or word.endswith(("loss", "error")) for word in plain)
    return "lower" if is_error and plain[0] != "neg" else "higher"
