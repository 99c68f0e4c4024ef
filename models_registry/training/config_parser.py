"""The parser of a training configuration, JSON or YAML, within the limits of
`config.text.json_text`. Pure."""

import math
from datetime import date
from typing import Any

import yaml

from config.text.json_text import (
    MAX_DEPTH,
    MAX_DIGITS,
    MAX_VALUES,
    BadJson,
    NotJson,
    check_text,
    check_texts,
    read_json,
    shown,
    too_deep,
    too_large,
    too_many,
    unique,
)
from models_registry.errors import BadTrainingConfig
from models_registry.training.training_config import read

MAX_BYTES = 1024 * 1024
WHAT = "The training configuration"

_PLAIN_TAGS = frozenset(
    f"tag:yaml.org,2002:{name}"
    for name in ("null", "bool", "int", "float", "str", "seq", "map", "timestamp")
)


def parse(text: str) -> dict[str, Any]:
    """Return a checked configuration as the JSON that is stored. Raises BadTrainingConfig."""
    if len(text) > MAX_BYTES or len(text.encode(errors="replace")) > MAX_BYTES:
        raise BadTrainingConfig(f"{WHAT} is larger than 1 MB.")
    if not text.strip():
        return {}
    try:
        check_text(text, WHAT, MAX_BYTES)
        config = _value(text)
    except BadJson as error:
        raise BadTrainingConfig(str(error)) from error
    except (yaml.YAMLError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        # To the C parser a text ends on the line after its last.
        last = len(text.splitlines())
        where = f" near line {min(mark.line + 1, last)}" if mark is not None else ""
        raise BadTrainingConfig(
            f"{WHAT} is not valid JSON or YAML{where}. Correct it, or upload the model without it."
        ) from error
    if not isinstance(config, dict):
        raise BadTrainingConfig(f"{WHAT} must be a mapping of keys to values.")
    read(config)
    return config


def _value(text: str) -> Any:
    """The value in ``text``: as JSON, which Python reads at once, else as YAML. Raises BadJson or
    what PyYAML raises."""
    if text.lstrip()[:1] in ("{", "["):
        try:
            return read_json(text, WHAT)
        except NotJson:
            pass  # YAML has braces and brackets, too
    _check_events(text)
    value = _plain(yaml.load(text, Loader=_Loader))  # noqa: S506 a loader of plain values
    check_texts(value, WHAT)
    return value


def _check_events(text: str) -> None:
    """Scan the YAML events without building objects. Raises BadJson if it is too deep or too large,
    and for aliases and tags."""
    depth = values = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.AliasEvent):
            raise BadJson(f"{WHAT} uses YAML aliases (*name). Write the values out.")
        if isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if not isinstance(event, yaml.NodeEvent):
            continue
        values += 1
        if values > 2 * MAX_VALUES:  # keys count, too
            raise too_many(WHAT)
        tag = getattr(event, "tag", None)
        if tag not in (None, "!") and tag not in _PLAIN_TAGS:
            raise BadJson(f"{WHAT} uses the YAML tag {shown(tag)}. Write a plain value instead.")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                raise too_deep(WHAT)


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """PyYAML's safe loader, the C one if available, which keeps every key."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        pairs = []
        for key, _ in node.value:
            if key.tag == "tag:yaml.org,2002:merge":
                raise BadJson(f"{WHAT} uses the YAML key <<. Write the values out.")
            if not isinstance(key, yaml.ScalarNode):
                raise BadJson(f"{WHAT} has a key that is not text near line {_line(key)}.")
            pairs.append((_key(self.construct_object(key)), None))
        unique(pairs, WHAT, f" that begins near line {_line(node)}")
        mapping: dict[Any, Any] = super().construct_mapping(node, deep)
        if len(mapping) < len(pairs):  # 1 and true are one key to Python
            raise BadJson(f"{WHAT} has two keys that mean the same near line {_line(node)}.")
        return mapping

    def construct_number(self, node: Any) -> Any:
        """Refuse overlong numbers: YAML reads numbers in base 60 in quadratic time."""
        if len(node.value) > MAX_DIGITS:
            raise too_large(WHAT, node.value)
        is_whole = node.tag == "tag:yaml.org,2002:int"
        return self.construct_yaml_int(node) if is_whole else self.construct_yaml_float(node)


for _number in ("int", "float"):
    _Loader.add_constructor(f"tag:yaml.org,2002:{_number}", _Loader.construct_number)


def _line(node: Any) -> int:
    return int(node.start_mark.line) + 1


def _key(key: Any) -> str:
    """A key as JSON has it."""
    return key if isinstance(key, str) else str(_plain(key)).lower()


def _plain(value: Any) -> Any:
    """The loaded YAML as JSON values: dates and times as text."""
    if isinstance(value, dict):
        return unique(((_key(key), _plain(inner)) for key, inner in value.items()), WHAT)
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    if isinstance(value, date):
        return str(value)
    if isinstance(value, float) and not math.isfinite(value):
        raise BadJson(f"{WHAT} has a number that is not finite. Leave the value out.")
    return value
