"""The periods of a model as CSV: the same that its page shows, gaps included."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.http import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_POST

from accounts.activity import record
from config.text.csv_text import csv_response
from models_registry.models import RegisteredModel
from models_registry.timeline.periods import Period, periods_of

HEADER = (
    "model", "active", "from", "to", "action", "by", "text", "ended_by_action", "ended_by",
    "ended_by_text",
)  # fmt: skip


@require_POST
def periods(request: Any, pk: int) -> HttpResponseBase:
    """Download the periods as CSV. Times are in the admin's timezone, with their offset; ``to`` is
    empty while a period lasts."""
    model = get_object_or_404(RegisteredModel, pk=pk)
    found = periods_of(model.deployments.events())
    record("periods exported", by=request.user, target=model.name, after={"count": len(found)})
    return csv_response(f"{model.slug}_periods.csv", HEADER, _rows(model, found, request.user.zone))


def _rows(model: RegisteredModel, found: tuple[Period, ...], zone: ZoneInfo) -> Iterator[list[Any]]:
    """The rows of the CSV. They are read after the view returned, when its timezone is no longer
    active, so ``zone`` is passed."""

    def local(moment: datetime | None) -> datetime | None:
        return moment and moment.astimezone(zone).replace(microsecond=0)

    for period in found:
        acts = [
            (event.act, event.by, event.text) if event else ("", "", "")
            for event in (period.began, period.ended)
        ]
        yield [
            model.name,
            period.version or "no active model",
            local(period.start),
            local(period.end),
            *(value for act in acts for value in act),
        ]
