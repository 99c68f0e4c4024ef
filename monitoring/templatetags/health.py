"""The banner on admins' pages that names the parts that are down."""

from typing import Any

from django import template

from accounts.models import User
from monitoring.health.watch import alarm

register = template.Library()


@register.inclusion_tag("monitoring/_alarm.html", takes_context=True)
def health_alarm(context: dict[str, Any]) -> dict[str, Any]:
    """Return the alarm for admins, on the admin's pages and on those of monitoring but the health
    page itself."""
    request = context.get("request")
    match = request.resolver_match if request is not None else None
    user = getattr(request, "user", None)
    is_theirs = isinstance(user, User) and user.is_active and user.is_staff
    if not is_theirs or match is None or match.app_name not in {"admin", "monitoring"}:
        return {}
    if match.view_name == "monitoring:health":
        return {}
    return {"alarm": alarm()}
