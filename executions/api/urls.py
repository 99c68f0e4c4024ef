"""Addresses of the API."""

from django.contrib.auth.decorators import login_not_required
from django.urls import URLPattern, path

from executions.api.documents import site_document
from executions.api.routes import api
from executions.api.versions import router as versions

app_name = "api"
api.add_router("", versions)


def _operations() -> list[URLPattern]:
    """ninja's addresses without its own root page. A token stands for the sign-in."""
    patterns = [
        one for one in api.urls[0] if isinstance(one, URLPattern) and one.name != "api-root"
    ]
    for pattern in patterns:
        pattern.callback = login_not_required(pattern.callback)
    return patterns


urlpatterns = [path("openapi.json", site_document, name="document"), *_operations()]
