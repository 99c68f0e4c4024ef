"""Access to executions: the row that the person may touch, or 404."""

import uuid
from collections.abc import Iterable

from django.shortcuts import get_object_or_404

from accounts.requests import SignedInRequest
from executions.models import Execution, ExecutionQuerySet


def own_execution(request: SignedInRequest, pk: uuid.UUID) -> Execution:
    """Return the person's own prediction with its version, model and explanation selected."""
    own = Execution.objects.visible_to(request.user)
    execution = get_object_or_404(own.select_related("version__model", "explanation"), pk=pk)
    execution.user = request.user
    return execution


def own_executions(request: SignedInRequest) -> ExecutionQuerySet:
    """Return the person's own predictions, newest first, with all columns that a row shows."""
    return with_rows(Execution.objects.visible_to(request.user)).order_by("-requested_at", "-pk")


def own_listed(request: SignedInRequest) -> ExecutionQuerySet:
    """Return the person's own predictions and batches, newest first, as rows show them."""
    own = with_rows(Execution.objects.listed_for(request.user)).select_related("batch")
    return own.order_by("-requested_at", "-pk")


def with_rows(executions: ExecutionQuerySet) -> ExecutionQuerySet:
    """Select exactly the columns and relations of ``executions`` that a row of a list shows."""
    return (
        executions.select_related("version__model")
        .prefetch_related("version__features", "version__targets")
        .defer("traceback", "diagnostics", "search_text", "search_own")
    )


def asked_id(text: str) -> uuid.UUID | None:
    """Parse an id from a request; None if it is not a UUID."""
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def asked_ids(texts: Iterable[str]) -> list[uuid.UUID]:
    """Return the ids among ``texts``, each once."""
    return list(dict.fromkeys(pk for text in texts if (pk := asked_id(text))))
