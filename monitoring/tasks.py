"""The periodic Celery tasks of this app."""

from celery import shared_task

from monitoring.dashboard import rollup
from monitoring.failures import collecting
from monitoring.health import watch


@shared_task(ignore_result=True)
def collect_failures() -> None:
    collecting.collect()


@shared_task(ignore_result=True)
def count_days() -> None:
    rollup.keep_up()


@shared_task(ignore_result=True)
def look_after() -> None:
    watch.look_after()
