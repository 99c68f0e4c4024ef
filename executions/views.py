"""The pages of people who use a model: its form, and one execution."""

import uuid
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db.models import prefetch_related_objects
from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from redis.exceptions import RedisError

from accounts.requests import SignedInRequest
from config.errors import DomainError
from config.limits.rate_window import too_many_requests
from config.pdf.document import pdf_response
from config.text.numbers import whole_number
from executions import services
from executions.access import asked_id, own_execution, own_executions
from executions.api.asking import waited
from executions.api.snippets import snippets_of
from executions.errors import QueueFull, TooManyRequests
from executions.explanations.views import explanation_context, varied_value
from executions.forms import InputForm, with_fix
from executions.models import Execution
from executions.results.pane import pane_of, schema_of, sharing
from executions.results.presentation import (
    Row,
    answer_of,
    error_sentence,
    example_of,
    input_texts,
    rows,
)
from executions.results.standing import standing
from executions.services.limits import check_form_check_rate
from executions.services.own_predictions import record_export
from models_registry.inputs.input_schema import InputSchema
from models_registry.models import ModelVersion
from models_registry.views import live_version, retired

RECENT = 5


@dataclass(frozen=True)
class Notice:
    """The notice above the form's fields: values that were filled in, and those that did not
    fit."""

    title: str
    problems: tuple[str, ...] = ()


@require_http_methods(["GET", "POST"])
def create_execution(request: SignedInRequest, slug: str) -> HttpResponse:
    version = live_version(slug, request.user)
    if version is None:
        return retired(request, slug)
    schema = schema_of(version)
    mark = request.user.decimal_mark
    if request.method == "GET":
        form = InputForm(schema, values=_starting_values(request, schema), decimal_mark=mark)
        return form_page(request, version, form)
    if "fix" in request.POST:
        form = InputForm(schema, with_fix(request.POST), decimal_mark=mark)
        form.is_valid()
        return form_page(request, version, form, status=422 if form.errors else 200)
    form = InputForm(schema, request.POST, decimal_mark=mark)
    if not form.is_valid():
        return _refused(request, version, form, 422)
    former = _former(request, request.POST, version)
    try:
        execution = services.request_execution(
            user=request.user,
            version=version,
            inputs=form.cleaned_inputs,
            form_token=form.cleaned_data["form_token"],
        )
    except DomainError as error:
        form.add_error(None, error.message)
        response = _refused(request, version, form, _status(error))
        if isinstance(error, TooManyRequests | QueueFull):
            response["Retry-After"] = str(error.seconds)
        return response
    if settings.FORM_WAIT_SECONDS and not execution.is_finished:
        (execution,) = sharing(version, [waited(execution, settings.FORM_WAIT_SECONDS)])
    page = reverse("executions:detail", args=[execution.pk])
    after = f"?after={former.pk}" if former else ""
    if request.htmx:
        return _pane(request, execution, form, former=former, address=f"{page}{after}")
    return redirect(f"{page}{after}#result")  # on a phone the page opens at the result


def _refused(
    request: SignedInRequest, version: ModelVersion, form: InputForm, status: int
) -> HttpResponse:
    """Render the form with what is wrong with it. To a script the status is enough: it leaves the
    form to the browser, whose submit brings the page."""
    if request.htmx:
        return HttpResponse(status=status)
    return form_page(request, version, form, status=status)


def _pane(
    request: SignedInRequest,
    execution: Execution,
    form: InputForm,
    *,
    former: Execution | None,
    address: str,
) -> HttpResponse:
    """Render what a prediction changes on the page of its form: the result's pane, and the hidden
    inputs of the next one. The page then shows what stands at ``address``."""
    context = pane_of(execution, form.input_schema, asked=0, former=former) | {
        "address": address,
        "form_token": uuid.uuid4(),
        "recent": _recent(request, execution.version),
        "standing": standing(form, execution.inputs or {}, is_example=False),
    }
    return render(request, "executions/_pane.html", context)


@require_POST
def check_values(request: SignedInRequest, slug: str) -> HttpResponse:
    """Check a form while it is filled in: the lines below the fields that were left, and the
    summary of the corrections if the page has one. Nothing runs."""
    version = live_version(slug, request.user)
    if version is None:
        return retired(request, slug)
    try:
        check_form_check_rate(request.user)
    except TooManyRequests as error:
        return HttpResponse(status=429, headers={"Retry-After": str(error.seconds)})
    except RedisError:
        pass  # what cannot be counted is still checked
    mark = request.user.decimal_mark
    form = InputForm(version.features.as_schema(), request.POST, decimal_mark=mark)
    form.is_valid()
    if form.non_field_errors():  # the page is of another version: a submit says so
        return HttpResponse(status=204)
    context = {
        "form": form,
        "fields": form.noted(request.POST.getlist("left")),
        "error_summary": form.error_summary,
        "has_summary": "summary" in request.POST,
    }
    return render(request, "executions/_check.html", context)


def _status(error: DomainError) -> int:
    return {TooManyRequests: 429, QueueFull: 503}.get(type(error), 422)


