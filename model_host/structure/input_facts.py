"""The facts about each input that its route through a fitted model reveals."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from model_host.protocol.inputs import Kind, Scalar

Marker = Hashable
"""The marker of a missing value in a cell: ``np.nan``, None, or a value of an imputer's own."""


@dataclass(frozen=True)
class Handling:
    """The handling of a missing value; the lowest ``rank`` is the surest sign that the training
    data encoded it so. ``imputed`` is what takes its place, None where that is not one value."""

    rank: int
    source: str
    imputed: Scalar = None


@dataclass
class InputColumn:
    """The facts about one input.

    ``vocabularies``: the categories that each encoder knows, and whether it refuses others.
    ``dtype`` is that of the first encoder's categories, as the cell's must be. ``originals``: of
    categories that are no numbers and no texts, by the text that stands for each; ``readings`` are
    shorter texts for people. ``lost_at``: where its route could not be followed further.
    ``is_used``: some step looks at it.
    """

    kind: Kind | None = None
    minimum: float | None = None
    maximum: float | None = None
    default: Scalar = None
    typical: Scalar = None
    vocabularies: list[tuple[tuple[Scalar, ...], bool]] = field(default_factory=list)
    handled: dict[Marker, Handling] = field(default_factory=dict)
    refused: set[Marker] = field(default_factory=set)
    sources: dict[str, str] = field(default_factory=dict)
    lost_at: str = ""
    is_used: bool = False
    dtype: Any = None
    originals: dict[str, Any] = field(default_factory=dict)
    readings: dict[str, str] = field(default_factory=dict)

    def learn(self, source: str, **facts: Scalar) -> None:
        """Keep each fact that is not None and not known yet, with its source."""
        for name, value in facts.items():
            if value is not None and getattr(self, name) is None:
                setattr(self, name, value)
                self.sources[name] = source

    def handle(self, marker: Marker, handling: Handling) -> None:
        """Note that a step deals with a missing value; two that fill in different values leave none
        that could be shown."""
        known = self.handled.get(marker)
        if known is None or handling.rank < known.rank:
            self.handled[marker] = handling
        elif known.rank == handling.rank and known.imputed != handling.imputed:
            self.handled[marker] = replace(known, imputed=None)

    @property
    def marker(self) -> Marker:
        """The encoding of a missing value of this column in the row."""
        return min(self._ways(), key=lambda way: self.handled[way].rank, default=np.nan)

    @property
    def handling(self) -> Handling | None:
        """Return the model's handling of a missing value in this column, on every route; None if
        there is none."""
        return self.handled[self.marker] if self._ways() else None

    def _ways(self) -> list[Marker]:
        return [marker for marker in self.handled if marker not in self.refused]

    @property
    def categories(self) -> tuple[Scalar, ...]:
        """The values every strict encoder knows, in the order of the first that has them; then the
        words and numbers that an imputer replaces, which the data has for missing values."""
        known = [value for values, _ in self.vocabularies for value in values]
        strict = [set(values) for values, is_strict in self.vocabularies if is_strict]
        keyed = {(type(value), value): value for value in known}
        found = [value for value in keyed.values() if all(value in one for one in strict)]
        if not found:
            return ()
        kind = str if isinstance(found[0], str) else int | float
        markers = [one for one in self._ways() if isinstance(one, kind) and not is_blank(one)]
        return (*found, *(one for one in markers if one not in found))

    @property
    def takes_others(self) -> bool:
        """Whether every encoder accepts values that it does not know. Of dates and the like only
        known ones are accepted, since the notation of others is unknown."""
        encoders = [is_strict for _, is_strict in self.vocabularies]
        return bool(encoders) and not any(encoders) and not self.originals

    def refusal_of(self, cell: Scalar) -> str:
        """Return why a cell must not reach the encoders: it has a type that no category has. "" if
        it may."""
        if not self.vocabularies:
            return ""
        if self.originals:
            return (
                ""
                if cell in self.originals
                else "one of the values it was trained with is expected"
            )
        types = {_type(value) for values, _ in self.vocabularies for value in values[:1]}
        if not types or _type(cell) in types:
            return ""
        return f"a {' or a '.join(sorted(types))} is expected"


def is_blank(marker: Marker) -> bool:
    """Return whether a person gives it by leaving the input empty."""
    return marker != marker or (isinstance(marker, str) and not marker.strip())


def _type(value: Scalar) -> str:
    if isinstance(value, bool):
        return "yes or no"
    return "text" if isinstance(value, str) else "number"
