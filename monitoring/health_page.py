"""The page on which admins see what the product stands on."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from accounts.requests import SignedInRequest
from monitoring.access import staff_only
from monitoring.probes import probe_all

REFRESH_SECONDS = 30


@require_GET
@staff_only
def health(request: SignedInRequest) -> HttpResponse:
    probes = probe_all()
    context = {
        "probes": probes,
        "red": [probe for probe in probes if probe.is_red],
        "refresh_seconds": REFRESH_SECONDS,
    }
    return render(request, "monitoring/health.html", context)
