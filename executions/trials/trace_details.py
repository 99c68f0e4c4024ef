"""A recorded trace, prepared for display. Pure.

The format of a trace is in `model_host/protocol/trace.py`. A stored trace came from a model's own
process, so missing or malformed parts are left out.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from config.numbers import megabytes_text, milliseconds_text, written
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


def trace_view(diagnostics: Mapping[str, Any] | None) -> TraceView | None:
    """Return the trace of an execution, None if none was recorded."""
    if not diagnostics or "steps" not in diagnostics:
        return None
    steps = diagnostics["steps"]
    whole = max((step["milliseconds"] for step in steps), default=0.0)
    failing = diagnostics.get("failing_step")
    return TraceView(
        steps=tuple(_step(step, whole) for step in steps),
        row_text=milliseconds_text(diagnostics.get("row_milliseconds", 0.0)),
        confidence_text=milliseconds_text(diagnostics.get("confidence_milliseconds", 0.0)),
        memory_text=megabytes_text(diagnostics.get("peak_bytes", 0)),
        grown_text=megabytes_text(diagnostics.get("grown_bytes", 0)),
        failing_step="" if failing is None else failing or "the model itself",
        warnings=tuple(dict.fromkeys(diagnostics.get("warnings", ()))),
        libraries=tuple(sorted(diagnostics.get("libraries", {}).items())),
    )


def _step(step: Mapping[str, Any], whole: float) -> StepLine:
    path = step["path"]
    return StepLine(
        name=path.rpartition(".")[2] or "The whole model",
        depth=min(path.count(".") + 1 if path else 0, 4),
        estimator=step["estimator"],
        milliseconds=step["milliseconds"],
        percent=100 * step["milliseconds"] / whole if whole else 0.0,
        output=_output(step),
        numbers=_numbers(step),
        has_failed=step["has_failed"],
    )


def _output(step: Mapping[str, Any]) -> str:
    """ "1 × 13, float64": the shape, and each dtype with its columns where there are several."""
    shape = " × ".join(str(size) for size in step["shape"])
    dtypes = step["dtypes"]
    kinds = [name if len(dtypes) == 1 else f"{count} {name}" for name, count in dtypes.items()]
    return ", ".join(filter(None, [shape, *kinds]))


def _numbers(step: Mapping[str, Any]) -> str:
    """The range of the numbers and how many are missing, as far as it may be shown."""
    if step["is_hidden"]:
        return "[hidden]"
    low, high = step["minimum"], step["maximum"]
    parts = []
    if low is not None and high is not None:
        texts = [written(brief_number(bound)) for bound in (low, high)]
        parts.append(texts[0] if texts[0] == texts[1] else " to ".join(texts))
    if step["missing"]:
        parts.append(f"{step['missing']} missing")
    return ", ".join(parts)
