"""The low-priority tasks in Celery's queue: it names them, so the names must be right."""

import pytest

from config.celery import app


@pytest.mark.parametrize("name", app.conf.task_routes)
def test_a_task_that_is_named_to_go_last_exists_and_goes_last(name: str) -> None:
    app.loader.import_default_modules()
    assert name in app.tasks
    assert app.amqp.router.route({}, name)["priority"] == 9


def test_what_a_person_waits_for_goes_before_all_of_these() -> None:
    assert "priority" not in app.amqp.router.route({}, "executions.tasks.submit_execution")
