"""Suggested presets, from a person's own habits. Pure."""

import hashlib
import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from model_host.protocol.inputs import Scalar
from models_registry.inputs.input_schema import InputSchema

AT_MOST = 3
USED_TIMES = 3
USED_DAYS = 2
USUAL_SHARE = 0.6
USUAL_PREDICTIONS = 5
USUAL_INPUTS = 2


@dataclass(frozen=True)
class Used:
    """The inputs of one prediction, and the time of its request, in the person's timezone."""

    inputs: Mapping[str, Any]
    at: datetime


class Row(NamedTuple):
    """The values of one prediction in the order of the inputs, None where none was given. 30 and
    30.0 are one value."""

    values: tuple[Scalar, ...]
    at: datetime


@dataclass(frozen=True)
class Suggestion:
    """Suggested values: an exact combination with how often it was ``used`` and when last, or the
    usual values with the number ``of`` predictions that were compared."""

    values: dict[str, Scalar]
    used: int
    last_at: datetime | None = None
    of: int = 0

    @property
    def is_usual(self) -> bool:
        return self.last_at is None

    @property
    def digest(self) -> str:
        return digest(self.values)


def digest(values: Mapping[str, Scalar]) -> str:
    """Return the digest of a set of values, the same in any order."""
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def suggest(
    used: Iterable[Used],
    schema: InputSchema,
    *,
    saved: Collection[Mapping[str, Scalar]],
    dismissed: Collection[str],
) -> list[Suggestion]:
    """Return at most three suggestions from a person's successful predictions, the newest first.

    A combination used at least three times on at least two days; and the values that were the same
    in at least 60 % of at least five predictions, where two inputs have one. Inputs marked
    sensitive never appear, nor what is ``saved`` already or was ``dismissed``.
    """
    names = [feature.name for feature in schema.features if not feature.is_sensitive]
    rows = [Row(tuple(row.inputs.get(name) for name in names), row.at) for row in used]
    known = {digest(values) for values in saved} | set(dismissed)
    found = [*_combinations(rows, names), *_usual(rows, names)]
    return [one for one in found if one.values and one.digest not in known][:AT_MOST]


def _combinations(rows: list[Row], names: list[str]) -> list[Suggestion]:
    times: dict[tuple[Scalar, ...], list[datetime]] = {}
    for row in rows:
        times.setdefault(row.values, []).append(row.at)
    return sorted(
        (
            Suggestion(_given(names, values), len(at), last_at=max(at))
            for values, at in times.items()
            if len(at) >= USED_TIMES and len({one.date() for one in at}) >= USED_DAYS
        ),
        key=lambda suggestion: -suggestion.used,
    )


def _usual(rows: list[Row], names: list[str]) -> list[Suggestion]:
    if len(rows) < USUAL_PREDICTIONS:
        return []
    usual: dict[str, Scalar] = {}
    least = len(rows)
    for name, column in zip(names, zip(*(row.values for row in rows), strict=True), strict=True):
        for value, count in Counter(column).most_common(1):
            if value is not None and count >= USUAL_SHARE * len(rows):
                usual[name] = value
                least = min(least, count)
    if len(usual) < USUAL_INPUTS:
        return []
    return [Suggestion(usual, least, of=len(rows))]


def _given(names: list[str], values: tuple[Scalar, ...]) -> dict[str, Scalar]:
    return {name: value for name, value in zip(names, values, strict=True) if value is not None}
