"""The configuration of a version as an admin edits it: its inputs, the rules between them, and the
labels of its answers. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Any

from config.text.numbers import written_with
from model_host.protocol.codec import stored, to_json
from models_registry.inputs.feature_spec import FeatureSpec, Kind, TargetSpec
from models_registry.inputs.input_rules import RuleSpec
from models_registry.inputs.input_schema import InputSchema
from models_registry.inputs.schema_changes import schema_changes

ADMIN = "admin"
"""The source of a field that a person set; an inspection never overwrites it."""


@dataclass(frozen=True)
class Configuration:
    """Features and targets in the order of the model's own columns."""

    features: tuple[FeatureSpec, ...]
    targets: tuple[TargetSpec, ...] = ()
    rules: tuple[RuleSpec, ...] = ()

    @property
    def schema(self) -> InputSchema:
        return InputSchema(self.features, self.rules)

    def to_json(self) -> dict[str, Any]:
        plain: dict[str, Any] = to_json(self)
        return plain

    @classmethod
    def from_json(cls, plain: object) -> "Configuration":
        """Return the configuration as ``to_json`` wrote it, in whatever version of this product."""
        return stored(cls, plain)

    def changes_since(self, before: "Configuration") -> list[str]:
        """Return the changes, a sentence each; empty if there are none."""
        with written_with("."):  # they are stored
            return [
                *schema_changes(before.schema, self.schema).sentences,
                *_completions(before, self),
                *_order(before, self),
                *_answers(before, self),
            ]


def marked_by_admin(configuration: Configuration, before: Configuration) -> Configuration:
    """Return the configuration with every field that differs from ``before`` marked as a
    person's."""
    known = before.schema.by_name
    return replace(
        configuration,
        features=tuple(
            replace(feature, sources={**feature.sources, **_touched(known[feature.name], feature)})
            for feature in configuration.features
        ),
    )


def _touched(before: FeatureSpec, after: FeatureSpec) -> dict[str, str]:
    return {
        field.name: ADMIN
        for field in fields(after)
        if field.name not in {"sources", "name"}
        and getattr(before, field.name) != getattr(after, field.name)
    }


def with_edits_of(proposal: Configuration, saved: Configuration) -> Configuration:
    """Return a new proposal that keeps what people set in ``saved``, by the names of inputs,
    answers."""
    known = saved.schema.by_name
    features = tuple(_with_edits(spec, known.get(spec.name)) for spec in proposal.features)
    names = {feature.name for feature in features}
    answers = {(target.name, _values(target)): target for target in saved.targets}
    rules = tuple(rule for rule in saved.rules if {rule.first, rule.second} <= names)
    return Configuration(
        features,
        tuple(answers.get((target.name, _values(target)), target) for target in proposal.targets),
        rules or proposal.rules,
    )


def _with_edits(proposed: FeatureSpec, saved: FeatureSpec | None) -> FeatureSpec:
    if saved is None:
        return proposed
    kept = {field for field, source in saved.sources.items() if source == ADMIN}
    if proposed.is_complete and proposed.kind in {Kind.CHOICE, Kind.BOOLEAN}:
        kept.discard("kind")  # the file now determines it, whatever people set before
    if _values(saved) != _values(proposed) and "kind" not in kept:
        kept -= {"choices", "default", "typical"}
    if proposed.kind is Kind.CHOICE and "takes_others" not in proposed.sources:
        kept.discard("takes_others")  # the file's encoder refuses other values
    return replace(
        proposed,
        **{field: getattr(saved, field) for field in kept},
        sources={**proposed.sources, **dict.fromkeys(kept, ADMIN)},
    )


def _completions(before: Configuration, after: Configuration) -> Iterator[str]:
    known = before.schema.by_name
    for feature in after.features:
        if feature.name in known and feature.is_complete != known[feature.name].is_complete:
            yield f"{feature.label}: {'Complete' if feature.is_complete else 'Not complete'}"


def _order(before: Configuration, after: Configuration) -> Iterator[str]:
    orders = [
        [feature.name for feature in configuration.schema.in_form_order]
        for configuration in (before, after)
    ]
    if sorted(orders[0]) == sorted(orders[1]) and orders[0] != orders[1]:
        yield "The inputs are in another order"


def _answers(before: Configuration, after: Configuration) -> Iterator[str]:
    for old, new in zip(before.targets, after.targets, strict=False):
        name = new.label or new.name or "Prediction"
        if old.label != new.label:
            yield f"The answer {old.label or 'Prediction'} is now called {name}"
        if old.unit != new.unit:
            yield f"{name}: Unit {old.unit or 'none'} → {new.unit or 'none'}"
        for (_, former), (_, label) in zip(old.class_labels, new.class_labels, strict=False):
            if former != label:
                yield f"{name}: Class {former} is now called {label}"


def _values(spec: FeatureSpec | TargetSpec) -> tuple[str, ...]:
    """The values of a choice or the classes of an answer, told apart by type."""
    pairs = spec.choices if isinstance(spec, FeatureSpec) else spec.class_labels
    return tuple(repr(value) for value, _ in pairs)
