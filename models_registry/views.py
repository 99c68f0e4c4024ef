"""The pages about a model, for people who decide whether to rely on it."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from models_registry.card.model_card import card_of
from models_registry.inputs.schema_changes import SchemaChanges, schema_changes
from models_registry.models import Deployment, ModelVersion, RegisteredModel


@require_GET
def about(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the live version's card in a user's words: inputs, outputs and changes."""
    version = live_version(slug)
    if version is None:
        return retired(request, slug)
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


def live_version(slug: str) -> ModelVersion | None:
    """Return the active version of the model, with the model; None if there is none."""
    versions = ModelVersion.objects.active().select_related("model")
    return versions.filter(model__slug=slug).first()


def retired(request: HttpRequest, slug: str) -> HttpResponse:
    """Say since when a model that was live is not available, with a way on (410). A model that was
    never live is nobody's to see: 404."""
    ended = (
        Deployment.objects.filter(model__slug=slug, action=Deployment.Action.RETIREMENT)
        .select_related("model")
        .first()
    )
    if ended is None:
        raise Http404
    context = {
        "model": ended.model,
        "ended": ended,
        "others": RegisteredModel.objects.live().order_by("name")[:10],
    }
    response = render(request, "models_registry/retired.html", context, status=410)
    response["Cache-Control"] = "no-store"  # it may be back at any moment
    return response


def _changes(current: Deployment | None) -> SchemaChanges | None:
    """The changes of the inputs since the version that was live before."""
    if current is None or current.previous_version is None:
        return None
    before = current.previous_version.features.as_schema()
    return schema_changes(before, current.version.features.as_schema())
