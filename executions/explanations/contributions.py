"""The contributions of a prediction's inputs, ready to be drawn.

Pure.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from config.text.numbers import MINUS, count_text, decimal_text, written
from executions.results.answer import input_text, percent
from model_host.protocol.explanation import Explanation, QuantityKind
from model_host.protocol.inputs import Scalar
from models_registry.inputs.feature_spec import FeatureSpec
from models_registry.inputs.input_schema import InputSchema
from models_registry.inputs.number_text import with_unit
from models_registry.models import Target

SHOWN = 5
NAMED = 10
"""The number of named inputs that were not compared."""
WIDEST_PERCENT = 46.0
"""The longest bar, of the whole width; half of it is each side's."""
_WORDS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


@dataclass(frozen=True)
class NumberText:
    """The number format of one explanation: the same decimals for all, so that they can be added up
    by eye. ``places`` after the point (negative: before it), None for an extreme scale. A
    probability is a percentage, as everywhere, and its changes are points."""

    places: int | None
    unit: str = ""
    is_share: bool = False

    @classmethod
    def of(cls, quantity: QuantityKind, numbers: Sequence[float], unit: str) -> "NumberText":
        """Choose the decimals: one for percentages, else those of four digits of the largest of the
        ``numbers``."""
        if quantity == "probability":
            return cls(1, "points", is_share=True)
        largest = max((abs(number) for number in numbers), default=0.0)
        if largest and not 1e-4 <= largest < 1e12:
            return cls(None, unit)
        return cls(3 - math.floor(math.log10(largest)) if largest else 0, unit)

    def plain(self, number: float) -> str:
        """Format a number with the unit: "€ 318,000", "31.0 %"."""
        if self.is_share:
            return percent(number)
        sign = MINUS if not self._is_zero(number) and number < 0 else ""
        return with_unit(sign + self._digits(number), self.unit)

    def signed(self, number: float) -> str:
        """Format a change with its sign: "+€ 71,200", "\u22125.0 points"; what rounds to zero
        is 0."""
        if self._is_zero(number):
            return "0"
        return ("+" if number > 0 else MINUS) + self.size(number)

    def size(self, number: float) -> str:
        """Format how large a change is: "€ 71,200", "5.0 points"."""
        return with_unit(self._digits(number), self.unit)

    @property
    def least(self) -> str:
        """Return the smallest change that the format shows."""
        step = 10.0**-self.places if self.places is not None else 0.0
        return self.size(step / 100 if self.is_share else step)

    def _is_zero(self, number: float) -> bool:
        return not self._digits(number).strip("0.,")

    def _digits(self, number: float) -> str:
        shown = abs(100 * number if self.is_share else number)
        if self.places is None:
            return written(f"{shown:.3g}")
        return decimal_text(round(shown, self.places), max(0, self.places))


@dataclass(frozen=True)
class ContributionRow:
    """One bar: where it begins and how wide it is, in percent of the drawing."""

    label: str
    value: str
    text: str
    is_plus: bool
    x_percent: float
    width_percent: float


@dataclass(frozen=True)
class Contributions:
    """An explanation ready to be shown: the ``first`` rows and, folded, the ``rest``.
    ``class_label`` is the class whose probability is meant, empty for a value."""

    typical_text: str
    this_text: str
    class_label: str
    first: tuple[ContributionRow, ...]
    rest: tuple[ContributionRow, ...]
    rest_sentence: str
    not_compared: tuple[str, ...]
    is_sampled: bool

    @property
    def sentence(self) -> str:
        """In one line: "Compared with a typical case (31.0 %): Income +22.0 points, Age \u22125.0
        points."."""
        parts = ", ".join(f"{row.label} {row.text}" for row in self.first)
        return f"Compared with a typical case ({self.typical_text}): {parts or 'no difference'}."


def read_contributions(
    explanation: Explanation,
    schema: InputSchema,
    inputs: Mapping[str, Scalar],
    targets: Sequence[Target],
) -> Contributions:
    """Return an explanation with the labels and units of the version's inputs and targets."""
    target = targets[0] if targets else Target()
    named = {feature.name: feature for feature in schema.features if feature.is_asked}
    known = [one for one in explanation.contributions if one.name in named]
    values = schema.read(inputs)
    numbers = [explanation.baseline, explanation.prediction]
    text = NumberText.of(explanation.quantity, numbers, target.unit)
    widest = max((abs(one.amount) for one in known), default=0.0)
    rows = [_row(named[one.name], values[one.name], one.amount, widest, text) for one in known]
    shown = [index for index in range(len(rows))[:SHOWN] if rows[index].text != "0"]
    is_probability = explanation.quantity == "probability"
    return Contributions(
        typical_text=text.plain(explanation.baseline),
        this_text=text.plain(explanation.prediction),
        class_label=target.label_of(explanation.label) if is_probability else "",
        first=_plus_first([rows[index] for index in shown]),
        rest=_plus_first(rows[len(shown) :]),
        rest_sentence=_rest_sentence(
            [one.amount for one in known[len(shown) :]], text, is_all=not shown
        ),
        not_compared=_named([named[one].label for one in explanation.not_compared if one in named]),
        is_sampled=explanation.method == "sampled",
    )


def _named(labels: Sequence[str]) -> tuple[str, ...]:
    more = len(labels) - NAMED
    return (*labels[:NAMED], f"and {more} more") if more > 0 else tuple(labels)


def _row(
    feature: FeatureSpec, value: Scalar, amount: float, widest: float, text: NumberText
) -> ContributionRow:
    width = WIDEST_PERCENT * abs(amount) / widest if widest else 0.0
    return ContributionRow(
        label=feature.label,
        value=input_text(feature, value),
        text=text.signed(amount),
        is_plus=amount > 0,
        x_percent=50.0 if amount > 0 else 50.0 - width,
        width_percent=width,
    )


def _plus_first(rows: Sequence[ContributionRow]) -> tuple[ContributionRow, ...]:
    """Positive contributions before negative ones, the larger first within each."""
    return tuple(sorted(rows, key=lambda row: not row.is_plus))


def _rest_sentence(amounts: Sequence[float], text: NumberText, *, is_all: bool) -> str:
    """The sum of all the others: "Seven more values together: less than 0.1 points."."""
    if not amounts:
        return ""
    count = _WORDS[len(amounts)] if len(amounts) < len(_WORDS) else count_text(len(amounts))
    is_one = len(amounts) == 1
    if is_all:
        values = "The value" if is_one else f"All {count} values"
        if not any(amounts):
            return f"{values} {'is' if is_one else 'are'} as in a typical case."
        return f"No value moved it by {text.least} or more."
    things = f"{count.capitalize()} more value{'' if is_one else 's'}"
    if not any(amounts):
        return f"{things} {'is' if is_one else 'are'} as in a typical case."
    whole = text.signed(sum(amounts))
    moved = f"less than {text.least}" if whole == "0" else whole
    return f"{things}{'' if is_one else ' together'}: {moved}."
