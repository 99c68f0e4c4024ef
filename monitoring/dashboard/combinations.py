"""The inputs that people send to one version: repeated combinations, and the values of each input.

Only the newest predictions of the period are read, so that a million cost what a few thousand do.
Sensitive inputs and deleted predictions are never among them.
"""

import json
import math
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import TextField, prefetch_related_objects
from django.db.models.functions import Cast

from config.text.numbers import percent_text, written
from executions.models import Execution
from executions.results.answer import input_text
from model_host.protocol.inputs import Scalar
from models_registry.inputs.feature_spec import FeatureSpec, Kind
from models_registry.inputs.input_schema import InputSchema
from models_registry.inputs.number_text import as_float, show_number, span_text, with_unit
from models_registry.models import ModelVersion
from monitoring.dashboard.period import Period

NEWEST = 2000
VALUES_AT_MOST = 40_000
"""The maximum number of values read: fewer predictions of a model with hundreds of inputs."""
COMBINATIONS = 10
TOP_VALUES = 5
BINS = 10
SMALLEST_WIDTH = 1e-300
SINGLE_VALUES = {Kind.INTEGER: 10, Kind.FLOAT: 5}
"""Up to so many different numbers each is shown by itself; more are put into bins."""
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
    """The use of one input: its most frequent values; or its numbers from the smallest to the
    largest, each one or in up to ten bins. ``others`` counts the rest: further values, or none
    given."""

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


@dataclass(frozen=True)
class ModelCombination:
    """A combination of inputs of one of several models."""

    version: ModelVersion
    combination: Combination


def combinations_of(versions: Sequence[ModelVersion], period: Period) -> list[ModelCombination]:
    """Return the most frequent combinations of inputs of several versions, among their newest
    predictions in ``period``."""
    prefetch_related_objects(versions, "features")
    stored: dict[int, list[tuple[str, str]]] = {version.pk: [] for version in versions}
    for pk, text, status in _newest([version.pk for version in versions], period)[:NEWEST]:
        stored[pk].append((text, status))
    found = [
        ModelCombination(version, one)
        for version in versions
        for one in _of_version(version, stored[version.pk])
    ]
    return sorted(found, key=lambda each: -each.combination.count)[:COMBINATIONS]


def _of_version(version: ModelVersion, found: Sequence[tuple[str, str]]) -> Iterator[Combination]:
    schema = InputSchema(tuple(feature.spec for feature in version.features.all()))
    features = [feature for feature in schema.asked if not feature.is_sensitive]
    columns = _columns(features, [text for text, _ in found])
    return _combinations(features, columns, [status for _, status in found])


def _newest(versions: Sequence[int], period: Period) -> Any:
    """(version, inputs as text, status) of predictions of the versions, the newest first."""
    return (
        Execution.objects.predictions()
        .kept()
        .filter(version__in=versions, inputs__isnull=False)
        .between(period.begins, period.ends)
        .order_by("-requested_at", "-pk")
        .annotate(text=Cast("inputs", TextField()))
        .values_list("version", "text", "status")
    )


def _columns(features: Sequence[FeatureSpec], texts: Iterable[str]) -> list[list[Scalar]]:
    """The values of each input, as they are counted."""
    # One reading of all of them costs a third of a reading of each.
    stored = json.loads(f"[{','.join(texts)}]")
    return [
        canonical(feature, [inputs.get(feature.name) for inputs in stored]) for feature in features
    ]


def use_of(version: ModelVersion, period: Period) -> Use:
    """Return the inputs of the newest predictions of ``version`` in ``period``."""
    schema: InputSchema = version.features.as_schema()
    features = [feature for feature in schema.asked if not feature.is_sensitive]
    at_most = min(NEWEST, VALUES_AT_MOST // max(1, len(schema.features)))
    found = list(_newest([version.pk], period)[: at_most + 1])
    columns = _columns(features, [text for _, text, _ in found[:at_most]])
    statuses = [status for _, _, status in found[:at_most]]
    shown = [
        (feature, column)
        for feature, column in zip(features, columns, strict=True)
        if feature.kind is not Kind.STRING
    ]
    return Use(
        version=version,
        looked_at=len(statuses),
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
    """The numbers and how often each was given, or if they are many, bins with round edges, each
    without its end; neighbouring empty bins are one."""
    each = Counter(numbers)
    if len(each) <= SINGLE_VALUES.get(feature.kind, 0):
        return [(input_text(feature, number), each[number]) for number in sorted(each)]
    is_whole = all(float(number).is_integer() for number in each)
    width = _round_width(min(each), max(each), is_whole=is_whole)
    counts = Counter(_place(number, width) for number in numbers)
    found: list[tuple[int, int, int]] = []
    for place in range(min(counts), max(counts) + 1):
        if found and not counts[place] and not found[-1][2]:
            found[-1] = (found[-1][0], place, 0)
        else:
            found.append((place, place, counts[place]))
    return [
        (_bin_text(feature, first * width, (last + 1) * width, is_whole=is_whole), count)
        for first, last, count in found
    ]


def _place(number: float, width: float) -> int:
    """The bin of a number: 0.3 is in that of 0.3 to 0.4, though 0.3 / 0.1 is a little below 3."""
    return math.floor(round(number / width, 9))


def _round_width(low: float, high: float, *, is_whole: bool) -> float:
    """The smallest round width (1, 2 or 5 times a power of ten) with which at most ``BINS`` bins
    hold all numbers; not below 1 for whole ones."""
    span = high / BINS - low / BINS
    if span < SMALLEST_WIDTH:
        return max(high - low, SMALLEST_WIDTH)
    power = math.floor(math.log10(span))
    for exponent in range(power, power + 3):
        for factor in (1, 2, 5):
            width = factor * 10.0**exponent
            is_allowed = width >= 1 or not is_whole
            if is_allowed and _place(high, width) - _place(low, width) < BINS:
                return width
    return high - low


def _bin_text(feature: FeatureSpec, begins: float, ends: float, *, is_whole: bool) -> str:
    """ "40 to 50", and of whole numbers "40 to 49"."""
    last = ends - 1 if is_whole else ends
    if is_whole and last <= begins:
        return with_unit(_short(begins), feature.unit)
    return span_text(_short(begins), "to", _short(last), feature.unit)


def _short(number: float) -> str:
    number = max(-sys.float_info.max, min(number, sys.float_info.max))
    return written(show_number(float(f"{number:.6g}")))
