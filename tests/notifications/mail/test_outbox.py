"""The outbox, against a real SMTP server."""

from datetime import timedelta
from typing import Any
from unittest.mock import Mock

import pytest
from django.core.mail import EmailMultiAlternatives, send_mail
from django.utils import timezone

from notifications.mail import outbox
from notifications.models import Mail
from tests.post_office import PostOffice, body, post_office

__all__ = ["post_office"]


def write() -> Mail:
    message = EmailMultiAlternatives("Hello", "In text", to=["alice@example.com"])
    message.attach_alternative("<p>In HTML</p>", "text/html")
    message.send()
    return Mail.objects.get()


def test_a_mail_is_a_row_first_and_leaves_with_the_rows_id(post_office: PostOffice) -> None:
    row = write()
    assert post_office.letters == []
    letter = post_office.one()
    assert post_office.recipients == ["alice@example.com"]
    assert str(row.pk) in letter["Message-ID"]
    assert (body(letter, "plain").strip(), body(letter, "html").strip()) == (
        "In text",
        "<p>In HTML</p>",
    )


def test_a_sent_mail_keeps_no_words_and_is_not_sent_again(post_office: PostOffice) -> None:
    row = write()
    post_office.one()
    outbox.send(row.pk)
    row.refresh_from_db()
    assert post_office.letters == []
    assert row.sent_at
    assert (row.text, row.html) == ("", "")


def test_a_row_that_another_worker_has_is_left_alone(post_office: PostOffice) -> None:
    row = write()
    Mail.objects.update(next_try_at=timezone.now() + timedelta(minutes=1), tries=1)
    outbox.send(row.pk)
    assert post_office.letters == []


def test_a_server_that_is_away_costs_nobody_a_mail(
    settings: Any, post_office: PostOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    port, settings.EMAIL_PORT = settings.EMAIL_PORT, 9  # nobody listens there
    row = write()
    monkeypatch.setattr("notifications.mail.outbox.timezone", Mock(now=lambda: row.created_at))
    outbox.send(row.pk)
    row.refresh_from_db()
    assert (row.tries, row.last_error) == (1, "ConnectionRefusedError")
    assert row.next_try_at == row.created_at + timedelta(minutes=1)
    settings.EMAIL_PORT = port
    Mail.objects.update(next_try_at=timezone.now())
    assert post_office.one()["Subject"] == "Hello"


def test_the_fifth_try_an_hour_later_is_the_last(
    post_office: PostOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    post_office.refusal = "451 Busy"
    row = write()
    began = row.next_try_at
    monkeypatch.setattr("notifications.mail.outbox.timezone", Mock(now=lambda: began))
    waited = timedelta()
    for _ in range(5):
        outbox.send(row.pk)
        row.refresh_from_db()
        if row.given_up_at is None:
            waited += row.next_try_at - began
        Mail.objects.update(next_try_at=began)
    assert row.tries == 5
    assert row.given_up_at
    assert row.text == ""
    assert waited == timedelta(hours=1)
    outbox.send(row.pk)
    row.refresh_from_db()
    assert row.tries == 5


def test_what_a_row_cannot_hold_is_refused(post_office: PostOffice) -> None:
    message = EmailMultiAlternatives("Hello", "In text", to=["alice@example.com"])
    message.attach("notes.txt", "notes", "text/plain")
    with pytest.raises(ValueError, match="attachments"):
        message.send()


def test_a_subject_never_becomes_a_second_header(post_office: PostOffice) -> None:
    send_mail("Hello\r\nBcc: eve@example.com", "Text", None, ["alice@example.com"])
    assert post_office.one()["Bcc"] is None
    assert post_office.recipients == ["alice@example.com"]


@pytest.mark.parametrize(("days", "is_kept"), [(89, True), (91, False)])
def test_who_got_a_mail_is_kept_90_days(days: int, is_kept: bool, post_office: PostOffice) -> None:
    write()
    post_office.one()
    Mail.objects.update(created_at=timezone.now() - timedelta(days=days))
    outbox.forget()
    assert Mail.objects.exists() is is_kept


def test_a_mail_that_still_waits_is_never_forgotten(post_office: PostOffice) -> None:
    write()
    Mail.objects.update(created_at=timezone.now() - timedelta(days=400))
    outbox.forget()
    assert Mail.objects.exists()
