"""The permitted shape of a training configuration; an error names the place and the way out. Pure.

``docs/training-configuration.md`` documents the keys and their types; unknown keys are kept.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

from models_registry.errors import BadTrainingConfig
from models_registry.inputs.feature_spec import (
    MAX_CHOICES,
    MAX_CHOICES_TOGETHER,
    MAX_GROUP,
    MAX_HELP,
    MAX_LABEL,
    MAX_NAME,
    MAX_TEXT_LENGTH,
    MAX_UNIT,
    Kind,
)
from models_registry.inputs.input_rules import MAX_RULES, RuleKind
from models_registry.inputs.spec_check import MAX_TEXT_LIMIT

MAX_FEATURES = 2000
MAX_CLASSES = 1000
MAX_PROSE = 5000
"""Letters of a longer text, such as the model card's."""
MAX_WORDS = 100
"""Letters of a metric's or a library's name, or of a library's version."""
MAX_ENTRIES = 200
"""Metrics, libraries, facts about the data, keys without a meaning."""
MAX_STEPS = 200
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
    _few("", [key for key in config if key not in _TOP], MAX_ENTRIES, "keys without a meaning")
    features = config.get("features") or []
    choices = [choice for entry in features for choice in entry.get("choices") or []]
    _few("features", choices, MAX_CHOICES_TOGETHER, "choices together")
    _unique("features", [entry["name"] for entry in features])


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


