"""What this app does by itself."""

from celery import shared_task

from monitoring.failures import collecting


@shared_task(ignore_result=True)
def collect_failures() -> None:
    collecting.collect()
