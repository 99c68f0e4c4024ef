"""What belongs to a version's configuration beside its inputs and targets."""

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.functions import Now

from models_registry.models.version import ModelVersion


class InputRule(models.Model):
    """A rule between two inputs, by name: PRODUCT 1.5. ``value`` is the choice of ``first`` that
    makes ``second`` required."""

    class Kind(models.TextChoices):
        BELOW = "below", "is less than"
        AT_MOST = "at_most", "is at most"
        REQUIRES = "requires", "when it has this value, needs"

    version = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, related_name="rules")
    position = models.PositiveIntegerField(default=0, editable=False)
    first = models.CharField("input", max_length=300)
    kind = models.CharField("rule", max_length=10, choices=Kind)
    value = models.JSONField(null=True, blank=True)
    second = models.CharField("other input", max_length=300)
    message = models.CharField(
        max_length=300, blank=True, help_text="What people read when the rule is broken."
    )

    class Meta:
        ordering = ["position", "pk"]
        verbose_name = "rule between inputs"

    def __str__(self) -> str:
        return f"{self.first} {self.get_kind_display()} {self.second}"

    def clean(self) -> None:
        if self.first == self.second:
            raise ValidationError({"second": "A rule needs two different inputs."})


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


class ReferenceData(models.Model):
    """What is kept of the rows an admin uploaded beside a model: the profile of each column, and
    at most 200 rows where the admin allows it.

    ``interval_halfwidth`` is the split-conformal half-width of a 90 % interval (Lei et al. 2018),
    from the residuals on rows that the admin declared were not used in training.
    """

    version = models.OneToOneField(
        ModelVersion, on_delete=models.CASCADE, related_name="reference_data"
    )
    file_name = models.CharField(max_length=255, blank=True)
    row_count = models.PositiveIntegerField()
    profile = models.JSONField(default=dict)
    rows = models.JSONField(default=list)
    targets = models.JSONField(default=list)
    is_held_out = models.BooleanField(default=False)
    interval_halfwidth = models.FloatField(null=True)
    interval_sha256 = models.CharField(max_length=64, blank=True)
    uploaded_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL)
    uploaded_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"{self.row_count} reference rows of {self.version_id}"
