"""Named sets of inputs."""

from django.conf import settings
from django.db import models
from django.db.models.functions import Lower, Now


class Preset(models.Model):
    """A person's own values for a model's inputs, by input name; may be partial."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="presets"
    )
    model = models.ForeignKey(
        "models_registry.RegisteredModel", on_delete=models.PROTECT, related_name="presets"
    )
    name = models.CharField(max_length=60)
    inputs = models.JSONField(default=dict)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                "user", "model", Lower("name"), name="presets_name_is_unique_per_person_and_model"
            )
        ]

    def __str__(self) -> str:
        return self.name