def _length(place: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MAX_TEXT_LIMIT:
        raise _refuse(place, f"a whole number from 1 to {MAX_TEXT_LIMIT:,}", "Correct it.")


def _text(most: int) -> Check:
    """A check for a text of at most ``most`` characters."""

    def check(place: str, value: Any) -> None:
        if isinstance(value, dict | list):
            raise _refuse(place, "a text", "Write it in quotes on one line, or leave it out.")
        _short(place, value, most)

    return check


def _short(place: str, value: Any, most: int) -> None:
    if (length := len(str(value))) > most:
        raise _refuse(
            place, f"a text of at most {most:,} characters", f"It has {length:,}: shorten it."
        )


def _few(place: str, things: Any, most: int, what: str) -> None:
    if len(things) > most:
        about = f"“{place}” in the" if place else "The"
        raise BadTrainingConfig(
            f"{about} training configuration has {len(things):,} {what}; at most {most:,} are "
            "kept. Leave some out."
        )


def _yes_or_no(place: str, value: Any) -> None:
    if not isinstance(value, bool):
        raise _refuse(place, "true or false", f"{_shown(value)} is neither.")


def _scalar(place: str, value: Any) -> None:
    if isinstance(value, dict | list):
        raise _refuse(place, "one value", "Write a number, a text, true or false.")
    _short(place, value, MAX_TEXT_LENGTH)


def _mapping(place: str, value: Any) -> None:
    if not isinstance(value, dict):
        raise _refuse(place, "a mapping", "Write keys with their values.")


def _words(most: int) -> Check:
    """A check for a mapping of short names to anything; a text has at most ``most`` characters."""

    def check(place: str, value: Any) -> None:
        _mapping(place, value)
        _few(place, value, MAX_ENTRIES, "entries")
        for name, said in value.items():
            _short(place, name, MAX_WORDS)
            if not isinstance(said, dict | list):
                _short(f"{place}.{name}", said, most)

    return check


def _list(place: str, value: Any) -> None:
    if not isinstance(value, list):
        raise _refuse(place, "a list", "Write one entry for each line, beginning with “- ”.")


def _kind(place: str, value: Any) -> None:
    if str(value).lower() not in KINDS:
        raise _refuse(place, "integer, float, string, boolean or choice", f"Not {_shown(value)}.")


def _choices(place: str, value: Any, most: int = MAX_CHOICES) -> None:
    if not isinstance(value, dict | list):
        raise _refuse(place, "a list of values, or a mapping of values to labels", "Write [a, b].")
    _few(place, value, most, "values")
    if isinstance(value, dict):
        for choice, label in value.items():
            _short(place, choice, MAX_LABEL)
            _text(MAX_LABEL)(f"{place}.{choice}", label)
        return
    for number, choice in enumerate(value):
        here = f"{place}[{number}]"
        if isinstance(choice, list) or (isinstance(choice, dict) and "value" not in choice):
            raise _refuse(here, "a value, or a mapping with “value”", "Correct it.")
        if isinstance(choice, dict):
            _scalar(f"{here}.value", choice["value"])
            _short(f"{here}.value", choice["value"], MAX_LABEL)
            _text(MAX_LABEL)(f"{here}.label", choice.get("label", ""))
        else:
            _short(here, choice, MAX_LABEL)


def _classes(place: str, value: Any) -> None:
    _choices(place, value, MAX_CLASSES)


def _features(place: str, value: Any) -> None:
    _list(place, value)
    if len(value) > MAX_FEATURES:
        raise _refuse(place, f"a list of at most {MAX_FEATURES} inputs", "Leave some out.")
    for number, entry in enumerate(value):
        here = f"{place}[{number}]"
        if not isinstance(entry, dict) or entry.get("name") in (None, ""):
            raise _refuse(here, "a mapping with a “name”", "The name is the training column's.")
        _text(MAX_NAME)(f"{here}.name", entry["name"])
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
    kinds = list(RuleKind)
    for number, rule in enumerate(value):
        here = f"{place}[{number}]"
        if not isinstance(rule, dict) or not {"first", "kind", "second"} <= rule.keys():
            raise _refuse(here, "a mapping with first, kind and second", "Add what is missing.")
        _check_keys(here, rule, dict.fromkeys(("first", "second", "message"), _text(MAX_NAME)))
        _scalar(f"{here}.value", rule.get("value"))
        if rule["kind"] not in kinds:
            raise _refuse(f"{here}.kind", f"{', '.join(kinds)}", f"Not {_shown(rule['kind'])}.")
        if str(rule["first"]) == str(rule["second"]):
            raise _refuse(f"{here}.second", "another input than “first”", "Name a second one.")
        if rule["kind"] == RuleKind.REQUIRES.value and rule.get("value") is None:
            raise _refuse(f"{here}.value", "given for a rule of kind requires", "Say which value.")


def _target(place: str, value: Any) -> None:
    _mapping(place, value)
    checks = {"name": _text(MAX_LABEL), "unit": _text(MAX_UNIT), "labels": _classes}
    _check_keys(place, value, checks)


def _preprocessing(place: str, value: Any) -> None:
    _list(place, value)
    _few(place, value, MAX_STEPS, "steps")
    for number, step in enumerate(value):
        here = f"{place}[{number}]"
        if isinstance(step, list):
            raise _refuse(here, "a text or a mapping", "Describe the step.")
        _short(here, step, MAX_PROSE)  # of a mapping: all its text


def _direction(place: str, value: Any) -> None:
    if isinstance(value, str):
        _short(place, value, MAX_WORDS)
        return
    _words(MAX_WORDS)(place, value)
    for name, direction in value.items():
        _text(MAX_WORDS)(f"{place}.{name}", direction)


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
    "label": _text(MAX_LABEL),
    "unit": _text(MAX_UNIT),
    "description": _text(MAX_HELP),
    "group": _text(MAX_GROUP),
    "deprecated": _text(MAX_LABEL),
    **dict.fromkeys(("min", "max", "trained_min", "trained_max", "order"), _number),
    **dict.fromkeys(("listed", "sensitive", "other_values"), _yes_or_no),
    **dict.fromkeys(("default", "typical"), _scalar),
    "step": _positive,
    "max_length": _length,
    "type": _kind,
    "choices": _choices,
}
_TOP: dict[str, Check] = {
    "metrics": _words(MAX_WORDS),
    "libraries": _words(MAX_WORDS),
    "data": _words(MAX_PROSE),
    "author": _text(MAX_LABEL),
    **dict.fromkeys(("notes", "intended_use", "limitations"), _text(MAX_PROSE)),
    "features": _features,
    "target": _target,
    "preprocessing": _preprocessing,
    "metric_direction": _direction,
    "rules": _rules,
}
