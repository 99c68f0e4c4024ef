"""The pages of saved test cases: save a test, change, delete and run cases, import a table."""

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.utils.text import slugify
from django.views.decorators.http import require_POST

from config.errors import refusals_as_messages, refusals_in
from config.text.csv_text import csv_response
from executions.access import asked_id
from executions.models import Execution
from executions.results.presentation import input_texts
from executions.services import cases
from executions.trials.case_forms import CaseForm, CaseTableForm
from executions.trials.testing_page import page_of_tests, test_page, version_or_404
from model_host.protocol.inputs import Scalar
from models_registry import services
from models_registry.cases.case_table import CaseTable, read_cases
from models_registry.models import ModelVersion, Rehearsal, TestCase


def save_case(request: Any, pk: uuid.UUID) -> HttpResponse:
    """Save a finished test as a case: its answer is expected from now on."""
    tests = Execution.objects.filter(purpose=Execution.Purpose.TEST).exclude(outputs=None)
    run = get_object_or_404(tests.select_related("version__model"), pk=pk)
    version = run.version
    form = CaseForm(
        version,
        request.POST or None,
        expected=cases.expected_of(run),
        decimal_mark=request.user.decimal_mark,
    )
    if request.method == "POST" and form.is_valid():
        with refusals_in(form):
            case = cases.save_test_as_case(
                execution=run,
                name=form.cleaned_data["name"],
                expected=form.cleaned_data["expected"],
                tolerance=form.cleaned_data["tolerance"],
                by=request.user,
            )
            messages.success(request, f"“{case.name}” is a saved case.")
            return redirect(f"{test_page(version)}?run={run.pk}#cases-h")
    return _case_page(request, version, form, run.inputs, title="Save the test as a case")


def edit_case(request: Any, pk: int) -> HttpResponse:
    """Change what a case expects, as long as its version was never live."""
    case = _case(pk)
    form = CaseForm(
        case.version,
        request.POST or None,
        name=case.name,
        expected=case.expected,
        tolerance=case.tolerance,
        decimal_mark=request.user.decimal_mark,
    )
    if request.method == "POST" and form.is_valid():
        with refusals_in(form):
            services.change_case(
                case=case,
                name=form.cleaned_data["name"],
                expected=form.cleaned_data["expected"],
                tolerance=form.cleaned_data["tolerance"],
                by=request.user,
            )
            return _back(case.version)
    return _case_page(request, case.version, form, case.inputs, title="Change a case", case=case)


def _case_page(
    request: Any,
    version: ModelVersion,
    form: CaseForm,
    inputs: dict[str, Scalar] | None,
    *,
    title: str,
    case: TestCase | None = None,
) -> HttpResponse:
    return page_of_tests(
        request,
        "case",
        version,
        title=title,
        status=422 if form.errors else 200,
        form=form,
        case=case,
        inputs=input_texts(version.features.as_schema(), inputs or {}),
    )


def delete_case(request: Any, pk: int) -> HttpResponse:
    """Show the page that says what is deleted; a POST deletes."""
    case = _case(pk)
    if request.method == "POST":
        with refusals_as_messages(request):
            services.delete_case(case=case, by=request.user)
        return _back(case.version)
    title = f"Delete the case “{case.name}”"
    return page_of_tests(request, "case_delete", case.version, title=title, case=case)


@require_POST
def run_case(request: Any, pk: int) -> HttpResponse:
    """Run one case again."""
    case = _case(pk)
    with refusals_as_messages(request):
        cases.run_case(case=case, form_token=_token(request), by=request.user)
    return _back(case.version)


@require_POST
def run_cases(request: Any, version_pk: int) -> HttpResponse:
    """Run every case of a version."""
    version = version_or_404(version_pk)
    with refusals_as_messages(request):
        cases.run_cases(version=version, form_token=_token(request), by=request.user)
    return _back(version)


@require_POST
def check_before_rollback(request: Any, version_pk: int) -> HttpResponse:
    """Start the check of the stored file and every saved case, then redirect to the rollback
    page."""
    version = version_or_404(version_pk)
    services.request_rehearsal(version=version, kind=Rehearsal.Kind.CHECK, by=request.user)
    with refusals_as_messages(request, "The saved cases did not run."):
        cases.run_cases(version=version, form_token=uuid.uuid4(), by=request.user)
    return redirect("admin:models_registry_modelversion_rollback", version.pk)


def case_template(request: Any, version_pk: int) -> HttpResponseBase:
    """Download a CSV with the heading that an import reads and the typical row under it."""
    version = version_or_404(version_pk)
    columns = cases.columns_of(version)
    first: list[Scalar] = [
        target.class_labels[0][0] if target.class_labels else None for target in columns.targets
    ]
    typical = columns.schema.typical_values()
    name = f"cases-{slugify(version.model.name) or 'model'}-{version.short_name}.csv"
    return csv_response(name, columns.heading, [columns.row("Typical", typical, first, 0.0)])


def import_cases(request: Any, version_pk: int) -> HttpResponse:
    """Import a CSV of cases, whole or not at all; shows every error by row and column at once."""
    version = version_or_404(version_pk)
    form = CaseTableForm(request.POST or None, request.FILES or None)
    table = CaseTable()
    if request.method == "POST" and form.is_valid():
        table = read_cases(
            form.cleaned_data["file"],
            cases.columns_of(version),
            taken=frozenset(version.cases.values_list("name", flat=True)),
            decimal_mark=request.user.decimal_mark,
        )
        if not table.errors:
            with refusals_in(form, "file"):
                services.import_cases(version=version, cases=table.cases, by=request.user)
                messages.success(request, f"{len(table.cases)} cases were saved. Run them below.")
                return _back(version)
    return page_of_tests(
        request,
        "case_import",
        version,
        title="Import cases",
        status=422 if form.errors or table.errors else 200,
        form=form,
        errors=table.errors,
        heading=cases.columns_of(version).heading,
    )


def _case(pk: int) -> TestCase:
    return get_object_or_404(TestCase.objects.select_related("version__model"), pk=pk)


def _token(request: Any) -> uuid.UUID:
    """The form's own token, so that a double click runs nothing twice."""
    return asked_id(request.POST.get("form_token", "")) or uuid.uuid4()


def _back(version: ModelVersion) -> HttpResponse:
    return redirect(f"{test_page(version)}#cases-h")
