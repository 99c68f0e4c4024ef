"""The bell of the top bar, and the news about models above their pages."""

from typing import Any

from django import template

from accounts.models import User
from notifications.announcements import announcement_for
from notifications.bell import bell_of

register = template.Library()


@register.inclusion_tag("notifications/_bell.html")
def bell(user: User) -> dict[str, Any]:
    return {"bell": bell_of(user)}


@register.inclusion_tag("notifications/_announcement.html", takes_context=True)
def announcement(context: dict[str, Any], model_id: int | None = None) -> dict[str, Any]:
    """Return the announcement about all models, or about one, until the person dismisses it."""
    request = context["request"]
    return {
        "announcement": announcement_for(request.user, model_id=model_id),
        "model_id": model_id,
        "csrf_token": context.get("csrf_token"),
        "here": request.path,
    }
