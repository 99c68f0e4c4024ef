"""Views that change a failure group and redirect back to its page."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from accounts.requests import SignedInRequest
from config.errors import refusals_as_messages
from config.text.numbers import whole_number
from executions.access import asked_ids
from monitoring.access import staff_only
from monitoring.failures import triage
from monitoring.failures.forms import NoteForm, ResolveForm, ReviewForm
from monitoring.failures.views import group_or_404, group_page
from monitoring.models import FailureGroup

SELECTED = 100


@require_POST
@staff_only
def review(request: SignedInRequest, pk: int) -> HttpResponse:
    group, form = group_or_404(pk), ReviewForm(request.POST)
    if not form.is_valid():
        return group_page(request, group, status=422, review=form)
    note = form.cleaned_data["note"]
    return _act(request, group, triage.mark_reviewed, group=group, category=form.chosen, note=note)


@require_POST
@staff_only
def resolve(request: SignedInRequest, pk: int) -> HttpResponse:
    group = group_or_404(pk)
    form = ResolveForm(group, request.POST)
    if not form.is_valid():
        return group_page(request, group, status=422, resolve=form)
    return _act(
        request,
        group,
        triage.mark_resolved,
        group=group,
        version=form.cleaned_data["version"],
        note=form.cleaned_data["note"],
    )


@require_POST
@staff_only
def reopen(request: SignedInRequest, pk: int) -> HttpResponse:
    group = group_or_404(pk)
    return _act(request, group, triage.reopen, group=group)


@require_POST
@staff_only
def note(request: SignedInRequest, pk: int) -> HttpResponse:
    group, form = group_or_404(pk), NoteForm(request.POST)
    if not form.is_valid():
        return group_page(request, group, status=422, note=form)
    return _act(request, group, triage.add_note, group=group, text=form.cleaned_data["note"])


@require_POST
@staff_only
def review_failures(request: SignedInRequest, pk: int) -> HttpResponse:
    """Mark one failure of the group or the ticked ones reviewed; or undo the review of one."""
    group, ids = group_or_404(pk), asked_ids(request.POST.getlist("ids"))[:SELECTED]
    if "back" in request.POST:
        return _act(request, group, triage.take_reviews_back, group=group, failures=ids)
    form = ReviewForm(request.POST)
    if not form.is_valid():
        messages.error(request, "Choose a cause.")
        return _back(request, group)
    return _act(
        request,
        group,
        triage.mark_failures_reviewed,
        group=group,
        failures=ids,
        category=form.chosen,
        note=form.cleaned_data["note"],
    )


@require_POST
@staff_only
def review_groups(request: SignedInRequest) -> HttpResponse:
    """Mark the ticked groups of the list reviewed."""
    numbers = [whole_number(text) for text in request.POST.getlist("ids")]
    form = ReviewForm(request.POST)
    with refusals_as_messages(request):
        if form.is_valid():
            count = triage.mark_several_reviewed(
                groups=[pk for pk in numbers if pk is not None][:SELECTED],
                category=form.chosen,
                note=form.cleaned_data["note"],
                by=request.user,
            )
            messages.success(request, f"{count} marked as reviewed.")
        else:
            messages.error(request, "Choose a cause.")
    return redirect(f"{reverse('monitoring:failures')}?{request.GET.urlencode()}")


def _act(
    request: SignedInRequest, group: FailureGroup, service: Any, /, **arguments: Any
) -> HttpResponse:
    with refusals_as_messages(request):
        service(by=request.user, **arguments)
    return _back(request, group)


def _back(request: SignedInRequest, group: FailureGroup) -> HttpResponse:
    """The redirect to the group's page, at the failure that it showed."""
    page, query = reverse("monitoring:failure", args=[group.pk]), request.GET.urlencode()
    return redirect(f"{page}?{query}" if query else page)
