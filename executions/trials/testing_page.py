"""The page on which an admin tests a version before it is live."""

import uuid
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone

from accounts.admin import admin_page
from config.errors import refusals_in
from engine.heartbeats import missing_runtime
from executions import services
from executions.access import asked_id
from executions.forms import InputForm, with_fix
from executions.models import Execution
from executions.records import attempt_log
from executions.records.attempt_log import LogLine
from executions.results.presentation import drawn_answer_of, error_sentence
from executions.trials.case_list import CaseLine, case_lines
from executions.trials.trace_details import trace_view
from models_registry.inputs.input_schema import InputSchema
from models_registry.models import ModelVersion
from models_registry.promotion.metric_changes import MetricChange, metric_changes

HISTORY = 20
SLOWER_AFTER = 15
"""Seconds of waiting after which the page polls less often."""


@dataclass(frozen=True)
class LoggedAttempt:
    """One attempt with its parsed log."""

    number: int
    worker: str
    lines: tuple[LogLine, ...]


def test(request: Any, version_pk: int) -> HttpResponse:
    """Run a version on sample inputs; show the outcome of one run, the saved cases and earlier
    tests."""
    version = version_or_404(version_pk)
    schema = version.features.as_schema()
    run = _run(request, version)
    mark = request.user.decimal_mark
    if request.method == "POST":
        fixing = "fix" in request.POST
        data = with_fix(request.POST) if fixing else request.POST
        form = InputForm(schema, data, decimal_mark=mark)
        if form.is_valid() and not fixing:
            execution = _request(request, version, form)
            if execution is not None:
                return redirect(f"{test_page(version)}?run={execution.pk}#outcome-h")
    else:
        values = schema.typical_values() if run is None else _values(run, schema)
        form = InputForm(schema, values=values, decimal_mark=mark)
    status = 422 if form.errors else 200
    return _page(request, version, form, run, status=status)


def version_or_404(pk: int) -> ModelVersion:
    return get_object_or_404(ModelVersion.objects.select_related("model"), pk=pk)


def test_page(version: ModelVersion) -> str:
    return reverse("admin:executions_execution_test", args=[version.pk])


def _request(request: Any, version: ModelVersion, form: InputForm) -> Execution | None:
    with refusals_in(form):
        return services.request_execution(
            user=request.user,
            version=version,
            inputs=form.cleaned_inputs,
            form_token=form.cleaned_data["form_token"],
            purpose=Execution.Purpose.TEST,
        )
    return None


def _values(run: Execution, schema: InputSchema) -> dict[str, Any]:
    """The inputs of the run, as far as the version still has them."""
    known = {feature.name for feature in schema.features}
    return {name: value for name, value in (run.inputs or {}).items() if name in known}


def _page(
    request: HttpRequest,
    version: ModelVersion,
    form: InputForm,
    run: Execution | None,
    *,
    status: int,
) -> HttpResponse:
    cases = case_lines(version)
    tests = Execution.objects.filter(version=version, purpose=Execution.Purpose.TEST)
    return page_of_tests(
        request,
        "test",
        version,
        title=f"Test {version.short_name} of {version.model}",
        status=status,
        form=form,
        error_summary=form.error_summary if form.is_bound else [],
        cases=cases,
        passing=sum(case.state == "passes" for case in cases),
        form_token=uuid.uuid4(),
        refresh_seconds=_refresh_seconds(run, cases),
        tests=tests.select_related("user", "test_case")[:HISTORY],
        metrics=_metrics(version),
        live=version.model.versions.active().exclude(pk=version.pk).first(),
        **_outcome(run, form.input_schema),
    )


def page_of_tests(
    request: HttpRequest,
    template: str,
    version: ModelVersion,
    *,
    title: str,
    status: int = 200,
    **context: Any,
) -> HttpResponse:
    """Render an admin page around the tests of one version."""
    return admin_page(
        request,
        f"admin/executions/{template}.html",
        status=status,
        title=title,
        opts=Execution._meta,
        version=version,
        test_url=test_page(version),
        **context,
    )


def _outcome(run: Execution | None, schema: InputSchema) -> dict[str, Any]:
    """The context of one run's outcome."""
    if run is None:
        return {"execution": None}
    trace, outputs = run.read_trace(), run.read_outputs()
    return {
        "execution": run,
        "elapsed_seconds": int((timezone.now() - run.requested_at).total_seconds()),
        "missing": missing_runtime(run, run.version.runtime),
        "answer": drawn_answer_of(run),
        "error_sentence": error_sentence(run),
        "warnings": schema.shown_warnings(run.warnings, run.inputs or {}),
        "trace": trace_view(trace) if trace else None,
        "notes": outputs.notes if outputs else (),
        "attempts": [
            LoggedAttempt(attempt.number, attempt.worker, attempt_log.read(attempt.log))
            for attempt in run.attempts.all()
        ],
        "is_outdated": not run.is_pinned,
    }


def _refresh_seconds(run: Execution | None, cases: list[CaseLine]) -> int:
    """The seconds until the page refreshes; 0 once nothing runs."""
    waiting = [run] if run and not run.is_finished else []
    waiting += [case.run for case in cases if case.is_running and case.run]
    if not waiting:
        return 0
    youngest = max(one.requested_at for one in waiting)
    return 1 if (timezone.now() - youngest).total_seconds() < SLOWER_AFTER else 5


def _metrics(version: ModelVersion) -> tuple[MetricChange, ...]:
    """The version's metrics beside those of the one that is live."""
    live = version.model.versions.active().exclude(pk=version.pk).first()
    directions = version.training.metric_direction
    return metric_changes(live.metrics if live else {}, version.metrics, directions)


def _run(request: HttpRequest, version: ModelVersion) -> Execution | None:
    """The test whose result the page shows."""
    pk = asked_id(request.GET.get("run", ""))
    if pk is None:
        return None
    return get_object_or_404(
        Execution.objects.select_related("version__model", "user", "test_case"),
        pk=pk,
        version=version,
        purpose=Execution.Purpose.TEST,
    )
