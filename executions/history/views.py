"""Views of a person's history: list, export, deletion and restoring."""

import math
import uuid
from collections import Counter
from dataclasses import dataclass
from functools import partial

from django.conf import settings
from django.contrib import messages
from django.db.models import Count, Q
from django.http import HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.models import User
from accounts.requests import SignedInRequest
from config.keyset import page_of
from config.limits.long_work import takes_long
from config.limits.rate_window import too_many_requests
from config.text.csv_text import csv_response
from config.text.numbers import count_text, whole_number
from executions.access import asked_id, asked_ids, own_executions, own_listed, with_rows
from executions.errors import TooManyRequests, TooManyRows
from executions.history.exports import export
from executions.history.forms import STATUSES, HistoryFilterForm
from executions.models import Execution, ExecutionQuerySet
from executions.results.presentation import rows
from executions.services import own_predictions
from models_registry.models import ModelVersion, RegisteredModel

COUNTED = 10_000
"""Counts are exact up to here; beyond it a page says how many there are at least."""
SELECTED = 50
FIRST_POLL_MS = 1000
SLOWEST_POLL_MS = 15_000
CHIP_ICONS = {
    "all": "",
    "success": "check-circle-fill",
    "failed": "x-circle-fill",
    "running": "arrow-repeat",
    "canceled": "slash-circle",
}
UNDO = "deleted executions"


@require_GET
def execution_list(request: SignedInRequest) -> HttpResponse:
    form = _filter_form(request)
    found = form.filter(own_listed(request))
    page = page_of(found, "requested_at", request.GET, partial(_edge, request.user))
    predictions = _counts(form, Execution.objects.visible_to(request.user))
    counts = _texts(predictions + _counts(form, Execution.objects.batches_of(request.user)))
    chosen = form.cleaned_data.get("status") or "all"
    total = counts[chosen]
    context = {
        "form": form,
        "rows": rows(page.rows),
        "chips": _chips(form, counts),
        "total": total,
        "exported": _texts(predictions)[chosen] if predictions[chosen] else "",
        "pager": page.pager(f"{len(page.rows)} of {total}, newest first", form.query),
        "of_models": [] if page.rows else _of_models(form, own_listed(request)),
        "undo": request.session.pop(UNDO, []),
        "back": request.GET.urlencode(),
        "poll_n": 1,
        "poll_ms": FIRST_POLL_MS,
    }
    status = 422 if form.errors else 200
    return render(request, "executions/execution_list.html", context, status=status)


def _of_models(
    form: HistoryFilterForm, listed: ExecutionQuerySet
) -> list[tuple[RegisteredModel, str]]:
    """The models that the person used and whose name was searched for, and where their predictions
    are listed."""
    used = (m for m in form.named_models if listed.filter(version__model=m).exists())
    return [(model, form.query(q="", model=model.slug)) for model in used]


def _filter_form(request: SignedInRequest) -> HistoryFilterForm:
    return HistoryFilterForm(
        request.GET,
        base=Execution.objects.visible_to(request.user),
        batches=Execution.objects.batches_of(request.user),
        live=ModelVersion.objects.active().visible_to(request.user),
        zone=request.user.zone,
        decimal_mark=request.user.decimal_mark,
    )


def _counts(form: HistoryFilterForm, executions: ExecutionQuerySet) -> Counter[str]:
    """The number of executions that match the filter, in all and by status. Predictions and batches
    are counted apart, each by an index of their own."""
    fitting = form.filter(executions, any_status=True).order_by()[: COUNTED + 1]
    each = {name: Count("pk", filter=Q(status__in=statuses)) for name, statuses in STATUSES.items()}
    return Counter(fitting.aggregate(all=Count("pk"), **each))


def _texts(counts: Counter[str]) -> dict[str, str]:
    more = "+" if counts["all"] > COUNTED else ""
    names = ("all", *STATUSES)
    return {name: f"{count_text(min(counts[name], COUNTED))}{more}" for name in names}


@dataclass(frozen=True)
class Chip:
    """One choice of status, how many there are, and where it leads."""

    label: str
    icon: str
    count: str
    query: str
    is_current: bool


def _chips(form: HistoryFilterForm, counts: dict[str, str]) -> list[Chip]:
    chosen = form.cleaned_data.get("status", "")
    return [
        Chip(
            label=name.capitalize(),
            icon=icon,
            count=counts[name],
            query=form.query(status="" if name == "all" else name),
            is_current=chosen == ("" if name == "all" else name),
        )
        for name, icon in CHIP_ICONS.items()
    ]


def _edge(owner: User, text: str) -> Execution | None:
    """The owner's execution, deleted since or not, at which a page begins or ends."""
    pk = asked_id(text)
    return Execution.objects.own_of(owner).filter(pk=pk).first() if pk else None


@require_GET
def execution_row(request: SignedInRequest, pk: uuid.UUID) -> HttpResponse:
    """Show one row of the list, polled at a growing interval until the execution is finished."""
    asked = whole_number(request.GET.get("n", ""), digits=3, default=1)
    [row] = rows([get_object_or_404(own_listed(request), pk=pk)])
    context = {
        "row": row,
        "poll_n": asked + 1,
        "poll_ms": min(FIRST_POLL_MS * 2 ** min(asked, 10), SLOWEST_POLL_MS),
    }
    return render(request, "executions/_row.html", context)


