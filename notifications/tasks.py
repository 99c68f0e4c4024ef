"""Sends what waits in the outbox."""

import uuid

from celery import shared_task

from config.queue import kick
from notifications import mail
from notifications.models import Mail

AT_ONCE = 20


@shared_task(ignore_result=True)
def send_mail(mail_id: str) -> None:
    mail.send(uuid.UUID(mail_id))


@shared_task(ignore_result=True)
def sweep_mails() -> None:
    """Hand over the mails whose next try is due: kicks that were lost, and tries that failed."""
    for pk in Mail.objects.due().order_by("next_try_at").values_list("pk", flat=True)[:AT_ONCE]:
        kick(send_mail, str(pk))


@shared_task(ignore_result=True)
def forget_mails() -> None:
    mail.forget()
