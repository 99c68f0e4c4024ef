"""The page on which an admin writes to the person whose prediction failed."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from accounts.requests import SignedInRequest
from config.errors import refusals_in
from executions.models import Execution
from monitoring.access import staff_only
from monitoring.models import FailureGroup
from monitoring.support import services
from monitoring.support.forms import ContactForm


@require_http_methods(["GET", "POST"])
@staff_only
def contact(request: SignedInRequest, pk: UUID) -> HttpResponse:
    predictions = Execution.objects.predictions().kept().exclude(user=None)
    execution = get_object_or_404(predictions.select_related("version__model", "user"), pk=pk)
    group = None
    if execution.fingerprint:
        group = FailureGroup.objects.filter(fingerprint=execution.fingerprint).first()
    draft = {
        "subject": services.subject_about(execution),
        "text": services.draft_about(execution, by=request.user),
    }
    form = ContactForm(request.POST or None, initial=draft)
    if request.method == "POST" and form.is_valid():
        with refusals_in(form):
            message = services.write_to_owner(
                execution=execution, by=request.user, group=group, **form.cleaned_data
            )
            messages.success(request, f"Message sent to {execution.user}.")
            if group is None:
                return redirect("monitoring:request", message.request_id)
            return redirect(
                f"{reverse('monitoring:failure', args=[group.pk])}?example={execution.pk}"
            )
    context = {"execution": execution, "group": group, "form": form}
    status = 422 if form.errors else 200
    return render(request, "monitoring/failure_contact.html", context, status=status)
