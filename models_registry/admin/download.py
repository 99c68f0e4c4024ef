"""Downloads of a version for backup: streamed through the app, never by a link to the store."""

from typing import Any

from django.http import HttpResponseBase, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_POST

from config.errors import refusals_as_messages
from models_registry import services
from models_registry.card.version_zip import backup_name
from models_registry.models import ModelVersion


@require_POST
def download(request: Any, pk: int) -> HttpResponseBase:
    """Download the file and its configuration as one ZIP; the download is recorded."""
    version = get_object_or_404(ModelVersion.objects.select_related("model"), pk=pk)
    name = content_disposition_header(True, f"{backup_name(version)}.zip")
    with refusals_as_messages(request):
        return StreamingHttpResponse(
            services.download_version(version=version, by=request.user),
            content_type="application/zip",
            headers={"Content-Disposition": name},
        )
    return redirect("admin:models_registry_modelversion_change", pk)
