"""One failure of a group for display: the person's message, the inputs and the traceback.

Values of sensitive inputs are hidden everywhere, in messages too; a prediction that its person
deleted shows only status, times, version and error class.
"""

from dataclasses import dataclass

from executions.models import Attempt, Execution
from executions.records import attempt_log
from executions.records.attempt_log import LogLine
from executions.records.hiding import HIDDEN, masked, sensitive_names
from executions.results.answer import input_text
from executions.results.presentation import error_sentence
from models_registry.inputs.input_schema import InputSchema
from monitoring.failures.folded_traceback import Item, read_stack


@dataclass(frozen=True)
class LoggedAttempt:
    """One attempt with its parsed log."""

    attempt: Attempt
    lines: tuple[LogLine, ...]


@dataclass(frozen=True)
class Example:
    """One failure for display. ``inputs`` are (label, value as displayed); ``is_deleted``: the
    person deleted it."""

    execution: Execution
    is_deleted: bool
    sentence: str
    message: str
    inputs: list[tuple[str, str]]
    stack: list[Item]
    traceback: str
    attempts: list[LoggedAttempt]
    retries: list[Execution]


def example_of(execution: Execution) -> Example:
    is_deleted = execution.deleted_at is not None or execution.inputs is None
    traceback = "" if is_deleted else masked(execution.traceback, execution)
    return Example(
        execution=execution,
        is_deleted=is_deleted,
        sentence="" if is_deleted else masked(error_sentence(execution), execution),
        message="" if is_deleted else masked(execution.message, execution),
        inputs=[] if is_deleted else inputs_of(execution),
        stack=read_stack(traceback),
        traceback=traceback,
        attempts=[
            LoggedAttempt(attempt, attempt_log.read(attempt.log))
            for attempt in execution.attempts.all()
        ],
        retries=list(execution.retries.kept().select_related("version")[:5]),
    )


def inputs_of(execution: Execution) -> list[tuple[str, str]]:
    """Return the inputs for display, sensitive ones hidden."""
    schema = InputSchema(tuple(feature.spec for feature in execution.version.features.all()))
    sensitive, values = sensitive_names(execution), schema.read(execution.inputs or {})
    return [
        (
            feature.label,
            HIDDEN if feature.name in sensitive else input_text(feature, values[feature.name]),
        )
        for feature in schema.in_form_order
        if feature.is_asked or values[feature.name] is not None
    ]
