"""The consistency check of one input's specification: bounds, choices and default. Pure."""

from dataclasses import replace

from config.text.numbers import count_text
from models_registry.inputs.feature_spec import (
    FeatureSpec,
    Kind,
    Requirement,
    Scalar,
    choice_text,
    same_value,
)
from models_registry.inputs.input_check import InputError, clean_value
from models_registry.inputs.input_rules import RuleKind, RuleSpec
from models_registry.inputs.labels import choice_label

MAX_TEXT_LIMIT = 1_000_000


def spec_problems(spec: FeatureSpec) -> dict[str, str]:
    """Return the contradictions within the specification, a sentence by field; empty if there are
    none."""
    problems: dict[str, str] = {}
    for low, high in (("minimum", "maximum"), ("soft_minimum", "soft_maximum")):
        bounds = getattr(spec, low), getattr(spec, high)
        if None not in bounds and bounds[0] > bounds[1]:
            problems[high] = "This is below the smallest value."
    if spec.step is not None and spec.step <= 0:
        problems["step"] = "Expected a step greater than 0."
    if spec.kind is Kind.CHOICE and spec.is_complete:
        problems |= _choice_problems(spec)
    if spec.max_length is not None and not 1 <= spec.max_length <= MAX_TEXT_LIMIT:
        problems["max_length"] = f"A text has 1 to {count_text(MAX_TEXT_LIMIT)} characters."
    if spec.requirement is Requirement.OPTIONAL and spec.default is None:
        problems["default"] = "An optional input needs a default."
    if spec.deprecation and spec.requirement is Requirement.REQUIRED:
        problems["requirement"] = "A deprecated input cannot be required."
    if not problems:  # a default is checked against rules that are sound
        alone = replace(spec, requirement=Requirement.MAY_BE_MISSING)
        for field in ("default", "typical"):
            value = getattr(spec, field)
            found = None if value is None else clean_value(alone, value, "")
            if isinstance(found, InputError):
                problems[field] = str(found)
    return problems


def _choice_problems(spec: FeatureSpec) -> dict[str, str]:
    if not spec.choices:
        return {"choices": "A choice needs its values."}
    written = {choice_text(value): value for value, _ in spec.choices}
    values: set[tuple[bool, bool, Scalar]] = set()
    labels: set[str] = set()
    for value, label in spec.choices:
        key = isinstance(value, bool), isinstance(value, str), value
        if key in values:
            return {"choices": f"The value {choice_label(value)} is listed twice."}
        if label.strip() in labels:
            return {"choices": f"Two choices are called {label}."}
        if not same_value(written.get(label, value), value):
            return {"choices": f"The label {label} is the value of another choice."}
        values.add(key)
        labels.add(label.strip())
    return {}


def rule_problems(rule: RuleSpec, features: dict[str, FeatureSpec]) -> dict[str, str]:
    """Return what prevents a rule from being checked, a sentence by field. ``features`` are given
    by name."""
    if rule.first == rule.second:
        return {"second": "A rule needs two different inputs."}
    if rule.kind is RuleKind.REQUIRES:
        if rule.value is None:
            return {"value": "Say for which value the other input is needed."}
        return {}
    words = "Only numbers can be compared."
    ends = {"first": rule.first, "second": rule.second}
    return {end: words for end, name in ends.items() if not features[name].is_number}
