"""People in Django admin, and the base class of every other admin page."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.decorators import secure_admin_login
from allauth.account.signals import password_changed
from allauth.core import ratelimit
from allauth.mfa.utils import is_mfa_enabled
from django.contrib import admin, messages
from django.contrib.admin.forms import AdminPasswordChangeForm
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.templatetags import admin_list
from django.contrib.admin.utils import get_fields_from_path
from django.contrib.admin.views.main import ChangeList
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.views import PasswordChangeView
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.urls import URLPattern, path, reverse, reverse_lazy
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.views.decorators.http import require_POST

from accounts.activity import record
from accounts.activity_words import details, sentence
from accounts.forms import ReasonForm
from accounts.models import ActivityEvent, User
from accounts.role_changes import ACTS, acts_for
from accounts.single_sign_on import services as single_sign_on
from config.errors import refusals_as_messages
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


class AdminPasswordChange(PasswordChangeView):
    """The admin's page for one's own password, which does what the site's page does: the other
    sessions end, the act is recorded, and the person is told by mail."""

    form_class = AdminPasswordChangeForm
    success_url = reverse_lazy("admin:password_change_done")

    def form_valid(self, form: Any) -> HttpResponse:
        request, user, adapter = self.request, form.user, get_adapter(self.request)
        adapter.set_password(user, form.cleaned_data["new_password1"])
        update_session_auth_hash(request, user)
        adapter.add_message(request, messages.SUCCESS, "account/messages/password_changed.txt")
        adapter.send_notification_mail("account/email/password_changed", user)
        password_changed.send(sender=User, request=request, user=user)
        return redirect(self.get_success_url())


def _password_change(request: HttpRequest, extra_context: Any = None) -> HttpResponseBase:
    refusal: HttpResponse | None = ratelimit.consume_or_429(request, action="change_password")
    if refusal:
        return refusal
    context = admin.site.each_context(request) | (extra_context or {})
    return AdminPasswordChange.as_view(extra_context=context)(request)


admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]
admin.site.password_change = _password_change  # type: ignore[method-assign,assignment]
admin.site.enable_nav_sidebar = False
admin.site.empty_value_display = "–"
# Yes and no are words: Django's green tick and red cross would say that one of them is wrong.
admin_list._boolean_icon = {True: "Yes", False: "No", None: "–"}.__getitem__  # type: ignore[attr-defined]


def admin_page(
    request: HttpRequest, template: str, *, title: str, status: int = 200, **context: Any
) -> HttpResponse:
    """Render a page of our own in Django admin, with the admin's frame around it."""
    page = admin.site.each_context(request) | {"title": title, **context}
    return render(request, template, page, status=status)


def list_title(model: type[Model]) -> str:
    """Return the heading of a list, by which links name it too."""
    page: Any = admin.site.get_model_admin(model)
    return str(page.list_title or capfirst(model._meta.verbose_name_plural))


class StaffChangeList(ChangeList):
    """Django's list, which treats an impossible value in the query string as a wrong address (it
    shows the list itself) and never answers with a server error."""

    def get_filters(self, request: HttpRequest) -> Any:
        if any("\x00" in value for values in self.filter_params.values() for value in values):
            raise IncorrectLookupParameters("Text cannot contain a NUL character.")
        try:
            return super().get_filters(request)
        except (ValueError, OverflowError) as error:  # the date hierarchy, for the year 9999
            raise IncorrectLookupParameters(error) from error

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.title = list_title(self.model)


