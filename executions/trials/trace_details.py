"""A recorded trace, prepared for display. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from config.text.numbers import megabytes_text, milliseconds_text, written
from model_host.protocol.trace import LostValue, StepTrace, Trace
from models_registry.inputs.number_text import brief_number


@dataclass(frozen=True)
class StepLine:
    """One step: its name and depth, its time and that time's share of the whole, its output.
    ``lost`` says which of its values are not finite, "" if none; ``is_cause`` marks the first step
    that made one so."""

    name: str
    depth: int
    estimator: str
    milliseconds: float
    percent: float
    output: str
    numbers: str
    has_failed: bool
    lost: str = ""
    is_cause: bool = False

    @property
    def time_text(self) -> str:
        return milliseconds_text(self.milliseconds)


@dataclass(frozen=True)
class TraceView:
    """A trace for display. ``failing_step`` is "" where nothing failed in a step; ``libraries`` are
    (name, version)."""

    steps: tuple[StepLine, ...]
    row_text: str
    confidence_text: str
    memory_text: str
    grown_text: str
    failing_step: str
    warnings: tuple[str, ...]
    libraries: tuple[tuple[str, str], ...]


def cause_in(trace: Trace) -> StepTrace | None:
    """Return the first step, the innermost of nested ones, in which a value became infinite or
    NaN."""
    lossy = [step for step in trace.steps if step.has_lost]
    for step in lossy:
        inside = f"{step.path}." if step.path else ""
        if not any(one is not step and one.path.startswith(inside) for one in lossy):
            return step
    return None


def trace_view(trace: Trace, labels: Mapping[str, str] | None = None) -> TraceView:
    """Prepare a trace; ``labels`` are those of the inputs by name."""
    cause = cause_in(trace)
    whole = max((step.milliseconds for step in trace.steps), default=0.0)
    failing = trace.failing_step
    return TraceView(
        steps=tuple(_step(one, whole, labels or {}, cause) for one in trace.steps),
        row_text=milliseconds_text(trace.row_milliseconds),
        confidence_text=milliseconds_text(trace.confidence_milliseconds),
        memory_text=megabytes_text(trace.peak_bytes),
        grown_text=megabytes_text(trace.grown_bytes),
        failing_step="" if failing is None else failing or "the model itself",
        warnings=tuple(dict.fromkeys(trace.warnings)),
        libraries=tuple(sorted(trace.libraries.items())),
    )


def _step(
    step: StepTrace, whole: float, labels: Mapping[str, str], cause: StepTrace | None
) -> StepLine:
    path = step.path
    return StepLine(
        name=step_name(step),
        depth=min(path.count(".") + 1 if path else 0, 4),
        estimator=step.estimator,
        milliseconds=step.milliseconds,
        percent=100 * step.milliseconds / whole if whole else 0.0,
        output=_output(step),
        numbers=_numbers(step),
        has_failed=step.has_failed,
        lost=_lost(step, labels, cause),
        is_cause=step is cause,
    )


LOST = {"inf": "∞", "-inf": "−∞", "nan": "NaN"}
_NAMED = 3


def _lost(step: StepTrace, labels: Mapping[str, str], cause: StepTrace | None) -> str:
    """ "−∞ in 1 of 4 columns: log(Visitors)". A step around the cause names its columns."""
    if not step.lost:
        return ""
    values = " and ".join(dict.fromkeys(LOST.get(one.value, one.value) for one in step.lost))
    inside = f"{step.path}." if step.path else ""
    is_around = cause is not None and cause is not step and cause.path.startswith(inside)
    named = cause if cause and is_around and cause.lost_count == step.lost_count else step
    names = [_column(named, one, labels) for one in named.lost[:_NAMED]]
    more = step.lost_count - len(names)
    names += [f"{more} more"] if more > 0 else []
    columns = step.shape[1] if len(step.shape) == 2 else 1
    if columns == 1:
        return f"{values}: {names[0]}"
    return f"{values} in {step.lost_count} of {columns} columns: {', '.join(names)}"


def _column(step: StepTrace, lost: LostValue, labels: Mapping[str, str]) -> str:
    """ "log(Visitors)", the column's own name, or "column 2"."""
    if len(lost.inputs) == 1:
        label = labels.get(lost.inputs[0], lost.inputs[0])
        return f"{step_name(step)}({label})" if step.has_lost else f"from {label}"
    return lost.name or f"column {lost.place + 1}"


def step_name(step: StepTrace) -> str:
    return step.path.rpartition(".")[2] or "The whole model"


def _output(step: StepTrace) -> str:
    """ "1 × 13, float64": the shape, and each dtype with its columns where there are several."""
    shape = " × ".join(str(size) for size in step.shape)
    is_one = len(step.dtypes) == 1
    kinds = [name if is_one else f"{count} {name}" for name, count in step.dtypes.items()]
    return ", ".join(filter(None, [shape, *kinds]))


def _numbers(step: StepTrace) -> str:
    """The range of the numbers and how many are missing, as far as it may be shown."""
    if step.is_hidden:
        return "[hidden]"
    low, high = step.minimum, step.maximum
    parts = []
    if low is not None and high is not None:
        texts = [written(brief_number(bound)) for bound in (low, high)]
        parts.append(texts[0] if texts[0] == texts[1] else " to ".join(texts))
    if step.missing:
        parts.append(f"{step.missing} missing")
    return ", ".join(parts)
