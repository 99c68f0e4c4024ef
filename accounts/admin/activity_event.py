"""The activity record in Django admin."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.urls import URLPattern, path
from django.views.decorators.http import require_POST

from accounts.activity import record
from accounts.activity_words import details, sentence
from accounts.admin.pages import SuperuserOnly, as_shown
from accounts.models import ActivityEvent, User
from config.text.csv_text import csv_response

ACTIVITY_COLUMNS = {
    "at": "at",
    "person": "actor_email",
    "action": "action",
    "target": "target",
    "before": "before",
    "after": "after",
    "address": "address",
}
"""The columns of the activity's CSV file, and where each comes from; times are in UTC."""


class PersonFilter(admin.SimpleListFilter):
    """The filter of one person's activity, which their page links to. It offers no other person,
    since there may be many."""

    title = "person"
    parameter_name = "actor__id__exact"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        pk = self.value() or ""
        people = User.objects.filter(pk=pk) if pk.isdecimal() else User.objects.none()
        return [(str(person.pk), str(person)) for person in people]

    def has_output(self) -> bool:
        return self.value() is not None

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset.filter(actor__in=[int(pk) for pk, _ in self.lookup_choices])


@admin.register(ActivityEvent)
class ActivityEventAdmin(SuperuserOnly):
    list_title = "Activity"
    list_display = ["when", "person", "sentence", "address"]
    list_display_links = ["sentence"]
    fields = ["sentence", "when", "person", "target", "address", "recorded"]
    search_fields = ["actor_email", "target"]
    search_help_text = "A person's e-mail, or what was acted on"
    list_filter = [PersonFilter, "action", ("at", admin.DateFieldListFilter)]
    date_hierarchy = "at"
    change_list_template = "admin/accounts/activityevent/change_list.html"

    @admin.display(description="when", ordering="at")
    def when(self, event: ActivityEvent) -> str:
        return as_shown(event.at)

    @admin.display(description="who", ordering="actor_email")
    def person(self, event: ActivityEvent) -> str:
        return event.actor_email or "The site itself"

    @admin.display(description="what was done")
    def sentence(self, event: ActivityEvent) -> str:
        return sentence(event)

    @admin.display(description="details")
    def recorded(self, event: ActivityEvent) -> str:
        rows = details(event)
        return render_to_string("admin/accounts/activityevent/_details.html", {"details": rows})

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        context = {"title": "Activity", "subtitle": None} | (extra_context or {})
        return super().change_view(request, object_id, form_url, context)

    def get_urls(self) -> list[URLPattern]:
        export = self.admin_site.admin_view(require_POST(self.export))
        return [path("export/", export, name="accounts_activityevent_export"), *super().get_urls()]

    def export(self, request: HttpRequest) -> HttpResponseBase:
        """Download the filtered list as CSV; the download is recorded."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        assert isinstance(request.user, User)
        try:
            events = self.get_changelist_instance(request).get_queryset(request)
        except IncorrectLookupParameters:
            return redirect("admin:accounts_activityevent_changelist")
        record(
            "activity exported",
            by=request.user,
            target="activity record",
            after={"filter": request.GET.urlencode()},
        )
        rows = events.values_list(*ACTIVITY_COLUMNS.values()).iterator(chunk_size=1000)
        return csv_response("activity.csv", list(ACTIVITY_COLUMNS), rows)