@require_POST
@takes_long
def export_executions(request: SignedInRequest) -> HttpResponseBase:
    """Download the filtered predictions as CSV, or the ticked ones, whatever the filter."""
    form = _filter_form(request)
    ticked = asked_ids(request.POST.getlist("ids"))[:SELECTED]
    found = own_executions(request)
    found = found.filter(pk__in=ticked) if ticked else form.filter(found)
    if form.errors and not ticked:
        return _back_to_list(request.GET.urlencode())
    days = {} if ticked else form.cleaned_data
    try:
        file = export(found, zone=request.user.zone, start=days.get("from"), end=days.get("to"))
        own_predictions.record_export(count=file.count, by=request.user)
    except TooManyRequests as error:
        return too_many_requests(request, error.seconds)
    except TooManyRows as error:
        messages.error(request, error.message)
        return _back_to_list(request.GET.urlencode())
    return csv_response(file.file_name, file.header, file.lines())


@require_POST
def selection(request: SignedInRequest) -> HttpResponse:
    """Redirect to the page of the action that was chosen for the ticked rows."""
    ids = asked_ids(request.POST.getlist("ids"))[:SELECTED]
    act, back = request.POST.get("act"), request.GET.urlencode()
    if act == "delete" and ids:
        return redirect(f"{reverse('executions:delete')}?{_ids_query(ids, back=back)}")
    if act == "compare" and len(ids) in {2, 3}:
        return redirect(f"{reverse('executions:compare')}?{_ids_query(ids)}")
    wanted = "two or three predictions" if act == "compare" else "at least one prediction"
    messages.info(request, f"Tick {wanted}.")
    return _back_to_list(back)


def _ids_query(ids: list[uuid.UUID], **more: str) -> str:
    return urlencode({"ids": [str(pk) for pk in ids], **more}, doseq=True)


def _back_to_list(query: str) -> HttpResponseRedirect:
    return HttpResponseRedirect(f"{reverse('executions:list')}?{query}".removesuffix("?"))


@require_http_methods(["GET", "POST"])
def delete_executions(request: SignedInRequest) -> HttpResponse:
    """Show the page that states what deleting does; a POST deletes."""
    ids = asked_ids((*request.GET.getlist("ids"), *request.POST.getlist("ids")))[:SELECTED]
    back = request.GET.get("back", "")
    if request.method == "POST":
        deleted = own_predictions.delete_executions(ids=ids, by=request.user)
        request.session[UNDO] = [str(execution.pk) for execution in deleted]
        return _back_to_list(back)
    found = rows(own_executions(request).filter(pk__in=ids))
    context = {
        "rows": [row for row in found if row.execution.is_finished],
        "unfinished": [row for row in found if not row.execution.is_finished],
        "kept_days": settings.DELETED_KEPT.days,
        "back": back,
    }
    status = 200 if found else 404
    return render(request, "executions/execution_delete.html", context, status=status)


@require_GET
def deleted_list(request: SignedInRequest) -> HttpResponse:
    """List the predictions that can still be restored, the last deleted first."""
    found = with_rows(Execution.objects.recoverable_by(request.user)).select_related("batch")
    asked = {"before": request.GET.get("before", "")}
    page = page_of(found, "deleted_at", asked, partial(_deleted_edge, request.user))
    context = {
        "rows": [(row, _days_left(row.execution)) for row in rows(page.rows)],
        "kept_days": settings.DELETED_KEPT.days,
        "kept_text": f"A prediction that you delete stays here for {settings.DELETED_KEPT.days} "
        "days. Until then you can restore it.",
        "pager": {
            "text": f"{len(page.rows)} shown, the last deleted first",
            "newer_url": request.path if page.has_newer else "",
            "older_url": f"?before={page.rows[-1].pk}" if page.has_older else "",
        },
    }
    return render(request, "executions/deleted_list.html", context)


def _deleted_edge(owner: User, text: str) -> Execution | None:
    edge = _edge(owner, text)
    return edge if edge and edge.deleted_at else None


def _days_left(execution: Execution) -> int:
    """Whole days in which a deleted execution can be restored, today included."""
    assert execution.kept_until is not None
    return math.ceil((execution.kept_until - timezone.now()).total_seconds() / 86_400)


@require_POST
def restore_executions(request: SignedInRequest) -> HttpResponse:
    ids = asked_ids(request.POST.getlist("ids"))[:SELECTED]
    restored = own_predictions.restore_executions(ids=ids, by=request.user)
    if restored:
        count = len(restored)
        batches = sum(execution.is_batch for execution in restored)
        what = "batch of rows" if count == batches == 1 else "prediction"
        messages.success(request, f"Restored {count} {what}{'' if count == 1 else 's'}.")
    else:
        messages.error(request, "Nothing was restored: it was removed for good or restored before.")
    if request.POST.get("to") == "deleted":
        return redirect("executions:deleted")
    return _back_to_list(request.GET.urlencode())
