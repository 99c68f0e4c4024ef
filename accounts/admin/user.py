"""People in Django admin."""

from typing import Any

from allauth.mfa.utils import is_mfa_enabled
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html_join

from accounts.activity_words import sentence
from accounts.admin.pages import SuperuserOnly, admin_page
from accounts.admin.role_changes import ACTS, acts_for
from accounts.forms import ReasonForm
from accounts.models import User
from accounts.single_sign_on import services as single_sign_on
from config.errors import refusals_as_messages


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
