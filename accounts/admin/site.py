"""The site of Django admin: its sign-in, its own password page, and how it writes yes and no."""

from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.decorators import secure_admin_login
from allauth.account.signals import password_changed
from allauth.core import ratelimit
from django.contrib import admin, messages
from django.contrib.admin.forms import AdminPasswordChangeForm
from django.contrib.admin.templatetags import admin_list
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.views import PasswordChangeView
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse_lazy

from accounts.models import User


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
