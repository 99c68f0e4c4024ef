"""The specification of one input or output: its kind, its limits in words, and its display format.

Pure except for the site's limit of a text, which is a setting.
"""

from dataclasses import dataclass, field
from functools import cached_property

from django.conf import settings

from config.text.numbers import count_text, written
from model_host.protocol.inputs import Kind as Kind
from model_host.protocol.inputs import Requirement as Requirement
from model_host.protocol.inputs import Scalar as Scalar
from models_registry.inputs.choices import Choices
from models_registry.inputs.choices import choice_text as choice_text
from models_registry.inputs.choices import same_value as same_value
from models_registry.inputs.labels import visible
from models_registry.inputs.number_text import brief_number, show_number, span_text, with_unit

MAX_TEXT_LENGTH = 1000
"""Letters of a default, of a typical value and of an answer."""
MAX_NAME, MAX_LABEL, MAX_HELP, MAX_UNIT, MAX_GROUP = 300, 200, 300, 40, 80
MAX_CHOICES, MAX_CHOICES_TOGETHER = 20_000, 40_000
"""Of one input, and of all inputs of a version."""


KIND_LABELS = {
    Kind.INTEGER: "Whole number",
    Kind.FLOAT: "Number",
    Kind.STRING: "Text",
    Kind.BOOLEAN: "Yes or no",
    Kind.CHOICE: "Choice",
    Kind.UNUSED: "Not used by the model",
}
"""An unused input has no field and accepts any value."""
CONSTANT, SEEN_IN_DATA = "(constant)", "reference data"
"""The end of the source of a constant that fills gaps; its beginning where the data holds it."""
STAND_INS = ("(first category)", "(stand-in)")
"""The ends of the sources of typical values that only stand in for one."""
REQUIREMENT_LABELS = {
    Requirement.REQUIRED: "Required",
    Requirement.OPTIONAL: "Optional, with a default",
    Requirement.MAY_BE_MISSING: "May be missing",
}


