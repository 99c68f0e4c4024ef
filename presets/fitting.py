"""The fit of saved values to the inputs that a model has today. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from model_host.protocol.inputs import Scalar
from models_registry.inputs.input_check import InputError, clean_value
from models_registry.inputs.input_schema import InputSchema


@dataclass(frozen=True)
class Fit:
    """``values`` can be filled in; ``problems`` says in words why each of the others cannot."""

    values: dict[str, Scalar]
    problems: tuple[str, ...]

    @property
    def total(self) -> int:
        return len(self.values) + len(self.problems)

    @property
    def summary(self) -> str:
        """ "11 of 12 values", or "12 values" where all fit."""
        plural = "" if self.total == 1 else "s"
        if self.problems:
            return f"{len(self.values)} of {self.total} value{plural}"
        return f"{self.total} value{plural}"


def fit(saved: Mapping[str, Scalar], schema: InputSchema) -> Fit:
    """Check each saved value by itself against the rules of ``schema``."""
    features = {feature.name: feature for feature in schema.features}
    values: dict[str, Scalar] = {}
    problems: list[str] = []
    for name, value in saved.items():
        feature = features.get(name)
        if feature is None:
            problems.append(f"“{name}” no longer exists.")
            continue
        checked = clean_value(feature, value, "")
        if isinstance(checked, InputError):
            problems.append(f"{feature.label}: {checked}")
        else:
            values[name] = checked
    return Fit(values, tuple(problems))
