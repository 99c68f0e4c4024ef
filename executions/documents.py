"""Predictions on paper."""

import uuid

from django.http import HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from accounts.requests import SignedInRequest
from config.pdf import pdf_response
from config.rate import too_many_requests
from executions.access import own_execution
from executions.errors import TooManyRequests
from executions.explanations.views import explanation_context
from executions.presentation import answer_of, error_sentence, input_texts
from executions.services.history import record_export


@require_POST
def execution_pdf(request: SignedInRequest, pk: uuid.UUID) -> HttpResponse:
    """One prediction: the answer, how sure the model was, what moved it, and all inputs."""
    execution = own_execution(request, pk)
    try:
        record_export(count=1, by=request.user)
    except TooManyRequests as error:
        return too_many_requests(request, error.seconds)
    schema = execution.version.features.as_schema()
    context = explanation_context(execution, schema) | {
        "execution": execution,
        "model": execution.version.model,
        "answer": answer_of(execution),
        "failure": error_sentence(execution),
        "inputs": input_texts(schema, execution.inputs or {}),
        "person": request.user,
        "now": timezone.now(),
    }
    return pdf_response(
        request,
        f"prediction_{execution.public_id}.pdf",
        "pdf/prediction.html",
        context,
        page=reverse("executions:detail", args=[pk]),
    )
