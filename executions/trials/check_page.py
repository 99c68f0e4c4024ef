"""What is looked at before an earlier version comes back: its file, and its saved cases."""

import uuid
from typing import Any

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from config.errors import refusals_as_messages
from executions.services.cases import run_cases
from models_registry.models import ModelVersion, Rehearsal
from models_registry.services import request_rehearsal


@require_POST
def check(request: Any, version_pk: int) -> HttpResponse:
    """Have the stored file hashed and opened, and every saved case run; back to the rollback."""
    version = get_object_or_404(ModelVersion.objects.select_related("model"), pk=version_pk)
    request_rehearsal(version=version, kind=Rehearsal.Kind.CHECK, by=request.user)
    with refusals_as_messages(request, "The saved cases did not run."):
        run_cases(version=version, form_token=uuid.uuid4(), by=request.user)
    return redirect("admin:models_registry_modelversion_rollback", version.pk)
