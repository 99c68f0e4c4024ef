"""Naming of failed executions by fingerprint, and hiding of the values that a failure may not show.

This module never returns the values of sensitive inputs or of deleted inputs.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Any, TypedDict

from executions.models import Execution
from executions.records.fingerprint import cause_of, hidden
from models_registry.models import ModelVersion

HIDDEN = "[hidden]"
_WORD = re.compile(r"\w{3,}")


class Named(TypedDict):
    """The columns of an execution that name its failure."""

    fingerprint: str
    exception: str
    failure_title: str
    failing_step: str


def named_failure(
    execution: Execution, *, code: str, message: str, traceback: str, step: str = ""
) -> Named:
    """Return the columns that name a failure of ``execution``. Requires its version selected."""
    inputs = execution.inputs or {}
    texts = [value for value in inputs.values() if isinstance(value, str)]
    texts += sensitive_texts(execution)
    cause = cause_of(message=message, traceback=traceback, step=step, values=texts)
    return Named(
        fingerprint=cause.fingerprint(code=code, model_id=execution.version.model_id),
        exception=cause.exception,
        failure_title=cause.title,
        failing_step=cause.step,
    )


def name_failures(executions: Sequence[Execution]) -> None:
    """Name failed executions that were written without a name. Requires their versions selected and
    the features prefetched."""
    for execution in executions:
        _name(execution)
    Execution.objects.bulk_update(executions, list(Named.__annotations__), batch_size=100)


def _name(execution: Execution) -> None:
    trace = execution.read_trace()
    named = named_failure(
        execution,
        code=execution.error_code,
        message=execution.message,
        traceback=execution.traceback,
        step=(trace and trace.failing_step) or "",
    )
    for field, value in named.items():
        setattr(execution, field, value)


def sensitive_names(execution: Execution) -> set[str]:
    """Return the names of the version's sensitive inputs."""
    return {feature.name for feature in execution.version.features.all() if feature.is_sensitive}


def no_longer_sensitive(own: ModelVersion, other: ModelVersion) -> list[str]:
    """Return the labels of the inputs that are sensitive in ``own``, but not in ``other``."""
    open_ones = other.features.filter(is_sensitive=False).values("name")
    closed = own.features.filter(is_sensitive=True, name__in=open_ones)
    return [str(feature) for feature in closed]


def sensitive_texts(execution: Execution) -> list[str]:
    """Return every form in which a message may repeat a value of a sensitive input."""
    names = sensitive_names(execution)
    given = [value for name, value in (execution.inputs or {}).items() if name in names]
    return [text for value in given for text in _forms(value)]


def masked(text: str, execution: Execution) -> str:
    """Return ``text`` without the values of the execution's sensitive inputs."""
    return hidden(text, sensitive_texts(execution), HIDDEN)


def shown_inputs(execution: Execution) -> dict[str, Any]:
    """Return the inputs by name, with those hidden that an admin may not see."""
    names = sensitive_names(execution)
    return {
        name: HIDDEN if name in names else value for name, value in (execution.inputs or {}).items()
    }


def shown_outputs(execution: Execution) -> dict[str, Any] | None:
    """Return the stored outputs, without the values of sensitive inputs in the model's own words:
    its warnings quote what they are about."""
    outputs = execution.outputs
    if outputs is None:
        return None
    words = {
        name: [masked(text, execution) for text in outputs.get(name, [])]
        for name in ("warnings", "notes")
    }
    return {**outputs, **words}


def _forms(value: Any) -> Iterable[str]:
    if isinstance(value, bool) or value is None:
        return []
    if isinstance(value, str):
        return [value, *_WORD.findall(value)]
    forms = {str(value), repr(float(value)), f"{value:g}", f"{value:,}"}
    return forms | {str(int(value))} if float(value).is_integer() else forms
