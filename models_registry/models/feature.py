"""The inputs and outputs of one version, as rows that an admin edits."""

from dataclasses import replace
from operator import attrgetter
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models

from models_registry.inputs.feature_spec import (
    KIND_LABELS,
    MAX_GROUP,
    MAX_HELP,
    MAX_LABEL,
    MAX_NAME,
    MAX_UNIT,
    REQUIREMENT_LABELS,
    FeatureSpec,
    Requirement,
    TargetSpec,
)
from models_registry.inputs.input_schema import InputSchema
from models_registry.inputs.spec_check import spec_problems
from models_registry.models.input_rule import InputRule
from models_registry.models.spec_rows import columns_of, spec_of
from models_registry.models.version import ModelVersion


class FeatureQuerySet(models.QuerySet["Feature"]):
    def as_schema(self) -> InputSchema:
        """Return the input schema of one version: its features in training order, and the rules
        between them. Two queries, or one where the features are prefetched."""
        features = sorted(self, key=attrgetter("position"))
        rules = InputRule.objects.filter(version__in={feature.version_id for feature in features})
        return InputSchema(
            tuple(feature.spec for feature in features), tuple(rule.spec for rule in rules)
        )


class Feature(models.Model):
    """One input variable of one version. ``position`` is its place in the training columns,
    ``rank`` its place in the form. Limits are JSON numbers: a whole number keeps all its digits."""

    version = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, related_name="features")
    position = models.PositiveIntegerField(editable=False)
    rank = models.PositiveIntegerField("place in the form", default=0)
    name = models.CharField(max_length=MAX_NAME, editable=False)
    label = models.CharField(max_length=MAX_LABEL)
    help = models.CharField(max_length=MAX_HELP, blank=True)
    unit = models.CharField(max_length=MAX_UNIT, blank=True)
    group = models.CharField(max_length=MAX_GROUP, blank=True)
    kind = models.CharField(max_length=10, choices=list(KIND_LABELS.items()))
    requirement = models.CharField(
        max_length=15,
        choices=list(REQUIREMENT_LABELS.items()),
        default=Requirement.REQUIRED.value,
    )
    minimum = models.JSONField(null=True, blank=True, help_text="A smaller value is refused.")
    maximum = models.JSONField(null=True, blank=True, help_text="A larger value is refused.")
    soft_minimum = models.JSONField(
        "trained from", null=True, blank=True, help_text="A smaller value runs, with a warning."
    )
    soft_maximum = models.JSONField(
        "trained to", null=True, blank=True, help_text="A larger value runs, with a warning."
    )
    step = models.FloatField(
        null=True, blank=True, help_text="Values are multiples of it, counted from the minimum."
    )
    choices = models.JSONField(
        default=list, blank=True, help_text='Pairs of value and label: [["rent", "Rents"], …]'
    )
    takes_others = models.BooleanField(
        "other values run, too",
        default=False,
        help_text="What encodes the choices takes other values. They run with a warning.",
    )
    max_length = models.PositiveIntegerField(
        "longest text", null=True, blank=True, help_text="In characters; empty: the site's limit."
    )
    default = models.JSONField(null=True, blank=True)
    typical = models.JSONField(null=True, blank=True)
    imputed = models.JSONField(null=True, blank=True, editable=False)
    is_sensitive = models.BooleanField(
        "sensitive", default=False, help_text="Never sent to Prefect, logged or mailed."
    )
    is_listed = models.BooleanField("show in lists", default=False)
    deprecation = models.CharField(
        max_length=MAX_LABEL, blank=True, help_text="Why people should not fill this any more."
    )
    is_complete = models.BooleanField("complete", default=True)
    sources = models.JSONField(default=dict, blank=True, editable=False)

    objects = FeatureQuerySet.as_manager()

    class Meta:
        ordering = ["position"]
        verbose_name = "input"
        constraints = [
            models.UniqueConstraint(
                fields=["version", "name"], name="models_registry_feature_name_is_unique"
            ),
            models.UniqueConstraint(
                fields=["version", "position"],
                name="models_registry_feature_position_is_unique",
                deferrable=models.Deferrable.DEFERRED,
            ),
            models.CheckConstraint(
                name="models_registry_step_is_positive",
                condition=models.Q(step=None) | models.Q(step__gt=0),
            ),
        ]

    def __str__(self) -> str:
        return self.label or self.name

    def clean(self) -> None:
        """Check that the fields are consistent: bounds in order, and a default that the rules
        allow."""
        pairs = self.choices if isinstance(self.choices, list) else [None]
        if not all(isinstance(pair, list) and len(pair) == 2 for pair in pairs):
            raise ValidationError({"choices": 'Write pairs: [["rent", "Rents"], ["own", "Owns"]]'})
        problems = spec_problems(self.spec)
        if problems:
            raise ValidationError(dict(problems))

    @classmethod
    def from_spec(cls, version: ModelVersion, position: int, spec: FeatureSpec) -> "Feature":
        """Return an unsaved row with the fields of ``spec``."""
        return cls(version=version, position=position, **columns_of(spec, cls))

    @property
    def spec(self) -> FeatureSpec:
        spec = spec_of(self, FeatureSpec)
        return spec if spec.label else replace(spec, label=spec.name)


class Target(models.Model):
    """One output of a version: its label and, for a number, its unit."""

    version = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, related_name="targets")
    position = models.PositiveIntegerField(editable=False)
    name = models.CharField(max_length=MAX_NAME, blank=True, editable=False)
    label = models.CharField(max_length=MAX_LABEL, blank=True)
    unit = models.CharField(max_length=MAX_UNIT, blank=True)
    class_labels = models.JSONField(
        default=list,
        blank=True,
        help_text='Pairs of class and label: [[0, "Repays"], [1, "Defaults"]]',
    )

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(
                fields=["version", "position"], name="models_registry_target_position_is_unique"
            )
        ]

    def __str__(self) -> str:
        return self.label or self.name or "Prediction"

    @classmethod
    def from_spec(cls, version: ModelVersion, position: int, spec: TargetSpec) -> "Target":
        """Return an unsaved row with the fields of ``spec``."""
        return cls(version=version, position=position, **columns_of(spec, cls))

    @property
    def spec(self) -> TargetSpec:
        return spec_of(self, TargetSpec)

    @property
    def what_it_says(self) -> str:
        """One line on the answer: the classes, or the number with its unit."""
        labels = [str(label) for _, label in self.class_labels]
        if len(labels) > 4:
            return f"One of {len(labels)} classes"
        if labels:
            return " · ".join(labels)
        return f"{self}, in {self.unit}" if self.unit else str(self)

    def label_of(self, value: Any) -> str:
        """Return the label of this class; the class itself if it has none."""
        for known, label in self.class_labels:
            if known == value and isinstance(known, bool) == isinstance(value, bool):
                return str(label)
        return str(value)
