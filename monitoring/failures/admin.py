"""Failure groups in Django admin, each with the way to its own page."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from accounts.admin import ReadOnlyAdmin
from monitoring.models import FailureGroup


@admin.register(FailureGroup)
class FailureGroupAdmin(ReadOnlyAdmin):
    """``View on site`` leads to the page where everything is done."""

    list_display = ["headline", "model", "error_code", "count", "last_seen_at", "state"]
    list_filter = ["state", "error_code", "model"]
    list_select_related = ["model"]
    search_fields = ["title", "exception"]
    show_full_result_count = False

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return [
            "headline",
            "model",
            "error_code",
            "step",
            "count",
            "first_seen_at",
            "last_seen_at",
            "state",
            "category",
            "resolved_in",
        ]
