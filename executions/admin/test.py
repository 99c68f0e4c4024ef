"""The page on which an admin tests a version."""

import uuid
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse

from config.errors import DomainError
from executions import services
from executions.forms import InputForm, with_fix
from executions.models import Execution
from executions.presentation import answer_of, error_sentence
from models_registry.models import ModelVersion


def test(request: Any, version_pk: int) -> HttpResponse:
    """Run a version on sample inputs before anybody depends on it, as often as needed."""
    version = get_object_or_404(ModelVersion.objects.select_related("model"), pk=version_pk)
    schema = version.features.as_schema()
    run = _run(request, version)
    mark = request.user.decimal_mark
    if request.method == "POST":
        fixing = "fix" in request.POST
        data = with_fix(request.POST) if fixing else request.POST
        form = InputForm(schema, data, decimal_mark=mark)
        if form.is_valid() and not fixing:
            try:
                execution = services.request_execution(
                    user=request.user,
                    version=version,
                    inputs=form.cleaned_inputs,
                    form_token=form.cleaned_data["form_token"],
                    purpose=Execution.Purpose.TEST,
                )
            except DomainError as error:
                form.add_error(None, error.message)
            else:
                page = reverse("admin:executions_execution_test", args=[version.pk])
                return redirect(f"{page}?run={execution.pk}")
    else:
        values = run.inputs if run else schema.typical_values()
        form = InputForm(schema, values=values, decimal_mark=mark)
    context = admin.site.each_context(request) | {
        "title": f"Test {version.short_name} of {version.model.name}",
        "opts": Execution._meta,
        "version": version,
        "form": form,
        "error_summary": form.error_summary if form.is_bound else [],
        "execution": run,
        "answer": answer_of(run) if run else None,
        "error_sentence": error_sentence(run) if run else "",
        "warnings": run.warnings if run else [],
        "tests": Execution.objects.filter(version=version, purpose=Execution.Purpose.TEST)[:10],
    }
    status = 422 if form.errors else 200
    return render(request, "admin/executions/test.html", context, status=status)


def _run(request: HttpRequest, version: ModelVersion) -> Execution | None:
    """The test whose result the page shows."""
    try:
        pk = uuid.UUID(request.GET.get("run", ""))
    except ValueError:
        return None
    return get_object_or_404(
        Execution.objects.select_related("version__model"),
        pk=pk,
        version=version,
        purpose=Execution.Purpose.TEST,
    )
