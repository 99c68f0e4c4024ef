"""Filters that every template has without loading them."""

from django.template import Library
from django.utils.html import format_html

from config.plain_text import isolated as between_isolates

register = Library()


@register.filter
def isolated(value: object) -> str:
    """A name beside other words: in a ``<bdi>`` of its own where it could turn them."""
    text = str(value)
    return text if between_isolates(text) == text else format_html("<bdi>{}</bdi>", text)
