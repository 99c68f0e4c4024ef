"""The rows of the admin's lists, whose cells carry their column's name for small screens, and the
lists' headings."""

from collections.abc import Iterable, Iterator
from itertools import zip_longest
from typing import Any

from django import template
from django.db.models import Model
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst

from accounts.admin import list_title as title_of

register = template.Library()

OPENING = len("<td")


@register.filter
def labelled(cells: Iterable[str], headers: list[dict[str, Any]]) -> Iterator[str]:
    """Yield Django's cells, `<td …>` or `<th …>`, with the column's name in ``data-label``."""
    for cell, header in zip_longest(cells, headers):
        if header is None or cell is None:
            yield cell or ""
            continue
        label = format_html(' data-label="{}"', capfirst(header["text"]))
        yield SafeString(cell[:OPENING] + label + cell[OPENING:])


@register.simple_tag
def list_title(model: Any) -> str:
    """Return the heading of the list of a row's model, or of the model that ``_meta`` describes."""
    found: type[Model] = getattr(model, "_meta", model).model
    return title_of(found)
