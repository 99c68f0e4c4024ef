"""API tokens and service accounts in Django admin, for superusers."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_POST

from accounts.admin import SuperuserOnly, admin_page, as_shown
from accounts.models import ApiToken, User
from accounts.tokens.services import make_service_account, make_token, revoke_token
from config.errors import refusals_as_messages, refusals_in
from executions.api.token_pages import TokenForm


class ServiceAccountForm(forms.Form):
    name = forms.CharField(
        max_length=80,
        help_text="The program that will use it, such as “Nightly scoring”.",
        widget=forms.TextInput(attrs={"class": "form-control"}),
    )


@admin.register(ApiToken)
class ApiTokenAdmin(SuperuserOnly):
    """All tokens, without their secrets, and the accounts of programs."""

    list_title = "API tokens"
    list_display = ["name", "account", "can", "state", "created", "expires", "last_used"]
    fields = [
        "name",
        "account",
        "hint",
        "can",
        "models",
        "state",
        "created",
        "expires",
        "last_used",
    ]
    search_fields = ["name", "user__email", "hint"]
    search_help_text = "A token's name or first letters, or an account's e-mail"
    list_select_related = ["user"]
    change_list_template = "admin/accounts/apitoken/change_list.html"
    change_form_template = "admin/accounts/apitoken/change_form.html"

    @admin.display(description="account", ordering="user__email")
    def account(self, token: ApiToken) -> str:
        return token.user.email

    @admin.display(description="may")
    def can(self, token: ApiToken) -> str:
        return ", ".join(token.scopes)

    @admin.display(description="models")
    def models(self, token: ApiToken) -> str:
        return ", ".join(token.only_models) or "All"

    @admin.display(description="status")
    def state(self, token: ApiToken) -> str:
        return token.status

    @admin.display(description="made", ordering="created_at")
    def created(self, token: ApiToken) -> str:
        return as_shown(token.created_at)

    @admin.display(description="expires", ordering="expires_at")
    def expires(self, token: ApiToken) -> str:
        return as_shown(token.expires_at)

    @admin.display(description="last used", ordering="last_used_at")
    def last_used(self, token: ApiToken) -> str:
        return as_shown(token.last_used_at, "Never")

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        context = {"title": "API token", "subtitle": None} | (extra_context or {})
        return super().change_view(request, object_id, form_url, context)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        name = "accounts_apitoken"
        return [
            path("service/", view(self.service), name=f"{name}_service"),
            path("service/<int:pk>/", view(self.make), name=f"{name}_make"),
            path("<int:pk>/revoke/", view(require_POST(self.revoke)), name=f"{name}_revoke"),
            *super().get_urls(),
        ]

    def service(self, request: HttpRequest) -> HttpResponse:
        """List the service accounts; a POST makes one."""
        by = self._superuser(request)
        form = ServiceAccountForm(request.POST if request.method == "POST" else None)
        if request.method == "POST" and form.is_valid():
            with refusals_in(form, "name"):
                account = make_service_account(name=form.cleaned_data["name"], by=by)
                return redirect("admin:accounts_apitoken_make", account.pk)
        return admin_page(
            request,
            "admin/accounts/apitoken/service.html",
            title="Service accounts",
            opts=self.opts,
            form=form,
            accounts=User.objects.active().filter(is_service=True).order_by("email"),
            status=422 if form.errors else 200,
        )

    @sensitive_variables("secret")
    def make(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Make a token of a service account, and show its secret once."""
        by = self._superuser(request)
        account = get_object_or_404(User, pk=pk, is_service=True)
        form = TokenForm(account, request.POST if request.method == "POST" else None)
        token, secret = None, ""
        if request.method == "POST" and form.is_valid():
            with refusals_in(form):
                token, secret = make_token(user=account, by=by, **form.cleaned_data)
        return admin_page(
            request,
            "admin/accounts/apitoken/make.html",
            title=f"New token of {account}",
            opts=self.opts,
            account=account,
            form=form,
            made=token,
            secret=secret,
            status=422 if form.errors else 200,
        )

    def revoke(self, request: HttpRequest, pk: int) -> HttpResponse:
        by = self._superuser(request)
        token = get_object_or_404(ApiToken.objects.select_related("user"), pk=pk)
        with refusals_as_messages(request):
            if revoke_token(token=token, by=by):
                messages.success(request, f"“{token.name}” is revoked.")
        return redirect("admin:accounts_apitoken_change", pk)

    def _superuser(self, request: HttpRequest) -> User:
        if not self.has_view_permission(request):
            raise PermissionDenied
        assert isinstance(request.user, User)
        return request.user
