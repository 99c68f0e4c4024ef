"""Access to presets: the row that the person may touch, or 404."""

from django.http import Http404
from django.shortcuts import get_object_or_404

from accounts.requests import SignedInRequest
from models_registry import views
from models_registry.models import ModelVersion
from presets.models import Preset


def own_preset(request: SignedInRequest, pk: int, *, is_deleted: bool = False) -> Preset:
    """Return the person's own preset of a model that they may see, with its model selected."""
    presets = Preset.objects.own_of(request.user).filter(deleted_at__isnull=not is_deleted)
    return get_object_or_404(presets.select_related("model"), pk=pk)


def live_version(request: SignedInRequest, slug: str) -> ModelVersion:
    """Return the version whose form a preset fills."""
    version = views.live_version(slug, request.user)
    if version is None:
        raise Http404
    return version
