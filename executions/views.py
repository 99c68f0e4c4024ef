"""The pages of people who use a model: its form, one execution, their history."""

import uuid
from typing import Any

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.requests import SignedInRequest
from config.errors import DomainError
from executions import services
from executions.access import own_execution
from executions.errors import QueueFull, TooManyRequests
from executions.forms import InputForm, with_fix
from executions.models import Execution, ExecutionQuerySet
from executions.presentation import answer_of, error_sentence, input_texts, rows
from models_registry.input_schema import InputSchema
from models_registry.models import ModelVersion

PAGE_SIZE = 25
RECENT = 5
FIRST_POLL_MS = 150
SLOWEST_POLL_MS = 2000
BRIEF_SECONDS = 1.5
"""A run shorter than this never shows a running state."""


@require_http_methods(["GET", "POST"])
def create_execution(request: SignedInRequest, slug: str) -> HttpResponse:
    version = get_object_or_404(
        ModelVersion.objects.active().select_related("model"), model__slug=slug
    )
    schema = version.features.as_schema()
    mark = request.user.decimal_mark
    if request.method == "GET":
        form = InputForm(schema, values=_starting_values(request, schema), decimal_mark=mark)
        return _form_page(request, version, form)
    if "fix" in request.POST:
        form = InputForm(schema, with_fix(request.POST), decimal_mark=mark)
        form.is_valid()
        return _form_page(request, version, form, status=422 if form.errors else 200)
    form = InputForm(schema, request.POST, decimal_mark=mark)
    if not form.is_valid():
        return _form_page(request, version, form, status=422)
    try:
        execution = services.request_execution(
            user=request.user,
            version=version,
            inputs=form.cleaned_inputs,
            form_token=form.cleaned_data["form_token"],
        )
    except DomainError as error:
        form.add_error(None, error.message)
        return _form_page(request, version, form, status=_status(error))
    page = reverse("executions:detail", args=[execution.pk])
    return redirect(f"{page}#result")  # on a phone the page opens at the result


def _status(error: DomainError) -> int:
    return {TooManyRequests: 429, QueueFull: 503}.get(type(error), 422)


def _starting_values(request: SignedInRequest, schema: InputSchema) -> dict[str, Any]:
    """The values the form opens with: those of an earlier execution, typical ones, or none."""
    if "typical" in request.GET:
        return schema.typical_values()
    source = _uuid(request.GET.get("from", ""))
    return (own_execution(request, source).inputs or {}) if source else {}


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def _form_page(
    request: SignedInRequest,
    version: ModelVersion,
    form: InputForm,
    *,
    result: dict[str, Any] | None = None,
    status: int = 200,
) -> HttpResponse:
    """The form beside a result: that of ``result``, or the one that stood there before an invalid
    submit, which stays, marked as made with other values."""
    last = _uuid(request.POST.get("after", ""))
    if result is None and last:
        result = _result(own_execution(request, last), asked=0)
    recent = list(_executions(request).finished().filter(version__model=version.model)[:RECENT])
    context = (result or {}) | {
        "model": version.model,
        "version": version,
        "form": form,
        "error_summary": form.error_summary if form.is_bound else [],
        "is_stale": form.is_bound,
        "typical_url": f"{reverse('executions:create', args=[version.model.slug])}?typical=1",
        "recent": rows(recent),
    }
    return render(request, "executions/execution_form.html", context, status=status)


@require_GET
def execution_detail(request: SignedInRequest, pk: uuid.UUID) -> HttpResponse:
    """One execution: beside the form that made it while its version is live, else by itself."""
    execution = own_execution(request, pk)
    result = _result(execution, asked=_asked(request))
    if execution.version.is_active:
        form = InputForm(
            execution.version.features.as_schema(),
            values=execution.inputs,
            decimal_mark=request.user.decimal_mark,
        )
        return _form_page(request, execution.version, form, result=result)
    return render(request, "executions/execution_detail.html", result)


@require_GET
def execution_status(request: SignedInRequest, pk: uuid.UUID) -> HttpResponse:
    """The result pane alone, asked for at a growing interval until the execution is finished."""
    execution = own_execution(request, pk)
    return render(request, "executions/_status.html", _result(execution, asked=_asked(request)))


def _asked(request: SignedInRequest) -> int:
    """How often the page has asked for this result."""
    asked = request.GET.get("n", "0")
    return int(asked) if asked.isdecimal() and len(asked) < 5 else 1


def _result(execution: Execution, *, asked: int) -> dict[str, Any]:
    """Everything the result pane shows of one execution."""
    schema = execution.version.features.as_schema()
    elapsed = (timezone.now() - execution.requested_at).total_seconds()
    attempt = execution.attempts.last()
    return {
        "execution": execution,
        "model": execution.version.model,
        "version": execution.version,
        "answer": answer_of(execution),
        "error_sentence": error_sentence(execution),
        "warnings": execution.warnings,
        "inputs": input_texts(schema, execution.inputs or {}),
        "flow_run_id": attempt.flow_run_id if attempt else None,
        "can_cancel": not execution.is_finished,
        "elapsed_seconds": elapsed,
        "is_brief": elapsed < BRIEF_SECONDS,
        "poll_n": asked + 1,
        "poll_ms": min(FIRST_POLL_MS * 2 ** min(asked, 10) // 2 or 1, SLOWEST_POLL_MS),
    }


@require_POST
def cancel_execution(request: SignedInRequest, pk: uuid.UUID) -> HttpResponse:
    execution = own_execution(request, pk)
    if not execution.is_finished:
        services.cancel_execution(execution=execution, by=request.user)
    return redirect("executions:detail", execution.pk)


@require_GET
def execution_list(request: SignedInRequest) -> HttpResponse:
    executions = _executions(request)
    before = _uuid(request.GET.get("before", ""))
    if before:
        last = own_execution(request, before)
        executions = executions.older_than(last)
    page = list(executions[: PAGE_SIZE + 1])
    shown = page[:PAGE_SIZE]
    pager = {
        "text": f"{len(shown)} shown, newest first",
        "newer_url": request.path if before else "",
        "older_url": f"?before={shown[-1].pk}" if len(page) > PAGE_SIZE else "",
    }
    return render(request, "executions/execution_list.html", {"rows": rows(shown), "pager": pager})


def _executions(request: SignedInRequest) -> ExecutionQuerySet:
    """The person's own predictions, newest first, with all that a row shows."""
    return (
        Execution.objects.visible_to(request.user)
        .select_related("version__model")
        .prefetch_related("version__features", "version__targets")
        .order_by("-requested_at", "-pk")
    )
