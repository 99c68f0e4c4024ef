"""The flows that run in Prefect. Importing this package sets up Django and then Prefect's settings
from ours, whether our worker imports it or another that serves the same deployments."""

import os

import django
from django.apps import apps

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
if not apps.ready:
    django.setup()

from django.conf import settings

# Prefect reads its settings when it is imported; a variable that is really set wins.
for _name, _value in {
    "PREFECT_API_URL": settings.PREFECT_API_URL,
    "PREFECT_API_AUTH_STRING": settings.PREFECT_API_AUTH_STRING,
    "PREFECT_API_REQUEST_TIMEOUT": str(settings.PREFECT_TIMEOUT_SECONDS),
    "PREFECT_CLIENT_MAX_RETRIES": "1",
    "PREFECT_WORKER_QUERY_SECONDS": "3",
}.items():
    if _value:
        os.environ.setdefault(_name, _value)
