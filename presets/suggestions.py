"""Suggested presets, from a person's own habits. Pure."""

import hashlib
import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

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
    rows = [
        Used({name: row.inputs[name] for name in names if row.inputs.get(name) is not None}, row.at)
        for row in used
    ]
    known = {digest(values) for values in saved} | set(dismissed)
    found = [*_combinations(rows), *_usual(rows, names)]
    return [one for one in found if one.values and one.digest not in known][:AT_MOST]


def _combinations(rows: list[Used]) -> list[Suggestion]:
    times: dict[str, list[Used]] = {}
    for row in rows:
        times.setdefault(digest(row.inputs), []).append(row)
    return sorted(
        (
            Suggestion(dict(same[0].inputs), len(same), last_at=max(row.at for row in same))
            for same in times.values()
            if len(same) >= USED_TIMES and len({row.at.date() for row in same}) >= USED_DAYS
        ),
        key=lambda suggestion: -suggestion.used,
    )


def _usual(rows: list[Used], names: list[str]) -> list[Suggestion]:
    if len(rows) < USUAL_PREDICTIONS:
        return []
    values: dict[str, Scalar] = {}
    least = len(rows)
    for name in names:
        given = [json.dumps(row.inputs[name]) for row in rows if name in row.inputs]
        for text, count in Counter(given).most_common(1):
            if count >= USUAL_SHARE * len(rows):
                values[name] = json.loads(text)
                least = min(least, count)
    if len(values) < USUAL_INPUTS:
        return []
    return [Suggestion(values, least, of=len(rows))]
