"""State changes of executions that workers and the sweep report.

Every change of state is a compare-and-set of `engine/run_claims.py`.
"""

import uuid
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F, Max, Q, Sum, Value
from django.db.models.functions import Concat, Greatest, Least, Now
from django.urls import reverse
from django.utils import timezone

from config.text.numbers import count_text, written_with
from engine.wakeup import say_ended
from executions.batches.lifecycle import close_chunks, has_open_chunks
from executions.errors import ERROR_LABELS, NO_RUNTIME, ErrorCode, user_sentence
from executions.models import Attempt, Batch, Execution, ExecutionQuerySet
from executions.records import attempt_log
from executions.records.hiding import masked, named_failure
from executions.records.search_text import text_of_result
from model_host.protocol.codec import to_json
from model_host.protocol.outputs import Outputs, TargetOutput
from model_host.protocol.trace import Trace
from models_registry.services import judge_case, mark_tested
from notifications.models import Context, Notification
from notifications.services import notify

RETRY_DELAYS: dict[ErrorCode, tuple[timedelta, ...]] = {
    "STORAGE": (timedelta(seconds=1), timedelta(seconds=3))
}
"""Error classes that are retried automatically, and the delay after each attempt."""

CHECK_AFTER = timedelta(seconds=20)
"""The time that a submitted execution may stay queued before the sweep checks its flow run."""

CHECK_SLOWEST = timedelta(seconds=60)
"""The longest pause between two such checks. Each pause is as long as the execution has been
queued: checking a long queue every 20 s overloaded Prefect and blocked the queue."""


@dataclass(frozen=True)
class Failure:
    """The failure of an attempt: an error class of `executions/errors.py`, a sentence, and for
    admins the traceback, the trace, and the path of the step that failed, where it is known."""

    code: ErrorCode
    message: str
    traceback: str = ""
    trace: Trace | None = None
    step: str = ""


@transaction.atomic
def mark_submitted(execution_id: uuid.UUID, *, attempt: int, flow_run_id: uuid.UUID) -> None:
    """Store the attempt's flow run id; the status is not changed, so this cannot race the
    worker. The execution comes before the attempt, as in a claim: else each could wait for the
    other."""
    waited = Now() - F("requested_at")
    Execution.objects.queued().filter(pk=execution_id, attempt=attempt).update(
        dispatch_after=Now() + Greatest(Value(CHECK_AFTER), Least(waited, Value(CHECK_SLOWEST)))
    )
    _note_attempt(execution_id, attempt, flow_run_id=flow_run_id)


def mark_running(
    execution_id: uuid.UUID, *, attempt: int, owner: str, flow_run_id: uuid.UUID | None = None
) -> Execution | None:
    """Claim a queued execution; returns None if it is no longer queued for this attempt.

    The worker names its flow run, too: whoever created it may have died before noting it.
    """
    known = {"flow_run_id": flow_run_id} if flow_run_id else {}
    with transaction.atomic(savepoint=False):
        if not Execution.objects.filter(pk=execution_id).claim(attempt=attempt, owner=owner):
            return None
        _note_attempt(execution_id, attempt, worker=owner, started_at=Now(), **known)
    return Execution.objects.select_related("version__model").get(pk=execution_id)


def extend_lease(execution_id: uuid.UUID, *, attempt: int, owner: str) -> bool:
    """Renew the lease for another 30 s; returns False once it is lost, and then nothing may be
    written."""
    held = Execution.objects.held_by(owner, attempt).filter(pk=execution_id)
    return bool(held.extend_lease())


@transaction.atomic
def mark_succeeded(
    execution: Execution,
    *,
    owner: str,
    outputs: Outputs,
    warnings: list[str],
    trace: Trace | None = None,
    log: str = "",
) -> bool:
    """Write the result, once; False if this worker no longer holds the execution."""
    result_text = text_of_result(outputs, list(execution.version.targets.all()))
    held = Execution.objects.held_by(owner, execution.attempt).filter(pk=execution.pk)
    execution.outputs = to_json(outputs)
    written = held.end(
        Execution.Status.SUCCEEDED,
        outputs=execution.outputs,
        search_text=Concat("search_text", Value(result_text)),
        warnings=warnings,
        diagnostics=to_json(trace),
    )
    if not written:
        return False
    _close_attempt(execution, Attempt.Outcome.SUCCEEDED, log)
    _say_ended(execution)
    if execution.purpose == Execution.Purpose.TEST:
        mark_tested(
            version_id=execution.version_id,
            sha256=execution.version_sha256,
            revision=execution.version_revision,
        )
        _judge(execution, outputs)
    return True


