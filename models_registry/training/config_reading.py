"""The parts of a training configuration as lists and pairs, whichever notation was used. Pure."""

from collections.abc import Mapping
from typing import Any

from models_registry.inputs.feature_spec import Scalar, TargetSpec


def entries(config: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the inputs that the configuration describes, in its order."""
    return list(config.get("features") or [])


def class_names(spec: TargetSpec, target: Mapping[str, Any]) -> dict[str, str]:
    """Return labels by class as text; a plain list names the classes in the model's order."""
    labels = target.get("labels") or {}
    if isinstance(labels, list) and all(isinstance(label, str) for label in labels):
        return dict(zip((str(value) for value, _ in spec.class_labels), labels, strict=False))
    return {str(value): label for value, label in pairs_of(labels)}


def pairs_of(choices: Any) -> list[tuple[Scalar, str]]:
    """Return (value, label) pairs of choices written as a mapping, as a list of values, or as a
    list of {value, label}."""
    if isinstance(choices, dict):
        return [(value, str(label)) for value, label in choices.items()]
    return [
        (choice["value"], str(choice.get("label", choice["value"])))
        if isinstance(choice, dict)
        else (choice, str(choice))
        for choice in choices
    ]
