"""The first page of Django admin: the work that waits for an admin, the live models with their use,
and the way to every list."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import admin
from django.db.models import Count, F, Prefetch, Q, Sum, Window
from django.db.models.functions import TruncDate
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from accounts.admin import list_title
from accounts.models import User
from executions.models import Execution
from models_registry.admin.version_path import Standing, next_step
from models_registry.models import Deployment, Inspection, ModelVersion, RegisteredModel, TestCase
from monitoring.dashboard.cells import EVER
from monitoring.failures.listing import Sparkline, first_day, sparkline
from monitoring.models import CountedZone, DayTotal, FailureGroup, SupportRequest
from monitoring.models.failure_group import State

DRAFTS = 8
"""The number of drafts that the page shows; of the latest so many it looks for what they need:"""
LOOKED_AT = 50


@dataclass(frozen=True)
class Task:
    """One thing to do: what it is, the page where it is done, more about it, and since when.
    ``tone`` and ``icon`` are how a status is marked."""

    tone: str
    icon: str
    title: str
    url: str
    detail: str
    at: datetime | None = None


@dataclass(frozen=True)
class LiveModel:
    """A live version, since when it is live, and the predictions of the last days."""

    version: ModelVersion
    deployment: Deployment | None
    use: Sparkline


_django_index = admin.site.index


def index(request: HttpRequest, extra_context: Any = None) -> HttpResponse:
    """Show the first page, in a fixed number of queries."""
    assert isinstance(request.user, User)
    drafts = list(_drafts(request.user))
    context = {
        "title": "Admin",
        "tasks": [*_failures(), *_requests(), *drafts[:DRAFTS]],
        "more_drafts": len(drafts) - DRAFTS,
        "has_models": bool(drafts) or RegisteredModel.objects.exists(),
        "models": _live_models(request.user.zone),
        "lists": _lists(request),
    }
    return _django_index(request, context | (extra_context or {}))


def _failures() -> Iterator[Task]:
    """Yield the groups of failures that need a review: those that are new, those that came back."""
    groups = (
        FailureGroup.objects.filter(state__in=[State.NEW, State.REGRESSED])
        .select_related("model")
        .annotate(alike=Window(Count("pk"), partition_by="state"))
        .order_by("state", "-last_seen_at", "-pk")
        .distinct("state")
    )
    for group in groups:
        words = {State.NEW: ("new failure", "new failures")}
        one, many = words.get(State(group.state), ("failure came back", "failures came back"))
        yield Task(
            "bad",
            "x-circle-fill",
            f"{group.alike} {one if group.alike == 1 else many}",
            f"{reverse('monitoring:failures')}?state={group.state}",
            f"Latest: {group.headline} · {group.model}",
            group.last_seen_at,
        )


def _requests() -> Iterator[Task]:
    """Yield the requests for help that wait for an answer, as one task."""
    newest = (
        SupportRequest.objects.filter(state=SupportRequest.State.OPEN)
        .select_related("execution", "user")
        .annotate(open=Window(Count("pk")))
        .order_by("-updated_at", "-pk")
        .first()
    )
    if newest is None:
        return
    many = "request waits" if newest.open == 1 else "requests wait"
    yield Task(
        "warn",
        "chat-left-text",
        f"{newest.open} {many} for an answer",
        reverse("monitoring:requests"),
        f"Latest: {newest.user or 'a deleted person'} about {newest.execution.public_id}",
        newest.updated_at,
    )


def _drafts(person: User) -> Iterator[Task]:
    """Yield the drafts by what they need: first those that can go live, last those that an admin
    can only wait for."""
    latest = Inspection.objects.order_by("version_id", "-pk").distinct("version_id")
    versions = (
        ModelVersion.objects.filter(status=ModelVersion.Status.DRAFT)
        .select_related("model")
        .prefetch_related(Prefetch("inspections", latest, to_attr="latest_inspection"))
        .annotate(incomplete=Count("features", Q(features__is_complete=False)))
        .order_by("-uploaded_at", "-pk")[:LOOKED_AT]
    )
    cases = TestCase.objects.open().filter(version__status=ModelVersion.Status.DRAFT)
    failing = dict(cases.order_by().values_list("version").annotate(count=Count("pk")))
    found: dict[int, list[Task]] = defaultdict(list)
    for version in versions:
        step = next_step(
            Standing(
                version,
                next(iter(version.latest_inspection), None),
                incomplete=version.incomplete,
                failing=failing.get(version.pk, 0),
            )
        )
        page = step.page if step.page in {"promote", "review"} else "change"
        if page == "review" and not person.is_superuser:
            page = "change"
        place, tone, icon = {
            "promote": (0, "ok", "check-circle-fill"),
            "": (2, "off", "clock"),
        }.get(step.page, (1, "warn", "exclamation-triangle"))
        text = step.act if page != "change" else step.text
        url = reverse(f"admin:models_registry_modelversion_{page}", args=[version.pk])
        found[place].append(Task(tone, icon, str(version), url, text, version.uploaded_at))
    for place in sorted(found):
        yield from found[place]


def _live_models(zone: ZoneInfo) -> list[LiveModel]:
    versions = ModelVersion.objects.active().select_related("model").order_by("model__name")
    current = {one.version_id: one for one in Deployment.objects.filter(ended_at=None)}
    days = _predictions_by_day(zone)
    return [
        LiveModel(one, current.get(one.pk), sparkline(days.get(one.model_id, {}), zone))
        for one in versions
    ]


def _predictions_by_day(zone: ZoneInfo) -> dict[int, dict[date, int]]:
    """Count the finished predictions of the last days by model: what is kept for each day, and what
    finished since then."""
    first = first_day(zone)
    counted = CountedZone.objects.filter(name=zone.key).first()
    through = (counted.through if counted else None) or EVER
    kept = (
        DayTotal.objects.filter(zone=counted, day__gte=first)
        .values_list("version__model", "day")
        .annotate(count=Sum(F("succeeded") + F("failed") + F("canceled")))
    )
    since = (
        Execution.objects.predictions()
        .between(datetime.combine(first, time.min, zone), None)
        .filter(finished_at__gt=through)
        .order_by()
        .annotate(day=TruncDate("requested_at", tzinfo=zone))
        .values_list("version__model", "day")
        .annotate(count=Count("pk"))
    )
    found: dict[int, dict[date, int]] = defaultdict(lambda: defaultdict(int))
    for model, day, count in [*kept, *since]:
        found[model][day] += count
    return found


def _lists(request: HttpRequest) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return the lists that this person may see, (name, address) by the app's name."""
    return [
        (
            app["name"],
            [
                (list_title(one["model"]), one["admin_url"])
                for one in app["models"]
                if one["admin_url"]
            ],
        )
        for app in admin.site.get_app_list(request)
    ]
