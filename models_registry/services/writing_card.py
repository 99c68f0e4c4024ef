"""The operation that saves the text of a version's model card."""

from django.db import transaction

from accounts.activity import record
from accounts.models import User
from models_registry.models import ModelVersion


@transaction.atomic
def write_card(
    *, version: ModelVersion, intended_use: str, limitations: str, description: str, by: User
) -> ModelVersion:
    """Edit the text of a version's model card, live or not. The activity record keeps the previous
    text."""
    version = ModelVersion.objects.select_for_update().select_related("model").get(pk=version.pk)
    words = {
        "intended_use": intended_use,
        "limitations": limitations,
        "description": description,
    }
    before = {name: getattr(version, name) for name in words}
    changed = [name for name in words if before[name] != words[name]]
    if not changed:
        return version
    for name in changed:
        setattr(version, name, words[name])
    version.save(update_fields=changed)
    record(
        "model card edited",
        by=by,
        target=str(version),
        before={name: before[name] for name in changed},
        after={name: words[name] for name in changed},
    )
    return version
