"""The list of failure groups and the page of one."""

from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID, uuid4

from django.db.models import Count, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET

from accounts.models import User
from accounts.requests import SignedInRequest
from config.keyset import newer, older, page_of
from config.text.numbers import count_text
from executions.access import asked_id
from executions.models import Execution, ExecutionQuerySet
from models_registry.models import ModelVersion
from monitoring.access import staff_only
from monitoring.failures.example import example_of
from monitoring.failures.forms import FilterForm, NoteForm, ResolveForm, ReviewForm
from monitoring.failures.listing import people_of, rows
from monitoring.failures.loss import latest_replay, loss_of
from monitoring.failures.replay_details import replay_summary
from monitoring.models import FailureGroup, State

LISTED = 10
"""Failures beneath the example, versions and people in the side column."""
TIMELINE = 50


@dataclass(frozen=True)
class Tab:
    """One state, how many groups have it, and where it leads."""

    label: str
    count: int
    query: str
    is_current: bool


@require_GET
@staff_only
def failure_list(request: SignedInRequest) -> HttpResponse:
    form = FilterForm(request.GET)
    groups: Any = form.filter(FailureGroup.objects.all())
    counts = dict(groups.order_by().values_list("state").annotate(count=Count("pk")))
    state = request.GET.get("state", State.NEW)
    shown = groups.filter(state=state) if state in State.values else groups
    shown = shown.with_last_note().select_related("model", "resolved_in")
    page = page_of(shown, "last_seen_at", request.GET)
    total = counts.get(state, 0) if state in State.values else sum(counts.values())
    context = {
        "form": form,
        "rows": rows(page.rows, zone=request.user.zone),
        "tabs": _tabs(request.GET, counts, state),
        "pager": page.pager(
            f"{len(page.rows)} of {count_text(total)}, last seen first",
            partial(_query, request.GET),
        ),
        "review": ReviewForm(),
        "is_filtered": bool(request.GET.get("model")),
        "state": state,
        "back": request.GET.urlencode(),
    }
    return render(request, "monitoring/failure_list.html", context)


def _tabs(asked: QueryDict, counts: dict[str, int], chosen: str) -> list[Tab]:
    tabs = [
        Tab(state.label, counts.get(state, 0), _query(asked, state=state), state == chosen)
        for state in State
    ]
    is_all = chosen not in State.values
    return [*tabs, Tab("All", sum(counts.values()), _query(asked, state="all"), is_all)]


def _query(asked: QueryDict, **changes: str) -> str:
    """The list's address with its filter and these changes, from its first page."""
    query = asked.copy()
    for name in ("before", "after", *changes):
        query.pop(name, None)
    query.update(changes)
    return f"?{query.urlencode()}"


@require_GET
@staff_only
def failure_group(request: SignedInRequest, pk: int) -> HttpResponse:
    group = group_or_404(pk)
    return group_page(request, group)


def group_or_404(pk: int) -> FailureGroup:
    return get_object_or_404(FailureGroup.objects.select_related("model", "resolved_in"), pk=pk)


def group_page(
    request: HttpRequest,
    group: FailureGroup,
    *,
    status: int = 200,
    **forms: Any,
) -> HttpResponse:
    """Render a group's page, with the form that was submitted if it needs a correction."""
    failures = Execution.objects.failures().filter(fingerprint=group.fingerprint)
    shown = _shown(failures, request.GET.get("example", ""))
    context = {
        "group": group,
        "people_count": people_of([group]).get(group.fingerprint, 0),
        "versions": _versions(failures),
        "people": _people(failures),
        "timeline": _timeline(group),
        "review": ReviewForm(),
        "resolve": ResolveForm(group),
        "note": NoteForm(),
        "neighbours": _neighbours(group),
        **(_example(failures, shown) if shown else {}),
        **forms,
    }
    return render(request, "monitoring/failure_group.html", context, status=status)


def _shown(failures: ExecutionQuerySet, asked: str) -> Execution | None:
    """The failure that the page shows: the requested one, else the last."""
    newest = failures.order_by("-finished_at", "-pk").select_related("version__model", "user")
    found = newest.prefetch_related("version__features", "attempts")
    if pk := asked_id(asked):
        return get_object_or_404(found, pk=pk)
    return found.first()


def _example(failures: ExecutionQuerySet, shown: Execution) -> dict[str, Any]:
    before = older(failures, "finished_at", than=shown)
    after = newer(failures, "finished_at", than=shown)
    listed = before.order_by("-finished_at", "-pk").select_related("version", "user", "review__by")
    below = list(listed[: LISTED + 1])
    replays = shown.replays.filter(purpose=Execution.Purpose.REPLAY).select_related("version")
    last = replays.first()
    return {
        "example": example_of(shown),
        "position": after.count() + 1,
        "earlier": below[0] if below else None,
        "later": after.order_by("finished_at", "pk").only("pk").first(),
        "listed": below[:LISTED],
        "has_more": len(below) > LISTED,
        "reviewed": getattr(shown, "review", None),
        "replay": replay_summary(last, shown) if last else None,
        "loss": None if shown.deleted_at else loss_of(shown, latest_replay(shown)),
        "replay_token": uuid4(),
    }


@dataclass(frozen=True)
class FailedVersion:
    version: ModelVersion
    count: int


@dataclass(frozen=True)
class Affected:
    """A person, the number of their failures, and the latest that an admin can write about."""

    user: User
    count: int
    last: UUID | None


def _versions(failures: ExecutionQuerySet) -> list[FailedVersion]:
    """The versions that failed so, and how often, the newest first."""
    counted = failures.order_by().values_list("version").annotate(count=Count("pk"))
    counts = dict(counted)
    versions = ModelVersion.objects.filter(pk__in=counts).order_by("-number")
    return [FailedVersion(version, counts[version.pk]) for version in versions[:LISTED]]


def _people(failures: ExecutionQuerySet) -> list[Affected]:
    """The people affected most often."""
    counted = (
        failures.exclude(user=None)
        .order_by()
        .values_list("user")
        .annotate(count=Count("pk"))
        .order_by("-count", "user")[:LISTED]
    )
    found = list(counted)
    users = User.objects.in_bulk([pk for pk, _ in found])
    last = dict(
        failures.kept()
        .filter(user__in=users)
        .order_by("user", "-finished_at")
        .distinct("user")
        .values_list("user", "pk")
    )
    return [Affected(users[pk], count, last.get(pk)) for pk, count in found]


def _timeline(group: FailureGroup) -> QuerySet[Any]:
    entries = group.notes.select_related("by", "version", "execution", "message")
    return entries[:TIMELINE]


def _neighbours(group: FailureGroup) -> dict[str, FailureGroup | None]:
    """The groups beside this one among those of its state, for the shortcuts."""
    alike = FailureGroup.objects.filter(state=group.state).only("pk")
    return {
        "next": older(alike, "last_seen_at", than=group).first(),
        "previous": newer(alike, "last_seen_at", than=group).order_by("last_seen_at", "pk").first(),
    }


@require_GET
@staff_only
def failure_of(request: SignedInRequest, pk: UUID) -> HttpResponse:
    """Redirect to the group of a failed prediction, opened at that prediction."""
    execution = get_object_or_404(Execution.objects.failures().only("fingerprint"), pk=pk)
    group = FailureGroup.objects.filter(fingerprint=execution.fingerprint).first()
    if group is None:
        raise Http404("It will be grouped within seconds.")
    return redirect(f"{reverse('monitoring:failure', args=[group.pk])}?example={pk}")
