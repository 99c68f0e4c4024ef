"""Invitations in Django admin, for superusers: the list, one or many new ones, and their links,
which are shown once."""

import re
from collections.abc import Mapping
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path
from django.utils.text import Truncator
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_POST

from accounts.admin.pages import SuperuserOnly, admin_page
from accounts.invitations import services
from accounts.invitations.models import Invitation, Role
from accounts.models import User
from accounts.sign_in.allauth_forms import EmailField
from config.errors import refusals_as_messages, refusals_in

ROLES = [
    (Role.USER, "User: uses the models"),
    (Role.ADMIN, "Admin: also uploads, tests and promotes models"),
    (Role.SUPERUSER, "Superuser: also invites people and changes roles"),
]


class PersonForm(forms.Form):
    """One person."""

    email = EmailField(label="E-mail")
    name = forms.CharField(max_length=150, required=False)
    role = forms.ChoiceField(choices=ROLES, initial=Role.USER, widget=forms.RadioSelect)
    groups = forms.ModelMultipleChoiceField(
        Group.objects.order_by("name"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="A group says which models they see, beside those for everybody.",
    )

    def clean_email(self) -> str:
        email: str = self.cleaned_data["email"]
        if problems := services.obstacles([email]):
            raise forms.ValidationError(problems)
        return email

    def names(self) -> Mapping[str, str]:
        return {self.cleaned_data["email"]: self.cleaned_data["name"]}


class PeopleForm(forms.Form):
    """Many addresses in one text."""

    emails = forms.CharField(
        label="E-mail addresses",
        max_length=30_000,
        widget=forms.Textarea(attrs={"rows": 8}),
        help_text=f"One in each line, or with commas between. At most {services.MOST_AT_ONCE}.",
        error_messages={"required": "Write one address at least."},
    )
    role = PersonForm.base_fields["role"]
    groups = PersonForm.base_fields["groups"]

    def clean_emails(self) -> Mapping[str, str]:
        """Return the addresses, each once, or say what is wrong with each."""
        lines = [line.strip() for line in re.split(r"[\n,;]", self.cleaned_data["emails"])]
        known, problems = {}, []
        for line in filter(None, lines):
            try:
                known[EmailField().clean(line)] = ""
            except forms.ValidationError:
                problems.append(f"“{Truncator(line).chars(80)}” is not an e-mail address.")
        if not known and not problems:
            problems.append("Write one address at least.")
        if len(known) > services.MOST_AT_ONCE:
            most = services.MOST_AT_ONCE
            problems.append(f"These are {len(known)} addresses. Invite at most {most} at once.")
        problems += services.obstacles(known)
        if problems:
            raise forms.ValidationError(problems)
        return known

    def names(self) -> Mapping[str, str]:
        emails: Mapping[str, str] = self.cleaned_data["emails"]
        return emails


class StatusFilter(admin.SimpleListFilter):
    title = "status"
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(status, status) for status in Invitation.STATUSES]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        chosen = self.value()
        return queryset.with_status(chosen) if chosen in Invitation.STATUSES else queryset


@admin.register(Invitation)
class InvitationAdmin(SuperuserOnly):
    """All invitations, without their links."""

    list_display = ["email", "role_word", "in_groups", "state", "by", "made_at", "expires_at"]
    list_filter = [StatusFilter]
    fields = [
        "email", "name", "role_word", "in_groups", "state", "by", "made_at", "expires_at",
        "used_at", "used_by", "revoked_at",
    ]  # fmt: skip
    search_fields = ["email", "name", "invited_by__email"]
    search_help_text = "An invited address or name, or who invited them"
    list_select_related = ["invited_by"]
    change_list_template = "admin/accounts/invitation/change_list.html"
    change_form_template = "admin/accounts/invitation/change_form.html"

    @admin.display(description="role", ordering="role")
    def role_word(self, invitation: Invitation) -> str:
        return invitation.role

    @admin.display(description="groups")
    def in_groups(self, invitation: Invitation) -> str:
        return ", ".join(str(one) for one in invitation.groups.all()) or "–"

    @admin.display(description="status")
    def state(self, invitation: Invitation) -> str:
        return invitation.status

    @admin.display(description="invited by", ordering="invited_by__email")
    def by(self, invitation: Invitation) -> str:
        return invitation.invited_by.email if invitation.invited_by else ""

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("groups__group")

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        context = {"title": "Invitation", "subtitle": None} | (extra_context or {})
        return super().change_view(request, object_id, form_url, context)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        name = "accounts_invitation"
        return [
            path("person/", view(self.person), name=f"{name}_person"),
            path("people/", view(self.people), name=f"{name}_people"),
            path("<int:pk>/renew/", view(require_POST(self.renew)), name=f"{name}_renew"),
            path("<int:pk>/revoke/", view(require_POST(self.revoke)), name=f"{name}_revoke"),
            *super().get_urls(),
        ]

    def person(self, request: HttpRequest) -> HttpResponse:
        """Add one person; a POST invites them and shows their link."""
        return self._invite(request, PersonForm, "email", "Add a person")

    def people(self, request: HttpRequest) -> HttpResponse:
        """Invite many addresses at once."""
        return self._invite(request, PeopleForm, "emails", "Invite people")

    def _invite(
        self, request: HttpRequest, kind: type[PersonForm | PeopleForm], field: str, title: str
    ) -> HttpResponse:
        by = self._superuser(request)
        form = kind(request.POST if request.method == "POST" else None)
        if request.method == "POST" and form.is_valid():
            with refusals_in(form, field):
                chosen = {name: form.cleaned_data[name] for name in ("role", "groups")}
                return self._links(request, services.invite(names=form.names(), by=by, **chosen))
        return admin_page(
            request,
            "admin/accounts/invitation/invite.html",
            title=title,
            opts=self.opts,
            form=form,
            mail_is_delivered=settings.MAIL_IS_DELIVERED,
            provider_gives_roles=settings.OIDC_ADMIN_GROUP or settings.OIDC_SUPERUSER_GROUP,
            status=422 if form.errors else 200,
        )

    def renew(self, request: HttpRequest, pk: int) -> HttpResponse:
        by = self._superuser(request)
        invitation = get_object_or_404(Invitation, pk=pk)
        with refusals_as_messages(request):
            return self._links(request, [services.renew(invitation=invitation, by=by)])
        return redirect("admin:accounts_invitation_change", pk)

    def revoke(self, request: HttpRequest, pk: int) -> HttpResponse:
        by = self._superuser(request)
        invitation = get_object_or_404(Invitation, pk=pk)
        with refusals_as_messages(request):
            services.revoke(invitation=invitation, by=by)
            messages.success(request, f"The invitation of {invitation} is revoked.")
        return redirect("admin:accounts_invitation_change", pk)

    @sensitive_variables("links")
    def _links(self, request: HttpRequest, links: list[services.Link]) -> HttpResponse:
        title = "One person is invited" if len(links) == 1 else f"{len(links)} people are invited"
        return admin_page(
            request,
            "admin/accounts/invitation/links.html",
            title=title,
            opts=self.opts,
            links=links,
            mail_is_delivered=settings.MAIL_IS_DELIVERED,
        )

    def _superuser(self, request: HttpRequest) -> User:
        if not self.has_view_permission(request):
            raise PermissionDenied
        assert isinstance(request.user, User)
        return request.user
