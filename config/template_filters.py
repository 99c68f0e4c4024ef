"""Template filters that need no loading."""

from datetime import timedelta

from django.contrib.humanize.templatetags.humanize import intcomma
from django.template import Library
from django.template.defaultfilters import floatformat
from django.utils.html import format_html

from config import numbers
from config.plain_text import isolated as between_isolates

register = Library()


@register.filter
def isolated(value: object) -> str:
    """A name beside other words: in a ``<bdi>`` of its own where it could turn them."""
    text = str(value)
    return text if between_isolates(text) == text else format_html("<bdi>{}</bdi>", text)


@register.filter
def written(number: object) -> str:
    """A number that another filter wrote, in the notation of the person who reads it."""
    return numbers.written(str(number))


@register.filter
def grouped(count: int) -> str:
    """A count with its thousands grouped."""
    return numbers.written(str(intcomma(count)))


@register.filter
def seconds(time: timedelta | None, places: int) -> str:
    """A duration in seconds with its unit; nothing where there is none."""
    if not isinstance(time, timedelta):
        return ""
    return f"{numbers.written(str(floatformat(time.total_seconds(), places)))} s"
