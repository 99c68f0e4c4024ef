"""Registering models."""

from django.db import transaction
from django.utils.text import slugify

from accounts.activity import record
from accounts.models import User
from config.queue import kick
from models_registry.models import RegisteredModel
from models_registry.tasks import sync_prefect_deployment


@transaction.atomic
def create_model(*, name: str, description: str = "", by: User, **limits: float) -> RegisteredModel:
    """Register a model under a name of its own; its Prefect deployment follows. ``limits`` are
    ``load_seconds``, ``predict_seconds`` and ``slow_seconds`` where they differ from the site's."""
    model = RegisteredModel.objects.create(
        name=name, slug=_free_slug(name), description=description, created_by=by, **limits
    )
    record("model created", by=by, target=model.name)
    kick(sync_prefect_deployment, model.pk)
    return model


def _free_slug(name: str) -> str:
    base = slugify(name)[:70] or "model"
    taken = set(
        RegisteredModel.objects.filter(slug__startswith=base).values_list("slug", flat=True)
    )
    slugs = (base if number == 1 else f"{base}-{number}" for number in range(1, len(taken) + 2))
    return next(slug for slug in slugs if slug not in taken)
