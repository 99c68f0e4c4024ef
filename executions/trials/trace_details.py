"""A recorded trace, prepared for display. Pure."""

from dataclasses import dataclass

from config.text.numbers import megabytes_text, milliseconds_text, written
from model_host.protocol.trace import StepTrace, Trace
from models_registry.inputs.number_text import brief_number


@dataclass(frozen=True)
class StepLine:
    """One step: its name and depth, its time and that time's share of the whole, its output."""

    name: str
    depth: int
    estimator: str
    milliseconds: float
    percent: float
    output: str
    numbers: str
    has_failed: bool

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


def trace_view(trace: Trace) -> TraceView:
    whole = max((step.milliseconds for step in trace.steps), default=0.0)
    failing = trace.failing_step
    return TraceView(
        steps=tuple(_step(step, whole) for step in trace.steps),
        row_text=milliseconds_text(trace.row_milliseconds),
        confidence_text=milliseconds_text(trace.confidence_milliseconds),
        memory_text=megabytes_text(trace.peak_bytes),
        grown_text=megabytes_text(trace.grown_bytes),
        failing_step="" if failing is None else failing or "the model itself",
        warnings=tuple(dict.fromkeys(trace.warnings)),
        libraries=tuple(sorted(trace.libraries.items())),
    )


def _step(step: StepTrace, whole: float) -> StepLine:
    path = step.path
    return StepLine(
        name=path.rpartition(".")[2] or "The whole model",
        depth=min(path.count(".") + 1 if path else 0, 4),
        estimator=step.estimator,
        milliseconds=step.milliseconds,
        percent=100 * step.milliseconds / whole if whole else 0.0,
        output=_output(step),
        numbers=_numbers(step),
        has_failed=step.has_failed,
    )


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
