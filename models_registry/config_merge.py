"""Merges a training configuration into what an inspection read from the fitted object. Pure.

The object wins for names, order and categories; the configuration wins for labels, units and help
(PRODUCT 1.2). Where they disagree, `disagreements` says so in sentences.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from models_registry.config_disagreements import disagreements
from models_registry.config_reading import class_names, entries, pairs_of
from models_registry.config_shape import KINDS
from models_registry.feature_spec import FeatureSpec, Kind, Requirement, Scalar, TargetSpec
from models_registry.input_rules import RuleKind, RuleSpec

Config = Mapping[str, Any]

SOURCE = "config"
LIMITS = {
    "minimum": "min",
    "maximum": "max",
    "soft_minimum": "trained_min",
    "soft_maximum": "trained_max",
    "step": "step",
}
"""Hard limits refuse a value; outside the range it was trained on, the model warns."""
TEXTS = {
    "label": "label",
    "unit": "unit",
    "help": "description",
    "group": "group",
    "deprecation": "deprecated",
}


@dataclass(frozen=True)
class Merged:
    """The inputs in training order, the outputs, the rules between inputs that exist, and a
    sentence for each disagreement between the configuration and the object."""

    features: tuple[FeatureSpec, ...]
    targets: tuple[TargetSpec, ...]
    rules: tuple[RuleSpec, ...]
    disagreements: tuple[str, ...]


def merge(
    features: Iterable[FeatureSpec],
    targets: Iterable[TargetSpec],
    config: Config,
    libraries: Mapping[str, str] | None = None,
) -> Merged:
    """``features`` and ``targets`` as the object tells them; ``libraries`` as the file records
    them, by name."""
    told, outputs = _named(tuple(features), config), tuple(targets)
    by_name = {str(entry["name"]): entry for entry in entries(config)}
    merged = tuple(_merge_feature(spec, by_name.get(spec.name, {})) for spec in told)
    target = config.get("target") or {}
    known = {spec.name for spec in told}
    rules = _rules(config)
    return Merged(
        _ranked(merged, by_name),
        tuple(_merge_target(spec, target) for spec in outputs[:1]) + outputs[1:],
        tuple(rule for rule in rules if {rule.first, rule.second} <= known),
        disagreements(told, outputs, rules, config, libraries or {}),
    )


def _named(features: tuple[FeatureSpec, ...], config: Config) -> tuple[FeatureSpec, ...]:
    """A model trained without column names takes those of the configuration, in its order, where
    it lists as many inputs as the model takes."""
    names = [str(entry["name"])[:300] for entry in entries(config)]
    nameless = all(spec.sources.get("name") == "position" for spec in features)
    if not nameless or len(names) != len(features) or {s.name for s in features} & set(names):
        return features
    return tuple(
        replace(spec, name=name, label=readable(name), sources={**spec.sources, "name": SOURCE})
        for spec, name in zip(features, names, strict=True)
    )


def _ranked(
    features: tuple[FeatureSpec, ...], by_name: Mapping[str, dict[str, Any]]
) -> tuple[FeatureSpec, ...]:
    """Places in the form by ``order``; inputs without one come after, in training order."""
    orders = [by_name.get(spec.name, {}).get("order") for spec in features]
    if not any(order is not None for order in orders):
        return features
    placed = sorted(
        range(len(features)),
        key=lambda i: (orders[i] is None, orders[i] if orders[i] is not None else 0, i),
    )
    return tuple(replace(spec, rank=placed.index(index)) for index, spec in enumerate(features))


def _merge_feature(spec: FeatureSpec, entry: dict[str, Any]) -> FeatureSpec:
    if not entry:
        return spec
    changes: dict[str, Any] = {
        field: str(entry[key]) for field, key in TEXTS.items() if entry.get(key)
    }
    kind = KINDS.get(str(entry.get("type", "")).lower())
    # The object knows categories; the configuration decides only what it left open.
    if kind is not None and (
        not spec.is_complete or {spec.kind, kind} == {Kind.FLOAT, Kind.INTEGER}
    ):
        changes["kind"] = kind
    if entry.get("choices") is not None:
        changes |= _choices(spec, pairs_of(entry["choices"]))
    for field, key in LIMITS.items():
        if entry.get(key) is not None:
            changes[field] = float(entry[key])
    if entry.get("default") is not None:
        changes |= {"default": entry["default"], "typical": entry["default"]}
        if spec.requirement is Requirement.REQUIRED:
            changes["requirement"] = Requirement.OPTIONAL
    if entry.get("typical") is not None:
        changes["typical"] = entry["typical"]
    for field, key in {"is_listed": "listed", "is_sensitive": "sensitive"}.items():
        if entry.get(key) is not None:
            changes[field] = bool(entry[key])
    merged = replace(spec, **changes, sources={**spec.sources, **dict.fromkeys(changes, SOURCE)})
    if not spec.is_complete and "kind" in changes:
        merged = replace(merged, is_complete=merged.kind is not Kind.CHOICE or bool(merged.choices))
    return merged


def _choices(spec: FeatureSpec, pairs: list[tuple[Scalar, str]]) -> dict[str, Any]:
    if spec.choices:
        labels = {str(value): label for value, label in pairs}
        named = tuple((value, labels.get(str(value), label)) for value, label in spec.choices)
        return {"choices": named}
    if spec.is_complete:
        return {}
    return {"choices": tuple(pairs), "kind": Kind.CHOICE}


def _merge_target(spec: TargetSpec, target: Config) -> TargetSpec:
    named = class_names(spec, target)
    return replace(
        spec,
        label=str(target.get("name") or spec.label),
        unit=str(target.get("unit") or spec.unit),
        class_labels=tuple(
            (value, named.get(str(value), label)) for value, label in spec.class_labels
        ),
    )


def _rules(config: Config) -> tuple[RuleSpec, ...]:
    return tuple(
        RuleSpec(
            str(rule["first"]),
            RuleKind(rule["kind"]),
            str(rule["second"]),
            rule.get("value"),
            str(rule.get("message") or "")[:300],
        )
        for rule in config.get("rules") or []
    )


def readable(name: str) -> str:
    """A training column's name as people would write it: "loan_amount" is "Loan amount"."""
    words = " ".join(name.replace("_", " ").split())
    return words[:1].upper() + words[1:] or name
