"""Access to executions: the row that the person may touch, or 404."""

import uuid
from collections.abc import Iterable

from django.shortcuts import get_object_or_404

from accounts.requests import SignedInRequest
from executions.models import Execution, ExecutionQuerySet


def own_execution(request: SignedInRequest, pk: uuid.UUID) -> Execution:
    """The person's own prediction, with its version and model at hand."""
    return get_object_or_404(
        Execution.objects.visible_to(request.user).select_related("version__model"), pk=pk
    )


def own_executions(request: SignedInRequest) -> ExecutionQuerySet:
    """The person's own predictions, newest first, with all that a row shows."""
    return with_rows(Execution.objects.visible_to(request.user)).order_by("-requested_at", "-pk")


def with_rows(executions: ExecutionQuerySet) -> ExecutionQuerySet:
    """``executions`` with all that a row of a list shows, and nothing that it does not."""
    return (
        executions.select_related("version__model")
        .prefetch_related("version__features", "version__targets")
        .defer("traceback", "diagnostics", "search_text", "search_own")
    )


def asked_id(text: str) -> uuid.UUID | None:
    """An id that came with a request; None where it is none."""
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def asked_ids(texts: Iterable[str]) -> list[uuid.UUID]:
    """Those of ``texts`` that are ids, each once."""
    return list(dict.fromkeys(pk for text in texts if (pk := asked_id(text))))
