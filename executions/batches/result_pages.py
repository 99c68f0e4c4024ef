"""The pages of one batch: its progress, its results row by row, their download, its deletion."""

import uuid
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.text import slugify
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.requests import SignedInRequest
from config.limits.long_work import takes_long
from config.limits.rate_window import too_many_requests
from config.text.csv_text import csv_response
from config.text.numbers import count_text, whole_number
from engine.heartbeats import missing_runtime
from executions import services
from executions.batches.reading import Progress, RowResult, failed_rows, progress, results, row_at
from executions.batches.result_files import result_file, xlsx_response
from executions.errors import TooManyRequests, user_sentence
from executions.models import Execution, RowsFile
from executions.results.answer import Answer, input_text, read_answer
from executions.services.batches import TRIED_AGAIN, delete_batch
from executions.services.own_predictions import record_export
from executions.services.rows_files import checked_of
from models_registry.inputs.input_schema import InputSchema, read_value

PAGE = 25
SHOWN_INPUTS = 3
SHOWN_CARRIED = 2
SOONEST_POLL_MS, LATEST_POLL_MS = 200, 3000


@dataclass(frozen=True)
class ShownRow:
    """A row of the results as the page shows it."""

    row: RowResult
    carried: list[str]
    inputs: list[tuple[str, str]]
    more: int
    answer: Answer | None


def own_batch(request: SignedInRequest, pk: uuid.UUID) -> Execution:
    """Return the person's own batch with its version and model, or 404."""
    own = Execution.objects.batches_of(request.user).select_related("version__model", "batch")
    return get_object_or_404(own, pk=pk)


@require_GET
def batch(request: SignedInRequest, pk: uuid.UUID) -> HttpResponse:
    """Show one batch: its progress, and the rows that are done."""
    execution = own_batch(request, pk)
    first = max(whole_number(request.GET.get("first", ""), digits=9, default=1), 1) - 1
    asked = request.GET.get("row", "").strip()
    is_failed = request.GET.get("only") == "failed"
    context = _status(request, execution)
    missing_row = ""
    if asked:
        found = index_of(execution, whole_number(asked, digits=9, default=0))
        missing_row = "" if found is not None else asked[:20]
        first = found if found is not None else 0
    rows = (
        list(islice(failed_rows(execution), PAGE))
        if is_failed
        else list(results(execution, first=first, last=first + PAGE))
    )
    total = execution.batch.row_count
    here = reverse("executions:batch", args=[execution.pk])
    own = Execution.objects.batches_of(request.user)
    former, is_ended = execution.retry_of_id, execution.status in TRIED_AGAIN
    context |= {
        "former": own.filter(pk=former).first() if former else None,
        "tried_again": own.filter(retry_of=execution).first() if is_ended else None,
        "rows": _shown(execution, rows),
        "carried": execution.batch.carried[:SHOWN_CARRIED],
        "is_failed": is_failed,
        "asked_row": asked[:20],
        "missing_row": missing_row,
        "pager": {
            "text": f"{count_text(first + 1)} to {count_text(first + len(rows))} of "
            f"{count_text(total)}",
            "newer_url": f"{here}?first={max(first - PAGE, 0) + 1}#rows" if first else "",
            "older_url": f"{here}?first={first + PAGE + 1}#rows" if first + PAGE < total else "",
        },
    }
    return render(request, "executions/batch.html", context)


@require_GET
def batch_status(request: SignedInRequest, pk: uuid.UUID) -> HttpResponse:
    """Show the progress alone, polled until the batch is finished; then the whole page is loaded
    again."""
    execution = own_batch(request, pk)
    if execution.is_finished and request.htmx:
        page = reverse("executions:batch", args=[execution.pk])
        return HttpResponse(headers={"HX-Redirect": page})
    return render(request, "executions/_batch_status.html", _status(request, execution))


def _status(request: SignedInRequest, execution: Execution) -> dict[str, Any]:
    done = progress(execution)
    file = execution.rows_files.filter(user=request.user).first()
    return {
        "execution": execution,
        "model": execution.version.model,
        "version": execution.version,
        "batch": execution.batch,
        "progress": done,
        "percent": int(100 * done.share),
        "time_left": _time_left(done),
        "error_sentence": user_sentence(execution.error_code, execution.message),
        "missing": missing_runtime(execution, execution.version.runtime),
        "problems_file": file if done.problems else None,
        "again": file if _can_be_tried_again(execution, file) else None,
        "poll_ms": _poll_ms(timezone.now() - execution.requested_at),
    }


