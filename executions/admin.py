"""Executions in Django admin, and the page on which an admin tests a version."""

import uuid
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path, reverse

from accounts.admin import ReadOnlyAdmin
from config.errors import DomainError
from executions import services
from executions.forms import InputForm, with_fix
from executions.models import Attempt, Execution
from executions.presentation import answer_of, error_sentence
from models_registry.models import ModelVersion


class AttemptInline(admin.TabularInline):
    model = Attempt
    extra = 0
    can_delete = False
    fields = ("number", "flow_run_id", "worker", "started_at", "finished_at", "outcome", "log")
    readonly_fields = fields

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.is_active and request.user.is_staff)


@admin.register(Execution)
class ExecutionAdmin(ReadOnlyAdmin):
    list_display = [
        "public_id",
        "user",
        "version",
        "purpose",
        "status",
        "error_code",
        "requested_at",
    ]
    list_filter = ["status", "purpose", "error_code", "version__model"]
    list_select_related = ["user", "version__model"]
    search_fields = ["id", "user__email"]
    date_hierarchy = "requested_at"
    show_full_result_count = False
    inlines = [AttemptInline]
    fields = [
        "public_id",
        "user",
        "version",
        "version_sha256",
        "purpose",
        "status",
        "attempt",
        "requested_at",
        "started_at",
        "finished_at",
        "error_code",
        "message",
        "traceback",
        "inputs",
        "outputs",
        "warnings",
    ]

    def get_urls(self) -> list[URLPattern]:
        test = self.admin_site.admin_view(self.test)
        return [
            path("test/<int:version_pk>/", test, name="executions_execution_test"),
            *super().get_urls(),
        ]

    def test(self, request: Any, version_pk: int) -> HttpResponse:
        """Run a version on sample inputs before anybody depends on it, as often as needed."""
        version = get_object_or_404(ModelVersion.objects.select_related("model"), pk=version_pk)
        schema = version.features.as_schema()
        run = self._run(request, version)
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
        context = self.admin_site.each_context(request) | {
            "title": f"Test {version.short_name} of {version.model.name}",
            "opts": self.opts,
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

    def _run(self, request: HttpRequest, version: ModelVersion) -> Execution | None:
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
