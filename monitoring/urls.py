"""Addresses of the dashboard, health, failures and requests for help."""

from django.urls import path

from monitoring import dashboard, health, health_page, metrics
from monitoring.failures import urls as failures
from monitoring.support import urls as support

app_name = "monitoring"

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", metrics.metrics, name="metrics"),
    path("monitoring/health/", health_page.health, name="health"),
    path("monitoring/", dashboard.dashboard, name="dashboard"),
    *failures.urlpatterns,
    *support.urlpatterns,
]
