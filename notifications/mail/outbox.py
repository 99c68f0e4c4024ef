"""The outbox of every mail of the product, and its sending.

Django's mail functions write rows here (EMAIL_BACKEND); a task sends each row through the real
transport (MAIL_TRANSPORT). An attempt reserves the row until the next one is due, so two workers
never send the same mail; if a worker is lost between the server's "accepted" and our commit, the
mail is sent again with the same Message-ID.
"""

import logging
import smtplib
import uuid
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMessage, EmailMultiAlternatives, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone

from accounts.activity import record
from accounts.models import User
from config.errors import DomainError
from config.queue import kick
from notifications.models import Mail

logger = logging.getLogger(__name__)

PAUSES = (
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=14),
    timedelta(minutes=40),
    timedelta(minutes=1),
)
"""The time for which the row is reserved after each attempt. The fifth, an hour after the first, is
the last."""


class OutboxBackend(BaseEmailBackend):
    """The mail backend that stores mails as rows, inside the caller's transaction."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        for message in email_messages:
            hand_over(_row(message))
        return len(email_messages)


NOTIFICATION = "X-Notification"
"""The header that tells the outbox which notification a mail was written from; it is not sent."""


class HiddenNow(DomainError):
    message = "The mail tells what this person may not see any more. It was not sent."


def hand_over(mail: Mail) -> None:
    """Queue one attempt to send now; account mails have a queue priority above notices."""
    from notifications.tasks import send_mail, send_notice  # the tasks send from this module

    kick(send_notice if mail.is_optional else send_mail, str(mail.pk))


def _row(message: EmailMessage) -> Mail:
    """Convert a mail to a row. Raises ValueError if a row cannot hold it."""
    if message.attachments:
        raise ValueError("the outbox carries no attachments")
    html = [
        str(alternative[0])
        for alternative in getattr(message, "alternatives", [])
        if alternative[1] == "text/html"
    ]
    headers = {name: str(value) for name, value in message.extra_headers.items()}
    return Mail.objects.create(
        notification_id=headers.pop(NOTIFICATION, None),
        sender=message.from_email,
        recipients=message.recipients(),
        subject=" ".join(message.subject.split())[:300],
        text=str(message.body),
        html=html[0] if html else "",
        headers=headers,
        is_optional="List-Unsubscribe" in message.extra_headers,
    )


def send(pk: uuid.UUID) -> None:
    """Try to send one mail that is due; does nothing if another worker holds it."""
    mail = Mail.objects.due().filter(pk=pk).first()
    if mail is None:
        return
    now = timezone.now()
    taken = (
        Mail.objects.due()
        .filter(pk=pk, tries=mail.tries)
        .update(tries=F("tries") + 1, next_try_at=now + PAUSES[min(mail.tries, len(PAUSES) - 1)])
    )
    if not taken:
        return
    if mail.is_hidden:
        Mail.objects.filter(pk=pk).update(given_up_at=timezone.now(), last_error="HiddenNow")
        return
    try:
        _transmit(mail)
    except (OSError, smtplib.SMTPException) as error:
        _note_failure(mail, error)
    else:
        Mail.objects.filter(pk=pk).update(
            sent_at=timezone.now(), text="", html="", headers={}, last_error=""
        )


def _transmit(mail: Mail) -> None:
    host = urlsplit(settings.SITE_URL).hostname or "localhost"
    message = EmailMultiAlternatives(
        mail.subject,
        mail.text,
        mail.sender,
        mail.recipients,
        headers={**mail.headers, "Message-ID": f"<{mail.pk}@{host}>"},
        connection=get_connection(settings.MAIL_TRANSPORT),
    )
    if mail.html:
        message.attach_alternative(mail.html, "text/html")
    message.send()


def _note_failure(mail: Mail, error: Exception) -> None:
    is_last = mail.tries + 1 >= len(PAUSES) or _is_final(error)
    logger.warning(
        "mail_failed mail=%s try=%s error=%s last=%s",
        mail.pk, mail.tries + 1, type(error).__name__, is_last,
    )  # fmt: skip
    # The class alone: a server's message may quote addresses.
    failure: dict[str, Any] = {"last_error": type(error).__name__}
    rows = Mail.objects.filter(pk=mail.pk, sent_at=None)
    if is_last:
        failure["given_up_at"] = timezone.now()
        if not mail.is_optional:
            failure |= {"text": "", "html": "", "headers": {}}
    rows.update(**failure)


@transaction.atomic
def send_again(*, mail: Mail, by: User) -> bool:
    """Allow five more attempts for a mail that was given up; returns False if there is nothing to
    do. Raises HiddenNow."""
    if mail.is_hidden:
        raise HiddenNow
    given_up = Mail.objects.filter(pk=mail.pk, is_optional=True).exclude(given_up_at=None)
    if not given_up.update(given_up_at=None, tries=0, next_try_at=Now(), last_error=""):
        return False
    record("mail sent again", by=by, target=mail.subject)
    hand_over(mail)
    return True


def _is_final(error: Exception) -> bool:
    """Return whether a later attempt would fail the same way."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return all(code >= 500 for code, _ in error.recipients.values())
    return isinstance(error, smtplib.SMTPSenderRefused) and error.smtp_code >= 500


def forget() -> None:
    """Delete the rows of mails that were sent or given up long ago, with recipient and subject."""
    Mail.objects.filter(created_at__lt=timezone.now() - settings.MAIL_KEPT).exclude(
        sent_at=None, given_up_at=None
    ).delete()
