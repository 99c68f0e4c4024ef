"""Who may touch which execution: the row, or 404."""

import uuid

from django.shortcuts import get_object_or_404

from accounts.requests import SignedInRequest
from executions.models import Execution


def own_execution(request: SignedInRequest, pk: uuid.UUID) -> Execution:
    """The person's own prediction, with its version and model at hand."""
    return get_object_or_404(
        Execution.objects.visible_to(request.user).select_related("version__model"), pk=pk
    )
