"""Template tag for a candidate's impact on real predictions, on the promotion page."""

from typing import Any

from django import template
from django.template import RequestContext

from executions.trials.impact_page import impact_context
from models_registry.models import ModelVersion

register = template.Library()


@register.inclusion_tag("admin/executions/_impact.html", takes_context=True)
def impact_on_real_predictions(context: RequestContext, version: ModelVersion) -> dict[str, Any]:
    taken = {name: context.get(name) for name in ("csrf_token", "user")}
    return impact_context(version) | taken
