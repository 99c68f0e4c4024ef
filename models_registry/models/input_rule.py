"""A rule between two inputs of a version, as a row."""

from django.db import models

from models_registry.inputs.input_rules import RULE_LABELS, RuleSpec
from models_registry.models.spec_rows import columns_of, spec_of
from models_registry.models.version import ModelVersion


class InputRule(models.Model):
    """A rule between two inputs, by name; a version has at most MAX_RULES of them. ``value`` is the
    choice of ``first`` that makes ``second`` required."""

    version = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, related_name="rules")
    position = models.PositiveIntegerField(default=0, editable=False)
    first = models.CharField("input", max_length=300)
    kind = models.CharField("rule", max_length=10, choices=list(RULE_LABELS.items()))
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
        """Return an unsaved row with the fields of ``spec``."""
        return cls(version=version, position=position, **columns_of(spec, cls))

    @property
    def spec(self) -> RuleSpec:
        return spec_of(self, RuleSpec)
