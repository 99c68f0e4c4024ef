"""Storage of explanations: which executions get one, how it is written and read."""

import uuid

from django.db import transaction

from executions.models import Execution, ExecutionQuerySet, Explanation
from model_host.protocol import explanation
from model_host.protocol.codec import to_json

EXPLAINED_PURPOSES = (Execution.Purpose.PREDICTION, Execution.Purpose.TEST)


def unexplained() -> ExecutionQuerySet:
    """Return succeeded predictions and tests that still have their values and no explanation
    yet."""
    return Execution.objects.kept().filter(
        status=Execution.Status.SUCCEEDED,
        purged_at=None,
        purpose__in=EXPLAINED_PURPOSES,
        explanation=None,
    )


@transaction.atomic
def store_explanation(
    execution_id: uuid.UUID, *, content: explanation.Explanation | None = None, problem: str = ""
) -> bool:
    """Write an explanation, or the sentence why there is none, once; False where there is one
    already, and where the execution was deleted or purged meanwhile."""
    still_there = Execution.objects.kept().filter(
        pk=execution_id, status=Execution.Status.SUCCEEDED, purged_at=None
    )
    if not still_there.select_for_update(no_key=True).exists():
        return False
    if Explanation.objects.filter(pk=execution_id).exists():  # whoever has the row writes alone
        return False
    Explanation.objects.create(execution_id=execution_id, content=to_json(content), problem=problem)
    return True


def explanation_of(execution: Execution) -> Explanation | None:
    """Return the execution's explanation, None while there is none. No query where it was selected
    with the execution."""
    return getattr(execution, "explanation", None)
