"""Predictions on paper."""

import uuid
from collections.abc import Mapping
from typing import Any

from django.http import HttpResponse
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_POST

from accounts.requests import SignedInRequest
from config.pdf import render_pdf
from config.rate import too_many_requests
from executions.access import own_execution
from executions.errors import TooManyRequests
from executions.explanations.views import explanation_context
from executions.history.acts import record_export
from executions.presentation import answer_of, error_sentence, input_texts


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
    return pdf_response(f"prediction_{execution.public_id}.pdf", "pdf/prediction.html", context)


def pdf_response(file_name: str, template: str, context: Mapping[str, Any]) -> HttpResponse:
    return HttpResponse(
        render_pdf(template, context),
        content_type="application/pdf",
        headers={"Content-Disposition": content_disposition_header(True, file_name)},
    )
