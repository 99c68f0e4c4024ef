"""The mapping between a row and its specification in `models_registry/inputs`: each field of the
dataclass is a column of the same name."""

from collections.abc import Callable
from dataclasses import fields
from enum import StrEnum
from typing import Any, TypeVar, cast, get_origin, get_type_hints

from django.db import models

from config.text.plain_text import escaped, unturned
from models_registry.inputs.feature_spec import FeatureSpec, TargetSpec
from models_registry.inputs.input_rules import RuleSpec

Spec = FeatureSpec | TargetSpec | RuleSpec
SpecT = TypeVar("SpecT", FeatureSpec, TargetSpec, RuleSpec)

WRITTEN = frozenset({"label", "help", "unit", "group", "deprecation", "message"})
"""The texts of people; they cannot change the direction of the text around them."""


def columns_of(spec: Spec, row: type[models.Model]) -> dict[str, Any]:
    """Return the columns of a row by name; people's texts are cut to their column's length."""
    columns: dict[str, Any] = {}
    for item in fields(spec):
        value = getattr(spec, item.name)
        if item.name in WRITTEN:
            value = unturned(value)[: cast("Any", row._meta.get_field(item.name)).max_length]
        elif isinstance(value, StrEnum):
            value = value.value
        elif isinstance(value, tuple):
            value = [[one, unturned(label) or escaped(label)] for one, label in value]
        columns[item.name] = value
    return columns


def spec_of(row: models.Model, kind: type[SpecT]) -> SpecT:
    """Return the specification that a row holds."""
    values = {name: getattr(row, name) for name in NAMES[kind]}
    for name, read in READERS[kind].items():
        values[name] = read(values[name])
    return kind(**values)


def _pairs(pairs: list[list[Any]]) -> tuple[tuple[Any, Any], ...]:
    return tuple((value, label) for value, label in pairs)


def _readers(kind: type[Spec]) -> dict[str, Callable[[Any], Any]]:
    """The functions that read the columns which are no plain values, by name."""
    readers: dict[str, Callable[[Any], Any]] = {}
    for name, hint in get_type_hints(kind).items():
        if get_origin(hint) is tuple:
            readers[name] = _pairs
        elif isinstance(hint, type) and issubclass(hint, StrEnum):
            readers[name] = hint
    return readers


NAMES = {kind: [item.name for item in fields(kind)] for kind in (FeatureSpec, TargetSpec, RuleSpec)}
READERS = {kind: _readers(kind) for kind in NAMES}
"""Inputs are read on every page: what can be known of their fields beforehand is."""
