"""Executions in Django admin, and the links to the pages around them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Case, OuterRef, Prefetch, Q, Subquery, When
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path

from accounts.admin import ReadOnlyAdmin
from executions.access import asked_id
from executions.models import Execution
from executions.trials import case_pages
from executions.trials.impact_page import impact
from executions.trials.preview_page import preview
from executions.trials.runtime_page import choose_runtime, runtime
from executions.trials.testing_page import test
from models_registry.models import ModelVersion
from monitoring.log import downloads
from monitoring.log.filters import COUNTED, ByForm, CountedUpTo, ExecutionFilterForm, form_of
from monitoring.log.rows import log_rows
from monitoring.log.run_page import log_file, run_page
from monitoring.models import FailureGroup


@admin.register(Execution)
class ExecutionAdmin(ReadOnlyAdmin):
    """The log of all executions. The list has its own template, with the rows of Django's list;
    `ByForm` is its one filter."""

    list_display = ["public_id"]
    list_filter = [ByForm]
    list_per_page = 50
    paginator = CountedUpTo
    show_full_result_count = False
    change_list_template = "admin/executions/execution/change_list.html"

    def get_queryset(self, request: HttpRequest) -> Any:
        """Select exactly the columns and relations that a row shows. Rows of one version share its
        object, which is read and prepared once."""
        groups = FailureGroup.objects.filter(fingerprint=OuterRef("fingerprint"))
        state = Subquery(groups.values("state")[:1])
        versions = ModelVersion.objects.select_related("model")
        versions = versions.prefetch_related("features", "targets")
        return (
            super()
            .get_queryset(request)
            .select_related("review")
            .prefetch_related(
                "user",
                Prefetch("version", versions),
                Prefetch("replay_of", Execution.objects.only("deleted_at", "purged_at")),
            )
            .annotate(group_state=Case(When(~Q(fingerprint=""), then=state)))
            .defer("warnings", "traceback", "note", "diagnostics", "search_text", "search_own")
        )

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        form = form_of(request)
        form.is_valid()
        context = {"title": "Executions", "form": form, "chips": _chips(form), "counted": COUNTED}
        response = super().changelist_view(request, context | (extra_context or {}))
        if isinstance(response, TemplateResponse) and response.context_data:
            found = response.context_data["cl"].result_list
            response.context_data["rows"] = log_rows(found, zone=form.zone)
        return response

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        pk = asked_id(object_id)
        whole = Execution.objects.select_related("user", "version__model", "test_case", "replay_of")
        execution = whole.filter(pk=pk).first() if pk else None
        if execution is None:
            messages.info(request, "There is no execution with this ID.")
            return redirect("admin:executions_execution_changelist")
        return run_page(request, execution)

    def get_urls(self) -> list[URLPattern]:
        def page(route: str, name: str, view: Callable[..., HttpResponseBase]) -> URLPattern:
            return path(
                route, self.admin_site.admin_view(view), name=f"executions_execution_{name}"
            )

        return [
            page("export/", "export", downloads.export_executions),
            page("<uuid:pk>/log/", "log", log_file),
            page("test/<int:version_pk>/", "test", test),
            page("test/<int:version_pk>/cases/run/", "run_cases", case_pages.run_cases),
            page("test/<int:version_pk>/cases/import/", "import_cases", case_pages.import_cases),
            page(
                "test/<int:version_pk>/cases/template/", "case_template", case_pages.case_template
            ),
            page("<uuid:pk>/save-as-case/", "save_case", case_pages.save_case),
            page("case/<int:pk>/", "case", case_pages.edit_case),
            page("case/<int:pk>/run/", "run_case", case_pages.run_case),
            page("case/<int:pk>/delete/", "delete_case", case_pages.delete_case),
            page("impact/<int:version_pk>/", "impact", impact),
            page("runtime/<int:version_pk>/", "runtime", runtime),
            page("runtime/<int:version_pk>/choose/", "choose_runtime", choose_runtime),
            page("check/<int:version_pk>/", "check", case_pages.check_before_rollback),
            page("preview/<int:version_pk>/", "preview", preview),
            *super().get_urls(),
        ]


@dataclass(frozen=True)
class Chip:
    """A filter that admins often want, and whether it is the one in use."""

    label: str
    query: str
    is_current: bool


def _chips(form: ExecutionFilterForm) -> list[Chip]:
    """The saved filters; the rest of the query string stays."""
    none = {"status": "", "review": "", "slow": ""}
    wanted = {
        "All": none,
        "Failed and not reviewed": none | {"status": "failed", "review": "open"},
        "Failed": none | {"status": "failed"},
        "Slow": none | {"slow": "on"},
    }
    used = {name: form.data.get(name, "") for name in none}
    return [Chip(label, form.query(**one), used == one) for label, one in wanted.items()]
