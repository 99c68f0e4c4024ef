"""The pane of one result, beside the form that made it or by itself."""

import uuid
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.db.models import prefetch_related_objects
from django.urls import reverse
from django.utils import timezone

from config.keyset import older
from engine.heartbeats import missing_runtime
from executions.api.snippets import Snippets, snippets_of
from executions.comparison.change import Change, change
from executions.errors import OF_VALUES
from executions.explanations.views import explanation_context
from executions.models import Execution, ExecutionQuerySet
from executions.results.answer import Answer
from executions.results.presentation import (
    blamed_input,
    drawn_answer_of,
    error_sentence,
    example_of,
    input_texts,
)
from models_registry.inputs.input_schema import InputSchema
from models_registry.models import ModelVersion

RETRIES = 5
FIRST_POLL_MS, SLOWEST_POLL_MS = 300, 2000
SOONEST_POLL_MS, LATEST_FIRST_POLL_MS = 150, 1000
EXPLAINED = timedelta(milliseconds=250)
"""The time after a result in which a free worker has explained it."""
BRIEF = timedelta(seconds=1.5)
"""A run shorter than this never shows a running state."""


def pane_of(
    execution: Execution, schema: InputSchema, *, asked: int, former: Execution | None = None
) -> dict[str, Any]:
    """Return the context of the result pane of one execution; ``former`` is the one whose result it
    replaced."""
    elapsed = timezone.now() - execution.requested_at
    is_brief = not execution.is_finished and elapsed < BRIEF
    before = _answered_before(execution, former) if is_brief else None
    answer = drawn_answer_of(execution)
    attempt = None if is_brief else execution.attempts.last()
    return {
        "execution": execution,
        "model": execution.version.model,
        "version": execution.version,
        "answer": answer,
        "error_sentence": error_sentence(execution),
        "is_of_values": execution.error_code in OF_VALUES,
        "blamed": blamed_input(execution, schema),
        "warnings": schema.shown_warnings(execution.warnings, execution.inputs or {}),
        "inputs": input_texts(schema, execution.inputs or {}),
        "retry_token": uuid.uuid4() if execution.may_be_retried else None,
        "original": _original(execution),
        "retries": list(_retries(execution)),
        "compare_url": _compare_url(execution, former),
        "former": former,
        "change": _change(execution, former, schema, answer) if former else None,
        "flow_run_id": attempt.flow_run_id if attempt else None,
        "can_cancel": not execution.is_finished,
        "snippets": _snippets(execution, schema),
        "elapsed_seconds": elapsed.total_seconds(),
        "missing": missing_runtime(execution, execution.version.runtime),
        "is_brief": is_brief,
        "before": before,
        "answer_before": _drawn_before(execution, before) if is_brief else None,
        "poll_n": asked + 1,
        "poll_ms": _poll_ms(asked, elapsed, before),
    } | explanation_context(execution, schema)


def schema_of(version: ModelVersion) -> InputSchema:
    """The version's input schema. Its features and targets are then read once for all parts of the
    page."""
    prefetch_related_objects([version], "features", "targets")
    return version.features.as_schema()


def sharing(version: ModelVersion, executions: Iterable[Execution]) -> list[Execution]:
    """The executions, those of the version with this very row, and so with what was read with
    it."""
    found = list(executions)
    for execution in found:
        if execution.version_id == version.pk:
            execution.version = version
    return found


def _snippets(execution: Execution, schema: InputSchema) -> Snippets | None:
    """How a program asks the same, while the model's version is live."""
    if not execution.is_finished or not execution.version.is_active or execution.purged_at:
        return None
    return snippets_of(execution.version, schema, execution.inputs or {})


def _change(
    execution: Execution, former: Execution, schema: InputSchema, answer: Answer | None
) -> Change | None:
    """What changed from the former result, if both have an answer."""
    was, now = former.read_outputs(), execution.read_outputs()
    if was is None or now is None or was.task != now.task or former.pk == execution.pk:
        return None
    return change(
        was,
        now,
        list(execution.version.targets.all()),
        inputs=execution.inputs or {},
        former_inputs=former.inputs or {},
        schema=schema,
        scale=answer.interval.scale if answer and answer.interval else None,
    )


def _poll_ms(asked: int, elapsed: timedelta, before: Execution | None) -> int:
    """The time until the page polls: first when the result and its explanation can be expected, by
    the person's last run; then later and later."""
    if asked:
        return min(FIRST_POLL_MS << min(asked - 1, 10), SLOWEST_POLL_MS)
    if before is None or before.response_time is None:
        return FIRST_POLL_MS
    left: float = (before.response_time + EXPLAINED - elapsed).total_seconds()
    return min(max(round(1000 * left), SOONEST_POLL_MS), LATEST_FIRST_POLL_MS)


def _answered_before(execution: Execution, former: Execution | None) -> Execution | None:
    """The answer that stood beside the form, else the person's last one of this version."""
    if former is not None and former.status == Execution.Status.SUCCEEDED:
        return former
    succeeded = _earlier(execution).filter(status=Execution.Status.SUCCEEDED)
    return next(iter(sharing(execution.version, succeeded[:1])), None)


def _drawn_before(execution: Execution, before: Execution | None) -> Answer | None:
    """The answer that stays in place, grey, until a brief run is over: the person's last one, else
    the example."""
    if before:
        return drawn_answer_of(before)
    example = example_of(execution.version, schema_of(execution.version))
    return example.answer if example else None


def _original(execution: Execution) -> Execution | None:
    """The execution that this one retries, unless its owner deleted it."""
    if execution.retry_of_id is None:
        return None
    originals = Execution.objects.kept().select_related("version")
    return originals.filter(pk=execution.retry_of_id).first()


def _retries(execution: Execution) -> Iterable[Execution]:
    """The retries of this execution, the newest first."""
    if not execution.may_be_retried:
        return ()
    return execution.retries.kept().predictions().select_related("version")[:RETRIES]


def _earlier(execution: Execution) -> ExecutionQuerySet:
    """The person's finished predictions with the model before this one, the newest first."""
    own = (
        Execution.objects.visible_to(execution.user) if execution.user else Execution.objects.none()
    )
    own = own.filter(version__model=execution.version.model_id).finished()
    return older(own, "requested_at", than=execution).order_by("-requested_at", "-pk")


def _compare_url(execution: Execution, former: Execution | None) -> str:
    """The comparison with the result that this one replaced, else with the person's prediction
    before it, where there is one."""
    if not execution.is_finished:
        return ""
    if former and former.is_finished and former.pk != execution.pk:
        before = [former.pk]
    else:
        before = list(_earlier(execution).values_list("pk", flat=True)[:1])
    return "".join(f"{reverse('executions:compare')}?ids={pk}&ids={execution.pk}" for pk in before)