@transaction.atomic
def mark_failed(execution: Execution, *, owner: str, failure: Failure, log: str = "") -> bool:
    """Write why the attempt failed. An error class that is retried returns the execution to the
    queue for the next attempt; any other ends it and notifies its owner."""
    held = Execution.objects.held_by(owner, execution.attempt).filter(pk=execution.pk)
    delays = RETRY_DELAYS.get(failure.code, ())
    if execution.attempt <= len(delays):
        written = held.requeue(after=delays[execution.attempt - 1])
    else:
        written = _fail(held, execution, failure)
    if not written:
        return False
    _close_attempt(
        execution, Attempt.Outcome.FAILED, log or attempt_log.written(0, "ERROR", failure.code)
    )
    if execution.attempt > len(delays):
        _settle_failure(execution, failure)
    return True


@transaction.atomic
def mark_lost(execution: Execution, *, why: str) -> bool:
    """Record that the attempt's worker or flow run is gone: start the next attempt, or fail after
    ``MAX_ATTEMPTS``. The row must still stand as ``execution`` was read."""
    stands = Execution.objects.unchanged(execution).exclude(status__in=Execution.FINISHED)
    is_last = _is_last(execution)
    failure = Failure("CRASH", f"{why} on all {execution.attempt} attempts.")
    if not (_fail(stands, execution, failure) if is_last else stands.requeue()):
        return False
    held = timezone.now() - execution.started_at if execution.started_at else timedelta(0)
    _close_attempt(
        execution,
        Attempt.Outcome.LOST,
        attempt_log.written(held.total_seconds(), "ERROR", why),
    )
    if is_last:
        _settle_failure(execution, failure)
    return True


@transaction.atomic
def mark_batch_done(execution: Execution, *, owner: str, log: str = "") -> bool:
    """End a batch whose chunks are all done; False if this worker no longer holds it. The answers
    are in the chunks; the execution's own says how many there are, for lists of executions."""
    held = Execution.objects.held_by(owner, execution.attempt).filter(pk=execution.pk)
    if has_open_chunks(execution.pk):
        return False
    sums = execution.chunks.aggregate(rows=Sum("row_count"), failed=Sum("failed_count"))
    with written_with("."):  # it is stored
        text = f"{count_text(sums['rows'])} rows"
        text += f", {count_text(sums['failed'])} without an answer" if sums["failed"] else ""
    outputs = Outputs("other", (TargetOutput("prediction", None, text=text),))
    if not held.end(Execution.Status.SUCCEEDED, outputs=to_json(outputs)):
        return False
    _close_attempt(execution, Attempt.Outcome.SUCCEEDED, log)
    _say_ended(execution)
    if execution.user is not None and execution.batch.source == Batch.Source.FILE:
        notify(
            execution.user,
            kind=Notification.Kind.BATCH_FINISHED,
            cause=f"execution {execution.pk}",
            title=f"Finished: {text}",
            text=f"{execution.batch.came_as}, with {execution.version}.",
            url=reverse("executions:batch", args=[execution.pk]),
            context=Context(model_id=execution.version.model_id),
        )
    return True


def mark_handed_back(execution: Execution, *, why: str) -> bool:
    """Return the execution to the queue for its next attempt now, before the lease ends."""
    held = Execution.objects.held_by(execution.lease_owner, execution.attempt)
    row = held.select_related("version__model", "user").filter(pk=execution.pk).first()
    return row is not None and mark_lost(row, why=why)


@transaction.atomic
def mark_undeliverable(execution: Execution, *, message: str) -> bool:
    """Fail an execution whose run Prefect refused for good."""
    return _end_queued(execution, Failure("CRASH", message))


@transaction.atomic
def mark_expired(execution: Execution, *, without_runtime: str = "") -> bool:
    """Fail an execution that was not started within the queue deadline; ``without_runtime`` is the
    runtime that it needs, if no worker has it."""
    message = "No worker took the execution before its deadline."
    if without_runtime:
        message = NO_RUNTIME.format(minor=without_runtime)
    return _end_queued(execution, Failure("EXPIRED", message))


