"""Mails about a person's own account. They cannot be switched off.

Each is one text template; its first line is the subject, and the HTML twin is made from the same
words, so the two never differ: a paragraph whose second line is a link becomes the button. Other
apps compose theirs here, too; a mail with text that people wrote has an HTML template of its own,
so that nobody's text becomes a button.
"""

import re
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string, select_template
from django.utils import timezone

from config.text.plain_text import settled


@dataclass(frozen=True)
class Paragraph:
    """A paragraph of text, with its link if it is a button."""

    text: str
    url: str = ""


def send(template: str, to: str, **context: Any) -> None:
    """Send the mail ``template`` ("account/email/role_changed") to the address ``to``.

    ``user`` in the context is the person it is about; times are in their timezone. The mail is
    queued within the current transaction, so it goes out only if that transaction commits.
    """
    compose(template, to, context).send()


def compose(template: str, to: str, context: dict[str, Any]) -> EmailMultiAlternatives:
    """Compose a mail as text and HTML; its templates get the site, the time and ``context``."""
    user = context.get("user")
    zone = user.zone if user is not None else ZoneInfo(settings.SITE_TIME_ZONE)
    known = {
        "site_name": settings.SITE_NAME,
        "site_url": settings.SITE_URL,
        "support_email": settings.SUPPORT_EMAIL,
        "registration": settings.REGISTRATION,
        "now": timezone.now(),
        **context,
    }
    with timezone.override(zone):
        words = settled(render_to_string(f"{template}.txt", known))
        subject, _, text = words.strip().partition("\n")
        text = re.sub(r"\n\s*\n", "\n\n", text.strip()) + "\n"
        html = select_template([f"{template}.html", "account/email/message.html"]).render(
            known | {"subject": subject, "paragraphs": _paragraphs(text)}
        )
    mail = EmailMultiAlternatives(subject, text, to=[to])
    mail.attach_alternative(settled(html), "text/html")
    return mail


def _paragraphs(text: str) -> list[Paragraph]:
    found = []
    for block in text.strip().split("\n\n"):
        label, _, url = block.partition("\n")
        is_button = url.startswith(("http://", "https://")) and len(url.split()) == 1
        found.append(Paragraph(label.rstrip(":"), url) if is_button else Paragraph(block))
    return found
