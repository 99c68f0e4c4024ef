"""The merge of a training configuration into what an inspection read from the fitted object. Pure.

The object wins for names, order and categories; the configuration wins for labels, units and help
of inputs and classes. `disagreements` describes each conflict in a sentence.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from models_registry.inputs.feature_spec import (
    FeatureSpec,
    Kind,
    Requirement,
    Scalar,
    TargetSpec,
    choice_text,
)
from models_registry.inputs.input_check import InputError, clean_value
from models_registry.inputs.input_rules import RuleKind, RuleSpec
from models_registry.inputs.labels import distinct, distinct_choices, readable, visible
from models_registry.inputs.number_text import as_float
from models_registry.training.config_disagreements import disagreements
from models_registry.training.config_reading import class_names, entries, pairs_of
from models_registry.training.config_shape import KINDS

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
    """Merge the configuration into the object's inputs. ``features`` and ``targets`` come from the
    object; ``libraries`` as the file records them, by name."""
    told, outputs = _named(tuple(features), config), tuple(targets)
    by_name = {str(entry["name"]): entry for entry in entries(config)}
    unfit: list[str] = []
    merged = _labelled([_merge_feature(spec, by_name.get(spec.name, {}), unfit) for spec in told])
    target = config.get("target") or {}
    known = {spec.name for spec in told}
    rules = _rules(config)
    return Merged(
        _ranked(merged, by_name),
        tuple(_merge_target(spec, target) for spec in outputs[:1]) + outputs[1:],
        tuple(rule for rule in rules if {rule.first, rule.second} <= known),
        (*disagreements(told, outputs, rules, config, libraries or {}), *unfit),
    )


def _labelled(features: list[FeatureSpec]) -> tuple[FeatureSpec, ...]:
    """The inputs and their choices with distinguishable labels; input labels from the configuration
    stay."""
    given = {i for i, spec in enumerate(features) if spec.sources.get("label") == SOURCE}
    labels = distinct(
        [spec.label for spec in features], [(visible(spec.name),) for spec in features], kept=given
    )
    return tuple(
        replace(spec, label=label, choices=distinct_choices(spec.choices))
        for spec, label in zip(features, labels, strict=True)
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
    ranks = {index: rank for rank, index in enumerate(placed)}
    return tuple(replace(spec, rank=ranks[index]) for index, spec in enumerate(features))


def _merge_feature(spec: FeatureSpec, entry: dict[str, Any], unfit: list[str]) -> FeatureSpec:
    """The input merged with its entry in the configuration; ``unfit`` gets a sentence for each
    value that does not fit."""
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
            changes[field] = as_float(entry[key])
    if entry.get("max_length") is not None:
        changes["max_length"] = int(entry["max_length"])
    if entry.get("other_values") is not None and _may_take_others(spec):
        changes["takes_others"] = bool(entry["other_values"])
    for field, key in {"is_listed": "listed", "is_sensitive": "sensitive"}.items():
        if entry.get(key) is not None:
            changes[field] = bool(entry[key])
    merged = replace(spec, **changes)
    changes |= _values(merged, entry, unfit)
    merged = replace(spec, **changes, sources={**spec.sources, **dict.fromkeys(changes, SOURCE)})
    if not spec.is_complete and "kind" in changes:
        merged = replace(merged, is_complete=merged.kind is not Kind.CHOICE or bool(merged.choices))
    return merged


def _may_take_others(spec: FeatureSpec) -> bool:
    """Whether other values than the choices may run: the encoder accepts them, or is unknown."""
    return spec.takes_others or not spec.is_complete


def _values(spec: FeatureSpec, entry: dict[str, Any], unfit: list[str]) -> dict[str, Any]:
    """The default and the typical value, each in the type that the input takes."""
    found: dict[str, Any] = {}
    loose = replace(spec, requirement=Requirement.MAY_BE_MISSING, step=None)
    for key in ("default", "typical"):
        if entry.get(key) is None:
            continue
        value = clean_value(loose, entry[key], ".")
        if isinstance(value, InputError):
            unfit.append(
                f"“{spec.name}”: the {key} value of the configuration is left out. {value}"
            )
        elif value is not None:
            found[key] = value
    if "default" in found:
        found = {"typical": found["default"]} | found
        if spec.requirement is Requirement.REQUIRED:
            found["requirement"] = Requirement.OPTIONAL
    return found


def _choices(spec: FeatureSpec, pairs: list[tuple[Scalar, str]]) -> dict[str, Any]:
    if spec.choices:
        # A key of a mapping is a text, whatever the category is.
        said = [(spec.index.found(value), label) for value, label in pairs]
        labels = {choice_text(value): label for value, label in said if value is not None}
        named = tuple((v, labels.get(choice_text(v), label)) for v, label in spec.choices)
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
