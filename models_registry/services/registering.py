"""Registration of models."""

from django.db import transaction
from django.utils.text import slugify

from accounts.activity import record
from accounts.models import User
from config.queue import kick
from config.text.numbers import count_text
from config.text.plain_text import unfit_in_name
from models_registry.errors import BadModelName
from models_registry.models import RegisteredModel
from models_registry.tasks import sync_prefect_deployment

MAX_NAME = 200


def check_model_name(name: str) -> None:
    """Raise BadModelName for a name that does not fit on one line of a page, a mail or a log."""
    if not name.strip():
        raise BadModelName("A model needs a name.")
    if problem := unfit_name(name, "the model", most=MAX_NAME):
        raise BadModelName(problem)


def unfit_name(name: str, of: str, *, most: int) -> str:
    """Say why a name does not fit on one line of a page, a mail or a log; "" if it does."""
    if len(name) > most:
        length = count_text(len(name))
        return f"The name of {of} has {length} characters; at most {most} are taken."
    if character := unfit_in_name(name):
        return (
            f"The name of {of} holds a character that no name has ({character}). "
            "Write it on one line, without control characters."
        )
    return ""


@transaction.atomic
def create_model(*, name: str, description: str = "", by: User, **limits: float) -> RegisteredModel:
    """Register a model under a name of its own; its Prefect deployment follows. ``limits`` are
    ``load_seconds``, ``predict_seconds`` and ``slow_seconds`` where they differ from the site's.
    Raises BadModelName."""
    check_model_name(name)
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
