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
from models_registry.inputs.input_rules import RuleSpec
from models_registry.inputs.labels import distinct, distinct_choices, readable, visible
from models_registry.training.config_disagreements import disagreements
from models_registry.training.training_config import (
    InputEntry,
    Pairs,
    TargetEntry,
    TrainingConfig,
)

SOURCE = "config"


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
    config: TrainingConfig,
    libraries: Mapping[str, str] | None = None,
) -> Merged:
    """Merge the configuration into the object's inputs. ``features`` and ``targets`` come from the
    object; ``libraries`` as the file records them, by name."""
    told, outputs = _named(tuple(features), config), tuple(targets)
    by_name, unfit = config.by_name, list[str]()
    merged = _labelled([_merge_feature(spec, by_name.get(spec.name), unfit) for spec in told])
    known = {spec.name for spec in told}
    rules = [
        RuleSpec(rule.first, rule.kind, rule.second, rule.value, rule.message)
        for rule in config.rules
    ]
    return Merged(
        _ranked(merged, by_name),
        tuple(_merge_target(spec, config.target) for spec in outputs[:1]) + outputs[1:],
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


def _named(features: tuple[FeatureSpec, ...], config: TrainingConfig) -> tuple[FeatureSpec, ...]:
    """A model trained without column names takes those of the configuration, in its order, where
    it lists as many inputs as the model takes."""
    names = [entry.name for entry in config.features]
    nameless = all(spec.sources.get("name") == "position" for spec in features)
    if not nameless or len(names) != len(features) or {s.name for s in features} & set(names):
        return features
    return tuple(
        replace(spec, name=name, label=readable(name), sources={**spec.sources, "name": SOURCE})
        for spec, name in zip(features, names, strict=True)
    )


def _ranked(
    features: tuple[FeatureSpec, ...], by_name: Mapping[str, InputEntry]
) -> tuple[FeatureSpec, ...]:
    """Places in the form by ``order``; inputs without one come after, in training order."""
    entries = [by_name.get(spec.name) for spec in features]
    orders = [entry.order if entry else None for entry in entries]
    if not any(order is not None for order in orders):
        return features
    placed = sorted(
        range(len(features)),
        key=lambda i: (orders[i] is None, orders[i] if orders[i] is not None else 0, i),
    )
    ranks = {index: rank for rank, index in enumerate(placed)}
    return tuple(replace(spec, rank=ranks[index]) for index, spec in enumerate(features))


def _merge_feature(spec: FeatureSpec, entry: InputEntry | None, unfit: list[str]) -> FeatureSpec:
    """The input merged with its entry in the configuration; ``unfit`` gets a sentence for each
    value that does not fit."""
    if entry is None:
        return spec
    changes = told_by(entry)
    # The object knows categories; the configuration decides only what it left open.
    if entry.type and (
        not spec.is_complete or {spec.kind, entry.type} == {Kind.FLOAT, Kind.INTEGER}
    ):
        changes["kind"] = entry.type
    if entry.choices is not None:
        changes |= _choices(spec, entry.choices)
    if entry.other_values is not None and (spec.takes_others or not spec.is_complete):
        changes["takes_others"] = entry.other_values
    merged = replace(spec, **changes)
    changes |= _values(merged, {"default": entry.default, "typical": entry.typical}, unfit)
    merged = replace(spec, **changes, sources={**spec.sources, **dict.fromkeys(changes, SOURCE)})
    if not spec.is_complete and "kind" in changes:
        merged = replace(merged, is_complete=merged.kind is not Kind.CHOICE or bool(merged.choices))
    return merged


def told_by(entry: InputEntry) -> dict[str, Any]:
    """Return what the configuration says of an input that holds whatever its kind is, by field."""
    said = {
        "label": entry.label,
        "unit": entry.unit,
        "help": entry.description,
        "group": entry.group,
        "deprecation": entry.deprecated,
        "minimum": entry.min,
        "maximum": entry.max,
        "soft_minimum": entry.trained_min,
        "soft_maximum": entry.trained_max,
        "step": entry.step,
        "max_length": entry.max_length,
        "is_listed": entry.listed,
        "is_sensitive": entry.sensitive,
    }
    return {name: value for name, value in said.items() if value is not None and value != ""}


def _values(spec: FeatureSpec, said: dict[str, Scalar], unfit: list[str]) -> dict[str, Any]:
    """The default and the typical value, each in the type that the input takes."""
    found: dict[str, Any] = {}
    loose = replace(spec, requirement=Requirement.MAY_BE_MISSING, step=None)
    for key, given in said.items():
        value = None if given is None else clean_value(loose, given, ".")
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


def _choices(spec: FeatureSpec, pairs: Pairs) -> dict[str, Any]:
    if spec.choices:
        # A key of a mapping is a text, whatever the category is.
        said = [(spec.index.found(value), label) for value, label in pairs]
        labels = {choice_text(value): label for value, label in said if value is not None}
        named = tuple((v, labels.get(choice_text(v), label)) for v, label in spec.choices)
        return {"choices": named}
    if spec.is_complete:
        return {}
    return {"choices": pairs, "kind": Kind.CHOICE}


def _merge_target(spec: TargetSpec, target: TargetEntry) -> TargetSpec:
    named = target.labels.by_class([str(value) for value, _ in spec.class_labels])
    return replace(
        spec,
        label=target.name or spec.label,
        unit=target.unit or spec.unit,
        class_labels=tuple(
            (value, named.get(str(value), label)) for value, label in spec.class_labels
        ),
    )
