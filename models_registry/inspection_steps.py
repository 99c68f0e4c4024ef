"""The named steps of an inspection, and the state of each for display. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

RECEIVED = "Received and hashed"
FORMAT = "Format and size"
TYPES = "Types in the file"
LOADS = "Loads in the sandbox"
PREDICTS = "Is fitted and predicts"
LIBRARIES = "Library versions"
INPUTS = "Inputs proposed"
TRIAL = "Trial prediction"
IN_ORDER = (RECEIVED, FORMAT, TYPES, LOADS, PREDICTS, LIBRARIES, INPUTS, TRIAL)


@dataclass(frozen=True)
class StepSeen:
    """One step: ``state`` is passed, warning, approval, failed, running or waiting; ``seconds`` is
    its duration so far; ``way_on`` names a page, or is ""."""

    name: str
    state: str
    detail: str = ""
    seconds: float | None = None
    way_on: str = ""


def steps_seen(
    steps: Sequence[dict[str, Any]], *, needs_approval: bool, elapsed: float | None
) -> list[StepSeen]:
    """Return every step in order, those to come included. ``elapsed``: seconds since the inspection
    started, None where it does not run."""
    seen = [_seen(step, needs_approval) for step in steps]
    if seen and seen[-1].state == "running":
        if elapsed is None:  # the worker was lost, and nothing runs
            seen[-1] = StepSeen(seen[-1].name, "waiting")
        else:
            spent = sum(step.seconds or 0 for step in seen)
            seen[-1] = StepSeen(seen[-1].name, "running", seconds=max(0.0, elapsed - spent))
    done = {step.name for step in seen}
    is_over = any(step.state in ("failed", "approval") for step in seen)
    to_come = [name for name in IN_ORDER if name not in done]
    return seen + [StepSeen(name, "not reached" if is_over else "waiting") for name in to_come]


def _seen(step: dict[str, Any], needs_approval: bool) -> StepSeen:
    name, state = str(step["name"]), str(step["state"])
    way_on = ""
    if name == TYPES and state == "failed" and needs_approval:
        state, way_on = "approval", "review"
    if name == INPUTS and state == "warning":
        way_on = "inputs"
    return StepSeen(name, state, str(step.get("detail", "")), step.get("seconds"), way_on)
