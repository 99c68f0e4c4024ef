"""Celery tasks that write the mails of notifications and send the outbox.

What concerns many people at once runs at the low end of the queue (`config/celery.py`):
predictions and account mails never wait behind it.
"""

import uuid

from celery import shared_task

from config.queue import kick
from notifications.mail import outbox, writing
from notifications.models import Mail

AT_ONCE = 20
WRITTEN_AT_ONCE = 10
"""Mails per run: less than half a second's work, after which more urgent tasks can run."""


@shared_task(ignore_result=True)
def send_mail(mail_id: str) -> None:
    outbox.send(uuid.UUID(mail_id))


@shared_task(ignore_result=True)
def send_notice(mail_id: str) -> None:
    outbox.send(uuid.UUID(mail_id))


@shared_task(ignore_result=True)
def write_notices() -> None:
    """Write the mails of due notifications, and queue the task again for the rest."""
    if writing.write_due(WRITTEN_AT_ONCE) == WRITTEN_AT_ONCE:
        kick(write_notices)


@shared_task(ignore_result=True)
def sweep_mails() -> None:
    """Queue the mails whose next attempt is due: after a lost task, or a failed attempt."""
    for row in Mail.objects.due().order_by("is_optional", "next_try_at")[:AT_ONCE]:
        outbox.hand_over(row)


@shared_task(ignore_result=True)
def forget_mails() -> None:
    outbox.forget()
