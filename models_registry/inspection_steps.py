"""The record of an inspection: its named steps and its report, and each step's state for display.
Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from model_host.protocol.artifact import LoadReport, TypeName
from model_host.protocol.examination import Examination, Step, Unprepared

RECEIVED = "Received and hashed"
FORMAT = "Format and size"
RUNTIME = "Version that saved it"
TYPES = "Types in the file"
LOADS = "Loads in the sandbox"
PREDICTS = "Is fitted and predicts"
LIBRARIES = "Library versions"
INPUTS = "Inputs proposed"
TRIAL = "Trial prediction"
IN_ORDER = (RECEIVED, FORMAT, RUNTIME, TYPES, LOADS, PREDICTS, LIBRARIES, INPUTS, TRIAL)


@dataclass(frozen=True)
class StepTaken:
    """One step that has begun. ``seconds`` is its duration, None while it runs."""

    name: str
    state: Literal["running", "passed", "warning", "failed"] = "running"
    detail: str = ""
    seconds: float | None = None


@dataclass(frozen=True)
class Examined:
    """The facts of a stored examination that pages show: all but the proposed inputs and the trial,
    of which 2 MB are read nowhere."""

    gives_probabilities: bool = False
    gives_interval: bool = False
    steps: tuple[Step, ...] = ()
    libraries_trained: dict[str, str] = field(default_factory=dict)
    libraries_running: dict[str, str] = field(default_factory=dict)
    unprepared: Unprepared | None = None


@dataclass(frozen=True)
class Report:
    """What an inspection found. ``examination`` is stored whole and read as its facts. ``refused``
    are the full names of the types that the loader did not open, ``needs_approval`` those of them
    that a superuser may approve. ``needs_runtime``: the minor version of scikit-learn that saved
    the file, where no worker had it. ``disagreements``: sentences on the training configuration and
    the model."""

    load: LoadReport | None = None
    examination: Examined | Examination | None = None
    disagreements: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    needs_approval: tuple[TypeName, ...] = ()
    needs_runtime: str = ""


@dataclass(frozen=True)
class StepSeen:
    """One step for display: ``state`` is passed, warning, approval, failed, running, waiting or not
    reached; ``seconds`` is its duration so far; ``way_on`` names a page, or is ""."""

    name: str
    state: str
    detail: str = ""
    seconds: float | None = None
    way_on: str = ""


def steps_seen(
    steps: Iterable[StepTaken], *, needs_approval: bool, elapsed: float | None
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


def _seen(step: StepTaken, needs_approval: bool) -> StepSeen:
    state, way_on = str(step.state), ""
    if step.name == TYPES and state == "failed" and needs_approval:
        state, way_on = "approval", "review"
    if step.name == INPUTS and state == "warning":
        way_on = "inputs"
    return StepSeen(step.name, state, step.detail, step.seconds, way_on)
