"""The page that shows an admin the form and the answer as people will see them."""

from typing import Any

from django.contrib import admin
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render

from executions.answer import Answer, read_answer
from executions.forms import InputForm, with_fix
from executions.models import Execution
from models_registry.models import Inspection, ModelVersion


def preview(request: Any, version_pk: int) -> HttpResponse:
    """The very form of a version, checked by the very rules, beside an example of its answer.
    Nothing runs."""
    version = get_object_or_404(ModelVersion.objects.select_related("model"), pk=version_pk)
    schema, mark = version.features.as_schema(), request.user.decimal_mark
    if request.method == "POST":
        data = with_fix(request.POST) if "fix" in request.POST else request.POST
        form = InputForm(schema, data, decimal_mark=mark)
        form.is_valid()
    else:
        values = schema.typical_values() if "typical" in request.GET else {}
        form = InputForm(schema, values=values, decimal_mark=mark)
    context = admin.site.each_context(request) | {
        "title": f"Preview of {version.model.name} {version.short_name}",
        "opts": Execution._meta,
        "version": version,
        "form": form,
        "error_summary": form.error_summary if form.is_bound else [],
        "example": _example(version),
    }
    status = 422 if form.errors else 200
    return render(request, "admin/executions/preview.html", context, status=status)


def _example(version: ModelVersion) -> Answer | None:
    """The answer of the inspection's trial prediction, if the file allowed one."""
    inspection = version.inspections.filter(
        status=Inspection.Status.SUCCEEDED, sha256=version.sha256
    ).first()
    report = inspection.report if inspection else {}
    outputs = report.get("examination", {}).get("smoke_outputs")
    return read_answer(outputs, list(version.targets.all())) if outputs else None
