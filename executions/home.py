"""The first page: the live models, and the person's latest predictions."""

from dataclasses import dataclass

from django.db.models import Count
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET

from accounts.requests import SignedInRequest
from executions.access import own_executions
from executions.models import Execution
from executions.results.presentation import rows
from models_registry.models import Deployment, ModelVersion

LATEST = 5


@dataclass(frozen=True)
class LiveModel:
    """One model in the list: its live version, the time since it is live, whether by a rollback,
    and the number of the person's runs."""

    version: ModelVersion
    deployment: Deployment | None
    runs: int


@require_GET
def home(request: SignedInRequest) -> HttpResponse:
    """List the models with an active version; with exactly one, show that model's form."""
    models = _live_models(request)
    if len(models) == 1:
        return redirect("executions:create", models[0].version.model.slug)
    latest = rows(own_executions(request)[:LATEST])
    return render(request, "executions/home.html", {"models": models, "latest": latest})


def _live_models(request: SignedInRequest) -> list[LiveModel]:
    versions = (
        ModelVersion.objects.active()
        .visible_to(request.user)
        .select_related("model")
        .prefetch_related("targets")
        .annotate(input_count=Count("features"))
        .order_by("model__name")
    )
    runs = dict(
        Execution.objects.visible_to(request.user)
        .order_by()
        .values_list("version__model")
        .annotate(count=Count("pk"))
    )
    current = {one.version_id: one for one in Deployment.objects.filter(ended_at=None)}
    return [
        LiveModel(version, current.get(version.pk), runs.get(version.model_id, 0))
        for version in versions
    ]
