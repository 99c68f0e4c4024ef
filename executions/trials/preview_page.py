"""The page that shows an admin the form and the answer as people will see them."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import get_object_or_404

from accounts.admin import admin_page
from executions.forms import InputForm, with_fix
from executions.models import Execution
from executions.results.presentation import example_of
from models_registry.models import ModelVersion


def preview(request: Any, version_pk: int) -> HttpResponse:
    """Show a version's form, with its checks, beside an example of its answer. Nothing runs."""
    version = get_object_or_404(ModelVersion.objects.select_related("model"), pk=version_pk)
    schema, mark = version.features.as_schema(), request.user.decimal_mark
    warnings: list[str] = []
    if request.method == "POST":
        data = with_fix(request.POST) if "fix" in request.POST else request.POST
        form = InputForm(schema, data, decimal_mark=mark)
        if form.is_valid():
            cleaned = form.cleaned_inputs
            warnings = schema.shown_warnings(cleaned.warnings, cleaned.values)
    else:
        values = schema.typical_values() if "typical" in request.GET else {}
        form = InputForm(schema, values=values, decimal_mark=mark)
    return admin_page(
        request,
        "admin/executions/preview.html",
        status=422 if form.errors else 200,
        title=f"Preview of {version.model} {version.short_name}",
        opts=Execution._meta,
        version=version,
        form=form,
        warnings=warnings,
        error_summary=form.error_summary if form.is_bound else [],
        example=example_of(version, schema),
        example_run=version.rehearsals.filter(kind="example").first(),
    )
