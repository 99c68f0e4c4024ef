"""Views of replays with debugging: request, page and download."""

from uuid import UUID, uuid4

from django.http import HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from accounts.requests import SignedInRequest
from config.errors import refusals_as_messages
from executions.access import asked_id
from executions.models import Execution
from executions.services.replaying import replay_execution
from models_registry.models import ModelVersion
from monitoring.access import staff_only
from monitoring.failures.bundle import bundle_of
from monitoring.failures.replay_details import replay_summary, replay_view
from monitoring.models import FailureGroup

BESIDE = 10
SLOWER_AFTER = 15
"""Seconds of waiting after which the page polls less often."""


@require_POST
@staff_only
def start(request: SignedInRequest, pk: UUID) -> HttpResponse:
    """Run a prediction again on its own version, or on the live one where ``on`` says so."""
    execution = get_object_or_404(Execution.objects.select_related("version__model"), pk=pk)
    live = ModelVersion.objects.active().select_related("model")
    version = None
    if request.POST.get("on") == "active":
        version = get_object_or_404(live, model=execution.version.model_id)
    with refusals_as_messages(request):
        replay = replay_execution(
            execution=execution,
            by=request.user,
            form_token=asked_id(request.POST.get("form_token", "")) or uuid4(),
            version=version,
        )
        return redirect("monitoring:replay", replay.pk)
    return redirect(_page_of(execution))


def _page_of(execution: Execution) -> str:
    """The admin's page about a prediction: its group, or its row in the admin."""
    if FailureGroup.objects.filter(fingerprint=execution.fingerprint).exists():
        return reverse("monitoring:failure_of", args=[execution.pk])
    return reverse("admin:executions_execution_change", args=[execution.pk])


def _replay_or_404(pk: UUID) -> Execution:
    """A replay whose inputs were not deleted."""
    replays = Execution.objects.filter(
        purpose=Execution.Purpose.REPLAY, replay_of__deleted_at=None, purged_at=None
    )
    related = replays.select_related("version__model", "user", "replay_of__version__model")
    read = ("attempts", "version__features", "replay_of__version__features")
    return get_object_or_404(related.prefetch_related(*read), pk=pk)


@require_GET
@staff_only
def replay(request: SignedInRequest, pk: UUID) -> HttpResponse:
    row = _replay_or_404(pk)
    original = row.replay_of
    assert original is not None
    others = original.replays.filter(purpose=Execution.Purpose.REPLAY, purged_at=None)
    beside = list(others.select_related("version", "user")[:BESIDE])
    live = ModelVersion.objects.active().filter(model=row.version.model_id).first()
    waited = (timezone.now() - row.requested_at).total_seconds()
    context = {
        "view": replay_view(row, original),
        "replay": row,
        "original": original,
        "beside": [replay_summary(one, original) for one in beside],
        "live": live if live and live.pk != original.version_id else None,
        "replay_token": uuid4(),
        "second_token": uuid4(),
        "group": FailureGroup.objects.filter(fingerprint=original.fingerprint).first(),
        "refresh_seconds": 0 if row.is_finished else 1 if waited < SLOWER_AFTER else 5,
    }
    return render(request, "monitoring/failure_replay.html", context)


@require_POST
@staff_only
def bundle(request: SignedInRequest, pk: UUID) -> HttpResponse:
    row = _replay_or_404(pk)
    assert row.replay_of is not None
    content = bundle_of(replay=row, original=row.replay_of, by=request.user)
    name = f"replay_{row.replay_of.public_id}_{row.version.short_name}.json"
    return JsonResponse(
        content,
        json_dumps_params={"indent": 2, "ensure_ascii": False},
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
