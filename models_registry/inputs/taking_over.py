"""The take-over of what people said about the inputs of an earlier version into a new one's
proposal. Pure.

The fitted object wins for names, order of columns and categories. A field is taken over where a
person or the earlier training configuration set it, unless the new training configuration says
something else about it than the earlier one did.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from models_registry.inputs.configuration import ADMIN, Configuration
from models_registry.inputs.feature_spec import FeatureSpec, Kind, Requirement, TargetSpec
from models_registry.inputs.input_rules import MAX_RULES, RuleSpec
from models_registry.inputs.labels import choice_label, readable
from models_registry.inputs.spec_check import rule_problems, spec_problems

CONFIG = "config"
FROM = "from v"
WORDS = ("label", "help", "unit", "group", "deprecation", "is_listed", "is_sensitive", "rank")
"""The fields that hold whatever the kind of the input is."""
VALUES = ("minimum", "maximum", "step", "max_length", "default", "typical", "requirement")
TRAINED = ("soft_minimum", "soft_maximum")
"""The range that a model was trained on, which a configuration tells of its own file alone."""
_NAMES = {
    "label": "label", "help": "help text", "unit": "unit", "group": "group",
    "deprecation": "deprecation", "is_listed": "place in lists", "is_sensitive": "sensitivity",
    "rank": "place in the form", "minimum": "minimum", "maximum": "maximum", "step": "step",
    "max_length": "longest text", "default": "default", "typical": "typical value",
    "requirement": "requirement", "choices": "labels of choices", "kind": "type",
}  # fmt: skip

Told = Mapping[str, Mapping[str, Any]]
"""What a training configuration says: by input, by field."""


@dataclass(frozen=True)
class TakenOver:
    """A proposal with what was taken over from version ``number``, and in sentences what was
    ``taken`` and what was ``left``, with the reason."""

    configuration: Configuration
    taken: tuple[str, ...]
    left: tuple[str, ...]


def take_over(
    proposal: Configuration,
    earlier: Configuration,
    *,
    number: int,
    told: Told,
    told_earlier: Told,
    is_answer_told_anew: bool = False,
) -> TakenOver:
    """Return the proposal with the earlier version's words, limits, rules and class labels.
    ``told`` and ``told_earlier``: what their training configurations say;
    ``is_answer_told_anew``: the new one says something else about the answer."""
    left: list[str] = []
    known = earlier.schema.by_name
    features = tuple(
        _taken(spec, known[spec.name], f"{FROM}{number}", told, told_earlier, left)
        if spec.name in known
        else spec
        for spec in proposal.features
    )
    features = _distinct(features, proposal.features, left)
    names = {spec.name for spec in features}
    left += [
        f"{spec.label}: v{number} has this input, the new file has not."
        for spec in earlier.features
        if spec.name not in names
    ]
    targets = tuple(
        _target(target, before, number, left, is_told_anew=is_answer_told_anew)
        for target, before in _pairs(proposal.targets, earlier.targets)
    )
    rules = _rules(proposal, earlier, features, left)
    result = Configuration(features, targets, rules)
    return TakenOver(result, tuple(result.changes_since(proposal)), tuple(left))


def _taken(
    new: FeatureSpec, old: FeatureSpec, source: str, told: Told, earlier: Told, left: list[str]
) -> FeatureSpec:
    """The new input with what is taken over of the earlier one."""
    says, said = told.get(new.name, {}), earlier.get(new.name, {})
    is_alike = old.kind is new.kind or {old.kind, new.kind} <= {Kind.INTEGER, Kind.FLOAT}
    changes: dict[str, Any] = {}
    for field in (*WORDS, *VALUES):
        if not _was_told(old, field) or getattr(old, field) == getattr(new, field):
            continue
        if says.get(field) is not None and says.get(field) != said.get(field):
            if old.sources.get(field) != CONFIG:
                left.append(
                    f"{new.label}: the {_NAMES[field]} of the new training configuration stays."
                )
        elif field in WORDS or is_alike:
            changes[field] = getattr(old, field)
        else:
            was, now = old.kind_label.lower(), new.kind_label.lower()
            left.append(f"{new.label}: the {_NAMES[field]} was for a {was}; it is a {now} now.")
    if changes.get("requirement") is Requirement.MAY_BE_MISSING:
        left.append(f"{new.label}: the new model does not answer without it, so it stays needed.")
        del changes["requirement"]
    if _was_told(old, "takes_others") and not old.takes_others and new.takes_others:
        changes["takes_others"] = False
    for field in TRAINED:
        is_of_hand = _was_told(old, field) and old.sources.get(field) != CONFIG
        if is_of_hand and is_alike and getattr(new, field) is None:
            changes[field] = getattr(old, field)
    if not new.is_complete and old.is_complete:
        changes |= {name: getattr(old, name) for name in ("kind", "choices", "takes_others")}
        changes |= {"is_complete": True, "requirement": old.requirement}
    elif is_alike and new.is_number and _was_told(old, "kind") and new.kind is not old.kind:
        changes["kind"] = old.kind
    elif (
        new.choices
        and _was_told(old, "choices")
        and says.get("choices") in (None, said.get("choices"))
    ):
        changes["choices"] = tuple(
            (value, old.index.label_of(value) or label) for value, label in new.choices
        )
    return _valid(new, _from(new, old, changes, source), changes, left)


def _valid(
    new: FeatureSpec, taken: FeatureSpec, changes: dict[str, Any], left: list[str]
) -> FeatureSpec:
    """The input as taken over, without the values that do not fit what the new file says."""
    problems = spec_problems(taken)
    if not problems or spec_problems(new):
        return taken
    left += [
        f"{taken.label}: {_NAMES.get(at, at)} not taken. {why}" for at, why in problems.items()
    ]
    kept = {name: value for name, value in changes.items() if name in WORDS}
    sources = {name: taken.sources[name] for name in kept if name in taken.sources}
    return replace(new, **kept, sources={**new.sources, **sources})


def _from(new: FeatureSpec, old: FeatureSpec, changes: dict[str, Any], source: str) -> FeatureSpec:
    told = {
        name: before if (before := old.sources.get(name, "")).startswith(FROM) else source
        for name in changes
    }
    return replace(new, **changes, sources={**new.sources, **told})


def _was_told(spec: FeatureSpec, field: str) -> bool:
    """Whether a person or a training configuration set the field, in this version or before."""
    source = spec.sources.get(field, "")
    return source in (ADMIN, CONFIG) or source.startswith(FROM)


def _distinct(
    features: tuple[FeatureSpec, ...], proposed: tuple[FeatureSpec, ...], left: list[str]
) -> tuple[FeatureSpec, ...]:
    """The inputs without a taken label that is another input's, too."""
    counts: dict[str, int] = {}
    for spec in features:
        counts[spec.label] = counts.get(spec.label, 0) + 1
    result = []
    for spec, before in zip(features, proposed, strict=True):
        if counts[spec.label] > 1 and spec.label != before.label:
            left.append(f"{before.label}: another input is called {spec.label}.")
            sources = {name: one for name, one in spec.sources.items() if name != "label"}
            spec = replace(spec, label=before.label, sources=sources)
        result.append(spec)
    return tuple(result)


