"""The mails about a person's own account. They cannot be switched off.

Each is one text template; its first line is the subject, and the HTML twin is made from the same
words, so the two never drift apart: a paragraph whose second line is a link becomes the button.
"""

from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.utils import timezone


@dataclass(frozen=True)
class Paragraph:
    """Some words, and where they lead if they are a button."""

    text: str
    url: str = ""


def send(template: str, to: str, **context: Any) -> None:
    """Send the mail ``template`` ("account/email/role_changed") to the address ``to``.

    ``user`` in the context is the person it is about; times stand in their timezone. The mail is
    queued within the current transaction, so it goes out only if what it tells of happened.
    """
    compose(template, to, context).send()


def compose(template: str, to: str, context: dict[str, Any]) -> EmailMultiAlternatives:
    user = context.get("user")
    zone = user.zone if user is not None else ZoneInfo(settings.SITE_TIME_ZONE)
    with timezone.override(zone):
        words = render_to_string(
            f"{template}.txt",
            {
                "site_name": settings.SITE_NAME,
                "site_url": settings.SITE_URL,
                "support_email": settings.SUPPORT_EMAIL,
                "now": timezone.now(),
                **context,
            },
        )
    subject, _, text = words.strip().partition("\n")
    text = text.strip() + "\n"
    html = render_to_string(
        "account/email/message.html",
        {"subject": subject, "paragraphs": _paragraphs(text), "site_name": settings.SITE_NAME},
    )
    mail = EmailMultiAlternatives(subject, text, to=[to])
    mail.attach_alternative(html, "text/html")
    return mail


def _paragraphs(text: str) -> list[Paragraph]:
    found = []
    for block in text.strip().split("\n\n"):
        label, _, url = block.partition("\n")
        is_button = url.startswith(("http://", "https://")) and len(url.split()) == 1
        found.append(Paragraph(label.rstrip(":"), url) if is_button else Paragraph(block))
    return found
