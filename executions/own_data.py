"""The personal data of this app: what an export contains, and what a closed account leaves."""

from collections.abc import Iterator

from django.db.models import Q

from accounts.models import User
from accounts.privacy.personal_data import Part, Row, register
from executions.batches.reading import results
from executions.models import Execution
from executions.records.purging import empty, empty_replays
from model_host.protocol.codec import to_json
from models_registry.models import RegisteredModel


def _rows(user: User) -> list[Row]:
    executions = (
        Execution.objects.visible_to(user)
        .select_related("version__model")
        .order_by("requested_at", "pk")
    )
    return [
        {
            "id": execution.public_id,
            "model": execution.version.model.name,
            "version": execution.version.number,
            "status": execution.status,
            "requested_at": execution.requested_at,
            "finished_at": execution.finished_at,
            "inputs": execution.inputs,
            "outputs": execution.outputs,
            "error_code": execution.error_code,
            "note": execution.note,
        }
        for execution in executions
    ]


def _batch_rows(user: User) -> Iterator[Row]:
    batches = (
        Execution.objects.batches_of(user)
        .select_related("version__model", "batch")
        .order_by("requested_at", "pk")
    )
    for execution in batches:
        for row in results(execution):
            yield {
                "id": row.id,
                "model": execution.version.model.name,
                "version": execution.version.number,
                "requested_at": execution.requested_at,
                "file_name": execution.batch.file_name,
                "carried": dict(zip(execution.batch.carried, row.carried, strict=False)),
                "inputs": row.inputs,
                "outputs": to_json(row.outputs),
                "problem": row.problem,
            }


def _erase(user: User) -> None:
    """Remove the person's data. Id, version, status, times and error class stay, so that statistics
    stay correct."""
    user.rows_files.all().delete()
    empty_replays(Execution.objects.filter(Q(replay_of__user=user) | Q(user=user)))
    empty(list(user.executions.values_list("pk", flat=True)))


register(Part("predictions", _rows, _erase))


def _file_rows(user: User) -> list[Row]:
    """The files with rows that are kept for a day."""
    return [
        {
            "name": str(file),
            "model": file.model.name,
            "size": file.size,
            "created_at": file.created_at,
            "expires_at": file.expires_at,
        }
        for file in user.rows_files.filter(model__in=RegisteredModel.objects.visible_to(user))
        .select_related("model")
        .order_by("created_at")
    ]


register(Part("files with rows", _file_rows, lambda user: None))  # erased with the executions
register(Part("batch rows", _batch_rows, lambda user: None))  # erased with the executions
