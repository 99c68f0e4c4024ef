"""The page on which an admin tries a version in another runtime, and moves it there."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from accounts.admin import admin_page
from config.errors import refusals_as_messages
from engine import heartbeats, wakeup
from executions.models import Execution
from executions.trials.impact import recent_predictions
from executions.trials.runtime_impact import runtime_impact_of
from models_registry import services
from models_registry.errors import RuntimeNotOffered
from models_registry.models import ModelVersion, Rehearsal


def runtime(request: Any, version_pk: int) -> HttpResponse:
    """Show the runtimes and the latest try; a POST has both answer saved cases and real inputs."""
    version = _version(version_pk)
    if request.method == "POST":
        return _try(request, version)
    context = _context(version, request.GET.get("runtime", ""))
    if request.headers.get("HX-Request") == "true":
        return render(request, "admin/executions/_runtime.html", context)
    return admin_page(
        request,
        "admin/executions/runtime.html",
        title=f"Runtime of {version.short_name} of {version.model}",
        opts=Execution._meta,
        **context,
    )


@require_POST
def choose_runtime(request: Any, version_pk: int) -> HttpResponse:
    """Have the other runtime serve the version, after the workers have opened it there."""
    version, other = _version(version_pk), request.POST.get("runtime", "")
    with refusals_as_messages(request):
        _check_offered(other)
        if version.is_active and services.latest_try(version, other):
            wakeup.warm(version.pk, runtime=other, wait_seconds=wakeup.WARM_SECONDS)
        services.choose_runtime(version=version, runtime=other, by=request.user)
        messages.success(request, f"{version} is served by scikit-learn {other} now.")
        return redirect(_address(version, version.scikit_learn))
    return redirect(_address(version, other))


def other_runtimes(version: ModelVersion) -> list[str]:
    """Return the runtimes of living workers, but the version's own, the newest first."""
    offered = heartbeats.offered_runtimes()
    return [minor for minor in reversed(offered) if minor != version.scikit_learn]


def _try(request: Any, version: ModelVersion) -> HttpResponse:
    other = request.POST.get("runtime", "")
    cases = version.cases.values_list("pk", flat=True)
    recent = recent_predictions(version).values_list("pk", flat=True)
    with refusals_as_messages(request):
        _check_offered(other)
        services.request_rehearsal(
            version=version,
            kind=Rehearsal.Kind.RUNTIME,
            of=[*cases, *map(str, recent)],
            runtime=other,
            by=request.user,
        )
    return redirect(_address(version, other))


def _context(version: ModelVersion, asked: str) -> dict[str, Any]:
    """Build the context: ``other`` is the runtime that is asked for, else the former one, else the
    newest; ``impact`` comes of its latest try."""
    others = other_runtimes(version)
    former = services.former_runtime(version)
    shown = dict.fromkeys([*others, *([former] if former else [])])
    other = asked if asked in shown else (former or next(iter(shown), ""))
    tried = services.latest_try(version, other) if other else None
    done = tried is not None and tried.status == Rehearsal.Status.SUCCEEDED
    return {
        "version": version,
        "others": list(shown),
        "other": other,
        "is_offered": other in others,
        "former": former,
        "tried": tried,
        "missing": tried and heartbeats.missing_runtime(tried, tried.needed_runtime),
        "result": runtime_impact_of(tried) if tried is not None and done else None,
        "cases": version.cases.count(),
        "recent": recent_predictions(version).count(),
        "address": _address(version, other),
    }


def _check_offered(runtime: str) -> None:
    if runtime not in heartbeats.offered_runtimes():
        raise RuntimeNotOffered(runtime)


def _address(version: ModelVersion, runtime: str) -> str:
    return reverse(
        "admin:executions_execution_runtime", args=[version.pk], query={"runtime": runtime}
    )


def _version(pk: int) -> ModelVersion:
    return get_object_or_404(ModelVersion.objects.select_related("model"), pk=pk)
