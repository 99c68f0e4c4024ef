"""The page of one execution for admins: version, inputs, output, attempts and Prefect's flow run.

From the moment a person deletes a prediction only status, times, version and error class are shown;
values of sensitive inputs and notes never are.
"""

import json
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_GET

from accounts.admin import admin_page
from config.text.numbers import written_with
from config.text.plain_text import escaped
from engine.heartbeats import missing_runtime
from executions.explanations.contributions import Contributions, read_contributions
from executions.explanations.storing import explanation_of
from executions.models import Attempt, Execution
from executions.records import attempt_log
from executions.records.attempt_log import LogLine
from executions.records.flow_run_copies import FlowRunCopy, flow_run_of
from executions.records.hiding import (
    HIDDEN,
    masked,
    sensitive_names,
    shown_inputs,
    shown_outputs,
)
from executions.results.answer import input_text
from executions.results.presentation import drawn_answer_of, error_sentence
from executions.trials.trace_details import trace_view
from models_registry.inputs.input_schema import InputSchema

LEVELS = {"": ("INFO", "WARNING", "ERROR"), "warning": ("WARNING", "ERROR"), "error": ("ERROR",)}
LEVEL_LABELS = {"": "All", "warning": "Warnings and errors", "error": "Errors"}


@dataclass(frozen=True)
class AttemptView:
    """One attempt: its log, filtered by level, and its flow run."""

    attempt: Attempt
    lines: tuple[LogLine, ...]
    flow_run: FlowRunCopy | None
    flow_run_url: str

    @property
    def number(self) -> int:
        return self.attempt.number


def run_page(request: HttpRequest, execution: Execution) -> HttpResponse:
    """Show the page of an execution. Requires its version, model and user selected."""
    level = _level(request)
    hidden = is_withheld(execution)
    attempts = [] if hidden else [_attempt(one, level) for one in execution.attempts.all()]
    return admin_page(
        request,
        "admin/executions/execution/run.html",
        title=execution.public_id,
        subtitle=None,
        opts=Execution._meta,
        execution=execution,
        version=execution.version,
        is_withheld=hidden,
        is_slow=is_slow(execution),
        missing=missing_runtime(execution, execution.version.runtime),
        attempts=attempts,
        prefect_sign_in=_prefect_sign_in(attempts),
        level=level,
        levels=LEVEL_LABELS.items(),
        **({} if hidden else _contents(execution)),
    )


@require_GET
def log_file(request: HttpRequest, pk: Any) -> HttpResponse:
    """Download the log of all attempts as a text file, with every level or those that the page
    shows."""
    execution = get_object_or_404(Execution, pk=pk)
    level = _level(request)
    attempts = [] if is_withheld(execution) else list(execution.attempts.all())
    lines = [f"{execution.public_id}, {len(attempts)} attempt{'' if len(attempts) == 1 else 's'}"]
    for attempt in attempts:
        lines.append(f"--- Attempt {attempt.number}, {attempt.worker or 'no worker'}")
        with written_with("."):
            lines += [
                escaped(f"{one.time_text} {one.level} {one.event}".strip())
                for one in _lines(attempt, level)
            ]
    name = f"{execution.public_id}.log"
    return HttpResponse(
        "\n".join(lines) + "\n",
        content_type="text/plain; charset=utf-8",
        headers={"Content-Disposition": content_disposition_header(True, name)},
    )


def is_withheld(execution: Execution) -> bool:
    """Return whether the person deleted this execution, or the one that it repeats."""
    original = execution.replay_of or execution
    return bool(
        execution.deleted_at or execution.purged_at or original.deleted_at or original.purged_at
    )


def is_slow(execution: Execution) -> bool:
    took = execution.response_time
    return took is not None and took.total_seconds() > execution.version.model.slow_seconds


def _level(request: HttpRequest) -> str:
    level = request.GET.get("level", "")
    return level if level in LEVELS else ""


def _lines(attempt: Attempt, level: str) -> tuple[LogLine, ...]:
    return tuple(line for line in attempt_log.read(attempt.log) if line.level in LEVELS[level])


def _attempt(attempt: Attempt, level: str) -> AttemptView:
    has_page = attempt.flow_run_id and settings.PREFECT_UI_URL
    return AttemptView(
        attempt=attempt,
        lines=_lines(attempt, level),
        flow_run=flow_run_of(attempt),
        flow_run_url=f"{settings.PREFECT_UI_URL}/runs/flow-run/{attempt.flow_run_id}"
        if has_page
        else "",
    )


def _prefect_sign_in(attempts: list[AttemptView]) -> str:
    """The address where Prefect asks for its password, which its page of a run does not; empty if
    there is none."""
    is_linked = any(attempt.flow_run_url for attempt in attempts)
    asks = settings.PREFECT_API_AUTH_STRING
    return f"{settings.PREFECT_UI_URL}/login" if is_linked and asks else ""


def _contents(execution: Execution) -> dict[str, Any]:
    """The parts of the page that contain the person's values."""
    schema = execution.version.features.as_schema()
    sensitive = sensitive_names(execution)
    trace = execution.read_trace()
    warnings = [masked(warning, execution) for warning in execution.warnings]
    return {
        "inputs": _input_lines(schema, execution, sensitive),
        "answer": drawn_answer_of(execution),
        "error_sentence": masked(error_sentence(execution), execution),
        "message": masked(execution.message, execution),
        "traceback": masked(execution.traceback, execution),
        "warnings": schema.shown_warnings(warnings, execution.inputs or {}),
        "trace": trace_view(trace) if trace else None,
        "trained_with": sorted(execution.version.libraries_trained.items()),
        "contributions": _contributions(execution, schema, sensitive),
        "raw": escaped(
            json.dumps(
                {
                    "id": str(execution.pk),
                    "inputs": shown_inputs(execution) if execution.inputs is not None else None,
                    "outputs": shown_outputs(execution),
                    "warnings": warnings,
                },
                cls=DjangoJSONEncoder,
                ensure_ascii=False,
                indent=2,
            ),
            keep="\n",
        ),
    }


def _input_lines(
    schema: InputSchema, execution: Execution, sensitive: set[str]
) -> list[tuple[str, str, str]]:
    """(label, name, value with unit) in the form's order."""
    values = schema.read(execution.inputs or {})
    return [
        (
            feature.label,
            feature.name,
            HIDDEN if feature.name in sensitive else input_text(feature, values[feature.name]),
        )
        for feature in schema.in_form_order
        if feature.is_asked or values[feature.name] is not None
    ]


def _contributions(
    execution: Execution, schema: InputSchema, sensitive: set[str]
) -> Contributions | None:
    explanation = explanation_of(execution)
    content = explanation.read_content() if explanation else None
    if content is None:
        return None
    shown = InputSchema(tuple(one for one in schema.features if one.name not in sensitive))
    targets = list(execution.version.targets.all())
    return read_contributions(content, shown, execution.inputs or {}, targets)