def _can_be_tried_again(execution: Execution, file: RowsFile | None) -> bool:
    """Whether the rows of a batch without all answers are kept, and still checked as they run."""
    version = execution.version
    if file is None or execution.status not in TRIED_AGAIN or not version.is_active:
        return False
    return checked_of(file, version) is not None


def _poll_ms(since: timedelta) -> int:
    """The time until the page asks again: a third of the time since the batch was requested, so
    that a person waits at most a third longer than the batch takes."""
    third = round(since.total_seconds() * 1000 / 3)
    return min(max(third, SOONEST_POLL_MS), LATEST_POLL_MS)


def _time_left(done: Progress) -> str:
    if done.seconds_left is None:
        return ""
    seconds = round(done.seconds_left)
    if seconds < 1:
        return "nearly done"
    return f"about {seconds} s left" if seconds < 90 else f"about {round(seconds / 60)} min left"


def _shown(execution: Execution, rows: list[RowResult]) -> list[ShownRow]:
    schema = InputSchema(tuple(one.spec for one in execution.version.features.all()))
    listed = sorted(
        (one for one in schema.in_form_order if one.is_asked), key=lambda one: not one.is_listed
    )
    targets = list(execution.version.targets.all())
    return [
        ShownRow(
            row,
            ["" if cell is None else str(cell) for cell in row.carried[:SHOWN_CARRIED]],
            [
                (one.label, input_text(one, read_value(one, row.inputs.get(one.name))))
                for one in listed[:SHOWN_INPUTS]
            ],
            max(0, len(listed) - SHOWN_INPUTS),
            read_answer(row.outputs, targets) if row.outputs else None,
        )
        for row in rows
    ]


def index_of(execution: Execution, number: int) -> int | None:
    """Return the index of the row that had this number in its source; None where none had. The
    numbers grow with the indexes."""
    low, high = 0, execution.batch.row_count - 1
    while low <= high:
        middle = (low + high) // 2
        row = row_at(execution, middle)
        if row is None or row.number == number:
            return None if row is None else middle
        low, high = (middle + 1, high) if row.number < number else (low, middle - 1)
    return None


@require_POST
def batch_cancel(request: SignedInRequest, pk: uuid.UUID) -> HttpResponse:
    """Cancel a batch; the rows that are done are kept."""
    execution = own_batch(request, pk)
    if not execution.is_finished:
        services.cancel_execution(execution=execution, by=request.user)
    return redirect("executions:batch", execution.pk)


@require_POST
@takes_long
def batch_download(request: SignedInRequest, pk: uuid.UUID, kind: str) -> HttpResponseBase:
    """Download the results, all rows in the order of the source."""
    execution = own_batch(request, pk)
    if kind not in {"csv", "xlsx"}:
        raise Http404
    if not execution.is_finished:
        messages.info(request, "The rows are not finished yet.")
        return redirect("executions:batch", execution.pk)
    try:
        record_export(count=execution.batch.row_count, by=request.user)
    except TooManyRequests as error:
        return too_many_requests(request, error.seconds)
    file = result_file(execution)
    stem = slugify(execution.batch.file_name.rpartition(".")[0]) or execution.version.model.slug
    name = f"{stem[:80]}-results-{execution.public_id}.{kind}"
    if kind == "csv":
        return csv_response(name, file.header, file.lines())
    return xlsx_response(name, [("Results", file.header, file.lines())])


@require_http_methods(["GET", "POST"])
def batch_delete(request: SignedInRequest, pk: uuid.UUID) -> HttpResponse:
    """Show the page that states what deleting does; a POST deletes."""
    execution = own_batch(request, pk)
    if request.method == "POST":
        if delete_batch(execution=execution, by=request.user):
            messages.success(request, "Deleted. You can restore it under “Recently deleted”.")
            return redirect("executions:list")
        messages.error(request, "These rows are still running. Cancel them first.")
        return redirect("executions:batch", execution.pk)
    context = {"execution": execution, "kept_days": settings.DELETED_KEPT.days}
    return render(request, "executions/batch_delete.html", context)
