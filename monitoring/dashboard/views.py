"""The view of the dashboard: four numbers, two charts and the lists under them."""

import json
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from accounts.models import User
from accounts.requests import SignedInRequest
from config.text.numbers import count_text, percent_text, seconds_text
from executions.errors import ERROR_LABELS
from models_registry.models import ModelVersion
from monitoring.access import staff_only
from monitoring.dashboard import statistics
from monitoring.dashboard.changes import Change, of_counts, of_percents, of_seconds
from monitoring.dashboard.combinations import combinations_of, use_of
from monitoring.dashboard.forms import DashboardForm
from monitoring.dashboard.links import ExecutionList
from monitoring.dashboard.period import Bucket
from monitoring.dashboard.statistics import Bar, Figures, Ranked
from monitoring.models import FailureGroup


@dataclass(frozen=True)
class Number:
    """One of the four numbers: its name, value and unit, its change, a note, and the list of the
    executions that it counts."""

    name: str
    value: str
    unit: str
    change: Change
    notes: tuple[str, ...]
    url: str


@dataclass(frozen=True)
class Point:
    """One bucket as the tables under the charts show it; seconds are None where none ended."""

    label: str
    url: str
    succeeded_url: str
    slow_url: str
    figures: Figures

    @property
    def p50_text(self) -> str:
        return seconds_text(self.figures.p50)

    @property
    def p95_text(self) -> str:
        return seconds_text(self.figures.p95)

    @property
    def slow_percent(self) -> str:
        return percent_text(self.figures.slow_percent)


@dataclass(frozen=True)
class Entry:
    """One line of a list of the most frequent."""

    text: str
    detail: str
    count: int
    url: str


@require_GET
@staff_only
def dashboard(request: SignedInRequest) -> HttpResponse:
    form = DashboardForm(request.GET, zone=request.user.zone)
    context: dict[str, Any] = {"form": form}
    if not form.is_valid():
        return render(request, "monitoring/dashboard.html", context, status=422)
    context["period"] = form.period
    context["is_counting"] = statistics.is_too_much_to_count_live(form.scope)
    if not context["is_counting"]:
        context |= _content(form)
    return render(request, "monitoring/dashboard.html", context)


def _content(form: DashboardForm) -> dict[str, Any]:
    scope = form.scope
    asks_for_model = bool(form.cleaned_data["model"] or form.version)
    found = ExecutionList(form.period, form.model if asks_for_model else None, form.version)
    now, before, days = statistics.figures_and_before(scope)
    deployed = statistics.deployments(scope)
    drawn = statistics.chart(scope, days)
    described = _described_version(form)
    return {
        "now": now,
        "numbers": _numbers(now, before, found),
        "found": found,
        "chart": drawn,
        "points": [_point(bar, found) for bar in drawn.bars],
        "deployments": deployed,
        "markers": json.dumps(statistics.markers(drawn.buckets, deployed)),
        "slow_seconds": _slow_seconds(form),
        "slow_percent": percent_text(now.slow_percent),
        "errors": _errors(statistics.top_errors(scope), found),
        "people": _people(statistics.top_people(scope), found),
        "use": use_of(described, form.period) if described else None,
        "all_combinations": None if described else combinations_of(_live(form), form.period),
        "live": _live(form),
    }


def _numbers(now: Figures, before: Figures, found: ExecutionList) -> list[Number]:
    failed = count_text(now.cell.failed)
    ended = (
        f"{failed} failed, {count_text(now.cell.canceled)} canceled, {count_text(now.open)} running"
    )
    spread = f"median {seconds_text(now.p50)}, p95 {seconds_text(now.p95)}"
    split = f"queue {seconds_text(now.queue_mean)}, run {seconds_text(now.run_mean)}"
    return [
        Number(
            name="Executions",
            value=count_text(now.executions),
            unit="",
            change=of_counts(now.executions, before.executions),
            notes=(f"{count_text(now.cell.succeeded)} succeeded",),
            url=found.all,
        ),
        Number(
            name="Success rate",
            value=percent_text(now.success_percent),
            unit="" if now.success_percent is None else "%",
            change=of_percents(now.success_percent, before.success_percent),
            notes=(ended,),
            url=found.succeeded,
        ),
        Number(
            name="Average response",
            value=seconds_text(now.mean),
            unit="" if now.mean is None else "s",
            change=of_seconds(now.mean, before.mean),
            notes=() if now.mean is None else (spread, split),
            url=found.succeeded,
        ),
        Number(
            name="Error rate",
            value=percent_text(now.error_percent),
            unit="" if now.error_percent is None else "%",
            change=of_percents(now.error_percent, before.error_percent),
            notes=(f"{failed} of {count_text(now.decided)} failed",) if now.decided else (),
            url=found.failed,
        ),
    ]


def _point(bar: Bar, found: ExecutionList) -> Point:
    first, last = _days_of(bar.bucket, found)
    return Point(
        label=bar.bucket.label,
        url=found.url(first=first, last=last),
        succeeded_url=found.url(first=first, last=last, status="succeeded"),
        slow_url=found.url(first=first, last=last, status="succeeded", slow="on"),
        figures=bar.figures,
    )


def _days_of(bucket: Bucket, found: ExecutionList) -> tuple[date, date]:
    def day(moment: datetime) -> date:
        return moment.astimezone(found.period.zone).date()

    return day(bucket.begins), day(bucket.ends - timedelta(microseconds=1))


def _slow_seconds(form: DashboardForm) -> float | None:
    """The slow threshold, if it is the same for everything shown."""
    seconds = {version.model.slow_seconds for version in form.chosen_versions}
    return seconds.pop() if len(seconds) == 1 else None


def _live(form: DashboardForm) -> list[ModelVersion]:
    return [version for version in form.chosen_versions if version.is_active]


def _described_version(form: DashboardForm) -> ModelVersion | None:
    """The version whose inputs are shown: the chosen one, else the live one of the only model, else
    its newest. None where there are several models: then the page shows something of each."""
    if form.model is None:
        return None
    return next(iter([*_live(form), *form.chosen_versions]), None)


def _errors(ranked: list[Ranked], found: ExecutionList) -> list[Entry]:
    """The ranked errors with the titles of their groups, which contain no values."""
    keys = [each.key for each in ranked]
    found_groups = FailureGroup.objects.filter(fingerprint__in=keys).select_related("model")
    groups = {group.fingerprint: group for group in found_groups}
    entries = []
    for each in ranked:
        group = groups.get(each.key)
        if group:
            text = group.headline
            model = "" if found.model else group.model.name
            detail = " · ".join(filter(None, [model, group.step, group.error_code]))
            url = reverse("monitoring:failure", args=[group.pk])
        elif label := ERROR_LABELS.get(each.key):
            text, detail = label, each.key
            url = found.url(code=each.key)
        else:
            text, detail, url = "A failure that is not grouped yet", "", found.failed
        entries.append(Entry(text, detail, each.count, url))
    return entries


def _people(ranked: list[Ranked], found: ExecutionList) -> list[Entry]:
    users = User.objects.in_bulk([int(each.key) for each in ranked])
    return [
        Entry(str(user), user.email if user.name else "", each.count, found.url(q=user.email))
        for each in ranked
        if (user := users.get(int(each.key)))
    ]