@dataclass(frozen=True)
class FeatureSpec:
    """One input. ``name`` is the training column; ``choices`` are (value, label) pairs, beside
    which other values of their type run with a warning where it ``takes_others``; ``default`` fills
    an empty optional input; ``imputed`` is what the model itself puts for a missing one;
    ``typical`` is a value to show; ``deprecation`` says why nobody should fill it any more;
    ``rank`` is its place in the form; values are multiples of ``step``, counted from the minimum or
    from 0; ``max_length`` is that of a text, None for the site's; ``sources`` says where each
    proposed field came from."""

    name: str
    label: str
    kind: Kind
    requirement: Requirement = Requirement.REQUIRED
    help: str = ""
    unit: str = ""
    group: str = ""
    minimum: int | float | None = None
    maximum: int | float | None = None
    soft_minimum: int | float | None = None
    soft_maximum: int | float | None = None
    step: float | None = None
    choices: tuple[tuple[Scalar, str], ...] = ()
    takes_others: bool = False
    max_length: int | None = None
    default: Scalar = None
    typical: Scalar = None
    imputed: Scalar = None
    is_sensitive: bool = False
    is_listed: bool = False
    deprecation: str = ""
    rank: int = 0
    is_complete: bool = True
    sources: dict[str, str] = field(default_factory=dict)

    @property
    def kind_label(self) -> str:
        return KIND_LABELS[self.kind]

    @property
    def requirement_label(self) -> str:
        return REQUIREMENT_LABELS[self.requirement]

    @cached_property
    def is_number(self) -> bool:
        return self.kind in {Kind.INTEGER, Kind.FLOAT}

    @property
    def is_asked(self) -> bool:
        """Whether a form has a field for the input."""
        return self.kind is not Kind.UNUSED

    @cached_property
    def index(self) -> Choices:
        """The choices, indexed for lookup."""
        return Choices(self.choices)

    @property
    def offered(self) -> tuple[tuple[Scalar, str], ...]:
        """The choices to offer: all but a word that stands only for "not known"."""
        if self.filler is None:
            return self.choices
        return tuple(pair for pair in self.choices if not same_value(pair[0], self.filler))

    @property
    def filler(self) -> Scalar:
        """The constant that the model puts for a missing value, where it is a choice only for
        that: the file names it as a constant, and the reference data does not hold it. None for any
        other input. Whoever gives it as a value may: it is checked as a choice."""
        told = self.sources.get("imputed", "")
        is_own = told.startswith(SEEN_IN_DATA) or not told.endswith(CONSTANT)
        if is_own or not self.may_be_missing or self.kind is not Kind.CHOICE:
            return None
        return self.imputed if len(self.choices) > 1 and self.imputed in self.index else None

    @property
    def longest_text(self) -> int:
        """The maximum number of characters of a text."""
        limit: int = settings.TEXT_MAX_CHARACTERS
        return limit if self.max_length is None else self.max_length

    @property
    def may_be_missing(self) -> bool:
        return self.requirement is Requirement.MAY_BE_MISSING

    @property
    def steps_text(self) -> str:
        """ "in steps of 0.5"; empty for a whole number's step of 1."""
        if self.step is None or (self.kind is Kind.INTEGER and self.step == 1):
            return ""
        return f"in steps of {written(show_number(self.step, self.unit))}"

    @property
    def rule(self) -> str:
        """The hard rule in words: "Expected a value between 0 and 100 years"."""
        if self.kind is Kind.BOOLEAN:
            return "Expected Yes or No"
        if self.kind is Kind.CHOICE:
            return f"Expected {self._choices_text}"
        if self.kind is Kind.STRING:
            return f"Expected text of at most {count_text(self.longest_text)} characters"
        thing = "a whole number" if self.kind is Kind.INTEGER else "a value"
        steps = f", {self.steps_text}" if self.steps_text else ""
        low, high = self.minimum, self.maximum
        if low is not None and high is not None:
            span = span_text(self.shown(low), "and", self.shown(high), self.unit)
            return f"Expected {thing} between {span}{steps}"
        if low is not None:
            return f"Expected {thing} of at least {self.shown_with_unit(low)}{steps}"
        if high is not None:
            return f"Expected {thing} of at most {self.shown_with_unit(high)}{steps}"
        thing = "a whole number" if self.kind is Kind.INTEGER else "a number"
        return f"Expected {thing}{steps}"

    @property
    def _choices_text(self) -> str:
        """ "one of: Rent, Own, or another text"."""
        offered = self.offered
        if len(offered) <= 10:
            known = "one of: " + ", ".join(label for _, label in offered)
        else:
            known = f"one of {count_text(len(offered))} choices"
        if not self.takes_others:
            return known
        return f"{known}, or another {'number' if self.index.are_numbers else 'text'}"

    @property
    def range_ends(self) -> tuple[str, str]:
        """The ends of the range as people read them, "" where there is none: a hard limit as it was
        set, and what training saw with four significant digits."""
        (low, high), unit = self.shown_range, self.unit
        low_text = brief_number if self.minimum is None else show_number
        high_text = brief_number if self.maximum is None else show_number
        return (
            "" if low is None else written(low_text(low, unit)),
            "" if high is None else written(high_text(high, unit)),
        )

    @property
    def range_text(self) -> str:
        """The end of the field's help line: range, step, typical value, and the effect of leaving
        it empty."""
        parts = []
        low, high = self.range_ends
        if self.is_number and low and high:
            parts.append(f"{low} to {high}")
        if self.is_number and self.steps_text:
            parts.append(self.steps_text)
        if self.is_number and self.typical is not None and not self.has_stand_in:
            parts.append(f"typical {self.shown(self.usual(self.typical))}")
        sentences = [", ".join(parts)] if parts else []
        if self.may_be_missing:
            sentences.append("Leave empty if not known")
            if self.filler is not None:
                sentences[-1] = "Left empty counts as not known"
            elif self.imputed is not None:
                imputed = self.imputed_text(self.usual(self.imputed))
                sentences.append(f"The model will use {imputed}")
        elif self.requirement is Requirement.OPTIONAL and self.default is not None:
            sentences.append(f"Empty means {self.shown(self.default)}")
        return ". ".join(sentences)

    def imputed_text(self, value: Scalar) -> str:
        """Format what the model puts for a missing value."""
        is_blank = isinstance(value, str) and not value.strip()
        return "an empty text" if is_blank else self.shown_with_unit(value)

    @property
    def has_stand_in(self) -> bool:
        """Whether nothing is known of what is typical, and the value only stands in for one."""
        return self.sources.get("typical", "").endswith(STAND_INS)

    @property
    def usual_value(self) -> Scalar:
        """The input's value in a typical row: the typical one, else the default of an optional
        input; None for one that may be missing, or for a text of which nothing is known; else a
        substitute: the first choice, No, the middle of the range, or 1, since 0 has no
        logarithm."""
        if self.typical is not None and not same_value(self.typical, self.filler):
            return self.usual(self.typical)
        if self.requirement is not Requirement.REQUIRED or not self.is_asked:
            return self.default if self.requirement is Requirement.OPTIONAL else None
        if self.kind is Kind.CHOICE:
            return self.choices[0][0] if self.choices else None
        if self.kind is Kind.BOOLEAN:
            return False
        return self._middle if self.is_number else None

    @property
    def _middle(self) -> int | float:
        low, high = (
            one if other is None else other
            for one, other in zip((self.minimum, self.maximum), self.trained, strict=True)
        )
        if low is None or high is None:
            number = 1.0 if low is None and high is None else low if high is None else high
        else:
            number = low + (high - low) / 2
        return round(number or 0) if self.kind is Kind.INTEGER else float(number or 0)

    def usual(self, value: Scalar) -> Scalar:
        """Return a typical number rounded to its significant digits, as long as the rules allow it:
        means and medians come with sixteen."""
        if self.kind is not Kind.FLOAT or not isinstance(value, float) or self.step:
            return value
        brief = float(f"{value:.4g}")
        is_low = self.minimum is not None and brief < self.minimum
        is_high = self.maximum is not None and brief > self.maximum
        return value if is_low or is_high else brief

    @property
    def trained(self) -> tuple[int | float | None, int | float | None]:
        """The bounds of the range that the model was trained on."""
        return self.soft_minimum, self.soft_maximum

    @property
    def shown_range(self) -> tuple[int | float | None, int | float | None]:
        """The bounds to show: the hard ones, else the range the model was trained on."""
        return (
            self.soft_minimum if self.minimum is None else self.minimum,
            self.soft_maximum if self.maximum is None else self.maximum,
        )

    def as_typed(self, value: Scalar) -> str:
        """Format a value for a form field, so that it parses to the same value."""
        if value is None:
            return ""
        if self.kind is Kind.CHOICE:
            return self.index.carried(value)
        return value if isinstance(value, str) else choice_text(value)

    def display(self, value: Scalar) -> str:
        """Format a stored value without the unit, numbers with a decimal point."""
        if value is None:
            return "not known"
        label = self.index.label_of(value)
        if label is not None:
            return label
        if isinstance(value, bool):
            return "Yes" if value else "No"
        if isinstance(value, str):
            return visible(value)
        return show_number(value, self.unit) if self.is_number else choice_text(value)

    def display_with_unit(self, value: Scalar) -> str:
        return self.display(None) if value is None else with_unit(self.display(value), self.unit)

    def shown(self, value: Scalar) -> str:
        """Format a stored value without the unit, for the person who reads the page."""
        text = self.display(value)
        return written(text) if self.is_number and value is not None else text

    def shown_with_unit(self, value: Scalar) -> str:
        return self.display(None) if value is None else with_unit(self.shown(value), self.unit)


@dataclass(frozen=True)
class TargetSpec:
    """One output: its name, its label, its unit, and (class, label) pairs."""

    name: str
    label: str = ""
    unit: str = ""
    class_labels: tuple[tuple[Scalar, str], ...] = ()
