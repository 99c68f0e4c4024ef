"""The detail line of a rollback notification: how many of the person's predictions it concerns."""

from dataclasses import replace
from urllib.parse import urlencode

from django.urls import reverse

from executions.models import Execution
from notifications.details import register
from notifications.models import Context, Kind, Notification


def _made_in_between(notification: Notification, about: Context) -> Context:
    """Add the number of predictions that the person made with the replaced version while it was
    live, and where they are."""
    if about.previous_id is None or about.used_from is None or about.used_to is None:
        return about
    made = Execution.objects.visible_to(notification.user).filter(
        version=about.previous_id,
        requested_at__gte=about.used_from,
        requested_at__lt=about.used_to,
    )
    search = urlencode({"q": f"version:{about.previous.removeprefix('v')}"})
    page = f"{reverse('executions:list')}?{search}"
    return replace(about, count=made.count(), history_url=page)


register(Kind.ROLLBACK, _made_in_between)
