"""The inputs that people send to one version: repeated combinations, and the values of each input.

Only the newest predictions of the period are read, so that a million cost what a few thousand do.
Sensitive inputs and deleted predictions are never among them.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import TextField
from django.db.models.functions import Cast

from config.text.numbers import percent_text, written
from executions.answer import input_text
from executions.models import Execution
from model_host.protocol.inputs import Scalar
from models_registry.inputs.feature_spec import FeatureSpec, Kind
from models_registry.inputs.input_schema import InputSchema
from models_registry.inputs.number_text import as_float, show_number, with_unit
from models_registry.models import ModelVersion
from monitoring.dashboard.period import Period

NEWEST = 2000
VALUES_AT_MOST = 40_000
"""The maximum number of values read: fewer predictions of a model with hundreds of inputs."""
COMBINATIONS = 10
TOP_VALUES = 5
BINS = 10
DIGITS = 6
SHOWN = 3
SHOWN_INPUTS = 60


@dataclass(frozen=True)
class Combination:
    """A combination of inputs that occurred more than once, for display: the first few inputs, and
    all."""

    inputs: tuple[tuple[str, str], ...]
    count: int
    success_percent: float | None

    @property
    def first(self) -> tuple[tuple[str, str], ...]:
        return self.inputs[:SHOWN]

    @property
    def success_text(self) -> str:
        return percent_text(self.success_percent)

    @property
    def more(self) -> int:
        return max(0, len(self.inputs) - SHOWN)


@dataclass(frozen=True)
class Share:
    """One value or bin of an input."""

    label: str
    count: int
    bar: float
    """Its length, in percent of the longest one of the input."""


@dataclass(frozen=True)
class InputUse:
    """The use of one input: its most frequent values, or ten bins from the smallest to the largest
    number. ``others`` counts the rest: further values, or none given."""

    label: str
    is_number: bool
    shares: tuple[Share, ...]
    others: int


@dataclass(frozen=True)
class Use:
    """The use of a version's inputs. ``hidden`` inputs are sensitive; ``more_inputs`` is the number
    of those not shown."""

    version: ModelVersion
    looked_at: int
    is_all: bool
    hidden: int
    combinations: tuple[Combination, ...]
    inputs: tuple[InputUse, ...]
    more_inputs: int = 0


def use_of(version: ModelVersion, period: Period) -> Use:
    """Return the inputs of the newest predictions of ``version`` in ``period``."""
    schema: InputSchema = version.features.as_schema()
    features = [feature for feature in schema.asked if not feature.is_sensitive]
    at_most = min(NEWEST, VALUES_AT_MOST // max(1, len(schema.features)))
    newest = (
        Execution.objects.predictions()
        .kept()
        .filter(version=version, inputs__isnull=False)
        .between(period.begins, period.ends)
        .order_by("-requested_at", "-pk")
        .annotate(text=Cast("inputs", TextField()))
        .values_list("text", "status")[: at_most + 1]
    )
    found = list(newest)
    # One reading of all of them costs a third of a reading of each.
    stored = json.loads(f"[{','.join(text for text, _ in found[:at_most])}]")
    columns = [
        canonical(feature, [inputs.get(feature.name) for inputs in stored]) for feature in features
    ]
    statuses = [status for _, status in found[:at_most]]
    shown = [
        (feature, column)
        for feature, column in zip(features, columns, strict=True)
        if feature.kind is not Kind.STRING
    ]
    return Use(
        version=version,
        looked_at=len(stored),
        is_all=len(found) <= at_most,
        hidden=len(schema.asked) - len(features),
        combinations=tuple(_combinations(features, columns, statuses)),
        inputs=tuple(_input_use(feature, column) for feature, column in shown[:SHOWN_INPUTS]),
        more_inputs=max(0, len(shown) - SHOWN_INPUTS),
    )


def canonical(feature: FeatureSpec, values: Iterable[Any]) -> list[Scalar]:
    """Normalise stored values of one input for counting: numbers that are not whole to six
    significant digits, 5 and 5.0 alike."""
    if feature.kind is Kind.FLOAT:
        return [None if value is None else _rounded(as_float(value)) for value in values]
    if feature.kind is Kind.INTEGER:
        return [None if value is None else int(value) for value in values]
    return list(values)


def _rounded(number: int | float) -> int | float:
    """The number with six significant digits; a whole number without an exact float64 is
    unchanged."""
    return number if isinstance(number, int) else float(f"{number:.{DIGITS}g}")


def _combinations(
    features: Sequence[FeatureSpec], columns: Sequence[list[Scalar]], statuses: Sequence[str]
) -> Iterator[Combination]:
    """The combinations that occurred at least twice, the most frequent first."""
    if not features:
        return
    rows = list(zip(*columns, strict=True))
    often = [each for each in Counter(rows).most_common(COMBINATIONS) if each[1] > 1]
    ends: dict[tuple[Scalar, ...], Counter[str]] = {values: Counter() for values, _ in often}
    for values, status in zip(rows, statuses, strict=True):
        if values in ends:
            ends[values][status] += 1
    order = sorted(range(len(features)), key=lambda place: not features[place].is_listed)
    for values, count in often:
        succeeded = ends[values][Execution.Status.SUCCEEDED]
        decided = succeeded + ends[values][Execution.Status.FAILED]
        yield Combination(
            inputs=tuple(
                (features[place].label, input_text(features[place], values[place]))
                for place in order
            ),
            count=count,
            success_percent=100 * succeeded / decided if decided else None,
        )


def _input_use(feature: FeatureSpec, values: Sequence[Scalar]) -> InputUse:
    if feature.is_number:
        numbers = [value for value in values if isinstance(value, int | float)]
        counts = _bins(feature, numbers)
    else:
        known = Counter(value for value in values if value is not None).most_common(TOP_VALUES)
        counts = [(feature.display(value), count) for value, count in known]
    longest = max((count for _, count in counts), default=0)
    return InputUse(
        label=feature.label,
        is_number=feature.is_number,
        shares=tuple(
            Share(label, count, 100 * count / longest if longest else 0) for label, count in counts
        ),
        others=len(values) - sum(count for _, count in counts),
    )


def _bins(feature: FeatureSpec, numbers: Sequence[float]) -> list[tuple[str, int]]:
    """Ten bins of one width from the smallest to the largest number, each without its end but the
    last; one bin where all are the same."""
    if not numbers:
        return []
    low, high = min(numbers), max(numbers)
    if low == high:
        return [(input_text(feature, low), len(numbers))]
    width = (high - low) / BINS
    counts = Counter(min(BINS - 1, int((number - low) / width)) for number in numbers)
    edges = [_short(low + n * width) for n in range(BINS)] + [_short(high)]
    return [
        (with_unit(f"{edges[n]} to {edges[n + 1]}", feature.unit), counts[n]) for n in range(BINS)
    ]


def _short(number: float) -> str:
    return written(show_number(float(f"{number:.4g}")))
