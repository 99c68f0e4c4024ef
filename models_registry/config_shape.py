"""What a training configuration may look like; an error names the place and the way out. Pure.

The keys and their types stand in ``docs/training-configuration.md``; unknown keys are kept.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

from models_registry.errors import BadTrainingConfig
from models_registry.feature_spec import Kind
from models_registry.input_rules import MAX_RULES, RuleKind

MAX_FEATURES = 1000
KINDS = {
    "integer": Kind.INTEGER, "int": Kind.INTEGER,
    "float": Kind.FLOAT, "number": Kind.FLOAT, "numeric": Kind.FLOAT,
    "string": Kind.STRING, "str": Kind.STRING, "text": Kind.STRING,
    "boolean": Kind.BOOLEAN, "bool": Kind.BOOLEAN,
    "choice": Kind.CHOICE, "category": Kind.CHOICE, "categorical": Kind.CHOICE,
}  # fmt: skip

Check = Callable[[str, Any], None]


def check_shape(config: Mapping[str, Any]) -> None:
    """Raise BadTrainingConfig for the first key whose value cannot be used."""
    _check_keys("", config, _TOP)
    _unique("features", [entry["name"] for entry in config.get("features") or []])


def _refuse(place: str, expected: str, way_out: str) -> BadTrainingConfig:
    return BadTrainingConfig(
        f"“{place}” in the training configuration must be {expected}. {way_out}"
    )


def _check_keys(place: str, mapping: Mapping[str, Any], checks: Mapping[str, Check]) -> None:
    for key, check in checks.items():
        if mapping.get(key) is not None:
            check(f"{place}.{key}" if place else key, mapping[key])


def _number(place: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise _refuse(place, "a number", f"{_shown(value)} is not one: correct it or leave it out.")


def _positive(place: str, value: Any) -> None:
    _number(place, value)
    if value <= 0:
        raise _refuse(place, "a number above 0", "Correct it or leave it out.")


def _text(place: str, value: Any) -> None:
    if isinstance(value, dict | list):
        raise _refuse(place, "a text", "Write it in quotes on one line, or leave it out.")


def _yes_or_no(place: str, value: Any) -> None:
    if not isinstance(value, bool):
        raise _refuse(place, "true or false", f"{_shown(value)} is neither.")


def _scalar(place: str, value: Any) -> None:
    if isinstance(value, dict | list):
        raise _refuse(place, "one value", "Write a number, a text, true or false.")


def _mapping(place: str, value: Any) -> None:
    if not isinstance(value, dict):
        raise _refuse(place, "a mapping", "Write keys with their values.")


def _list(place: str, value: Any) -> None:
    if not isinstance(value, list):
        raise _refuse(place, "a list", "Write one entry for each line, beginning with “- ”.")


def _kind(place: str, value: Any) -> None:
    if str(value).lower() not in KINDS:
        raise _refuse(place, "integer, float, string, boolean or choice", f"Not {_shown(value)}.")


def _choices(place: str, value: Any) -> None:
    if isinstance(value, dict):
        return
    if not isinstance(value, list):
        raise _refuse(place, "a list of values, or a mapping of values to labels", "Write [a, b].")
    for number, choice in enumerate(value):
        if isinstance(choice, list) or (isinstance(choice, dict) and "value" not in choice):
            raise _refuse(f"{place}[{number}]", "a value, or a mapping with “value”", "Correct it.")


def _names(place: str, value: Any) -> None:
    _list(place, value)
    for number, name in enumerate(value):
        _text(f"{place}[{number}]", name)


def _features(place: str, value: Any) -> None:
    _list(place, value)
    if len(value) > MAX_FEATURES:
        raise _refuse(place, f"a list of at most {MAX_FEATURES} inputs", "Leave some out.")
    for number, entry in enumerate(value):
        here = f"{place}[{number}]"
        if not isinstance(entry, dict) or entry.get("name") in (None, ""):
            raise _refuse(here, "a mapping with a “name”", "The name is the training column's.")
        _text(f"{here}.name", entry["name"])
        _check_keys(here, entry, _FEATURE)
        _in_order(here, entry, "min", "max")
        _in_order(here, entry, "trained_min", "trained_max")


def _in_order(place: str, entry: Mapping[str, Any], low: str, high: str) -> None:
    if None not in (entry.get(low), entry.get(high)) and entry[low] > entry[high]:
        raise _refuse(
            f"{place}.{low}", f"at most {high}", f"{entry[low]} is above {entry[high]}: swap them."
        )


def _rules(place: str, value: Any) -> None:
    _list(place, value)
    if len(value) > MAX_RULES:
        raise _refuse(place, f"a list of at most {MAX_RULES} rules", "Leave some out.")
    kinds = [kind.value for kind in RuleKind]
    for number, rule in enumerate(value):
        here = f"{place}[{number}]"
        if not isinstance(rule, dict) or not {"first", "kind", "second"} <= rule.keys():
            raise _refuse(here, "a mapping with first, kind and second", "Add what is missing.")
        _check_keys(here, rule, dict.fromkeys(("first", "second", "message"), _text))
        _scalar(f"{here}.value", rule.get("value"))
        if rule["kind"] not in kinds:
            raise _refuse(f"{here}.kind", f"{', '.join(kinds)}", f"Not {_shown(rule['kind'])}.")
        if str(rule["first"]) == str(rule["second"]):
            raise _refuse(f"{here}.second", "another input than “first”", "Name a second one.")
        if rule["kind"] == RuleKind.REQUIRES.value and rule.get("value") is None:
            raise _refuse(f"{here}.value", "given for a rule of kind requires", "Say which value.")


def _target(place: str, value: Any) -> None:
    _mapping(place, value)
    _check_keys(place, value, {"name": _text, "unit": _text, "labels": _choices})


def _preprocessing(place: str, value: Any) -> None:
    _list(place, value)
    for number, step in enumerate(value):
        if isinstance(step, list):
            raise _refuse(f"{place}[{number}]", "a text or a mapping", "Describe the step.")


def _direction(place: str, value: Any) -> None:
    if isinstance(value, str):
        return
    _mapping(place, value)
    for name, direction in value.items():
        _text(f"{place}.{name}", direction)


def _unique(place: str, names: list[Any]) -> None:
    seen: set[str] = set()
    for number, name in enumerate(map(str, names)):
        if name in seen:
            raise _refuse(
                f"{place}[{number}].name",
                "a name that no other entry has",
                f"{_shown(name)} twice.",
            )
        seen.add(name)


def _shown(value: Any) -> str:
    text = str(value)
    return f"“{text[:40]}…”" if len(text) > 40 else f"“{text}”"


_FEATURE: dict[str, Check] = {
    **dict.fromkeys(("label", "unit", "description", "group", "deprecated"), _text),
    **dict.fromkeys(("min", "max", "trained_min", "trained_max", "order"), _number),
    **dict.fromkeys(("listed", "sensitive"), _yes_or_no),
    **dict.fromkeys(("default", "typical"), _scalar),
    "step": _positive,
    "type": _kind,
    "choices": _choices,
}
_TOP: dict[str, Check] = {
    **dict.fromkeys(("metrics", "data", "libraries"), _mapping),
    **dict.fromkeys(("author", "notes", "intended_use", "limitations"), _text),
    "features": _features,
    "target": _target,
    "preprocessing": _preprocessing,
    "metric_direction": _direction,
    "rules": _rules,
}
