"""Template tag for the link from a version's page to a try in another runtime."""

from django import template

from executions.trials.runtime_page import other_runtimes
from models_registry.models import ModelVersion
from models_registry.services import former_runtime

register = template.Library()


@register.simple_tag
def runtime_to_try(version: ModelVersion) -> str:
    """Return the runtime to try the version with: the newest that a worker has, else the former
    one; "" without another."""
    if not version.container:
        return ""
    return next(iter(other_runtimes(version)), "") or former_runtime(version)