def _pairs(
    new: tuple[TargetSpec, ...], old: tuple[TargetSpec, ...]
) -> Iterator[tuple[TargetSpec, TargetSpec | None]]:
    """Each answer with the earlier one of its name; the only answers of both belong together."""
    by_name = {target.name: target for target in old}
    for target in new:
        only = old[0] if len(new) == len(old) == 1 else None
        yield target, by_name.get(target.name, only)


def _target(
    new: TargetSpec, old: TargetSpec | None, number: int, left: list[str], *, is_told_anew: bool
) -> TargetSpec:
    """The answer with the earlier label, unit and class labels. Where the new configuration says
    others, only what it leaves open is taken."""
    if old is None:
        return new
    if bool(new.class_labels) != bool(old.class_labels):
        left.append(f"The answer: v{number} answers with another kind of value.")
        return new
    labels = {repr(value): label for value, label in old.class_labels}
    classes = tuple(
        (value, label)
        if is_told_anew and label != choice_label(value)
        else (value, labels.get(repr(value), label))
        for value, label in new.class_labels
    )
    gone = labels.keys() - {repr(value) for value, _ in new.class_labels}
    left += [f"The answer: the new model has no class {labels[one]}." for one in sorted(gone)]
    keeps_label = is_told_anew and new.label != readable(new.name)
    return replace(
        new,
        label=new.label if keeps_label or old.label == readable(old.name) else old.label,
        unit=new.unit if is_told_anew and new.unit else old.unit or new.unit,
        class_labels=classes,
    )


def _rules(
    proposal: Configuration,
    earlier: Configuration,
    features: tuple[FeatureSpec, ...],
    left: list[str],
) -> tuple[RuleSpec, ...]:
    """The proposal's rules and the earlier ones that still hold between its inputs."""
    by_name = {spec.name: spec for spec in features}
    rules = list(proposal.rules)
    for rule in earlier.rules:
        sentence = rule.message or rule.sentence(earlier.schema.by_name)
        if any((rule.first, rule.kind, rule.second) == (r.first, r.kind, r.second) for r in rules):
            continue
        if not {rule.first, rule.second} <= by_name.keys():
            left.append(f"Rule “{sentence}”: one of its inputs is gone.")
        elif problems := rule_problems(rule, by_name):
            left.append(f"Rule “{sentence}”: {next(iter(problems.values()))}")
        elif len(rules) == MAX_RULES:
            left.append(f"Rule “{sentence}”: a version has at most {MAX_RULES} rules.")
        else:
            rules.append(rule)
    return tuple(rules)
