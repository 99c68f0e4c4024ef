"""Health for programs, and the health page for admins."""

from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from accounts.requests import SignedInRequest
from config.version import VERSION
from monitoring.access import staff_only
from monitoring.health.probes import probe_all

REFRESH_SECONDS = 30


@require_GET
@login_not_required
def healthz(request: HttpRequest) -> HttpResponse:
    """Answer 200 while the web process works."""
    return HttpResponse("ok\n", content_type="text/plain")


@require_GET
@login_not_required
def readyz(request: HttpRequest) -> HttpResponse:
    """Answer 200 if the database can be read; without it no page works."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except (DatabaseError, ImproperlyConfigured):
        return JsonResponse({"database": "away"}, status=503, headers={"Retry-After": "10"})
    return JsonResponse({"database": "ok"})


@require_GET
@staff_only
def health(request: SignedInRequest) -> HttpResponse:
    probes = probe_all()
    context = {
        "probes": probes,
        "red": [probe for probe in probes if probe.is_red],
        "refresh_seconds": REFRESH_SECONDS,
        "version": VERSION,
    }
    return render(request, "monitoring/health.html", context)
