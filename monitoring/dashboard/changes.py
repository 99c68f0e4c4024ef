"""The change of a number against the previous period, as an arrow and words. Pure."""

from dataclasses import dataclass
from typing import Literal

from config.text.numbers import count_text, decimal_text, percent_text, seconds_text


@dataclass(frozen=True)
class Change:
    """A change against the previous period. ``direction`` names the arrow, or nothing; ``size`` is
    "8 %", ``rest`` "from 3,445"."""

    direction: Literal["up", "down", ""]
    size: str
    rest: str = ""


def of_counts(now: int, before: int) -> Change:
    """Return the change of a count, in percent of what it was."""
    if not before:
        return Change("", "", "none in the period before" if now else "")
    if now == before:
        return Change("", "", f"as many as in the period before, {count_text(before)}")
    percent = 100 * abs(now - before) / before
    size = f"{decimal_text(percent, 0)} %" if percent >= 1 else "under 1 %"
    return Change("up" if now > before else "down", size, f"from {count_text(before)}")


def of_percents(now: float | None, before: float | None) -> Change:
    """Return the change of a percentage, in points."""
    if now is None or before is None:
        return Change("", "", "" if now is None else "none in the period before")
    points = round(now, 1) - round(before, 1)
    if abs(points) < 0.05:
        return Change("", "", "as in the period before")
    size = f"{decimal_text(abs(points), 1)} points"
    return Change("up" if points > 0 else "down", size, f"from {percent_text(before)} %")


def of_seconds(now: float | None, before: float | None) -> Change:
    if now is None or before is None:
        return Change("", "", "" if now is None else "none in the period before")
    if seconds_text(now) == seconds_text(before):
        return Change("", "", "as in the period before")
    size = f"{seconds_text(abs(now - before))} s"
    return Change("up" if now > before else "down", size, f"from {seconds_text(before)} s")
