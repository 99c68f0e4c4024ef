"""Django admin's first page, and this app's tables in it: executions, failure groups and requests
for help."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from accounts.admin import ReadOnlyAdmin
from config.text.numbers import count_text
from monitoring import admin_home
from monitoring.log.admin import ExecutionAdmin
from monitoring.models import FailureGroup, SupportRequest

admin.site.index = admin_home.index  # type: ignore[method-assign,assignment]

__all__ = ["ExecutionAdmin", "FailureGroupAdmin", "SupportRequestAdmin"]


@admin.register(FailureGroup)
class FailureGroupAdmin(ReadOnlyAdmin):
    """``View on site`` leads to the page where everything is done."""

    list_display = ["headline", "model", "error_code", "failures", "last_seen_at", "state"]
    list_filter = ["state", "error_code", "model"]
    list_select_related = ["model"]
    search_fields = ["title", "exception"]
    show_full_result_count = False

    @admin.display(description="failures", ordering="count")
    def failures(self, group: FailureGroup) -> str:
        return count_text(group.count)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return [
            "headline",
            "model",
            "error_code",
            "step",
            "failures",
            "first_seen_at",
            "last_seen_at",
            "state",
            "category",
            "resolved_in",
        ]


@admin.register(SupportRequest)
class SupportRequestAdmin(ReadOnlyAdmin):
    """``View on site`` leads to the thread."""

    list_display = ["execution", "user__email", "state", "updated_at"]
    list_filter = ["state"]
    list_select_related = ["execution", "user"]
    search_fields = ["user__email", "execution__id"]
    show_full_result_count = False
    fields = ["execution", "user", "state", "created_at", "updated_at"]
