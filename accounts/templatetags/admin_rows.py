"""The rows of the admin's lists, whose cells carry their column's name for small screens."""

from collections.abc import Iterable, Iterator
from itertools import zip_longest
from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst

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
