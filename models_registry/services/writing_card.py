"""The operation that saves the text of a version's model card."""

from django.db import transaction

from accounts.activity import save_changes
from accounts.models import User
from models_registry.models import ModelVersion


@transaction.atomic
def write_card(
    *, version: ModelVersion, intended_use: str, limitations: str, description: str, by: User
) -> ModelVersion:
    """Edit the text of a version's model card, live or not. The activity record keeps the previous
    text."""
    version = ModelVersion.objects.select_for_update().select_related("model").get(pk=version.pk)
    words = {"intended_use": intended_use, "limitations": limitations, "description": description}
    save_changes(version, words, action="model card edited", by=by, target=str(version))
    return version
