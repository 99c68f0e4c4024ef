"""Periodic Celery tasks that delete or anonymise personal data."""

from celery import shared_task

from accounts.privacy import retention


@shared_task(ignore_result=True)
def forget_people() -> None:
    retention.forget()