class StaffModelAdmin(admin.ModelAdmin):
    """The base of all admin pages. Admins may see, add and change; nobody deletes; roles decide,
    not single permissions. A list is titled with what it lists, ``list_title`` or the plural.

    A list answers to what its own filters ask and to its search, and both look only at columns that
    its pages show: any other lookup would answer questions about what nobody is shown."""

    list_title = ""

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return StaffChangeList

    def message_user(self, request: HttpRequest, message: Any, *args: Any, **kwargs: Any) -> None:
        """Say what was done, in Django's words without its "successfully"."""
        kind = SafeString if isinstance(message, SafeString) else str
        plain = kind(str(message).replace(" successfully", ""))
        super().message_user(request, plain, *args, **kwargs)

    def lookup_allowed(self, lookup: str, value: Any, request: Any = None) -> bool:
        return lookup in self._date_lookups() or lookup in self._filter_lookups(request)

    def _date_lookups(self) -> list[str]:
        if not self.date_hierarchy:
            return []
        return [f"{self.date_hierarchy}__{part}" for part in ("year", "month", "day")]

    def _filter_lookups(self, request: HttpRequest) -> Iterator[str | None]:
        """Yield the parameters that each filter of the list understands."""
        filters: Any = self.get_list_filter(request)
        for one in filters:
            if callable(one):
                spec = one(request, {}, self.model, self)
            else:
                path, make = one if isinstance(one, tuple) else (one, admin.FieldListFilter.create)
                field = get_fields_from_path(self.model, path)[-1]
                spec = make(field, request, {}, self.model, self, field_path=path)
            yield from spec.expected_parameters()

    def get_search_results(
        self, request: HttpRequest, queryset: Any, search_term: str
    ) -> tuple[Any, bool]:
        return super().get_search_results(request, queryset, search_term.replace("\x00", ""))

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.is_active and request.user.is_staff)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_view_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_view_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ReadOnlyAdmin(StaffModelAdmin):
    """The base of admin pages for rows that only the product itself writes."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class SuperuserOnly(ReadOnlyAdmin):
    """The base of admin pages for superusers only: people and their activity."""

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.is_active and request.user.is_superuser)


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


class RoleFilter(admin.SimpleListFilter):
    title = "role"
    parameter_name = "role"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(role, role) for role in ("user", "admin", "superuser")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        flags = {"user": (False, False), "admin": (True, False), "superuser": (True, True)}
        if self.value() not in flags:
            return queryset
        is_staff, is_superuser = flags[self.value() or ""]
        return queryset.filter(is_staff=is_staff, is_superuser=is_superuser)


class StatusFilter(admin.SimpleListFilter):
    title = "status"
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(status, status) for status in ("active", "disabled", "closing", "deleted")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return {
            "active": lambda: queryset.active(),
            "disabled": lambda: queryset.filter(is_active=False, anonymised_at=None),
            "closing": lambda: queryset.exclude(deletion_requested_at=None).filter(
                anonymised_at=None
            ),
            "deleted": lambda: queryset.exclude(anonymised_at=None),
        }.get(self.value() or "", lambda: queryset)()


@admin.register(User)
class UserAdmin(SuperuserOnly):
    list_title = "People"
    list_display = ["email", "name", "role", "status", "joined_at", "last_seen_at"]
    list_filter = [RoleFilter, StatusFilter]
    search_fields = ["email", "name"]
    ordering = ["email"]
    fields = [
        "email",
        "name",
        "role",
        "status",
        "second_factor",
        "company_account",
        "in_groups",
        "timezone",
        "joined_at",
        "last_seen_at",
    ]
    change_form_template = "admin/accounts/user/change_form.html"
    change_list_template = "admin/accounts/user/change_list.html"

    @admin.display(description="second factor")
    def second_factor(self, user: User) -> str:
        return "Set up" if is_mfa_enabled(user) else "No second factor"

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        unused = () if single_sign_on.is_on() else ("company_account",)
        return [name for name in self.fields if name not in unused]

    @admin.display(description="company account")
    def company_account(self, user: User) -> str:
        if not single_sign_on.is_linked(user):
            return "Not linked"
        return "Linked: role and groups follow it at each sign-in"

    @admin.display(description="groups")
    def in_groups(self, user: User) -> str:
        links = [
            (reverse("admin:auth_group_change", args=[group.pk]), group.name)
            for group in user.groups.order_by("name")
        ]
        return format_html_join(", ", '<a href="{}">{}</a>', links) or "None"

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        user = User.objects.filter(pk=object_id).first() if object_id.isdecimal() else None
        context: dict[str, Any] = {"title": "Person", "subtitle": None}
        if user is not None:
            assert isinstance(request.user, User)
            context |= {
                "person": user,
                "title": str(user),
                "acts": [(act, act.effects(user)[0]) for act in acts_for(user, by=request.user)],
                "recent": [(sentence(event), event) for event in user.activity.all()[:10]],
            }
        return super().change_view(request, object_id, form_url, context | (extra_context or {}))

    def get_urls(self) -> list[URLPattern]:
        act = self.admin_site.admin_view(self.act)
        name = "accounts_user_act"
        return [path("<int:pk>/act/<slug:name>/", act, name=name), *super().get_urls()]

    def act(self, request: HttpRequest, pk: int, name: str) -> HttpResponse:
        """Show an action's effects on a person; a POST performs it."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        assert isinstance(request.user, User)
        user, act = get_object_or_404(User, pk=pk), ACTS.get(name)
        if act is None:
            raise Http404
        page = reverse("admin:accounts_user_change", args=[pk])
        if not act.is_possible(user):
            messages.info(request, f"Nothing to do: {user} is {user.status}, role {user.role}.")
            return redirect(page)
        posted = request.POST if request.method == "POST" else None
        form = ReasonForm(posted) if act.asks_reason else None
        link = ""
        if request.method == "POST" and (form is None or form.is_valid()):
            asked = {"reason": form.cleaned_data["reason"]} if form else {}
            with refusals_as_messages(request):
                answer = act.run(user=user, by=request.user, **asked)
                link = answer if isinstance(answer, str) else ""
                if not link:
                    messages.success(request, f"{user} {act.done}.")
            if not link:
                return redirect(page)
        return admin_page(
            request,
            "admin/accounts/user/act.html",
            title=f"{act.label}: {user}",
            opts=self.opts,
            person=user,
            act=act,
            effects=act.effects(user),
            form=form,
            link=link,
        )


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
    def when(self, event: ActivityEvent) -> datetime:
        return event.at

    @admin.display(description="who", ordering="actor_email", empty_value="The site itself")
    def person(self, event: ActivityEvent) -> str:
        return event.actor_email

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


from accounts.invitations import admin as _invitations  # noqa: E402, F401 - it needs what is above