def _is_last(execution: Execution) -> bool:
    """Whether no further attempt follows. Of a batch those count that came after its last chunk was
    done: a long one may outlive many workers."""
    if execution.purpose != Execution.Purpose.BATCH or not execution.is_last_attempt:
        return execution.is_last_attempt
    last_done = execution.chunks.aggregate(
        at=Max("finished_at", filter=Q(status=Execution.Status.SUCCEEDED))
    )["at"]
    tries = execution.attempts.filter(number__lte=execution.attempt)
    since = tries.filter(started_at__gt=last_done) if last_done else tries
    return since.count() >= settings.MAX_ATTEMPTS


def _end_queued(execution: Execution, failure: Failure) -> bool:
    queued = Execution.objects.queued().filter(pk=execution.pk, attempt=execution.attempt)
    if not _fail(queued, execution, failure):
        return False
    _settle_failure(execution, failure)
    return True


def _fail(rows: ExecutionQuerySet, execution: Execution, failure: Failure) -> int:
    named = named_failure(
        execution,
        code=failure.code,
        message=failure.message,
        traceback=failure.traceback,
        step=failure.step,
    )
    ended = rows.end(
        Execution.Status.FAILED,
        **named,
        error_code=failure.code,
        message=failure.message,
        traceback=failure.traceback,
        diagnostics=to_json(failure.trace),
    )
    if ended and execution.purpose == Execution.Purpose.BATCH:
        close_chunks(execution.pk)
    return ended


def _judge(execution: Execution, outputs: Outputs | None, problem: str = "") -> None:
    """Record whether the saved case passes, if the run was one of a saved case."""
    if execution.test_case_id is not None:
        judge_case(
            case_id=execution.test_case_id,
            sha256=execution.version_sha256,
            revision=execution.version_revision,
            started_at=execution.started_at or timezone.now(),
            outputs=outputs,
            problem=problem,
        )


def _note_attempt(execution_id: uuid.UUID, number: int, **fields: Any) -> None:
    """Write these fields of an attempt, whose row is made by whoever comes first."""
    Attempt.objects.bulk_create(
        [Attempt(execution_id=execution_id, number=number, **fields)],
        update_conflicts=True,
        unique_fields=["execution", "number"],
        update_fields=list(fields),
    )


def _close_attempt(execution: Execution, outcome: Attempt.Outcome, log: str) -> None:
    _note_attempt(execution.pk, execution.attempt, finished_at=Now(), outcome=outcome, log=log)


def _settle_failure(execution: Execution, failure: Failure) -> None:
    """Notify the owner and judge the saved case after an execution has failed for good."""
    _say_ended(execution)
    _judge(execution, None, f"The run failed: {ERROR_LABELS[failure.code].lower()}.")
    _tell_owner(execution, failure)


def _say_ended(execution: Execution) -> None:
    """Tell a program that waits for the execution, once this is committed."""
    transaction.on_commit(partial(say_ended, execution.pk), robust=True)


def _tell_owner(execution: Execution, failure: Failure) -> None:
    if execution.purpose not in Execution.LISTED or execution.user is None:
        return
    # It is mailed, and the model's own words may quote a sensitive input; the page shows them.
    said = user_sentence(failure.code, masked(failure.message, execution))
    version, page = execution.version, f"{reverse('executions:detail', args=[execution.pk])}#result"
    form = reverse("executions:create", args=[version.model.slug])
    links: tuple[tuple[str, str], ...] = (
        ("Try again with the same inputs", f"{form}?from={execution.pk}"),
        ("Ask an administrator", reverse("monitoring:support_create", args=[execution.pk])),
    )
    if execution.is_batch:
        page = reverse("executions:batch", args=[execution.pk])
        links = (("Open the rows", page),)
    notify(
        execution.user,
        kind=Notification.Kind.EXECUTION_FAILED,
        cause=f"execution {execution.pk}",
        title=f"Your prediction {execution.public_id} failed",
        text=f"{said} Error code: {failure.code}.",
        url=page,
        context=Context(
            model=version.model.name,
            model_id=version.model_id,
            version=version.short_name,
            requested_at=execution.requested_at,
            links=links,
        ),
        bundle=f"model {version.model_id} {failure.code}",
    )
