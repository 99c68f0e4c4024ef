"""Executions in Django admin, and the ways to the pages around them."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponseBase
from django.urls import URLPattern, path

from accounts.admin import ReadOnlyAdmin
from executions.admin import cases
from executions.admin.check import check
from executions.admin.impact import impact
from executions.admin.preview import preview
from executions.admin.test import test
from executions.models import Attempt, Execution


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
        def page(route: str, name: str, view: Callable[..., HttpResponseBase]) -> URLPattern:
            return path(
                route, self.admin_site.admin_view(view), name=f"executions_execution_{name}"
            )

        return [
            page("test/<int:version_pk>/", "test", test),
            page("test/<int:version_pk>/cases/run/", "run_cases", cases.run_cases),
            page("test/<int:version_pk>/cases/import/", "import_cases", cases.import_cases),
            page("test/<int:version_pk>/cases/template/", "case_template", cases.case_template),
            page("<uuid:pk>/save-as-case/", "save_case", cases.save_case),
            page("case/<int:pk>/", "case", cases.edit_case),
            page("case/<int:pk>/run/", "run_case", cases.run_case),
            page("case/<int:pk>/delete/", "delete_case", cases.delete_case),
            page("impact/<int:version_pk>/", "impact", impact),
            page("check/<int:version_pk>/", "check", check),
            page("preview/<int:version_pk>/", "preview", preview),
            *super().get_urls(),
        ]
