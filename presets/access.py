"""Access to presets: the row that the person may touch, or 404."""

from django.shortcuts import get_object_or_404

from accounts.requests import SignedInRequest
from models_registry.models import ModelVersion
from presets.models import Preset


def own_preset(request: SignedInRequest, pk: int, *, is_deleted: bool = False) -> Preset:
    """Return the person's own preset, with its model selected."""
    presets = Preset.objects.filter(user=request.user, deleted_at__isnull=not is_deleted)
    return get_object_or_404(presets.select_related("model"), pk=pk)


def live_version(slug: str) -> ModelVersion:
    """Return the version whose form a preset fills."""
    return get_object_or_404(
        ModelVersion.objects.active().select_related("model"), model__slug=slug
    )
