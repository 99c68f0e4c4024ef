"""Downloads of a comparison: CSV and PDF."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from accounts.requests import SignedInRequest
from config.pdf import pdf_response
from config.rate_window import too_many_requests
from config.text.csv_text import csv_response
from config.text.numbers import written_with
from executions.comparison.asked import Asked, asked_comparison, comparison_context
from executions.comparison.differences import Compared, Line, compare
from executions.comparison.drawing import draw
from executions.errors import TooManyRequests
from executions.services.own_predictions import record_export


@require_POST
def compare_csv(request: SignedInRequest) -> HttpResponseBase:
    """Download the comparison as CSV: a row per field, a column per prediction, and delta
    columns."""
    with written_with("."):
        asked = asked_comparison(request)
        if refused := _refused(request, asked):
            return refused
        header, *rows = _table([one.public_id for one in asked.executions], asked.compared)
    return csv_response(f"comparison_{asked.executions[0].public_id}.csv", header, rows)


@require_POST
def compare_pdf(request: SignedInRequest) -> HttpResponse:
    asked = asked_comparison(request)
    if refused := _refused(request, asked):
        return refused
    context = comparison_context(asked)
    context |= {
        "drawing": draw(context["chart"]) if context["chart"] else None,
        "person": request.user,
        "now": timezone.now(),
    }
    file_name = f"comparison_{asked.executions[0].public_id}.pdf"
    page = f"{reverse('executions:compare')}?{request.GET.urlencode()}"
    return pdf_response(request, file_name, "pdf/comparison.html", context, page=page)


def _refused(request: SignedInRequest, asked: Asked) -> HttpResponse | None:
    """Count the download against the person's rate, or return the response that refuses it."""
    if asked.problem:
        return render(request, "executions/compare.html", {"asked": asked}, status=422)
    try:
        record_export(count=len(asked.executions), by=request.user)
    except TooManyRequests as error:
        return too_many_requests(request, error.seconds)
    return None


def _table(ids: Sequence[str], predictions: Sequence[Compared]) -> Iterator[list[Any]]:
    """The head, then a row for each field: a column for each prediction, named by its public id,
    and for each but the baseline how it differs. Values as stored: numbers whole, dot decimal."""
    yield ["field", *ids, *(f"difference {public_id}" for public_id in ids[1:])]
    yield ["version", *(one.version for one in predictions), *("" for _ in ids[1:])]
    yield ["submitted_at", *(one.at for one in predictions), *("" for _ in ids[1:])]
    comparison = compare(predictions)
    for line in comparison.result:
        yield [line.label.lower(), *_result_values(line, predictions), *_deltas(line)]
    for line in comparison.inputs:
        values = [one.schema.read(one.inputs).get(line.name) for one in predictions]
        yield [f"input.{line.name}", *values, *_deltas(line)]


def _result_values(line: Line, predictions: Sequence[Compared]) -> list[Any]:
    if line.label == "Prediction":
        return [
            cell.text if one.number is None else one.number
            for one, cell in zip(predictions, line.cells, strict=True)
        ]
    return [cell.text for cell in line.cells]


def _deltas(line: Line) -> list[str]:
    return [cell.delta for cell in line.cells[1:]]
