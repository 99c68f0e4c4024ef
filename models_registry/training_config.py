"""The training configuration: what the person who trained the model knows and the file does not.

Pure. JSON or YAML, all keys optional; ``docs/training-configuration.md`` documents them one by one,
and `config_merge.py` merges them into what the fitted object says. Unknown keys are kept.
"""

import json
import math
from typing import Any

import yaml

from models_registry.config_shape import check_shape
from models_registry.errors import BadTrainingConfig

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 20


def parse(text: str) -> dict[str, Any]:
    """Read a configuration, JSON or YAML, into plain JSON values. Raises BadTrainingConfig."""
    if len(text.encode(errors="replace")) > MAX_BYTES:
        raise BadTrainingConfig("The training configuration is larger than 1 MB.")
    if not text.strip():
        return {}
    try:
        if any(isinstance(token, yaml.AliasToken) for token in yaml.scan(text)):
            raise BadTrainingConfig(
                "The training configuration uses YAML aliases (*name). Write the values out."
            )
        config = yaml.safe_load(text)  # JSON is YAML, too
        config = json.loads(json.dumps(config, default=str, allow_nan=False))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        line = getattr(getattr(error, "problem_mark", None), "line", None)
        where = f" near line {line + 1}" if line is not None else ""
        raise BadTrainingConfig(
            f"The training configuration is not valid JSON or YAML{where}. "
            "Correct it, or upload the model without it."
        ) from error
    if not isinstance(config, dict):
        raise BadTrainingConfig("The training configuration must be a mapping of keys to values.")
    if _depth(config) > MAX_DEPTH or "\x00" in text:
        raise BadTrainingConfig("The training configuration is nested too deeply to be read.")
    check_shape(config)
    return config


def metrics(config: dict[str, Any]) -> dict[str, float]:
    """The metrics by name, finite numbers only."""
    return {
        str(name): float(value)
        for name, value in config.get("metrics", {}).items()
        if isinstance(value, int | float) and math.isfinite(value)
    }


def text_of(config: dict[str, Any], key: str) -> str:
    """A text of the configuration as a text field holds it; "" where there is none."""
    value = config.get(key)
    return "" if value is None else str(value).strip()


KNOWN = frozenset(
    {
        *("features", "preprocessing", "target", "metrics", "metric_direction", "data", "rules"),
        *("libraries", "author", "notes", "intended_use", "limitations"),
    }
)


def extra(config: dict[str, Any]) -> dict[str, Any]:
    """The keys that the product gives no meaning to; they are kept and shown."""
    return {key: value for key, value in config.items() if key not in KNOWN}


def _depth(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + max(map(_depth, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(_depth, value), default=0)
    return 0
