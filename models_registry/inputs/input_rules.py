"""Rules between two inputs of a version. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from models_registry.inputs.feature_spec import FeatureSpec, Scalar, same_value

MAX_RULES = 20


class RuleKind(StrEnum):
    BELOW = "below"
    AT_MOST = "at_most"
    REQUIRES = "requires"


RULE_LABELS = {
    RuleKind.BELOW: "is less than",
    RuleKind.AT_MOST: "is at most",
    RuleKind.REQUIRES: "when it has this value, needs",
}


@dataclass(frozen=True)
class RuleSpec:
    """A rule between two inputs, by name. ``value`` is the value of ``first`` that makes ``second``
    required; ``message`` is what people read instead of the rule's own sentence."""

    first: str
    kind: RuleKind
    second: str
    value: Scalar = None
    message: str = ""

    def is_kept(self, values: Mapping[str, Scalar]) -> bool:
        """Return whether checked ``values`` satisfy the rule. Of two numbers, a missing one breaks
        nothing; an input that was left empty and has a default is there."""
        first, second = values.get(self.first), values.get(self.second)
        if self.kind is RuleKind.REQUIRES:
            return not same_value(self.value, first) or second is not None
        if not isinstance(first, int | float) or not isinstance(second, int | float):
            return True
        return first < second if self.kind is RuleKind.BELOW else first <= second

    def sentence(self, features: Mapping[str, FeatureSpec]) -> str:
        """Return the rule in the labels of ``features``, which are given by name: "Loan must be at
        most Annual income."
        """
        first, second = (
            features[name].label if name in features else name for name in (self.first, self.second)
        )
        if self.kind is RuleKind.REQUIRES:
            known = features.get(self.first)
            value = known.display_with_unit(self.value) if known else str(self.value)
            return f"{second} is needed when {first} is {value}."
        limit = "less than" if self.kind is RuleKind.BELOW else "at most"
        return f"{first} must be {limit} {second}."
