"""Views of requests for help: the person's page about one prediction, and the admins' list and
answers."""

from functools import partial
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.db.models import Count, OuterRef, Subquery
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.requests import SignedInRequest
from config.errors import refusals_as_messages, refusals_in
from config.keyset import page_of
from executions.access import own_execution
from executions.results.presentation import answer_of
from monitoring.access import staff_only
from monitoring.failures.example import example_of
from monitoring.models import FailureGroup, SupportMessage, SupportRequest
from monitoring.support import services
from monitoring.support.forms import AnswerForm, AskForm


@require_http_methods(["GET", "POST"])
def support_create(request: SignedInRequest, pk: UUID) -> HttpResponse:
    """Show the thread about one of the person's own predictions, with a message field below it."""
    execution = own_execution(request, pk)
    if not execution.is_finished:
        raise Http404("There is nothing to ask about before it is finished.")
    form = AskForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        services.ask(execution=execution, text=form.cleaned_data["text"], by=request.user)
        messages.success(request, "Sent to the administrators. You are notified of their answer.")
        return redirect("monitoring:support_create", execution.pk)
    context = {
        "execution": execution,
        "form": form,
        "thread": _thread(_of_prediction(pk)),
        "support": _of_prediction(pk),
    }
    status = 422 if form.errors else 200
    return render(request, "monitoring/support_form.html", context, status=status)


def _of_prediction(pk: UUID) -> SupportRequest | None:
    return SupportRequest.objects.filter(execution=pk).first()


def _thread(support: SupportRequest | None) -> list[SupportMessage]:
    return list(support.messages.select_related("by")) if support else []


@require_GET
@staff_only
def request_list(request: SignedInRequest) -> HttpResponse:
    chosen = request.GET.get("state", SupportRequest.State.OPEN)
    counts = dict(
        SupportRequest.objects.order_by().values_list("state").annotate(count=Count("pk"))
    )
    states = SupportRequest.State.values
    found = SupportRequest.objects.filter(state__in=[chosen] if chosen in states else states)
    last = SupportMessage.objects.filter(request=OuterRef("pk"), is_from_admin=False)
    found = found.select_related("execution__version__model", "user").annotate(
        last_words=Subquery(last.order_by("-pk").values("text")[:1])
    )
    page = page_of(found, "updated_at", request.GET)
    tabs = [
        (state.label, counts.get(state, 0), state.value, state == chosen)
        for state in SupportRequest.State
    ]
    tabs.append(("All", sum(counts.values()), "all", chosen not in states))
    pager = page.pager(f"{len(page.rows)} shown, last written first", partial(_address, chosen))
    context = {"requests": page.rows, "tabs": tabs, "pager": pager, "chosen": chosen}
    return render(request, "monitoring/support_list.html", context)


def _address(state: str, **asked: str) -> str:
    """The list's address with its filter."""
    state = state if state in SupportRequest.State.values else "all"
    return f"?{urlencode({'state': state, **asked})}"


def _request_or_404(pk: int) -> SupportRequest:
    rows = SupportRequest.objects.select_related("execution__version__model", "execution__user")
    return get_object_or_404(rows, pk=pk)


@require_http_methods(["GET", "POST"])
@staff_only
def request_detail(request: SignedInRequest, pk: int) -> HttpResponse:
    """Show one thread beside its prediction, with a field for the answer."""
    support = _request_or_404(pk)
    execution = support.execution
    form = AnswerForm(request.POST or None)
    group = FailureGroup.objects.filter(fingerprint=execution.fingerprint or "-").first()
    if request.method == "POST" and form.is_valid():
        with refusals_in(form):
            services.write_to_owner(
                execution=execution,
                subject=services.subject_about(execution),
                text=form.cleaned_data["text"],
                by=request.user,
                group=group,
            )
            messages.success(request, f"Answered {execution.user}.")
            return redirect("monitoring:request", pk)
    example = example_of(execution)
    context = {
        "support": support,
        "thread": _thread(support),
        "execution": execution,
        "example": example,
        "answer": None if example.is_deleted else answer_of(execution),
        "group": group,
        "form": form,
        "back": reverse("monitoring:requests"),
    }
    status = 422 if form.errors else 200
    return render(request, "monitoring/support_request.html", context, status=status)


@require_POST
@staff_only
def close_request(request: SignedInRequest, pk: int) -> HttpResponse:
    with refusals_as_messages(request):
        services.close(request=_request_or_404(pk), by=request.user)
    return redirect("monitoring:requests")
