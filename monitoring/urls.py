"""Addresses of the dashboard, health, failures and requests for help."""

from django.urls import path

from monitoring.dashboard.views import dashboard
from monitoring.failures import urls as failures
from monitoring.health import views as health
from monitoring.health.metrics import metrics
from monitoring.support import urls as support

app_name = "monitoring"

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", metrics, name="metrics"),
    path("monitoring/health/", health.health, name="health"),
    path("monitoring/", dashboard, name="dashboard"),
    *failures.urlpatterns,
    *support.urlpatterns,
]
