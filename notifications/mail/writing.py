"""The writing of a mail from a notification.

A row is reserved by moving its due time ahead, and its mail becomes a row of the outbox in the same
transaction as `mailed_at`: a crash in between loses nothing and sends nothing twice, and a
notification that cannot be written does not block the others.
"""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts import mails
from accounts.models import User
from config.text.plain_text import isolated
from notifications.details import details_of
from notifications.mail.outbox import NOTIFICATION
from notifications.models import Kind, Notification
from notifications.preferences import NAMES, switch_off_path
from notifications.services import wants_mail

TAKEN_FOR = timedelta(minutes=5)
BUNDLED_FOR = timedelta(minutes=15)

LONG_TEXTS = ("text", "changes", "description", "reason")
"""The variables that may have several lines; every other text is one line."""

OWN_WORDS = (Kind.DEPLOYMENT, Kind.ROLLBACK, Kind.RETIREMENT, Kind.EXECUTION_FAILED)


def write_due(at_most: int) -> int:
    """Write the mails of due notifications; returns how many were taken."""
    with transaction.atomic():
        due = Notification.objects.due_by_mail().select_for_update(skip_locked=True)
        taken = list(due.order_by("mail_due_at", "pk").values_list("pk", "user_id")[:at_most])
        Notification.objects.filter(pk__in=[pk for pk, _ in taken]).update(
            mail_due_at=timezone.now() + TAKEN_FOR
        )
    for pk, user_id in taken:
        _write(pk, user_id)
    return len(taken)


@transaction.atomic
def _write(pk: int, user_id: int) -> None:
    """Write one person's mails, one process at a time, so that a bundle has one mail."""
    user = User.objects.select_for_update(no_key=True).get(pk=user_id)
    waiting = Notification.objects.filter(user=user, mailed_at=None, mail_due_at__isnull=False)
    notification = waiting.filter(pk=pk).first()
    if notification is None:
        return
    kind = Kind(notification.kind)
    is_seen = Notification.objects.seen_by(user).filter(pk=pk).exists()
    if not is_seen or not wants_mail(user, kind):
        waiting.filter(pk=pk).update(mail_due_at=None)
        return
    together = waiting.filter(pk=pk)
    if notification.bundle:
        together = waiting.filter(kind=kind, bundle=notification.bundle)
        last = _last_mail(notification)
        if last is not None and last > timezone.now() - BUNDLED_FOR:
            together.update(mail_due_at=last + BUNDLED_FOR)
            return
    count = together.update(mailed_at=timezone.now())
    _send(notification, user, others=count - 1)


def _last_mail(notification: Notification) -> Any:
    return (
        Notification.objects.filter(
            user=notification.user_id, bundle=notification.bundle, kind=notification.kind
        )
        .exclude(mailed_at=None)
        .order_by("-mailed_at")
        .values_list("mailed_at", flat=True)
        .first()
    )


def _send(notification: Notification, user: User, *, others: int) -> None:
    kind = Kind(notification.kind)
    off_url = settings.SITE_URL + switch_off_path(user, kind)
    context = _context(notification) | {
        "user": user,
        "others": others,
        "notices": NAMES[kind],
        "off_url": off_url,
    }
    template = kind if kind in OWN_WORDS else "notice"
    message = mails.compose(f"notifications/email/{template}", user.email, context)
    message.extra_headers = {
        "List-Unsubscribe": f"<{off_url}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "Auto-Submitted": "auto-generated",
        NOTIFICATION: str(notification.pk),
    }
    if context["reply_to"]:
        message.extra_headers["Reply-To"] = context["reply_to"]
    message.send()


def _context(notification: Notification) -> dict[str, Any]:
    """The variables of the templates: paths as URLs, and every name on one line."""
    context = details_of(notification)
    names = {"model": context.model, "version": context.version, "previous": context.previous}
    lists = {name: getattr(context, name) for name in ("added", "removed", "changed", "metrics")}
    return {
        **vars(context),
        **{name: isolated(_in_one_line(text)) for name, text in names.items()},
        **{name: [isolated(_in_one_line(text)) for text in texts] for name, texts in lists.items()},
        "reply_to": _in_one_line(context.reply_to),
        "links": [(label, _address(path)) for label, path in context.links],
        "history_url": _address(context.history_url),
        "title": _in_one_line(notification.title),
        "text": notification.text,
        "url": _address(notification.url),
    }


def _address(path: str) -> str:
    return f"{settings.SITE_URL}{path}" if path.startswith("/") else path


def _in_one_line(text: str) -> str:
    return " ".join(text.split())
