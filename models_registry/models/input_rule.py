"""A rule between two inputs of a version, as a row."""

from django.db import models

from config.plain_text import unturned
from models_registry.inputs.input_rules import RuleKind, RuleSpec
from models_registry.models.version import ModelVersion


class InputRule(models.Model):
    """A rule between two inputs, by name; a version has at most MAX_RULES of them. ``value`` is the
    choice of ``first`` that makes ``second`` required."""

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
        """Return an unsaved row with the fields of ``spec``."""
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
