"""Disagreements between a training configuration and the fitted object, one sentence each. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from models_registry.inputs.feature_spec import KIND_LABELS, FeatureSpec, Kind, TargetSpec
from models_registry.inputs.input_rules import RuleSpec
from models_registry.training.config_reading import class_names, entries, pairs_of
from models_registry.training.config_shape import KINDS

NAMED = 5
"""The number of names that a sentence lists before the rest is only counted."""


def disagreements(
    features: Sequence[FeatureSpec],
    targets: Sequence[TargetSpec],
    rules: Sequence[RuleSpec],
    config: Mapping[str, Any],
    libraries: Mapping[str, str],
) -> tuple[str, ...]:
    """Return the disagreements. ``features`` and ``targets`` come from the object, ``rules`` from
    the configuration, ``libraries`` as the file records them."""
    return (
        *_about_inputs(features, config),
        *_about_kinds(features, {str(entry["name"]): entry for entry in entries(config)}),
        *_about_rules(rules, {spec.name for spec in features}),
        *_about_classes(targets, config.get("target") or {}),
        *_about_libraries(config, libraries),
    )


def _about_inputs(features: Sequence[FeatureSpec], config: Mapping[str, Any]) -> list[str]:
    listed = [str(entry["name"]) for entry in entries(config)]
    if not listed:
        return []
    taken = [spec.name for spec in features]
    known, described = set(taken), set(listed)
    sentences = []
    if strange := [name for name in listed if name not in known]:
        sentences.append(
            f"The configuration names {_count(strange)} that the model does not have: "
            f"{names(strange)}."
        )
    if len(listed) != len(taken):
        missing = [name for name in taken if name not in described]
        about = f" Not described: {names(missing)}." if missing else ""
        sentences.append(
            f"The configuration lists {_count(listed, 'feature')}, the model takes "
            f"{len(taken)}.{about}"
        )
    elif not strange and listed != taken:
        sentences.append(
            "The configuration lists the inputs in another order than the model was trained with. "
            "The model's order is used."
        )
    return sentences


def _about_kinds(
    features: Sequence[FeatureSpec], by_name: Mapping[str, dict[str, Any]]
) -> list[str]:
    sentences = []
    numbers = {Kind.FLOAT, Kind.INTEGER}
    for spec in features:
        entry = by_name.get(spec.name, {})
        kind = KINDS.get(str(entry.get("type", "")).lower())
        is_open = (spec.takes_others and kind is Kind.STRING) or not spec.is_asked
        differs = kind not in (None, spec.kind) and {spec.kind, kind} != numbers
        if kind is not None and spec.is_complete and differs and not is_open:
            sentences.append(
                f"“{spec.name}”: the configuration says {KIND_LABELS[kind].lower()}, the model "
                f"takes {_article(spec.kind)}. The model's value is used."
            )
        strange = [
            str(value)
            for value, _ in (pairs_of(entry.get("choices") or []) if spec.choices else ())
            if spec.index.found(value) is None
        ]
        if strange:
            sentences.append(
                f"“{spec.name}”: the model was not trained with {names(strange)}. "
                "It is not offered in the form."
            )
        if entry.get("other_values") and spec.choices and not spec.takes_others:
            sentences.append(
                f"“{spec.name}”: the configuration accepts other values, but the model's encoder "
                "refuses them."
            )
    return sentences


def _about_rules(rules: Sequence[RuleSpec], known: set[str]) -> list[str]:
    strange = list(
        dict.fromkeys(n for rule in rules for n in (rule.first, rule.second) if n not in known)
    )
    if not strange:
        return []
    return [f"A rule names {_count(strange)} that the model does not have: {names(strange)}."]


def _about_classes(targets: Sequence[TargetSpec], target: Mapping[str, Any]) -> list[str]:
    labels = target.get("labels")
    if not labels or not targets:
        return []
    classes = [str(value) for value, _ in targets[0].class_labels]
    if not classes:
        return ["The configuration labels classes, but the model answers with a number."]
    if isinstance(labels, list) and len(labels) != len(classes):
        return [
            f"The configuration labels {len(labels)} classes, the model has {len(classes)}: "
            f"{names(classes)}."
        ]
    strange = [value for value in class_names(targets[0], target) if value not in classes]
    if not strange:
        return []
    return [
        f"The configuration labels {_count(strange, 'class', 'classes')} that the model does not "
        f"know: {names(strange)}."
    ]


def _about_libraries(config: Mapping[str, Any], recorded: Mapping[str, str]) -> list[str]:
    told = {
        str(name).lower(): str(version) for name, version in (config.get("libraries") or {}).items()
    }
    return [
        f"The configuration says {library} {told[library.lower()]}, the file was saved with "
        f"{version}. The file's value is used."
        for library, version in sorted(recorded.items())
        if library.lower() in told and told[library.lower()] != version
    ]


def _count(things: Sequence[str], one: str = "input", many: str = "") -> str:
    return f"{len(things)} {one if len(things) == 1 else many or one + 's'}"


def names(things: Sequence[str]) -> str:
    """Return the first few names, and how many more there are."""
    more = len(things) - NAMED
    shown = ", ".join(name if len(name) <= 60 else f"{name[:60]}…" for name in things[:NAMED])
    return f"{shown} and {more} more" if more > 0 else shown


def _article(kind: Kind) -> str:
    return {
        Kind.INTEGER: "a whole number",
        Kind.FLOAT: "a number",
        Kind.STRING: "a text",
        Kind.BOOLEAN: "yes or no",
        Kind.CHOICE: "one of its categories",
        Kind.UNUSED: "anything",
    }[kind]
