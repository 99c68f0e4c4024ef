"""Disagreements between a training configuration and the fitted object, one sentence each. Pure."""

from collections.abc import Mapping, Sequence

from models_registry.inputs.feature_spec import KIND_LABELS, FeatureSpec, Kind, TargetSpec
from models_registry.inputs.input_rules import RuleSpec
from models_registry.training.training_config import ClassLabels, InputEntry, TrainingConfig

NAMED = 5
"""The number of names that a sentence lists before the rest is only counted."""


def disagreements(
    features: Sequence[FeatureSpec],
    targets: Sequence[TargetSpec],
    rules: Sequence[RuleSpec],
    config: TrainingConfig,
    libraries: Mapping[str, str],
) -> tuple[str, ...]:
    """Return the disagreements. ``features`` and ``targets`` come from the object, ``rules`` from
    the configuration, ``libraries`` as the file records them."""
    return (
        *_about_inputs([spec.name for spec in features], [one.name for one in config.features]),
        *_about_kinds(features, config.by_name),
        *_about_rules(rules, {spec.name for spec in features}),
        *_about_classes(targets, config.target.labels),
        *_about_libraries(config.libraries, libraries),
    )


def _about_inputs(taken: list[str], listed: list[str]) -> list[str]:
    if not listed:
        return []
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


def _about_kinds(features: Sequence[FeatureSpec], by_name: Mapping[str, InputEntry]) -> list[str]:
    sentences = []
    numbers = {Kind.FLOAT, Kind.INTEGER}
    for spec in features:
        if (entry := by_name.get(spec.name)) is None:
            continue
        kind = entry.type
        is_open = (spec.takes_others and kind is Kind.STRING) or not spec.is_asked
        differs = kind not in (None, spec.kind) and {spec.kind, kind} != numbers
        if kind is not None and spec.is_complete and differs and not is_open:
            sentences.append(
                f"“{spec.name}”: the configuration says {KIND_LABELS[kind].lower()}, the model "
                f"takes {_article(spec.kind)}. The model's value is used."
            )
        told = (entry.choices or ()) if spec.choices else ()
        strange = [str(value) for value, _ in told if spec.index.found(value) is None]
        if strange:
            sentences.append(
                f"“{spec.name}”: the model was not trained with {names(strange)}. "
                "It is not offered in the form."
            )
        if entry.other_values and spec.choices and not spec.takes_others:
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


def _about_classes(targets: Sequence[TargetSpec], labels: ClassLabels) -> list[str]:
    if not labels.pairs or not targets:
        return []
    classes = [str(value) for value, _ in targets[0].class_labels]
    if not classes:
        return ["The configuration labels classes, but the model answers with a number."]
    if labels.is_list and len(labels.pairs) != len(classes):
        return [
            f"The configuration labels {len(labels.pairs)} classes, the model has {len(classes)}: "
            f"{names(classes)}."
        ]
    strange = [name for name in labels.by_class(classes) if name not in classes]
    if not strange:
        return []
    return [
        f"The configuration labels {_count(strange, 'class', 'classes')} that the model does not "
        f"know: {names(strange)}."
    ]


def _about_libraries(said: Mapping[str, object], recorded: Mapping[str, str]) -> list[str]:
    told = {name.lower(): str(version) for name, version in said.items()}
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
