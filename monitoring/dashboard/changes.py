"""How a number stands against the period before, in an arrow and words. Pure."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Change:
    """``direction`` names the arrow, or nothing; ``size`` is "8 %", ``rest`` "from 3,445"."""

    direction: Literal["up", "down", ""]
    size: str
    rest: str = ""


def of_counts(now: int, before: int) -> Change:
    """In percent of what it was."""
    if not before:
        return Change("", "", "none in the period before" if now else "")
    if now == before:
        return Change("", "", f"as many as in the period before, {before:,}")
    percent = 100 * abs(now - before) / before
    size = f"{percent:,.0f} %" if percent >= 1 else "under 1 %"
    return Change("up" if now > before else "down", size, f"from {before:,}")


def of_percents(now: float | None, before: float | None) -> Change:
    """In points."""
    if now is None or before is None:
        return Change("", "", "" if now is None else "none in the period before")
    points = round(now, 1) - round(before, 1)
    if abs(points) < 0.05:
        return Change("", "", "as in the period before")
    return Change(
        "up" if points > 0 else "down", f"{abs(points):.1f} points", f"from {before:.1f} %"
    )


def of_seconds(now: float | None, before: float | None) -> Change:
    if now is None or before is None:
        return Change("", "", "" if now is None else "none in the period before")
    if seconds_text(now) == seconds_text(before):
        return Change("", "", "as in the period before")
    size = f"{seconds_text(abs(now - before))} s"
    return Change("up" if now > before else "down", size, f"from {seconds_text(before)} s")


def seconds_text(seconds: float | None) -> str:
    """Seconds to read, in two or three digits: 0.16, 4.2, 31."""
    if seconds is None:
        return "–"
    if seconds < 0.1:
        return f"{seconds:.3f}"
    return f"{seconds:.2f}" if seconds < 10 else f"{seconds:,.1f}"


def percent_text(percent: float | None) -> str:
    """One digit after the point; what is not whole never reads as 0 or 100."""
    if percent is None:
        return "–"
    text = f"{percent:.1f}"
    if text == "100.0" and percent < 100:
        return "> 99.9"
    if text == "0.0" and percent > 0:
        return "< 0.1"
    return "100" if percent == 100 else "0" if percent == 0 else text
