"""The Celery app, and which tasks go last and run when. Tasks hand work over and never compute."""

import os
from datetime import timedelta

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("config")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

# The Redis transport knows 0, the highest and what a task has unless it is named here, to 9. What
# concerns many people at once, or that nobody waits for, has the lowest priority.
app.conf.task_routes = {
    name: {"priority": 9}
    for name in (
        "executions.tasks.copy_flow_runs",
        "executions.tasks.purge_executions",
        "executions.tasks.forget_flow_runs",
        "notifications.tasks.send_notice",
        "notifications.tasks.write_notices",
    )
}

app.conf.beat_schedule = {
    "sweep-executions": {"task": "executions.tasks.sweep_executions", "schedule": 5.0},
    "sweep-flow-runs": {"task": "models_registry.tasks.sweep_flow_runs", "schedule": 5.0},
    "forget-replays": {"task": "executions.tasks.forget_replays", "schedule": timedelta(days=1)},
    "collect-failures": {"task": "monitoring.tasks.collect_failures", "schedule": 5.0},
    "count-days": {"task": "monitoring.tasks.count_days", "schedule": 60.0},
    "write-notices": {"task": "notifications.tasks.write_notices", "schedule": 5.0},
    "sweep-mails": {"task": "notifications.tasks.sweep_mails", "schedule": 10.0},
    "forget-rows-files": {
        "task": "executions.tasks.forget_rows_files",
        "schedule": timedelta(minutes=10),
    },
    "copy-flow-runs": {"task": "executions.tasks.copy_flow_runs", "schedule": 15.0},
    "count-use": {"task": "executions.tasks.count_use", "schedule": 60.0},
    "purge-executions": {
        "task": "executions.tasks.purge_executions",
        "schedule": timedelta(days=1),
    },
    "forget-flow-runs": {
        "task": "executions.tasks.forget_flow_runs",
        "schedule": timedelta(minutes=10),
    },
    "look-after": {"task": "monitoring.tasks.look_after", "schedule": 15.0},
    "forget-people": {"task": "accounts.tasks.forget_people", "schedule": timedelta(days=1)},
    "forget-mails": {"task": "notifications.tasks.forget_mails", "schedule": timedelta(days=1)},
}
