"""What people ask for about models and versions."""

from django.db.models.functions import Now

from models_registry.models import ModelVersion


def mark_tested(*, version_id: int, sha256: str, revision: int) -> None:
    """A test of this file and this revision of the inputs succeeded: the gate to promotion."""
    ModelVersion.objects.filter(pk=version_id, sha256=sha256, revision=revision).update(
        tested_at=Now(), tested_sha256=sha256, tested_revision=revision
    )
