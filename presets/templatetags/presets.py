"""The menu of presets in a model's form."""

from typing import Any

from django import template

from presets.menu import menu_of

register = template.Library()


@register.inclusion_tag("presets/_picker.html", takes_context=True)
def preset_picker(context: dict[str, Any]) -> dict[str, Any]:
    """Return the person's presets and suggestions for the model of the page's form."""
    version = context["version"]
    return menu_of(context["request"].user, version.model, context["form"].input_schema)
