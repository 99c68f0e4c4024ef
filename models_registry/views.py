"""The page about a model, for people who decide whether to rely on it."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET

from models_registry.card.model_card import card_of
from models_registry.inputs.schema_changes import SchemaChanges, schema_changes
from models_registry.models import Deployment, ModelVersion


@require_GET
def about(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the live version's card in a user's words: inputs, outputs and changes."""
    version = get_object_or_404(
        ModelVersion.objects.active().select_related("model"), model__slug=slug
    )
    card = card_of(version)
    current = card.deployments[0] if card.deployments else None
    context = {
        "model": version.model,
        "version": version,
        "card": card,
        "current": current,
        "changes": _changes(current),
        "earlier": version.model.deployments.select_related("version")[:20],
    }
    return render(request, "models_registry/about.html", context)


def _changes(current: Deployment | None) -> SchemaChanges | None:
    """The changes of the inputs since the version that was live before."""
    if current is None or current.previous_version is None:
        return None
    before = current.previous_version.features.as_schema()
    return schema_changes(before, current.version.features.as_schema())