def _starting_values(request: SignedInRequest, schema: InputSchema) -> dict[str, Any]:
    """The values the form opens with: those of an earlier execution, with one value of its what-if
    curve if one is named; typical ones; or none."""
    if "typical" in request.GET:
        return schema.typical_values()
    source = asked_id(request.GET.get("from", ""))
    if source is None:
        return {}
    execution = own_execution(request, source)
    given = request.GET
    varied = varied_value(execution, given.get("input", ""), given.get("point", ""))
    return (execution.inputs or {}) | varied


def form_page(
    request: SignedInRequest,
    version: ModelVersion,
    form: InputForm,
    *,
    result: dict[str, Any] | None = None,
    notice: Notice | None = None,
    status: int = 200,
) -> HttpResponse:
    """Render the form beside a result: that of ``result``, or the one that stood there before, or
    the example. It says so where it was made with other values than the form holds."""
    asked = request.POST if request.method == "POST" else request.GET
    if result is None and (last := _former(request, asked, version)):
        result = pane_of(last, schema_of(last.version), asked=0)
    if result:
        example, made_with = None, result["execution"].inputs
    else:
        typical = form.input_schema.typical_values()
        example = example_of(version, form.input_schema)
        made_with = typical if example else None
        result = {"snippets": snippets_of(version, form.input_schema, typical)}
    context = result | {
        "model": version.model,
        "version": version,
        "form": form,
        "error_summary": form.error_summary if form.is_bound else [],
        "standing": made_with and standing(form, made_with, is_example=example is not None),
        "notice": notice,
        "typical_url": f"{reverse('executions:create', args=[version.model.slug])}?typical=1",
        "recent": _recent(request, version),
        "example": example,
    }
    return render(request, "executions/execution_form.html", context, status=status)


@require_GET
def execution_detail(request: SignedInRequest, pk: uuid.UUID) -> HttpResponse:
    """Show one execution: beside the form that made it while its version is live, else by
    itself. That of a batch leads to its own page."""
    try:
        execution = own_execution(request, pk)
    except Http404:
        if Execution.objects.batches_of(request.user).filter(pk=pk).exists():
            return redirect("executions:batch", pk)
        raise
    former = _former(request, request.GET, execution.version)
    schema = schema_of(execution.version)
    result = pane_of(execution, schema, asked=_asked(request), former=former)
    if execution.version.is_active:
        form = InputForm(
            schema,
            values=execution.inputs,
            decimal_mark=request.user.decimal_mark,
        )
        return form_page(request, execution.version, form, result=result)
    return render(request, "executions/execution_detail.html", result)


@require_GET
def execution_status(request: SignedInRequest, pk: uuid.UUID) -> HttpResponse:
    """Show the result pane alone, polled at a growing interval until the execution is finished."""
    execution = own_execution(request, pk)
    former = _former(request, request.GET, execution.version)
    schema = schema_of(execution.version)
    result = pane_of(execution, schema, asked=_asked(request), former=former)
    return render(request, "executions/_status.html", result)


def _former(request: SignedInRequest, asked: QueryDict, version: ModelVersion) -> Execution | None:
    """The person's own prediction whose result stood beside the form, if it still exists."""
    pk = asked_id(asked.get("after", ""))
    if pk is None:
        return None
    own = Execution.objects.visible_to(request.user).filter(version__model=version.model_id)
    return next(iter(sharing(version, own.filter(pk=pk))), None)


def _recent(request: SignedInRequest, version: ModelVersion) -> list[Row]:
    """The person's last finished predictions with the version's model, for the list below its
    form."""
    own = own_executions(request).finished().filter(version__model=version.model_id)
    recent = sharing(version, own.select_related(None).prefetch_related(None)[:RECENT])
    prefetch_related_objects(recent, "version__features", "version__targets")
    return rows(recent)


def _asked(request: SignedInRequest) -> int:
    """The number of times that the page has polled this result."""
    return whole_number(request.GET.get("n", "0"), digits=4, default=1)


@require_POST
def cancel_execution(request: SignedInRequest, pk: uuid.UUID) -> HttpResponse:
    execution = own_execution(request, pk)
    if not execution.is_finished:
        services.cancel_execution(execution=execution, by=request.user)
    return redirect("executions:detail", execution.pk)


@require_POST
def execution_pdf(request: SignedInRequest, pk: uuid.UUID) -> HttpResponse:
    """Download one prediction as PDF: the answer, its confidence, its explanation, and all
    inputs."""
    execution = own_execution(request, pk)
    try:
        record_export(count=1, by=request.user)
    except TooManyRequests as error:
        return too_many_requests(request, error.seconds)
    schema = execution.version.features.as_schema()
    context = explanation_context(execution, schema) | {
        "execution": execution,
        "model": execution.version.model,
        "answer": answer_of(execution),
        "failure": error_sentence(execution),
        "warnings": schema.shown_warnings(execution.warnings, execution.inputs or {}),
        "inputs": input_texts(schema, execution.inputs or {}),
        "person": request.user,
        "now": timezone.now(),
    }
    return pdf_response(
        request,
        f"prediction_{execution.public_id}.pdf",
        "pdf/prediction.html",
        context,
        page=reverse("executions:detail", args=[pk]),
    )
