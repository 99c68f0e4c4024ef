"""Requests for help in Django admin, each with the way to its own page."""

from django.contrib import admin

from accounts.admin import ReadOnlyAdmin
from monitoring.models import SupportRequest


@admin.register(SupportRequest)
class SupportRequestAdmin(ReadOnlyAdmin):
    """``View on site`` leads to the thread."""

    list_display = ["execution", "user__email", "state", "updated_at"]
    list_filter = ["state"]
    list_select_related = ["execution", "user"]
    search_fields = ["user__email", "execution__id"]
    show_full_result_count = False
    fields = ["execution", "user", "state", "created_at", "updated_at"]
