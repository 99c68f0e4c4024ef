"""The pages about a model, for people who decide whether to rely on it."""

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from accounts.models import User
from accounts.requests import SignedInRequest
from models_registry.card.model_card import card_of
from models_registry.inputs.schema_changes import SchemaChanges, schema_changes
from models_registry.models import Deployment, ModelVersion, RegisteredModel
from models_registry.visibility import why_seen


@require_GET
def about(request: SignedInRequest, slug: str) -> HttpResponse:
    """Show the live version's card in a user's words: inputs, outputs and changes."""
    version = live_version(slug, request.user)
    if version is None:
        return retired(request, slug)
    card = card_of(version)
    current = card.deployments[0] if card.deployments else None
    context = {
        "model": version.model,
        "version": version,
        "seen_by": why_seen(version.model, request.user),
        "card": card,
        "current": current,
        "changes": _changes(current),
        "earlier": version.model.deployments.select_related("version")[:20],
    }
    return render(request, "models_registry/about.html", context)


def live_version(slug: str, person: User) -> ModelVersion | None:
    """Return the active version of the model, with the model; None if there is none for the
    person. This is the one way from a model's name in an address to a version."""
    versions = ModelVersion.objects.active().visible_to(person).select_related("model")
    return versions.filter(model__slug=slug).first()


def retired(request: SignedInRequest, slug: str) -> HttpResponse:
    """Say since when a model that was live is not available, with a way on (410). A model that was
    never live, or that the person may not see, is not there: 404."""
    models = RegisteredModel.objects.visible_to(request.user)
    ended = (
        Deployment.objects.filter(
            model__in=models.filter(slug=slug), action=Deployment.Action.RETIREMENT
        )
        .select_related("model")
        .first()
    )
    if ended is None:
        raise Http404
    context = {
        "model": ended.model,
        "ended": ended,
        "others": models.live().order_by("name")[:10],
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
