"""The detail line of a rollback notification: how many of the person's predictions it concerns."""

from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from executions.models import Execution
from notifications.details import register
from notifications.models import Kind, Notification


def _made_in_between(notification: Notification) -> dict[str, Any]:
    """``count``: the number of predictions that the person made with the replaced version while it
    was live; ``history_url``: where they are."""
    about = notification.context
    if not (about.get("previous_id") and about.get("from") and about.get("to")):
        return {}
    made = Execution.objects.visible_to(notification.user).filter(
        version=about["previous_id"],
        requested_at__gte=about["from"],
        requested_at__lt=about["to"],
    )
    search = urlencode({"q": f"version:{about['previous'].removeprefix('v')}"})
    return {"count": made.count(), "history_url": f"{reverse('executions:list')}?{search}"}


register(Kind.ROLLBACK, _made_in_between)
