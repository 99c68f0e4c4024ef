"""The pages of people who use a model: its form, and one execution."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import prefetch_related_objects
from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from redis.exceptions import RedisError

from accounts.requests import SignedInRequest
from config.errors import DomainError
from config.keyset import older
from config.pdf import pdf_response
from config.rate_window import too_many_requests
from config.text.numbers import whole_number
from engine.heartbeats import missing_runtime
from executions import services
from executions.access import asked_id, own_execution, own_executions
from executions.api.snippets import Snippets, snippets_of
from executions.comparison.change import Change, change
from executions.errors import OF_VALUES, QueueFull, TooManyRequests
from executions.explanations.views import explanation_context, varied_value
from executions.forms import InputForm, with_fix
from executions.models import Execution, ExecutionQuerySet
from executions.results.answer import Answer
from executions.results.presentation import (
    Row,
    answer_of,
    blamed_input,
    drawn_answer_of,
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
FIRST_POLL_MS, SLOWEST_POLL_MS = 300, 2000
SOONEST_POLL_MS, LATEST_FIRST_POLL_MS = 150, 1000
EXPLAINED = timedelta(milliseconds=250)
"""The time after a result in which a free worker has explained it."""
BRIEF = timedelta(seconds=1.5)
"""A run shorter than this never shows a running state."""


@dataclass(frozen=True)
class Notice:
    """The notice above the form's fields: values that were filled in, and those that did not
    fit."""

    title: str
    problems: tuple[str, ...] = ()


@require_http_methods(["GET", "POST"])
def create_execution(request: SignedInRequest, slug: str) -> HttpResponse:
    version = live_version(slug)
    if version is None:
        return retired(request, slug)
    schema = _schema_of(version)
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
    context = _result(execution, form.input_schema, asked=0, former=former) | {
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
    version = live_version(slug)
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
        result = _result(last, _schema_of(last.version), asked=0)
    example = None if result else example_of(version, form.input_schema)
    made_with = form.input_schema.typical_values() if example else None
    if result:
        made_with = result["execution"].inputs
    if result is None:  # an example that a program can send
        typical = form.input_schema.typical_values()
        result = {"snippets": snippets_of(version, form.input_schema, typical)}
    context = result | {
        "model": version.model,
        "version": version,
        "form": form,
        "error_summary": form.error_summary if form.is_bound else [],
        "standing": made_with and standing(form, made_with, is_example="execution" not in result),
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
    schema = _schema_of(execution.version)
    result = _result(execution, schema, asked=_asked(request), former=former)
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
    schema = _schema_of(execution.version)
    result = _result(execution, schema, asked=_asked(request), former=former)
    return render(request, "executions/_status.html", result)


def _schema_of(version: ModelVersion) -> InputSchema:
    """The version's input schema. Its features and targets are then read once for all parts of the
    page."""
    prefetch_related_objects([version], "features", "targets")
    return version.features.as_schema()


def _former(request: SignedInRequest, asked: QueryDict, version: ModelVersion) -> Execution | None:
    """The person's own prediction whose result stood beside the form, if it still exists."""
    pk = asked_id(asked.get("after", ""))
    if pk is None:
        return None
    own = Execution.objects.visible_to(request.user).filter(version__model=version.model_id)
    return next(iter(_sharing(version, own.filter(pk=pk))), None)


def _recent(request: SignedInRequest, version: ModelVersion) -> list[Row]:
    """The person's last finished predictions with the version's model, for the list below its
    form."""
    own = own_executions(request).finished().filter(version__model=version.model_id)
    recent = _sharing(version, own.select_related(None).prefetch_related(None)[:RECENT])
    prefetch_related_objects(recent, "version__features", "version__targets")
    return rows(recent)


def _sharing(version: ModelVersion, executions: Iterable[Execution]) -> list[Execution]:
    """The executions, those of the version with this very row, and so with what was read with
    it."""
    found = list(executions)
    for execution in found:
        if execution.version_id == version.pk:
            execution.version = version
    return found


def _asked(request: SignedInRequest) -> int:
    """The number of times that the page has polled this result."""
    return whole_number(request.GET.get("n", "0"), digits=4, default=1)


