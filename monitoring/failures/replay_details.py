"""The details of a replay for its page: the verdict and everything recorded."""

from dataclasses import dataclass

from executions.errors import ERROR_LABELS
from executions.models import Execution
from executions.records import attempt_log
from executions.records.fingerprint import readable
from executions.records.hiding import masked
from executions.results.answer import Answer
from executions.results.presentation import answer_of
from executions.services.replaying import Verdict, verdict_of
from executions.trials.trace_details import StepLine, TraceView, trace_view
from model_host.protocol.trace import Trace
from monitoring.failures.example import LoggedAttempt, inputs_of
from monitoring.failures.folded_traceback import Frame, Item, folded, read_stack
from monitoring.failures.loss import Loss, loss_of

_ICONS = {
    Verdict.RUNNING: ("run", "arrow-repeat"),
    Verdict.SAME_ERROR: ("warn", "exclamation-triangle"),
    Verdict.OTHER_ERROR: ("bad", "x-circle-fill"),
    Verdict.SUCCEEDS: ("ok", "check-circle-fill"),
    Verdict.STOPPED: ("off", "slash-circle"),
}


@dataclass(frozen=True)
class Summary:
    """The verdict, and its status badge."""

    replay: Execution
    verdict: Verdict
    tone: str
    icon: str
    trace: TraceView | None

    @property
    def cause(self) -> StepLine | None:
        """The first step that made a value infinite or NaN."""
        steps = self.trace.steps if self.trace else ()
        return next((step for step in steps if step.is_cause), None)

    @property
    def parent(self) -> StepLine | None:
        """The step around that one."""
        steps = self.trace.steps if self.trace else ()
        if self.cause is None:
            return None
        before = steps[: steps.index(self.cause)]
        around = (step for step in reversed(before) if step.depth < self.cause.depth)
        return next((step for step in around if step.depth), None)

    @property
    def raised(self) -> StepLine | None:
        """The innermost step that raised; those around it passed it on."""
        steps = self.trace.steps if self.trace else ()
        return next((step for step in reversed(steps) if step.has_failed), None)

    @property
    def headline(self) -> str:
        """The outcome in a line, without values of the inputs."""
        replay = self.replay
        if replay.status != Execution.Status.FAILED:
            return ""
        words = ": ".join(filter(None, [replay.exception, readable(replay.failure_title)]))
        return words or ERROR_LABELS[replay.error_code]


@dataclass(frozen=True)
class Library:
    """One library that ran; ``trained`` is "" where the file does not say, or says the same."""

    name: str
    running: str
    trained: str


@dataclass(frozen=True)
class ReplayView:
    """The details of a replay. ``frame`` are (input, dtype, value) of the row the model was called
    with; ``steps`` pairs each step with the first row that came out of it."""

    summary: Summary
    loss: Loss | None
    answer: Answer | None
    inputs: list[tuple[str, str]]
    frame: list[tuple[str, str, str]]
    steps: list[tuple[StepLine, list[tuple[str, str]]]]
    warnings: list[str]
    stack: list[Item]
    libraries: list[Library]
    attempts: list[LoggedAttempt]
    message: str


def replay_summary(replay: Execution, original: Execution) -> Summary:
    verdict = verdict_of(replay, original)
    tone, icon = _ICONS[verdict]
    trace = replay.read_trace()
    shown = trace_view(trace, _labels(original)) if trace else None
    return Summary(replay, verdict, tone, icon, shown)


def _labels(execution: Execution) -> dict[str, str]:
    return {feature.name: feature.label for feature in execution.version.features.all()}


def replay_view(replay: Execution, original: Execution) -> ReplayView:
    summary = replay_summary(replay, original)
    recorded, outputs = replay.read_trace() or Trace("full"), replay.read_outputs()
    return ReplayView(
        summary=summary,
        loss=loss_of(original, replay) if replay.version_id == original.version_id else None,
        answer=answer_of(replay),
        inputs=inputs_of(replay) if replay.inputs is not None else [],
        frame=[(cell.name, cell.dtype, cell.value) for cell in recorded.frame],
        steps=_steps(summary.trace, recorded),
        warnings=[
            masked(text, replay)
            for text in (
                *dict.fromkeys(recorded.warnings),
                *(outputs.notes if outputs else ()),
            )
        ],
        stack=_stack(replay, recorded),
        libraries=_libraries(replay, recorded),
        attempts=[
            LoggedAttempt(attempt, attempt_log.read(attempt.log))
            for attempt in replay.attempts.all()
        ],
        message=masked(replay.message, replay),
    )


def _steps(
    trace: TraceView | None, recorded: Trace
) -> list[tuple[StepLine, list[tuple[str, str]]]]:
    rows = [
        [(cell.name or f"column {place}", cell.value) for place, cell in enumerate(step.row)]
        for step in recorded.steps
    ]
    return list(zip(trace.steps if trace else (), rows, strict=True))


def _stack(replay: Execution, recorded: Trace) -> list[Item]:
    """The calls with their variables where they were recorded, else those of the traceback."""
    told = read_stack(masked(replay.traceback, replay))
    raised = [item for item in told if item.kind == "raise"][-1:]
    frames = tuple(
        Frame(
            frame.file,
            frame.line,
            frame.function,
            variables=tuple((name, masked(text, replay)) for name, text in frame.variables.items()),
        )
        for frame in recorded.stack
    )
    return [*folded(frames), *raised] if frames else told


def _libraries(replay: Execution, recorded: Trace) -> list[Library]:
    trained = replay.version.libraries_trained
    return [
        Library(name, number, trained[name] if trained.get(name, number) != number else "")
        for name, number in sorted(recorded.libraries.items())
    ]
