"""Downloads of a comparison: CSV and PDF."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from accounts.requests import SignedInRequest
from config.limits.rate_window import too_many_requests
from config.pdf.document import pdf_response
from config.text.csv_text import csv_response
from config.text.numbers import written_with
from executions.comparison.asked import Asked, asked_comparison, comparison_context
from executions.comparison.differences import Compared, compare, delta_of, is_number
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
        header, *rows = _table(asked.compared)
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


def _table(predictions: Sequence[Compared]) -> Iterator[list[Any]]:
    """The head, then a row for each field: a column for each prediction, named by its public id,
    and for each but the baseline how far a number is from the baseline's, and that in percent.
    Values as stored: numbers whole, dot decimal."""
    ids = [one.public_id for one in predictions]
    yield [
        "field",
        *ids,
        *(f"{name} {one}" for one in ids[1:] for name in ("delta", "delta_percent")),
    ]
    yield ["version", *_with_deltas([one.version for one in predictions])]
    yield ["submitted_at", *_with_deltas([one.at for one in predictions])]
    yield ["prediction", *_with_deltas([_predicted(one) for one in predictions])]
    for name, values in _certainty(predictions).items():
        if any(value is not None for value in values):
            yield [name, *_with_deltas(values)]
    for line in compare(predictions).inputs:
        given = [one.values.get(line.name) for one in predictions]
        features = [one.features.get(line.name) for one in predictions]
        has_deltas = all(feature is None or feature.is_number for feature in features)
        yield [f"input.{line.name}", *_with_deltas(given, has_deltas=has_deltas)]


def _predicted(one: Compared) -> Any:
    if one.number is not None:
        return one.number
    return one.answer.text if one.answer else one.failure


def _certainty(predictions: Sequence[Compared]) -> dict[str, list[float | None]]:
    """How sure each answer is, by the names that the history's CSV has for it."""
    intervals = [one.answer.interval if one.answer else None for one in predictions]
    return {
        "confidence": [one.confidence for one in predictions],
        "interval_low": [interval.low if interval else None for interval in intervals],
        "interval_high": [interval.high if interval else None for interval in intervals],
    }


def _with_deltas(values: Sequence[Any], *, has_deltas: bool = True) -> list[Any]:
    """The values, and for each after the first its difference and that in percent; both empty
    where one of the two is no number."""
    was, *others = values
    deltas: list[Any] = []
    for now in others:
        both = has_deltas and is_number(was) and is_number(now)
        deltas += delta_of(was, now) if both else (None, None)
    return [*values, *deltas]
