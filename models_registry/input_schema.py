"""The input schema of a version: what inputs it takes, and the one check of whole sets of values.

Pure. The form, the commands, retries and presets all ask ``InputSchema.clean``; nothing else checks
a value.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from models_registry.feature_spec import FeatureSpec, Kind, Requirement, Scalar, same_value
from models_registry.input_check import InputError, clean_value, is_empty, warnings_of


@dataclass(frozen=True)
class CleanedInputs:
    """The outcome of a check: a value for every feature, or the errors by feature name. Nothing may
    run while ``errors`` holds anything."""

    values: dict[str, Scalar]
    errors: dict[str, InputError]
    warnings: tuple[str, ...] = ()

    @property
    def is_valid(self) -> bool:
        return not self.errors


@dataclass(frozen=True)
class InputSchema:
    """The ordered features of one version."""

    features: tuple[FeatureSpec, ...]

    def clean(self, raw: Mapping[str, Any], *, decimal_mark: str = "") -> CleanedInputs:
        """Check ``raw`` (by feature name: texts from a form, or JSON scalars) against every rule.

        All errors are reported at once. Unknown names are an error under the name itself.
        """
        values: dict[str, Scalar] = {}
        errors: dict[str, InputError] = {}
        warnings: list[str] = []
        for feature in self.features:
            value = clean_value(feature, raw.get(feature.name), decimal_mark)
            if isinstance(value, InputError):
                errors[feature.name] = value
                continue
            values[feature.name] = value
            warnings.extend(warnings_of(feature, value, was_empty=is_empty(raw.get(feature.name))))
        known = {feature.name for feature in self.features}
        for name in list(raw.keys() - known)[:20]:
            errors[str(name)] = InputError("The model has no such input.")
        return CleanedInputs(values, errors, tuple(warnings))

    def read(self, stored: Mapping[str, Any]) -> dict[str, Scalar]:
        """Stored inputs with each number in the type of its kind: JSON in PostgreSQL keeps the
        value of 1e22 but not that it was a float."""
        return {
            feature.name: _typed(feature, stored.get(feature.name)) for feature in self.features
        }

    def typical_values(self) -> dict[str, Scalar]:
        """A typical row, for "Typical values" and trial runs."""
        return {
            feature.name: feature.default if feature.typical is None else feature.typical
            for feature in self.features
        }

    @property
    def digest(self) -> str:
        """Names the schema in a form, so that a form opened on one version is never read by the
        positions of another."""
        names = [[feature.name, feature.kind.value] for feature in self.features]
        return hashlib.sha256(json.dumps(names).encode()).hexdigest()[:16]

    def json_schema(self) -> dict[str, Any]:
        """The schema as JSON Schema, for people to read in Prefect, without sensitive inputs."""
        shown = [feature for feature in self.features if not feature.is_sensitive]
        return {
            "type": "object",
            "properties": {feature.name: _json_schema(feature) for feature in shown},
            "required": [
                feature.name for feature in shown if feature.requirement is Requirement.REQUIRED
            ],
        }


def _typed(feature: FeatureSpec, value: Any) -> Scalar:
    if value is None or isinstance(value, bool | str):
        return value
    if feature.kind is Kind.FLOAT:
        return float(value)
    if feature.kind is Kind.CHOICE:
        return next((known for known, _ in feature.choices if same_value(known, value)), value)
    return int(value)


def _json_schema(feature: FeatureSpec) -> dict[str, Any]:
    types = {
        Kind.INTEGER: "integer",
        Kind.FLOAT: "number",
        Kind.STRING: "string",
        Kind.BOOLEAN: "boolean",
    }
    schema: dict[str, Any] = {"title": feature.label}
    if feature.kind is Kind.CHOICE:
        schema["enum"] = [value for value, _ in feature.choices]
    else:
        schema["type"] = types[feature.kind]
    optional = {
        "description": " ".join(filter(None, [feature.help, feature.unit])) or None,
        "minimum": feature.minimum,
        "maximum": feature.maximum,
        "default": feature.default,
    }
    return schema | {key: value for key, value in optional.items() if value is not None}
