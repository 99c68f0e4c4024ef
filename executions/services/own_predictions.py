"""Operations on a person's own predictions: retry, note, delete, restore."""

import uuid
from collections.abc import Collection
from typing import Any

from django.db import transaction
from django.db.models.functions import Now

from accounts.activity import record
from accounts.models import User
from executions.errors import NotRetryable
from executions.models import Execution
from executions.records.search_text import own_text
from executions.services.limits import EXPORTED, check_export_rate
from executions.services.requesting import request_execution
from models_registry.inputs.input_schema import CleanedInputs
from models_registry.models import ModelVersion


@transaction.atomic
def retry_execution(
    *,
    execution: Execution,
    version: ModelVersion,
    inputs: CleanedInputs,
    form_token: uuid.UUID,
    by: User,
) -> Execution:
    """Try a failed or canceled prediction again on ``version``, the live one, whose schema has
    checked the same ``inputs`` anew. Raises NotRetryable, and what ``request_execution`` raises."""
    if not execution.may_be_retried:
        raise NotRetryable
    return request_execution(
        user=by, version=version, inputs=inputs, form_token=form_token, retry_of=execution
    )


@transaction.atomic
def write_note(*, execution: Execution, note: str, by: User) -> Execution:
    """Save the person's private note on one of their predictions; an empty one removes it."""
    note = note.replace("\r\n", "\n").strip()
    if note == execution.note:
        return execution
    schema = execution.version.features.as_schema()
    execution.note = note
    execution.search_own = own_text(schema, execution.inputs or {}, note)
    execution.save(update_fields=["note", "search_own"])
    record("note written" if note else "note removed", by=by, target=execution.public_id)
    return execution


@transaction.atomic
def delete_executions(*, ids: Collection[uuid.UUID], by: User) -> list[Execution]:
    """Hide the person's predictions with these ids from every list at once. One that is not
    finished stays. Returns those that were deleted; each can be restored for 30 days."""
    found = list(Execution.objects.visible_to(by).finished().filter(pk__in=ids).select_for_update())
    Execution.objects.filter(pk__in=[row.pk for row in found]).update(deleted_at=Now())
    for execution in found:
        record("prediction deleted", by=by, target=execution.public_id)
    return found


@transaction.atomic
def restore_executions(*, ids: Collection[uuid.UUID], by: User) -> list[Execution]:
    """Restore executions that the person deleted less than 30 days ago. Returns the restored
    ones."""
    found = list(
        Execution.objects.recoverable_by(by).filter(pk__in=ids).select_for_update(no_key=True)
    )
    Execution.objects.filter(pk__in=[row.pk for row in found]).update(deleted_at=None)
    for execution in found:
        what = "batch" if execution.is_batch else "prediction"
        record(f"{what} restored", by=by, target=execution.public_id)
    return found


@transaction.atomic
def record_export(*, count: int, by: User, about: dict[str, Any] | None = None) -> None:
    """Count an export against the person's rate and record it; ``about`` describes an admin's
    export. Raises TooManyRequests."""
    User.objects.select_for_update(no_key=True).get(pk=by.pk)
    check_export_rate(by)
    record(EXPORTED, by=by, after={"rows": count} | (about or {}))
