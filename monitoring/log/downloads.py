"""Downloads of executions for admins: the filtered ones or all, as CSV or JSON Lines.

The file is written while it is sent, a page of rows at a time, so that a million rows take no more
memory than a thousand. The columns are those of a person's own export and some for admins. Values
of sensitive inputs and notes are left out; a deleted prediction has only version, status, times and
error class.
"""

import json
from collections.abc import Iterator
from itertools import islice
from typing import Any

from django.core.exceptions import PermissionDenied
from django.core.serializers.json import DjangoJSONEncoder
from django.http import HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_POST

from accounts.models import User
from config.keyset import older
from config.limits.long_work import takes_long
from config.limits.rate_window import too_many_requests
from config.text.csv_text import csv_response
from executions.errors import TooManyRequests
from executions.history.exports import ROWS_AT_ONCE, Export, export
from executions.models import Execution, ExecutionQuerySet
from executions.records.hiding import masked
from executions.services import own_predictions
from monitoring.log.filters import form_of
from monitoring.log.run_page import is_slow, is_withheld

MORE = ("person", "purpose", "error_code", "message", "attempts", "slow", "file_sha256")
LINES_PER_CHUNK = 500


@require_POST
@takes_long
def export_executions(request: HttpRequest) -> HttpResponseBase:
    """Download executions. ``scope`` is view (the filter in the address) or all, ``format`` csv or
    jsonl."""
    if not isinstance(request.user, User) or not request.user.is_staff:
        raise PermissionDenied
    is_all, as_json = request.POST.get("scope") == "all", request.POST.get("format") == "jsonl"
    form = form_of(request)
    executions = Execution.objects.all() if is_all else form.filter(Execution.objects.all())
    file = export(executions, zone=request.user.zone, is_owner=False, is_limited=False)
    asked = {"filter": "" if is_all else form.query(), "format": "jsonl" if as_json else "csv"}
    try:
        own_predictions.record_export(count=file.count, by=request.user, about=asked)
    except TooManyRequests as error:
        return too_many_requests(request, error.seconds)
    header, lines = [*file.header, *MORE], _lines(file)
    if as_json:
        return _json_lines(file.file_name.removesuffix("csv") + "jsonl", header, lines)
    return csv_response(file.file_name, header, lines)


def _lines(file: Export) -> Iterator[list[Any]]:
    """One list of cells for each execution, newest first."""
    for execution in _each(file.executions.filter(version__in=list(file.shapes))):
        withheld = is_withheld(execution)
        if withheld:
            execution.inputs = execution.outputs = None
            execution.message, execution.warnings = "", []
        else:
            execution.message = masked(execution.message, execution)
            execution.warnings = [masked(one, execution) for one in execution.warnings]
        yield [
            *file.line(execution),
            execution.user.email if execution.user and not withheld else None,
            execution.purpose,
            execution.error_code or None,
            execution.message or None,
            execution.attempt,
            is_slow(execution),
            execution.version_sha256,
        ]


def _each(executions: ExecutionQuerySet) -> Iterator[Execution]:
    """All executions, a page at a time by keyset: with a cursor the database would prepare the
    whole result first."""
    rows = (
        executions.select_related("user", "version__model", "replay_of")
        .prefetch_related("version__features")
        .defer("traceback", "diagnostics", "search_text", "search_own", "note")
        .order_by("-requested_at", "-pk")
    )
    page = list(rows[:ROWS_AT_ONCE])
    while page:
        yield from page
        # The plain bound lets the database start in its index where the last page ended.
        begins = rows.filter(requested_at__lte=page[-1].requested_at)
        page = list(older(begins, "requested_at", than=page[-1])[:ROWS_AT_ONCE])


def _json_lines(name: str, header: list[str], lines: Iterator[list[Any]]) -> StreamingHttpResponse:
    """One object a line, without what is empty."""
    texts = (
        json.dumps(
            {key: cell for key, cell in zip(header, cells, strict=True) if cell not in (None, "")},
            cls=DjangoJSONEncoder,
            ensure_ascii=False,
        ).encode(errors="replace")
        + b"\n"
        for cells in lines
    )
    return StreamingHttpResponse(
        iter(lambda: b"".join(islice(texts, LINES_PER_CHUNK)), b""),
        content_type="application/x-ndjson",
        headers={"Content-Disposition": content_disposition_header(True, name)},
    )