def _result(
    execution: Execution, schema: InputSchema, *, asked: int, former: Execution | None = None
) -> dict[str, Any]:
    """The context of the result pane of one execution; ``former`` is the one whose result it
    replaced."""
    elapsed = timezone.now() - execution.requested_at
    is_brief = not execution.is_finished and elapsed < BRIEF
    before = _answered_before(execution, former) if is_brief else None
    answer = drawn_answer_of(execution)
    attempt = None if is_brief else execution.attempts.last()
    return {
        "execution": execution,
        "model": execution.version.model,
        "version": execution.version,
        "answer": answer,
        "error_sentence": error_sentence(execution),
        "is_of_values": execution.error_code in OF_VALUES,
        "blamed": blamed_input(execution, schema),
        "warnings": schema.shown_warnings(execution.warnings, execution.inputs or {}),
        "inputs": input_texts(schema, execution.inputs or {}),
        "retry_token": uuid.uuid4() if execution.may_be_retried else None,
        "original": _original(execution),
        "retries": list(_retries(execution)),
        "compare_url": _compare_url(execution, former),
        "former": former,
        "change": _change(execution, former, schema, answer) if former else None,
        "flow_run_id": attempt.flow_run_id if attempt else None,
        "can_cancel": not execution.is_finished,
        "snippets": _snippets(execution, schema),
        "elapsed_seconds": elapsed.total_seconds(),
        "missing": missing_runtime(execution, execution.version.runtime),
        "is_brief": is_brief,
        "before": before,
        "answer_before": _drawn_before(execution, before) if is_brief else None,
        "poll_n": asked + 1,
        "poll_ms": _poll_ms(asked, elapsed, before),
    } | explanation_context(execution, schema)


def _snippets(execution: Execution, schema: InputSchema) -> Snippets | None:
    """How a program asks the same, while the model's version is live."""
    if not execution.is_finished or not execution.version.is_active or execution.purged_at:
        return None
    return snippets_of(execution.version, schema, execution.inputs or {})


def _change(
    execution: Execution, former: Execution, schema: InputSchema, answer: Answer | None
) -> Change | None:
    """What changed from the former result, if both have an answer."""
    was, now = former.read_outputs(), execution.read_outputs()
    if was is None or now is None or was.task != now.task or former.pk == execution.pk:
        return None
    return change(
        was,
        now,
        list(execution.version.targets.all()),
        inputs=execution.inputs or {},
        former_inputs=former.inputs or {},
        schema=schema,
        scale=answer.interval.scale if answer and answer.interval else None,
    )


def _poll_ms(asked: int, elapsed: timedelta, before: Execution | None) -> int:
    """The time until the page polls: first when the result and its explanation can be expected, by
    the person's last run; then later and later."""
    if asked:
        return min(FIRST_POLL_MS << min(asked - 1, 10), SLOWEST_POLL_MS)
    if before is None or before.response_time is None:
        return FIRST_POLL_MS
    left: float = (before.response_time + EXPLAINED - elapsed).total_seconds()
    return min(max(round(1000 * left), SOONEST_POLL_MS), LATEST_FIRST_POLL_MS)


def _answered_before(execution: Execution, former: Execution | None) -> Execution | None:
    """The answer that stood beside the form, else the person's last one of this version."""
    if former is not None and former.status == Execution.Status.SUCCEEDED:
        return former
    succeeded = _earlier(execution).filter(status=Execution.Status.SUCCEEDED)
    return next(iter(_sharing(execution.version, succeeded[:1])), None)


def _drawn_before(execution: Execution, before: Execution | None) -> Answer | None:
    """The answer that stays in place, grey, until a brief run is over: the person's last one, else
    the example."""
    if before:
        return drawn_answer_of(before)
    example = example_of(execution.version, _schema_of(execution.version))
    return example.answer if example else None


def _original(execution: Execution) -> Execution | None:
    """The execution that this one retries, unless its owner deleted it."""
    if execution.retry_of_id is None:
        return None
    originals = Execution.objects.kept().select_related("version")
    return originals.filter(pk=execution.retry_of_id).first()


def _retries(execution: Execution) -> Iterable[Execution]:
    """The retries of this execution, the newest first."""
    if not execution.may_be_retried:
        return ()
    return execution.retries.kept().predictions().select_related("version")[:RECENT]


def _earlier(execution: Execution) -> ExecutionQuerySet:
    """The person's finished predictions with the model before this one, the newest first."""
    own = (
        Execution.objects.visible_to(execution.user) if execution.user else Execution.objects.none()
    )
    own = own.filter(version__model=execution.version.model_id).finished()
    return older(own, "requested_at", than=execution).order_by("-requested_at", "-pk")


def _compare_url(execution: Execution, former: Execution | None) -> str:
    """The comparison with the result that this one replaced, else with the person's prediction
    before it, where there is one."""
    if not execution.is_finished:
        return ""
    if former and former.is_finished and former.pk != execution.pk:
        before = [former.pk]
    else:
        before = list(_earlier(execution).values_list("pk", flat=True)[:1])
    return "".join(f"{reverse('executions:compare')}?ids={pk}&ids={execution.pk}" for pk in before)


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
