"""The context of a version's inspection, for its page and for the fragment that refreshes it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

from engine.heartbeats import MissingRuntime, missing_runtime, offered_runtimes
from models_registry import services
from models_registry.admin.step_tree import StepNode, step_tree
from models_registry.inputs.feature_spec import FeatureSpec, Kind
from models_registry.inspection_steps import Report, StepSeen, steps_seen
from models_registry.models import Inspection, ModelVersion
from models_registry.training.training_config import ToldStep

UNANSWERED = timedelta(seconds=15)
FOLDED_FROM = 30
SHOWN_WHEN_FOLDED = 10


@dataclass(frozen=True)
class ProposedInput:
    """One proposed input: its training column, its type in words, and the source of that."""

    name: str
    type: str
    source: str
    is_complete: bool


@dataclass(frozen=True)
class InspectionSeen:
    """An inspection for display. ``folded`` are the inputs after the first ten if there are thirty
    or more; ``heard`` is the seconds since the worker last renewed its lease. ``missing``: the
    runtime that it waits for in the queue. ``needed``: that of a file that was not opened for the
    want of it, and ``offered`` those that may open it all the same, the newest first."""

    steps: list[StepSeen]
    inputs: list[ProposedInput]
    folded: list[ProposedInput]
    disagreements: tuple[str, ...]
    is_unanswered: bool
    missing: MissingRuntime | None
    heard: int | None
    same_file: list[ModelVersion]
    needed: MissingRuntime | None = None
    offered: tuple[str, ...] = ()

    @property
    def passed(self) -> list[StepSeen]:
        return [step for step in self.steps if step.state == "passed"]

    @property
    def notable(self) -> list[StepSeen]:
        """The steps that a person should look at."""
        return [step for step in self.steps if step.state in {"warning", "approval", "failed"}]

    @property
    def not_reached(self) -> list[StepSeen]:
        return [step for step in self.steps if step.state in {"waiting", "not reached"}]


@dataclass(frozen=True)
class InspectionContext:
    """The latest inspection of a version, what to show of it, the sentence about what was left out
    of the model, and the steps of the pipeline."""

    inspection: Inspection | None = None
    seen: InspectionSeen | None = None
    left_out: str = ""
    step_tree: Sequence[StepNode] = ()
    told_steps: Sequence[ToldStep] = ()


def inspection_context(version: ModelVersion) -> InspectionContext:
    """Build the context of the templates that show an inspection."""
    inspection = version.inspections.first()
    if inspection is None:
        return InspectionContext()
    report = inspection.found
    return InspectionContext(
        inspection,
        _seen(version, inspection, report, timezone.now()),
        left_out=report.load.left_out if report.load else "",
        step_tree=step_tree(inspection.examined.steps, version.features.count()),
        told_steps=version.training.preprocessing,
    )


def _seen(
    version: ModelVersion, inspection: Inspection, report: Report, now: datetime
) -> InspectionSeen:
    runs = inspection.status == Inspection.Status.RUNNING
    elapsed = (
        (now - inspection.started_at).total_seconds() if runs and inspection.started_at else None
    )
    is_done = inspection.status == Inspection.Status.SUCCEEDED
    inputs = [_proposed(row.spec) for row in version.features.all()] if is_done else []
    needed = needed_runtime(version, inspection)
    first = SHOWN_WHEN_FOLDED if len(inputs) >= FOLDED_FROM else len(inputs)
    return InspectionSeen(
        steps=steps_seen(
            inspection.steps_taken,
            needs_approval=bool(inspection.needs_approval),
            elapsed=elapsed,
        ),
        inputs=inputs[:first],
        folded=inputs[first:],
        disagreements=report.disagreements,
        missing=missing_runtime(inspection, inspection.needed_runtime),
        is_unanswered=inspection.status == Inspection.Status.QUEUED
        and now - inspection.requested_at > UNANSWERED,
        heard=_heard(inspection, now) if runs else None,
        same_file=list(services.same_file(version)),
        needed=needed,
        offered=tuple(reversed(offered_runtimes())) if needed else (),
    )


def needed_runtime(version: ModelVersion, inspection: Inspection | None) -> MissingRuntime | None:
    """Return the runtime for which a draft's file waits to be inspected again, if it does."""
    if inspection is None or version.is_locked or inspection.status != Inspection.Status.FAILED:
        return None
    return MissingRuntime(minor) if (minor := inspection.found.needs_runtime) else None


def _heard(inspection: Inspection, now: datetime) -> int | None:
    """Seconds since the worker took or renewed its lease."""
    if inspection.lease_until is None:
        return None
    return max(0, int((now - (inspection.lease_until - settings.LEASE)).total_seconds()))


def _proposed(spec: FeatureSpec) -> ProposedInput:
    told = [text for field, text in spec.sources.items() if field not in ("name", "requirement")]
    # "SimpleImputer" adds nothing to "SimpleImputer (median)".
    exact = [text for text in told if not any(other.startswith(f"{text} ") for other in told)]
    sources = ", ".join(dict.fromkeys(exact)) or "–"
    return ProposedInput(spec.name, _type(spec), sources, spec.is_complete)


def _type(spec: FeatureSpec) -> str:
    if spec.kind is Kind.CHOICE:
        return f"{len(spec.choices)} choices"
    word = "Yes / No" if spec.kind is Kind.BOOLEAN else spec.kind_label
    return f"{word}, {spec.unit}" if spec.unit else word
