"""The personal data of this app: what an export contains, and what a closed account leaves.

What a person typed or brought is theirs, also where they do not see the model any more; of such a
model neither its name nor any answer is told.
"""

from collections.abc import Iterator

from django.db.models import Q

from accounts.models import User
from accounts.privacy.personal_data import Part, Row, register
from config.keyset import newer
from executions.batches.reading import results
from executions.models import Execution, ExecutionQuerySet
from executions.records.purging import empty, empty_replays
from model_host.protocol.codec import to_json
from models_registry.visibility import UNSEEN, hidden_ids

ROWS_AT_ONCE = 1000


def _rows(user: User) -> Iterator[Row]:
    hidden = hidden_ids(user)
    own = Execution.objects.predictions().kept().filter(user=user)
    for execution in _each(own.select_related("version__model")):
        is_seen = execution.version.model_id not in hidden
        yield {
            "id": execution.public_id,
            "model": execution.version.model.name if is_seen else UNSEEN,
            "version": execution.version.number if is_seen else None,
            "status": execution.status,
            "requested_at": execution.requested_at,
            "finished_at": execution.finished_at,
            "inputs": execution.inputs,
            "outputs": execution.outputs if is_seen else None,
            "error_code": execution.error_code if is_seen else "",
            "note": execution.note,
        }


def _each(executions: ExecutionQuerySet) -> Iterator[Execution]:
    """All executions, the oldest first, a page at a time by keyset: a person may have a million."""
    rows = executions.defer("traceback", "diagnostics", "search_text", "search_own")
    rows = rows.order_by("requested_at", "pk")
    page = list(rows[:ROWS_AT_ONCE])
    while page:
        yield from page
        # The plain bound lets the database start in its index where the last page ended.
        begins = rows.filter(requested_at__gte=page[-1].requested_at)
        page = list(newer(begins, "requested_at", than=page[-1])[:ROWS_AT_ONCE])


def _batch_rows(user: User) -> Iterator[Row]:
    hidden = hidden_ids(user)
    own = Execution.objects.batches().kept().filter(user=user)
    for execution in own.select_related("version__model", "batch").order_by("requested_at", "pk"):
        is_seen = execution.version.model_id not in hidden
        for row in results(execution):
            yield {
                "id": row.id,
                "model": execution.version.model.name if is_seen else UNSEEN,
                "version": execution.version.number if is_seen else None,
                "requested_at": execution.requested_at,
                "file_name": execution.batch.file_name,
                "carried": dict(zip(execution.batch.carried, row.carried, strict=False)),
                "inputs": row.inputs,
                "outputs": to_json(row.outputs) if is_seen else None,
                "problem": row.problem if is_seen else "",
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
    hidden = hidden_ids(user)
    return [
        {
            "name": str(file),
            "model": UNSEEN if file.model_id in hidden else file.model.name,
            "size": file.size,
            "created_at": file.created_at,
            "expires_at": file.expires_at,
        }
        for file in user.rows_files.select_related("model").order_by("created_at")
    ]


register(Part("files with rows", _file_rows, lambda user: None))  # erased with the executions
register(Part("batch rows", _batch_rows, lambda user: None))  # erased with the executions
