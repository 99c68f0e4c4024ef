"""What belongs to a version's configuration beside its inputs and targets."""

from collections.abc import Sequence

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from config.plain_text import unturned
from models_registry.inputs.feature_spec import FeatureSpec
from models_registry.inputs.input_rules import RuleKind, RuleSpec
from models_registry.models.version import ModelVersion
from models_registry.reference.reference_fit import concealed, fitted_rows
from models_registry.reference.reference_profile import Profile


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
        constraints = [
            models.CheckConstraint(
                name="models_registry_rule_is_between_two",
                condition=~models.Q(first=models.F("second")),
            )
        ]

    def __str__(self) -> str:
        return f"{self.first} {self.get_kind_display()} {self.second}"

    @classmethod
    def from_spec(cls, version: ModelVersion, position: int, spec: RuleSpec) -> "InputRule":
        """An unsaved row with the fields of ``spec``."""
        return cls(
            version=version,
            position=position,
            first=spec.first,
            kind=spec.kind.value,
            value=spec.value,
            second=spec.second,
            message=unturned(spec.message)[:300],
        )

    @property
    def spec(self) -> RuleSpec:
        return RuleSpec(self.first, RuleKind(self.kind), self.second, self.value, self.message)


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


class ReferenceDataQuerySet(models.QuerySet["ReferenceData"]):
    def fit_to(self, features: Sequence[FeatureSpec]) -> None:
        """Keep of the rows only these inputs, in the types of their kinds, and of sensitive ones
        nothing: PRODUCT 1.2. Called whenever a version's inputs change."""
        for reference in self:
            profile = Profile.from_json(reference.profile)
            reference.rows = fitted_rows(features, reference.rows, profile)
            reference.profile = concealed(features, profile).to_json()
            reference.save(update_fields=["rows", "profile"])


class ReferenceData(models.Model):
    """What is kept of the rows an admin uploaded beside a model: the profile of each column, and
    at most 200 rows where the admin allows it: inputs by name, `reference_profile.py` says how.
    ``targets`` are the outcomes of those rows, in their order.

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

    objects = ReferenceDataQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.row_count} reference rows of {self.version_id}"
