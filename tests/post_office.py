"""A real SMTP server that stores its mails, and the sending of the outbox to it."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any
from urllib.parse import urlsplit

import pytest
from aiosmtpd.controller import Controller

from config.stack.servers import ports
from notifications.mail import outbox
from notifications.models import Mail
from tests.clocks import PATIENCE_SECONDS


class PostOffice:
    """The peer. ``refusal``: what it answers instead of taking a mail."""

    def __init__(self) -> None:
        self.letters: list[EmailMessage] = []
        self.recipients: list[str] = []
        self.refusal = ""

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.refusal:
            return self.refusal
        self.letters.append(message_from_bytes(envelope.content, policy=policy.default))
        self.recipients += envelope.rcpt_tos
        return "250 OK"

    def collect(self) -> list[EmailMessage]:
        """Send what waits in the outbox, and hand over what arrived since the last time."""
        for pk in list(
            Mail.objects.due().order_by("created_at", "pk").values_list("pk", flat=True)
        ):
            outbox.send(pk)
        arrived, self.letters = self.letters, []
        return arrived

    def one(self) -> EmailMessage:
        (letter,) = self.collect()
        return letter


@contextmanager
def open_post_office(settings: Any) -> Iterator[PostOffice]:
    office = PostOffice()
    controller = Controller(
        office,
        hostname=ports.LOOPBACK,
        port=ports.choose(taken=set()),
        ready_timeout=PATIENCE_SECONDS,
    )
    controller.start()
    settings.EMAIL_BACKEND = "notifications.mail.outbox.OutboxBackend"
    settings.MAIL_TRANSPORT = "django.core.mail.backends.smtp.EmailBackend"
    settings.MAIL_IS_DELIVERED = True
    settings.EMAIL_HOST, settings.EMAIL_PORT = ports.LOOPBACK, controller.port
    settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
    settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
    try:
        yield office
    finally:
        controller.stop()


@pytest.fixture
def post_office(settings: Any, db: None) -> Iterator[PostOffice]:
    with open_post_office(settings) as office:
        yield office


def body(letter: EmailMessage, kind: str) -> str:
    part = letter.get_body((kind,))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")


def link_in(letter: EmailMessage) -> str:
    """Return the path of the letter's button, which text and HTML name alike."""
    address = re.search(r"^https?://\S+$", body(letter, "plain"), re.M)
    assert address
    assert f'href="{address[0]}"' in body(letter, "html")
    return urlsplit(address[0]).path
