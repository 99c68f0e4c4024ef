"""The page that states the effects of a promotion and promotes."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.html import format_html

from config.errors import refusals_in
from engine import wakeup
from models_registry import services
from models_registry.admin.page import version_page
from models_registry.forms.deployment_forms import PromoteForm
from models_registry.models import ModelVersion
from models_registry.promotion.metric_changes import metric_changes
from models_registry.promotion.readiness import Readiness, readiness_of
from models_registry.visibility import people_who_see
from notifications.models import Kind
from notifications.services import count_of_people


def promote(request: Any, pk: int) -> HttpResponse:
    """Show the checklist, and the candidate beside the active version; a POST promotes."""
    version = get_object_or_404(ModelVersion.objects.select_related("model"), pk=pk)
    if version.status == ModelVersion.Status.ARCHIVED:
        return redirect("admin:models_registry_modelversion_rollback", pk)
    ready = readiness_of(version)
    form = PromoteForm(ready, request.POST or None)
    if request.method == "POST" and form.is_valid() and _promoted(request, ready, form):
        url = reverse("executions:create", args=[version.model.slug])
        messages.success(request, format_html('{} is live. <a href="{}">Open it</a>', version, url))
        return redirect("admin:models_registry_modelversion_change", pk)
    return version_page(
        request,
        "promote",
        version,
        title=f"Promote {version.short_name} of {version.model}",
        live=ready.live,
        ready=ready,
        problems=ready.problems(),
        metrics=_metrics(ready),
        form=form,
        people=count_of_people(Kind.DEPLOYMENT, people_who_see(version.model)),
        status=422 if form.errors else 200,
    )


def _promoted(request: Any, ready: Readiness, form: PromoteForm) -> bool:
    """Have the workers open the version, then promote it; the service checks every condition."""
    if not ready.problems():
        wakeup.warm(ready.version.pk, wait_seconds=wakeup.WARM_SECONDS)
    with refusals_in(form):
        services.promote(version=ready.version, by=request.user, **form.cleaned_data)
    return form.is_valid()


def _metrics(ready: Readiness) -> Any:
    before = ready.live.metrics if ready.live else {}
    return metric_changes(before, ready.version.metrics, ready.version.training.metric_direction)
