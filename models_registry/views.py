"""The home page: which models are live."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET

from models_registry.models import ModelVersion


@require_GET
def model_list(request: HttpRequest) -> HttpResponse:
    """Every model with an active version; with exactly one, that model's form straight away."""
    versions = list(
        ModelVersion.objects.active()
        .select_related("model")
        .prefetch_related("targets", "features")
        .order_by("model__name")
    )
    if len(versions) == 1:
        return redirect("executions:create", versions[0].model.slug)
    return render(request, "models_registry/model_list.html", {"versions": versions})
