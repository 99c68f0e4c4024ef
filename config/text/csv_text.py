"""CSV that spreadsheets open safely and programs read back without loss.

UTF-8 with BOM, commas, CRLF, quotes by RFC 4180. Numbers in their shortest round-trip form and
never prefixed; a text that a spreadsheet would take for a formula gets one leading apostrophe
(https://owasp.org/www-community/attacks/CSV_Injection). So does a part of a text after a semicolon,
a tab or the like: a spreadsheet with that separator, as in most of Europe, does not see the quotes
around the whole and begins a new cell.
"""

import csv
import json
import re
from collections.abc import Iterable, Iterator
from datetime import date
from decimal import Decimal
from itertools import chain, islice
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.http import StreamingHttpResponse
from django.utils.http import content_disposition_header

LINES_PER_CHUNK = 500
_NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
# Spreadsheets ignore leading spaces, control characters and zero-width characters.
_LOOKED_PAST = (
    r"\s\x00-\x1f\x7f-\x9f\xad\u034f\u061c\u180e"
    r"\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff"
)
_SIGNS = r"=+\-@＝＋－＠﹦﹢﹣﹫"
_FORMULA = re.compile(rf"[{_LOOKED_PAST}]*?[{_SIGNS}\t\r\n]")
_SEPARATORS = re.compile(r"([;|\t\r\n])")
# Where the comma is the decimal mark, -1 and the text 5+A1 beside it are -1,5+A1: a formula.
_SIGNED = re.compile(r"[+-][0-9]")
_GOES_ON = re.compile(rf"[{_LOOKED_PAST}]*[0-9]+[^0-9]")
# With another separator the quotes around the whole are part of the text.
_INNER_FORMULA = re.compile(rf"[{_LOOKED_PAST}\"]*?[{_SIGNS}]")


class _Line:
    """A file whose ``write`` returns its argument: csv.writer without a buffer."""

    def write(self, text: str) -> str:
        return text


def safe_text(value: Any) -> str:
    """Format one value as the text of a cell. None is empty; times are ISO 8601 with the offset
    that they have; mappings and lists are JSON."""
    if value is None or value == "":
        return ""
    if isinstance(value, float):
        return float.__repr__(value)
    if not isinstance(value, str):
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, int | Decimal):
            return str(value)
        if isinstance(value, date):
            return value.isoformat()
        if isinstance(value, dict | list | tuple):
            value = json.dumps(value, cls=DjangoJSONEncoder, ensure_ascii=False)
    text = str(value).replace("\x00", "")
    first, *rest = _SEPARATORS.split(text)
    guarded = first + "".join(f"'{part}" if _INNER_FORMULA.match(part) else part for part in rest)
    is_formula = _FORMULA.match(text) and not _NUMBER.fullmatch(text)
    return f"'{guarded}" if is_formula else guarded


def typed_text(cell: str) -> str:
    """Undo ``safe_text``: return the text of a cell before it was escaped."""
    first, *rest = _SEPARATORS.split(cell)
    bare = "".join(
        part[1:] if part.startswith("'") and _INNER_FORMULA.match(part[1:]) else part
        for part in rest
    )
    for text in (first.removeprefix("'") + bare, first + bare):
        if safe_text(text) == cell:
            return text
    return cell


def csv_lines(header: Iterable[str], rows: Iterable[Iterable[Any]]) -> Iterator[bytes]:
    """Yield the lines of the file, the first one with the byte order mark."""
    writer = csv.writer(_Line(), lineterminator="\r\n")
    mark = "\ufeff"
    for row in chain([header], rows):
        line = writer.writerow(_safe_line([safe_text(value) for value in row]))
        yield f"{mark}{line}".encode(errors="replace")
        mark = ""


def _safe_line(cells: list[str]) -> list[str]:
    """The cells of a line, the first of which gets an apostrophe where a spreadsheet that takes our
    commas for decimal ones would go on with the second to a formula."""
    if len(cells) > 1 and _SIGNED.match(cells[0]):
        second = cells[1]
        if _GOES_ON.match(second) and not _NUMBER.fullmatch(second):
            return [f"'{cells[0]}", *cells[1:]]
    return cells


def csv_response(
    file_name: str, header: Iterable[str], rows: Iterable[Iterable[Any]]
) -> StreamingHttpResponse:
    """Return a download of ``rows``, streamed: they may come from ``queryset.iterator()``."""
    lines = csv_lines(header, rows)
    return StreamingHttpResponse(
        iter(lambda: b"".join(islice(lines, LINES_PER_CHUNK)), b""),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": content_disposition_header(True, file_name)},
    )
