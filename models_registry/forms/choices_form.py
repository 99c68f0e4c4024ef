"""The choices of one input in its form: a table of values and labels or, where there are many,
lines of one text."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django import forms

from config.text.numbers import count_text
from models_registry.inputs.configuration import ADMIN
from models_registry.inputs.feature_spec import (
    MAX_CHOICES,
    MAX_LABEL,
    FeatureSpec,
    Kind,
    Scalar,
    choice_text,
)
from models_registry.inputs.labels import choice_label
from models_registry.inputs.number_text import NumberProblem, is_whole, parse_number

BLANK_CHOICES = 5
LISTED_CHOICES = 100
"""The maximum number of choices in a table; more are edited as lines of one text."""
EQUALS = " = "
"""The separator of value and label in such a line."""
MAX_VALUE = 200

Pairs = tuple[tuple[Scalar, str], ...]


@dataclass(frozen=True)
class ChoiceRow:
    """One line of the table: the value, the field of its label and, where the value may be changed,
    its own ``field``."""

    value: str
    label: forms.BoundField
    field: forms.BoundField | None = None


class ChoicesForm(forms.Form):
    """The fields of the choices. ``spec`` is the saved input. ``kind_is_known``: its kind and its
    choices come from the fitted object, so only their labels can be edited."""

    numbers = forms.BooleanField(
        label="The values are numbers",
        required=False,
        help_text="Tick it if the model was trained on numbers here, not on texts.",
    )

    def __init__(self, spec: FeatureSpec, mark: str, data: Any, **options: Any) -> None:
        self.spec, self.mark = spec, mark
        super().__init__(data, **options)
        self.kind_is_known = _values_are_known(spec)
        posted = self.data.get(self.add_prefix("kind"), "") if self.is_bound else ""
        is_other = posted in set(Kind) and not self.kind_is_known
        self.shown_kind = Kind(posted) if is_other else spec.kind
        if self.shown_kind is not Kind.CHOICE or self.kind_is_known:
            del self.fields["numbers"]
        else:
            self.initial["numbers"] = any(
                isinstance(value, int | float) and not isinstance(value, bool)
                for value, _ in spec.choices
            )
        is_table = self.is_bound and self.add_prefix("v0") in self.data
        is_long = self.shown_kind is Kind.CHOICE and len(spec.choices) > LISTED_CHOICES
        self.has_lines = is_long and not is_table
        """Whether the choices are lines of one text."""
        self._shown = [] if self.has_lines else list(self._choices_shown(is_table))
        for number, (value, label) in enumerate(self._shown):
            if not self.kind_is_known:
                self.fields[f"v{number}"] = forms.CharField(
                    label="Value", max_length=MAX_VALUE, required=False, initial=value
                )
            self.fields[f"c{number}"] = forms.CharField(
                label=f"Label of {value}" if value else "Label",
                max_length=MAX_LABEL,
                required=False,
                initial=label,
            )
        if self.has_lines:
            self.fields["lines"] = forms.CharField(
                label="Labels" if self.kind_is_known else "Choices",
                required=False,
                strip=False,
                initial="\n".join(self._lines()),
            )

    def _choices_shown(self, is_table: bool) -> Iterator[tuple[str, str]]:
        """The value and the label of each line of the table."""
        if self.kind_is_known:
            yield from ((choice_label(value), label) for value, label in self.spec.choices)
        elif self.shown_kind is Kind.CHOICE:
            pairs = [(choice_text(value), label) for value, label in self.spec.choices]
            for number in range(MAX_CHOICES if is_table else len(pairs) + BLANK_CHOICES):
                if is_table and self.add_prefix(f"v{number}") not in self.data:
                    return
                yield pairs[number] if number < len(pairs) else ("", "")

    def _lines(self) -> Iterable[str]:
        """One line for each choice; where the values are known, only for those whose label is
        another one than their own."""
        for value, label in self.spec.choices:
            if not self.kind_is_known or label != choice_label(value):
                yield f"{self.spec.index.carried(value)}{EQUALS}{label}"

    @property
    def choice_rows(self) -> list[ChoiceRow]:
        return [
            ChoiceRow(value, self[f"c{number}"], None if self.kind_is_known else self[f"v{number}"])
            for number, (value, _) in enumerate(self._shown)
        ]

    def cleaned_choices(self, kind: Kind) -> Pairs:
        """Return the submitted choices of an input of this kind; adds the errors of the fields."""
        if kind is Kind.BOOLEAN and not self.kind_is_known:
            return self.spec.choices if self.spec.kind is kind else ()
        if kind is not Kind.CHOICE and kind is not Kind.BOOLEAN:
            return ()
        data = self.cleaned_data
        if self.has_lines:
            return self._choices_of(data["lines"].replace("\r\n", "\n").split("\n"))
        if self.kind_is_known:
            return tuple(
                (value, data[f"c{number}"] or label)
                for number, (value, label) in enumerate(self.spec.choices)
            )
        pairs: list[tuple[Scalar, str]] = []
        for number, (was, _) in enumerate(self._shown):
            text, label = data[f"v{number}"], data[f"c{number}"]
            value = self._choice_value(f"v{number}", text) if text else None
            if value is not None:
                pairs.append((value, label or text))
            elif label and not text and not was:
                self.add_error(f"v{number}", "This label needs its value.")
        return tuple(pairs)

    def _choices_of(self, lines: list[str]) -> Pairs:
        """The choices as lines say them: all of them, or only other labels for the known ones."""
        said: dict[str, tuple[Scalar, str]] = {}
        if len(lines) > MAX_CHOICES:
            self.add_error("lines", f"At most {count_text(MAX_CHOICES)} choices are kept.")
            return self.spec.choices
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            value, label = self._choice_of(line)
            if value is None:
                self.add_error("lines", f"Line {number}: the model has no such value.")
                return self.spec.choices
            if len(label) > MAX_LABEL:
                self.add_error(
                    "lines", f"Line {number}: a label has at most {MAX_LABEL} characters."
                )
            said[choice_text(value)] = (value, label)
        if not self.kind_is_known:
            return tuple(said.values())
        return tuple(
            said.get(choice_text(value), (value, choice_label(value)))
            for value, _ in self.spec.choices
        )

    def _choice_of(self, line: str) -> tuple[Scalar, str]:
        """The value and the label of one line; a known value may hold the sign itself."""
        if not self.kind_is_known:
            text, _, label = line.partition(EQUALS)
            return self._choice_value("lines", text), label.strip() or text
        place = line.find(EQUALS)
        while place >= 0:
            value = self.spec.index.written(line[:place])
            if value is not None:
                label = line[place + len(EQUALS) :].strip()
                return value, label or choice_label(value)
            place = line.find(EQUALS, place + 1)
        return None, ""

    def _choice_value(self, key: str, text: str) -> Scalar:
        if not self.cleaned_data["numbers"]:
            return text
        number = parse_number(text, decimal_mark=self.mark)
        if isinstance(number, NumberProblem):
            self.add_error(key, number.message)
            return None
        return int(number) if is_whole(number) else number


def _values_are_known(spec: FeatureSpec) -> bool:
    """Whether the kind and the choices come from the fitted object, and so cannot be edited."""
    told = spec.sources.get("kind", "")
    by_people = {"", "config", "reference data", ADMIN}
    return spec.is_complete and spec.kind in {Kind.CHOICE, Kind.BOOLEAN} and told not in by_people
