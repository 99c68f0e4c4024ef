"""The pages that roll back to an earlier version and that verify a stored file again."""

from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone

from config.errors import refusals_in
from engine.heartbeats import missing_runtime
from models_registry import services
from models_registry.admin.page import version_page
from models_registry.forms.deployment_forms import RollbackForm
from models_registry.models import ModelVersion, Rehearsal
from models_registry.visibility import people_who_see
from notifications.models import Kind
from notifications.services import count_of_people

CASES_TAKE = timedelta(seconds=30)
"""The time that the page waits for requested cases; after that it shows their state."""


def rollback(request: Any, pk: int) -> HttpResponse:
    """Show the checks of the file and the effects of the rollback; a POST rolls back."""
    version = get_object_or_404(ModelVersion.objects.select_related("model"), pk=pk)
    form = RollbackForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        with refusals_in(form):
            services.roll_back(version=version, reason=form.cleaned_data["reason"], by=request.user)
            messages.success(request, f"{version} is live again.")
            return redirect("admin:models_registry_registeredmodel_change", version.model_id)
    return version_page(
        request,
        "rollback",
        version,
        title=f"Make {version.short_name} of {version.model} active again",
        live=version.model.versions.active().first(),
        form=form,
        people=count_of_people(Kind.ROLLBACK, people_who_see(version.model)),
        status=422 if form.errors else 200,
        **_check(version),
        **_cases(version),
    )


def verify(request: Any, pk: int) -> HttpResponse:
    """Show the result of the last check of the stored file; a POST checks again."""
    version = get_object_or_404(ModelVersion.objects.select_related("model"), pk=pk)
    if request.method == "POST":
        services.request_rehearsal(version=version, kind=Rehearsal.Kind.CHECK, by=request.user)
        return redirect("admin:models_registry_modelversion_verify", pk)
    return version_page(
        request,
        "verify",
        version,
        title=f"Verify the file of {version.short_name} of {version.model}",
        **_check(version),
    )


def _check(version: ModelVersion) -> dict[str, Any]:
    """The latest check of the current file; ``is_checked`` while it is recent and passed."""
    check = version.rehearsals.filter(kind=Rehearsal.Kind.CHECK, sha256=version.sha256).first()
    return {
        "check": check,
        "missing": check and missing_runtime(check, check.needed_runtime),
        "is_checked": services.latest_check(version) is not None,
    }


def _cases(version: ModelVersion) -> dict[str, Any]:
    """The saved cases: those that differ, and the number that has not run since the check was
    requested."""
    check = version.rehearsals.filter(kind=Rehearsal.Kind.CHECK, sha256=version.sha256).first()
    waiting = 0
    if check is not None and check.requested_at > timezone.now() - CASES_TAKE:
        fresh = version.cases.filter(ran_at__gte=check.requested_at)
        waiting = version.cases.count() - fresh.count()
    return {
        "cases": version.cases.count(),
        "passing": version.cases.passing().count(),
        "differing": list(version.cases.open()),
        "waiting": waiting,
    }
