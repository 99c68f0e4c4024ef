"""Template filters that need no loading, and the small marks that a page has hundreds of."""

from datetime import UTC, datetime, timedelta

from django.contrib.humanize.templatetags.humanize import intcomma
from django.template import Library
from django.template.defaultfilters import floatformat
from django.templatetags.static import static
from django.utils import timezone
from django.utils.dateformat import format as date_text
from django.utils.html import format_html

from config.text import numbers
from config.text.plain_text import isolated as between_isolates

register = Library()


@register.simple_tag
def icon(name: str, label: str = "") -> str:
    """Draw a symbol of `vendor/icons.svg`; one without a label is decoration."""
    use = format_html('<use href="{}#{}"></use>', static("vendor/icons.svg"), name)
    if label:
        return format_html('<svg class="icon" role="img" aria-label="{}">{}</svg>', label, use)
    return format_html('<svg class="icon" aria-hidden="true">{}</svg>', use)


@register.simple_tag
def moment(at: datetime | None) -> str:
    """Write a moment in the reader's zone, the same in UTC as tooltip; nothing if there is none."""
    if not isinstance(at, datetime):
        return ""
    local = timezone.localtime(at)
    return format_html(
        '<time datetime="{}" title="{} UTC">{}</time>',
        date_text(local, "c"),
        date_text(at.astimezone(UTC), "j M Y, H:i:s"),
        date_text(local, "j M Y, H:i T"),
    )


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
