"""The training configuration: what the person who trained the model knows and the file does not.

Pure. JSON or YAML, all keys optional:

- ``features``: a list of mappings with name, label, unit, type, min, max, trained_min, trained_max,
  default, typical, choices, description, group, listed, sensitive;
- ``target``: name, unit, labels; ``metrics``; ``metric_direction``; ``preprocessing``; ``data``;
  ``libraries``; ``author``; ``notes``.

Unknown keys are kept. Where it disagrees with the fitted object, the object wins for names, order
and categories; the configuration wins for labels, units and help (PRODUCT 1.2).
"""

import json
import math
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import yaml

from models_registry.errors import BadTrainingConfig
from models_registry.feature_spec import FeatureSpec, Kind, Requirement, Scalar, TargetSpec

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 20
LIMITS = {
    "minimum": "min",
    "maximum": "max",
    "soft_minimum": "trained_min",
    "soft_maximum": "trained_max",
}
"""Hard limits refuse a value; outside the range it was trained on, the model warns."""


def parse(text: str) -> dict[str, Any]:
    """Read a configuration, JSON or YAML, into plain JSON values. Raises BadTrainingConfig."""
    if len(text.encode(errors="replace")) > MAX_BYTES:
        raise BadTrainingConfig("The training configuration is larger than 1 MB.")
    if not text.strip():
        return {}
    try:
        if any(isinstance(token, yaml.AliasToken) for token in yaml.scan(text)):
            raise BadTrainingConfig(
                "The training configuration uses YAML aliases (*name). Write the values out."
            )
        config = yaml.safe_load(text)  # JSON is YAML, too
        config = json.loads(json.dumps(config, default=str, allow_nan=False))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        line = getattr(getattr(error, "problem_mark", None), "line", None)
        where = f" near line {line + 1}" if line is not None else ""
        raise BadTrainingConfig(
            f"The training configuration is not valid JSON or YAML{where}. "
            "Correct it, or upload the model without it."
        ) from error
    if not isinstance(config, dict):
        raise BadTrainingConfig("The training configuration must be a mapping of keys to values.")
    if _depth(config) > MAX_DEPTH or "\x00" in text:
        raise BadTrainingConfig("The training configuration is nested too deeply to be read.")
    _check_shape(config)
    return config


def metrics(config: dict[str, Any]) -> dict[str, float]:
    """The metrics by name, finite numbers only."""
    return {
        str(name): float(value)
        for name, value in config.get("metrics", {}).items()
        if isinstance(value, int | float) and math.isfinite(value)
    }


def apply(
    features: Iterable[FeatureSpec], targets: Iterable[TargetSpec], config: dict[str, Any]
) -> tuple[tuple[FeatureSpec, ...], tuple[TargetSpec, ...]]:
    """Merge the configuration into what was read from the fitted object."""
    by_name = {str(entry.get("name")): entry for entry in config.get("features", [])}
    target = config.get("target", {})
    return (
        tuple(_merge_feature(spec, by_name.get(spec.name, {})) for spec in features),
        tuple(
            _merge_target(spec, target) if index == 0 else spec
            for index, spec in enumerate(targets)
        ),
    )


def _check_shape(config: dict[str, Any]) -> None:
    expected = {"features": list, "target": dict, "metrics": dict, "data": dict}
    for key, kind in expected.items():
        if key in config and not isinstance(config[key], kind):
            raise BadTrainingConfig(
                f"“{key}” in the training configuration must be a "
                f"{'list' if kind is list else 'mapping'}."
            )
    for entry in config.get("features", []):
        if not isinstance(entry, dict) or "name" not in entry:
            raise BadTrainingConfig(
                "Each entry of “features” in the training configuration needs a “name”."
            )


def _depth(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + max(map(_depth, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(_depth, value), default=0)
    return 0


_TYPES = {
    "integer": Kind.INTEGER, "int": Kind.INTEGER,
    "float": Kind.FLOAT, "number": Kind.FLOAT, "numeric": Kind.FLOAT,
    "string": Kind.STRING, "str": Kind.STRING, "text": Kind.STRING,
    "boolean": Kind.BOOLEAN, "bool": Kind.BOOLEAN,
    "choice": Kind.CHOICE, "category": Kind.CHOICE, "categorical": Kind.CHOICE,
}  # fmt: skip


def _merge_feature(spec: FeatureSpec, entry: dict[str, Any]) -> FeatureSpec:
    if not entry:
        return spec
    sources = dict(spec.sources)
    changes: dict[str, Any] = {}

    def take(field: str, value: Any) -> None:
        changes[field] = value
        sources[field] = "config"

    for field, key in {
        "label": "label",
        "unit": "unit",
        "help": "description",
        "group": "group",
    }.items():
        if entry.get(key):
            take(field, str(entry[key]))
    kind = _TYPES.get(str(entry.get("type", "")).lower())
    # The object knows categories; the configuration decides only what it left open.
    if kind is not None and (
        not spec.is_complete or {spec.kind, kind} == {Kind.FLOAT, Kind.INTEGER}
    ):
        take("kind", kind)
    if "choices" in entry:
        pairs = _pairs(entry["choices"])
        if spec.choices:
            labels = {str(value): label for value, label in pairs}
            take(
                "choices",
                tuple((value, labels.get(str(value), label)) for value, label in spec.choices),
            )
        elif not spec.is_complete:
            take("choices", tuple(pairs))
            take("kind", Kind.CHOICE)
    for field, key in LIMITS.items():
        if isinstance(entry.get(key), int | float) and not isinstance(entry[key], bool):
            take(field, float(entry[key]))
    if entry.get("default") is not None:
        take("default", entry["default"])
        take("typical", entry["default"])
        if spec.requirement is Requirement.REQUIRED:
            take("requirement", Requirement.OPTIONAL)
    if entry.get("typical") is not None:
        take("typical", entry["typical"])
    if entry.get("listed") is not None:
        take("is_listed", bool(entry["listed"]))
    if entry.get("sensitive") is not None:
        take("is_sensitive", bool(entry["sensitive"]))
    merged = replace(spec, **changes, sources=sources)
    if not spec.is_complete and "kind" in changes:
        has_choices = merged.kind is not Kind.CHOICE or bool(merged.choices)
        merged = replace(merged, is_complete=has_choices)
    return merged


def _merge_target(spec: TargetSpec, target: dict[str, Any]) -> TargetSpec:
    labels = target.get("labels", {})
    if isinstance(labels, list) and all(isinstance(label, str) for label in labels):
        named = dict(zip((str(value) for value, _ in spec.class_labels), labels, strict=False))
    else:
        named = {str(value): label for value, label in _pairs(labels)}
    return replace(
        spec,
        label=str(target.get("name") or spec.label),
        unit=str(target.get("unit") or spec.unit),
        class_labels=tuple(
            (value, named.get(str(value), label)) for value, label in spec.class_labels
        ),
    )


def _pairs(choices: Any) -> list[tuple[Scalar, str]]:
    """Choices written as a mapping, as a list of values, or as a list of {value, label}."""
    if isinstance(choices, dict):
        return [(value, str(label)) for value, label in choices.items()]
    pairs: list[tuple[Scalar, str]] = []
    for choice in choices if isinstance(choices, list) else []:
        if isinstance(choice, dict) and "value" in choice:
            pairs.append((choice["value"], str(choice.get("label", choice["value"]))))
        elif isinstance(choice, str | bool | int | float):
            pairs.append((choice, str(choice)))
    return pairs
