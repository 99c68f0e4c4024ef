"""Operations on executions: request and cancel."""

import hashlib
import json
import uuid
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Value
from django.db.models.functions import Now

from accounts.activity import record
from accounts.models import User
from config.queue import kick
from executions.batches.lifecycle import close_chunks
from executions.errors import (
    AlreadyFinished,
    NoActiveVersion,
    NotAnAdmin,
    OtherContent,
)
from executions.models import Execution
from executions.records.search_text import own_text, text_of_inputs
from executions.services.limits import check_prediction_rate, check_queue
from executions.tasks import submit_execution
from models_registry.inputs.input_schema import CleanedInputs, InputSchema
from models_registry.models import ModelVersion, TestCase
from models_registry.services import check_runnable

NET = timedelta(seconds=4)
"""The time that the first task may take before the sweep dispatches the execution."""


@transaction.atomic
def request_execution(
    *,
    user: User,
    version: ModelVersion,
    inputs: CleanedInputs,
    form_token: uuid.UUID,
    purpose: Execution.Purpose = Execution.Purpose.PREDICTION,
    retry_of: Execution | None = None,
    test_case: TestCase | None = None,
    replay_of: Execution | None = None,
    by_program: bool = False,
) -> Execution:
    """Accept one run of ``version`` on checked inputs with one INSERT; it is durable from then on.

    The same form sent twice with the same inputs is the same execution. Of a program, whose token
    has a rate of its own, ``form_token`` stands for an idempotency key (`token_of_key`): with other
    inputs it raises OtherContent. Raises TooManyRequests over the person's rate, QueueFull under
    back-pressure, NoActiveVersion for a prediction with a version that is not live, NotAnAdmin for
    a test or replay of an account that may not publish, and NotInspected, VersionAltered or
    IncompleteSchema for a version that cannot run.
    """
    if not inputs.is_valid:
        raise ValueError("inputs must be checked before an execution is requested")
    if purpose == Execution.Purpose.PREDICTION and not version.is_active:
        raise NoActiveVersion
    if purpose != Execution.Purpose.PREDICTION and not (user.is_active and user.may_publish):
        raise NotAnAdmin
    check_runnable(version)
    # One request of a person at a time: a double click waits here and then finds the first one.
    User.objects.select_for_update(no_key=True).only("pk").get(pk=user.pk)
    digest = inputs_sha256(inputs)
    same = Execution.objects.filter(user=user, form_token=form_token)
    twin = (same if by_program else same.filter(inputs_sha256=digest)).first()
    if twin is not None:
        if by_program and (twin.inputs_sha256, twin.version_id) != (digest, version.pk):
            raise OtherContent
        return twin
    if purpose == Execution.Purpose.PREDICTION and not by_program:
        check_prediction_rate(user)
    check_queue(user)
    schema = InputSchema(tuple(feature.spec for feature in version.features.all()))
    execution = Execution.objects.create(
        user=user,
        version=version,
        version_sha256=version.sha256,
        version_revision=version.revision,
        purpose=purpose,
        inputs=inputs.values,
        inputs_sha256=digest,
        search_text=text_of_inputs(schema, inputs.values),
        search_own=own_text(schema, inputs.values, ""),
        warnings=list(inputs.warnings),
        form_token=form_token,
        by_program=by_program,
        retry_of=retry_of,
        test_case=test_case,
        replay_of=replay_of,
        dispatch_after=Now() + Value(NET),
        deadline=Now() + Value(settings.QUEUE_DEADLINE),
    )
    record(f"{purpose.label.lower()} requested", by=user, target=execution.public_id)
    kick(submit_execution, str(execution.pk))
    return execution


def inputs_sha256(inputs: CleanedInputs) -> str:
    """Return the digest of the values, the same for the same values in any order."""
    return hashlib.sha256(json.dumps(inputs.values, sort_keys=True).encode()).hexdigest()


@transaction.atomic
def cancel_execution(*, execution: Execution, by: User) -> Execution:
    """Cancel an execution that is not finished. A worker that runs it loses its lease and stops the
    model; its later report changes nothing. A batch keeps the rows that are done. Raises
    AlreadyFinished."""
    canceled = (
        Execution.objects.filter(pk=execution.pk)
        .exclude(status__in=Execution.FINISHED)
        .update(status=Execution.Status.CANCELED, finished_at=Now(), lease_until=None)
    )
    if not canceled:
        raise AlreadyFinished
    if execution.purpose == Execution.Purpose.BATCH:
        close_chunks(execution.pk)
    noun = "batch" if execution.purpose == Execution.Purpose.BATCH else "prediction"
    record(f"{noun} canceled", by=by, target=execution.public_id)
    execution.refresh_from_db()
    return execution
