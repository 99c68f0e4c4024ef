"""The section of the promotion page that shows a candidate's impact on real predictions."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from config.errors import refusals_as_messages
from engine.heartbeats import missing_runtime
from executions.trials.impact import impact_of, recent_predictions
from models_registry.models import ModelVersion, Rehearsal
from models_registry.services import request_rehearsal


def impact(request: Any, version_pk: int) -> HttpResponse:
    """Show the section; a POST has the version answer the last real inputs."""
    version = get_object_or_404(ModelVersion.objects.select_related("model"), pk=version_pk)
    if request.method != "POST":
        return render(request, "admin/executions/_impact.html", impact_context(version))
    ids = [str(pk) for pk in recent_predictions(version).values_list("pk", flat=True)]
    with refusals_as_messages(request):
        request_rehearsal(version=version, kind=Rehearsal.Kind.IMPACT, of=ids, by=request.user)
    return redirect("admin:models_registry_modelversion_promote", version.pk)


def impact_context(version: ModelVersion) -> dict[str, Any]:
    """Build the context: the version's latest rehearsal on this file and revision, and its
    result."""
    rehearsal = version.rehearsals.filter(
        kind=Rehearsal.Kind.IMPACT, sha256=version.sha256, revision=version.revision
    ).first()
    done = rehearsal is not None and rehearsal.status == Rehearsal.Status.SUCCEEDED
    return {
        "version": version,
        "rehearsal": rehearsal,
        "missing": rehearsal and missing_runtime(rehearsal, rehearsal.needed_runtime),
        "impact": impact_of(rehearsal) if rehearsal is not None and done else None,
        "count": recent_predictions(version).count(),
    }
