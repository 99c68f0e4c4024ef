"""Whether what is said of an input fits together: its bounds, its choices, its default. Pure."""

from dataclasses import replace

from models_registry.feature_spec import FeatureSpec, Kind, Requirement, same_value
from models_registry.input_check import InputError, clean_value
from models_registry.input_rules import RuleKind, RuleSpec


def spec_problems(spec: FeatureSpec) -> dict[str, str]:
    """What contradicts what, a sentence by field; empty where nothing does."""
    problems: dict[str, str] = {}
    for low, high in (("minimum", "maximum"), ("soft_minimum", "soft_maximum")):
        bounds = getattr(spec, low), getattr(spec, high)
        if None not in bounds and bounds[0] > bounds[1]:
            problems[high] = "This is below the smallest value."
    if spec.step is not None and spec.step <= 0:
        problems["step"] = "A step is more than 0."
    if spec.kind is Kind.CHOICE and spec.is_complete:
        problems |= _choice_problems(spec)
    if spec.requirement is Requirement.OPTIONAL and spec.default is None:
        problems["default"] = "An optional input needs a default."
    if spec.deprecation and spec.requirement is Requirement.REQUIRED:
        problems["requirement"] = "Nobody should fill this any more, so it cannot be required."
    if not problems:  # a default is checked against rules that are sound
        alone = replace(spec, requirement=Requirement.MAY_BE_MISSING)
        for field in ("default", "typical"):
            found = clean_value(alone, getattr(spec, field), "")
            if isinstance(found, InputError):
                problems[field] = str(found)
    return problems


def _choice_problems(spec: FeatureSpec) -> dict[str, str]:
    if not spec.choices:
        return {"choices": "A choice needs its values."}
    values = [value for value, _ in spec.choices]
    labels = [label.strip().casefold() for _, label in spec.choices]
    for index, (value, label) in enumerate(spec.choices):
        if any(same_value(value, other) for other in values[:index]):
            return {"choices": f"The value {value} stands there twice."}
        if labels[index] in labels[:index]:
            return {"choices": f"Two choices are called {label}."}
    return {}


def rule_problems(rule: RuleSpec, features: dict[str, FeatureSpec]) -> dict[str, str]:
    """What keeps a rule from being checked, a sentence by field. ``features`` are given by name."""
    if rule.first == rule.second:
        return {"second": "A rule needs two different inputs."}
    if rule.kind is RuleKind.REQUIRES:
        if rule.value is None:
            return {"value": "Say for which value the other input is needed."}
        return {}
    words = "Only numbers can be compared."
    ends = {"first": rule.first, "second": rule.second}
    return {end: words for end, name in ends.items() if not features[name].is_number}
