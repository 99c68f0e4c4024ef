"""Template filters that need no loading."""

from datetime import timedelta

from django.contrib.humanize.templatetags.humanize import intcomma
from django.template import Library
from django.template.defaultfilters import floatformat
from django.utils.html import format_html

from config.text import numbers
from config.text.plain_text import isolated as between_isolates

register = Library()


@register.filter
def isolated(value: object) -> str:
    """Isolate a name beside other words: in a ``<bdi>`` if it could change their direction."""
    text = str(value)
    return text if between_isolates(text) == text else format_html("<bdi>{}</bdi>", text)


@register.filter
def written(number: object) -> str:
    """Convert a number that another filter formatted to the reader's number format."""
    return numbers.written(str(number))


@register.filter
def grouped(count: int) -> str:
    """Format a count with its thousands grouped."""
    return numbers.written(str(intcomma(count)))


@register.filter
def seconds(time: timedelta | None, places: int) -> str:
    """Format a duration in seconds with its unit; nothing if there is none."""
    if not isinstance(time, timedelta):
        return ""
    return f"{numbers.written(str(floatformat(time.total_seconds(), places)))} s"
