"""The page on which an admin sets a bound on the next version, against a value that a step lost."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from accounts.requests import SignedInRequest
from config.errors import refusals_as_messages
from executions.models import Execution
from models_registry.services import propose_bound
from monitoring.access import staff_only
from monitoring.failures.loss import latest_replay, loss_of
from monitoring.failures.triage import add_note
from monitoring.models import FailureGroup


@require_http_methods(["GET", "POST"])
@staff_only
def set_bound(request: SignedInRequest, pk: UUID) -> HttpResponse:
    """Show the effect of the bound, and set it on the next version when that is confirmed."""
    failures = Execution.objects.failures().kept().select_related("version__model")
    execution = get_object_or_404(failures.prefetch_related("version__features"), pk=pk)
    group = FailureGroup.objects.filter(fingerprint=execution.fingerprint).first()
    loss = loss_of(execution, latest_replay(execution))
    if loss is None or loss.bound is None or loss.feature is None:
        messages.info(request, "No bound is known that would refuse this value.")
        return redirect(_page_of(execution, group))
    if request.method == "POST":
        with refusals_as_messages(request):
            draft = propose_bound(
                version=execution.version,
                input=loss.feature.name,
                bound=loss.bound,
                by=request.user,
            )
            what = f"{loss.bound.words} for {loss.feature.label} on {draft.short_name}"
            if group is not None:
                add_note(group=group, text=f"Set {what}.", by=request.user)
            messages.success(request, f"Set {what}, a draft. Test it, then promote it.")
            return redirect("admin:models_registry_modelversion_change", draft.pk)
    context = {
        "execution": execution,
        "group": group,
        "loss": loss,
        "bound": loss.bound,
        "back": _page_of(execution, group),
    }
    return render(request, "monitoring/failure_bound.html", context)


def _page_of(execution: Execution, group: FailureGroup | None) -> str:
    if group is None:
        return reverse("admin:executions_execution_change", args=[execution.pk])
    return f"{reverse('monitoring:failure', args=[group.pk])}?example={execution.pk}"
