"""The tables of presets and of dismissed suggestions."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower, Now

from accounts.models import User
from models_registry.models import RegisteredModel


class PresetQuerySet(models.QuerySet["Preset"]):
    def kept(self) -> "PresetQuerySet":
        return self.filter(deleted_at=None)

    def own_of(self, person: User) -> "PresetQuerySet":
        """Return a person's own presets of models that they may see, deleted since or not."""
        return self.filter(user=person, model__in=RegisteredModel.objects.visible_to(person))


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
    saved_with = models.CharField(max_length=40, blank=True, editable=False)
    """The version and revision whose inputs these were: "v4, revision 3"."""
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    last_used_at = models.DateTimeField(null=True, editable=False)
    deleted_at = models.DateTimeField(null=True, editable=False)

    objects = PresetQuerySet.as_manager()

    class Meta:
        ordering = [Lower("name")]
        constraints = [
            models.UniqueConstraint(
                "user",
                "model",
                Lower("name"),
                condition=Q(deleted_at=None),
                name="presets_name_is_unique_per_person_and_model",
            )
        ]

    def __str__(self) -> str:
        return self.name


class DismissedSuggestion(models.Model):
    """A suggestion that a person does not want to see again, by the digest of its values."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="dismissed_suggestions"
    )
    model = models.ForeignKey(
        "models_registry.RegisteredModel", on_delete=models.CASCADE, related_name="+"
    )
    digest = models.CharField(max_length=64)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user", "model", "digest"], name="presets_suggestion_is_dismissed_once"
            )
        ]

    def __str__(self) -> str:
        return self.digest
