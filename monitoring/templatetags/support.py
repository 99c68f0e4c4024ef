"""Template tag for what a person and the admins wrote about one prediction, on the page of its
result."""

from django import template

from executions.models import Execution
from monitoring.models import SupportRequest

register = template.Library()


@register.simple_tag
def support_request(execution: Execution) -> SupportRequest | None:
    """Return the request for help about the prediction, with its messages, if there is one."""
    found = SupportRequest.objects.filter(execution=execution)
    return found.prefetch_related("messages__by").first()
