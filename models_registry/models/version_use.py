"""How often people asked a version: counts of finished predictions up to a time."""

from django.db import models

from models_registry.models.version import ModelVersion


class VersionUse(models.Model):
    """People's predictions with a version that had finished by ``through``, one number for each
    end. Written by `executions/records/use.py` alone; a version without a row has been counted
    never. Later predictions are counted when a page asks (`ModelVersionQuerySet.with_use`)."""

    version = models.OneToOneField(
        ModelVersion, primary_key=True, on_delete=models.CASCADE, related_name="use"
    )
    succeeded = models.PositiveBigIntegerField(default=0)
    failed = models.PositiveBigIntegerField(default=0)
    canceled = models.PositiveBigIntegerField(default=0)
    through = models.DateTimeField()

    def __str__(self) -> str:
        return f"use of {self.version_id}"
