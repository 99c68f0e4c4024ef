"""Revisions: every saved state of a version's configuration."""

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from models_registry.models.version import ModelVersion


class Revision(models.Model):
    """One saved state of a version's configuration, numbered. Append-only."""

    version = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, related_name="revisions")
    number = models.PositiveIntegerField()
    configuration = models.JSONField()
    changes = models.JSONField(default=list, help_text="What changed, a sentence each.")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL)
    at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(
                fields=["version", "number"], name="models_registry_revision_number_is_unique"
            )
        ]

    def __str__(self) -> str:
        return f"{self.version_id} revision {self.number}"
