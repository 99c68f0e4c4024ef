"""Notifications and the outbox in Django admin."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path
from django.views.decorators.http import require_POST

from accounts.admin import ReadOnlyAdmin, as_shown
from accounts.models import User
from config.errors import refusals_as_messages
from notifications.mail import outbox
from notifications.models import Mail, Notification


@admin.register(Notification)
class NotificationAdmin(ReadOnlyAdmin):
    """Recipients, kinds, times and channels of notifications; their text is not shown."""

    list_display = [
        "created_at",
        "user__email",
        "kind",
        "title",
        "is_shown",
        "read_at",
        "mailed_at",
    ]
    list_filter = ["kind", "is_shown"]
    list_select_related = ["user"]
    search_fields = ["user__email", "title"]
    search_help_text = "A person's e-mail, or words from the title"
    show_full_result_count = False
    fields = ["user", "kind", "title", "url", "is_shown", "created_at", "read_at", "mailed_at"]


class StateFilter(admin.SimpleListFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(state, state) for state in ("waiting", "sent", "given up")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return {
            "waiting": lambda: queryset.waiting(),
            "sent": lambda: queryset.exclude(sent_at=None),
            "given up": lambda: queryset.exclude(given_up_at=None),
        }.get(self.value() or "", lambda: queryset)()


@admin.register(Mail)
class MailAdmin(ReadOnlyAdmin):
    """The outbox. The text is never shown: account mails contain links that open accounts."""

    list_display = ["created_at", "to", "subject", "status", "tries", "next_try", "last_error"]
    list_filter = [StateFilter, "is_optional"]
    search_fields = ["recipients", "subject"]
    search_help_text = "An address, or words from the subject"
    show_full_result_count = False
    fields = [
        "to",
        "subject",
        "status",
        "is_optional",
        "created_at",
        "tries",
        "next_try",
        "last_error",
        "sent_at",
        "given_up_at",
    ]
    change_form_template = "admin/notifications/mail/change_form.html"

    @admin.display(description="to")
    def to(self, mail: Mail) -> str:
        return ", ".join(mail.recipients)

    @admin.display(description="next try", ordering="next_try_at")
    def next_try(self, mail: Mail) -> str:
        """When the mail is tried again; there is no such time once it was sent or given up."""
        return as_shown(mail.next_try_at if mail.status == "waiting" else None)

    def get_urls(self) -> list[URLPattern]:
        again = self.admin_site.admin_view(require_POST(self.again))
        return [
            path("<uuid:pk>/again/", again, name="notifications_mail_again"),
            *super().get_urls(),
        ]

    def again(self, request: HttpRequest, pk: Any) -> HttpResponse:
        """Retry a mail that was given up."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        assert isinstance(request.user, User)
        row = get_object_or_404(Mail, pk=pk)
        with refusals_as_messages(request):
            if outbox.send_again(mail=row, by=request.user):
                messages.success(request, "The mail will be sent again, with up to five attempts.")
            else:
                messages.info(request, f"Nothing to do: the mail is {row.status}.")
        return redirect("admin:notifications_mail_change", pk)
