"""Differences between the inputs of two configurations, in words. Pure."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from config.text.numbers import count_text, written
from models_registry.inputs.feature_spec import FeatureSpec, Scalar, same_value
from models_registry.inputs.input_schema import InputSchema
from models_registry.inputs.number_text import show_number

NAMED = 20
"""The number of choices named before the rest is only counted."""
RULES = "Rules between inputs"
"""The label of rules in ``changed``."""
Describe = Callable[[FeatureSpec], str]


@dataclass(frozen=True)
class SchemaChanges:
    """The changes of the inputs. ``added`` and ``removed`` are labels of inputs, ``changed``
    (label, sentence) pairs, one for each input that both have; ``same`` counts the inputs that
    nothing changed."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[tuple[str, str], ...] = ()
    same: int = 0

    @property
    def is_empty(self) -> bool:
        return not (self.added or self.removed or self.changed)

    @property
    def sentences(self) -> tuple[str, ...]:
        """All changes, a line each."""
        return (
            *(f"Input added: {label}" for label in self.added),
            *(f"Input removed: {label}" for label in self.removed),
            *(f"{label}: {sentence}" for label, sentence in self.changed),
        )


def schema_changes(before: InputSchema, after: InputSchema) -> SchemaChanges:
    """Describe the changes from ``before`` to ``after`` for people who knew ``before``. Inputs are
    the same by name."""
    old, new = before.by_name, after.by_name
    described = [
        (feature.label, "; ".join(_differences(old[feature.name], feature)))
        for feature in after.in_form_order
        if feature.name in old
    ]
    changed = [(label, sentence) for label, sentence in described if sentence]
    rules = "; ".join(_rule_differences(before, after))
    return SchemaChanges(
        added=tuple(f.label for f in after.in_form_order if f.name not in old),
        removed=tuple(f.label for f in before.in_form_order if f.name not in new),
        changed=(*changed, (RULES, rules)) if rules else tuple(changed),
        same=len(described) - len(changed),
    )


def _differences(old: FeatureSpec, new: FeatureSpec) -> Iterator[str]:
    for words, of in _SHOWN.items():
        if of(old) != of(new):
            yield f"{words} {_arrow(_BRIEF.get(words, of), of, old, new)}"
    for words, field in _VALUES.items():
        before_value, after_value = getattr(old, field), getattr(new, field)
        if not same_value(before_value, after_value):
            whole = partial(_value, field)
            brief = partial(_usual, field) if field in _ROUNDED else whole
            yield f"{words} {_arrow(brief, whole, old, new)}"
    yield from _choice_differences(old, new)
    if old.help != new.help:
        yield "Help text changed"
    if old.deprecation != new.deprecation:
        yield f"Deprecated: {new.deprecation}" if new.deprecation else "No longer deprecated"
    if old.is_sensitive != new.is_sensitive:
        yield "Now sensitive" if new.is_sensitive else "No longer sensitive"
    if old.is_listed != new.is_listed:
        yield "Now shown in lists" if new.is_listed else "No longer shown in lists"


def _arrow(brief: Describe, whole: Describe, old: FeatureSpec, new: FeatureSpec) -> str:
    """What was, and what is: briefly, as long as the two then differ."""
    of = brief if brief(old) != brief(new) else whole
    return f"{of(old)} → {of(new)}"


def _choice_differences(old: FeatureSpec, new: FeatureSpec) -> Iterator[str]:
    if old.choices == new.choices:
        return
    gone = [label for value, label in old.choices if value not in new.index]
    come = [label for value, label in new.choices if value not in old.index]
    for labels, verb in ((come, "added"), (gone, "removed")):
        if labels:
            count = "One choice" if len(labels) == 1 else f"{count_text(len(labels))} choices"
            yield f"{count} {verb}: {_listed(labels)}"
    renamed = [
        f"Choice {former} is now called {label}"
        for value, label in new.choices
        if (former := old.index.label_of(value)) not in {None, label}
    ]
    yield from renamed[:NAMED]
    if len(renamed) > NAMED:
        yield f"{count_text(len(renamed) - NAMED)} more choices have other labels"


def _listed(labels: Sequence[str]) -> str:
    more = len(labels) - NAMED
    return ", ".join(labels[:NAMED]) + (f" and {count_text(more)} more" if more > 0 else "")


def _rule_differences(before: InputSchema, after: InputSchema) -> Iterator[str]:
    old = [rule.message or rule.sentence(before.by_name) for rule in before.rules]
    new = [rule.message or rule.sentence(after.by_name) for rule in after.rules]
    came = [s for s, rule in zip(new, after.rules, strict=True) if rule not in before.rules]
    went = [s for s, rule in zip(old, before.rules, strict=True) if rule not in after.rules]
    yield from (f"Added: {sentence.rstrip('.')}" for sentence in came)
    yield from (f"Removed: {sentence.rstrip('.')}" for sentence in went)


def _range(low: int | float | None, high: int | float | None) -> str:
    if low is not None and high is not None:
        return f"{written(show_number(low))} to {written(show_number(high))}"
    if low is not None:
        return f"at least {written(show_number(low))}"
    return "none" if high is None else f"at most {written(show_number(high))}"


def _value(field: str, feature: FeatureSpec) -> str:
    value: Scalar = getattr(feature, field)
    return "none" if value is None else feature.shown_with_unit(value)


def _usual(field: str, feature: FeatureSpec) -> str:
    """The value as a form's help line shows it."""
    value: Scalar = getattr(feature, field)
    return "none" if value is None else feature.shown_with_unit(feature.usual(value))


def _four_digits(number: float | None) -> float | None:
    return None if number is None else float(f"{number:.4g}")


_SHOWN: dict[str, Describe] = {
    "Called": lambda f: f.label,
    "Unit": lambda f: f.unit or "none",
    "Group": lambda f: f.group or "none",
    "Type": lambda f: f.kind_label,
    "Needed:": lambda f: f.requirement_label,
    "Allowed range": lambda f: _range(f.minimum, f.maximum),
    "Trained range": lambda f: _range(f.soft_minimum, f.soft_maximum),
    "Step": lambda f: "none" if f.step is None else written(show_number(f.step)),
    "Other values than the choices": lambda f: "run with a warning" if f.takes_others else "none",
    "Longest text": lambda f: "the site's" if f.max_length is None else count_text(f.max_length),
}
_BRIEF: dict[str, Describe] = {
    "Trained range": lambda f: _range(_four_digits(f.soft_minimum), _four_digits(f.soft_maximum))
}
_VALUES = {
    "Default": "default",
    "Typical value": "typical",
    "What the model puts when it is missing:": "imputed",
}
_ROUNDED = {"typical", "imputed"}
"""The fields that are means and medians, with up to seventeen digits."""
