"""The form of one input of a version."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from django import forms

from models_registry.inputs.configuration import ADMIN
from models_registry.inputs.feature_spec import (
    KIND_LABELS,
    MAX_CHOICES,
    MAX_LABEL,
    MAX_TEXT_LENGTH,
    REQUIREMENT_LABELS,
    FeatureSpec,
    Kind,
    Requirement,
    Scalar,
    choice_text,
)
from models_registry.inputs.input_check import InputError, clean_value
from models_registry.inputs.labels import choice_label
from models_registry.inputs.number_text import (
    NumberProblem,
    as_float,
    format_number,
    is_whole,
    parse_number,
    typed,
)
from models_registry.inputs.spec_check import MAX_TEXT_LIMIT, spec_problems

LIMITS = ("minimum", "maximum", "soft_minimum", "soft_maximum", "step")
BLANK_CHOICES = 5
LISTED_CHOICES = 100
"""The maximum number of choices in a table; more are edited as lines of one text."""
EQUALS = " = "
"""The separator of value and label in such a line."""


class NumberField(forms.CharField):
    """A number in the person's number format."""

    def __init__(self, decimal_mark: str, **options: Any) -> None:
        self.decimal_mark = decimal_mark
        widget = forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"})
        super().__init__(required=False, max_length=40, widget=widget, **options)

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, int | float):
            return typed(format_number(value), self.decimal_mark)
        return value

    def clean(self, value: Any) -> int | float | None:
        text = super().clean(value)
        if not text:
            return None
        number = parse_number(text, decimal_mark=self.decimal_mark)
        if isinstance(number, NumberProblem):
            raise forms.ValidationError(number.message)
        return as_float(number)


class InputSpecForm(forms.Form):
    """One input. ``spec`` is the saved one; once the form is valid, ``cleaned_spec`` is the
    submitted one. Only fields that apply to the input's kind are present; the values of the others
    are dropped. ``place`` is its place in the form, from 1."""

    place = forms.IntegerField(label="Place", min_value=1, max_value=9999)
    label = forms.CharField(max_length=200)
    help = forms.CharField(
        max_length=300, required=False, help_text="One line under the field, for people."
    )
    unit = forms.CharField(max_length=40, required=False)
    group = forms.CharField(
        max_length=80,
        required=False,
        help_text="Inputs of a group are shown together. “Advanced” is folded.",
    )
    kind = forms.ChoiceField(label="Type", choices=list(KIND_LABELS.items()))
    requirement = forms.ChoiceField(label="Needed", choices=list(REQUIREMENT_LABELS.items()))
    numbers = forms.BooleanField(
        label="The values are numbers",
        required=False,
        help_text="Tick it if the model was trained on numbers here, not on texts.",
    )
    takes_others = forms.BooleanField(
        label="Other values are accepted",
        required=False,
        help_text="The model's encoder accepts values beside the choices. Untick to refuse them.",
    )
    max_length = forms.IntegerField(
        label="Longest text",
        required=False,
        min_value=1,
        max_value=MAX_TEXT_LIMIT,
        widget=forms.TextInput(attrs={"inputmode": "numeric"}),
    )
    is_sensitive = forms.BooleanField(
        label="Sensitive", required=False, help_text="Never sent to Prefect, logged or mailed."
    )
    is_listed = forms.BooleanField(label="Show in lists", required=False)
    is_complete = forms.BooleanField(
        label="This input is complete",
        required=False,
        help_text="Tick it once the type and its values are right. The file does not say them.",
    )
    deprecation = forms.CharField(
        label="No longer used because",
        max_length=200,
        required=False,
        help_text="The label is struck through in the form, with this reason.",
    )

    def __init__(
        self, spec: FeatureSpec, index: int, place: int, mark: str, data: Any = None
    ) -> None:
        self.spec, self.index, self.mark = spec, index, mark
        self.cleaned_spec: FeatureSpec | None = None
        super().__init__(data, prefix=f"f{index}", initial=self._initial(spec, place))
        self.kind_is_known = _values_are_known(spec)
        self.shown_kind = self._shown_kind()
        self._add_fields_of_kind()
        for name, field in self.fields.items():
            source = "" if name == "takes_others" else _source(spec, name)
            field.source = source  # type: ignore[attr-defined]
            field.widget.is_required = False  # the page reports all missing values at once

    def _initial(self, spec: FeatureSpec, place: int) -> dict[str, Any]:
        initial = {
            name: getattr(spec, name)
            for name in (*self.base_fields, *LIMITS)
            if hasattr(spec, name)
        }
        numbers = any(
            isinstance(v, int | float) and not isinstance(v, bool) for v, _ in spec.choices
        )
        return initial | {
            "place": place,
            "numbers": numbers,
        }

    def _shown_kind(self) -> Kind:
        posted = self.data.get(self.add_prefix("kind"), "") if self.is_bound else ""
        is_other = posted in set(Kind) and not self.kind_is_known
        return Kind(posted) if is_other else self.spec.kind

    def _add_fields_of_kind(self) -> None:
        kind = self.shown_kind
        if self.kind_is_known:
            del self.fields["kind"]
        elif self.spec.is_asked:  # only the fitted object can say that nothing uses an input
            kinds = [pair for pair in KIND_LABELS.items() if pair[0] is not Kind.UNUSED]
            self.fields["kind"].choices = kinds  # type: ignore[attr-defined]
        if kind is not Kind.CHOICE or self.kind_is_known:
            del self.fields["numbers"]
        if kind is not Kind.CHOICE or not self._may_take_others:
            del self.fields["takes_others"]
        if kind is Kind.STRING:
            limit = replace(self.spec, max_length=None).longest_text
            self.fields["max_length"].help_text = f"In characters. Empty: {limit:,}."
        else:
            del self.fields["max_length"]
        if self.spec.is_complete:
            del self.fields["is_complete"]
        if kind in {Kind.INTEGER, Kind.FLOAT}:
            for name in LIMITS:
                self.fields[name] = NumberField(self.mark, label=_LIMIT_LABELS[name])
        self._choice_keys = [] if self.has_lines else list(self._choices_shown())
        for value_key, label_key, value, label in self._choice_keys:
            if value_key:
                self.fields[value_key] = forms.CharField(
                    label="Value", max_length=200, required=False, initial=value
                )
            self.fields[label_key] = forms.CharField(
                label=f"Label of {value}" if value else "Label",
                max_length=200,
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
        for name in ("default", "typical"):
            self.fields[name] = forms.CharField(
                label=name.capitalize() + (" value" if name == "typical" else ""),
                max_length=MAX_TEXT_LENGTH,
                required=False,
                strip=False,
                widget=self._value_widget(),
                initial=self._typed(getattr(self.spec, name)),
            )

    @property
    def _may_take_others(self) -> bool:
        """Whether other values may be sent to the model: its encoder accepts them, or a person
        specified the input."""
        return not self.kind_is_known or "takes_others" in self.spec.sources

    @property
    def has_lines(self) -> bool:
        """Whether the choices are lines of one text."""
        is_table = self.is_bound and self.add_prefix("v0") in self.data
        is_choice = self.shown_kind is Kind.CHOICE and len(self.spec.choices) > LISTED_CHOICES
        return is_choice and not is_table

    def _lines(self) -> Iterable[str]:
        """One line for each choice; where the values are known, only for those whose label is
        another one than their own."""
        for value, label in self.spec.choices:
            if not self.kind_is_known or label != choice_label(value):
                yield f"{self.spec.index.carried(value)}{EQUALS}{label}"

    def _typed(self, value: Scalar) -> str:
        if value is not None and self.spec.kind is Kind.CHOICE:
            is_listed = isinstance(self._value_widget(), forms.Select)
            return (self.spec.index.carried if is_listed else self.spec.index.shown)(value)
        text = self.spec.as_typed(value)
        return typed(text, self.mark) if self.spec.is_number else text

    def _value_widget(self) -> forms.Widget:
        if self.shown_kind is Kind.BOOLEAN:
            return forms.Select(choices=[("", "None"), ("true", "Yes"), ("false", "No")])
        is_closed = self.kind_is_known and not self.spec.takes_others
        if self.shown_kind is Kind.CHOICE and is_closed and not self.has_lines:
            carried = self.spec.index.carried
            pairs = [(carried(value), label) for value, label in self.spec.choices]
            return forms.Select(choices=[("", "None"), *pairs])
        return forms.TextInput(attrs={"autocomplete": "off"})

    def _choices_shown(self) -> Iterable[tuple[str, str, str, str]]:
        """For each line of the table: the field of the value or "", that of the label, the value,
        the label."""
        if self.kind_is_known:
            for number, (value, label) in enumerate(self.spec.choices):
                yield "", f"c{number}", choice_label(value), label
        elif self.shown_kind is Kind.CHOICE:
            pairs = [(choice_text(value), label) for value, label in self.spec.choices]
            posted = self.is_bound and self.add_prefix("v0") in self.data
            count = MAX_CHOICES if posted else len(pairs) + BLANK_CHOICES
            for number in range(count):
                if posted and self.add_prefix(f"v{number}") not in self.data:
                    return
                value, label = pairs[number] if number < len(pairs) else ("", "")
                yield f"v{number}", f"c{number}", value, label

    @property
    def choice_rows(self) -> list[dict[str, Any]]:
        """The lines of the table of choices; ``field`` where the value may be changed."""
        return [
            {
                "value": value,
                "field": self[value_key] if value_key else None,
                "label": self[label_key],
            }
            for value_key, label_key, value, _ in self._choice_keys
        ]

    @property
    def limits(self) -> list[forms.BoundField]:
        return [self[name] for name in LIMITS if name in self.fields]

    @property
    def summary(self) -> str:
        """The type in a word or two: "Number, €", "6 choices"."""
        if self.spec.kind is Kind.CHOICE:
            count = len(self.spec.choices)
            others = " and others" if self.spec.takes_others else ""
            return (f"{count:,} choice" if count == 1 else f"{count:,} choices") + others
        return ", ".join(filter(None, [self.spec.kind_label, self.spec.unit]))

    @property
    def imputed_text(self) -> str:
        return self.spec.display_with_unit(self.spec.imputed)

    @property
    def kind_source(self) -> str:
        return _source(self.spec, "kind")

    def clean(self) -> dict[str, Any]:
        data = self.cleaned_data
        kind = self.spec.kind if self.kind_is_known else Kind(data.get("kind", self.spec.kind))
        if self.errors:
            return data
        wanted: dict[str, Any] = {name: data[name] for name in _PLAIN}
        wanted |= {name: data.get(name) for name in LIMITS}
        spec = replace(
            self.spec,
            kind=kind,
            requirement=Requirement(data["requirement"]),
            choices=self._cleaned_choices(kind),
            takes_others=data.get("takes_others", False),
            max_length=data.get("max_length"),
            is_complete=data.get("is_complete", True),
            default=None,
            typical=None,
            **wanted,
        )
        spec = replace(
            spec, default=self._cleaned(spec, "default"), typical=self._cleaned(spec, "typical")
        )
        if not self.errors:
            for name, sentence in spec_problems(spec).items():
                self.add_error(name if name in self.fields else None, sentence)
        self.cleaned_spec = None if self.errors else spec
        return data

    def _cleaned(self, spec: FeatureSpec, name: str) -> Scalar:
        """The value of the field ``name``, checked as the form of the model would."""
        text = self.cleaned_data[name]
        if not text.strip():
            return None
        if spec.kind is Kind.CHOICE and self.kind_is_known:
            chosen = self.spec.index.written(text)  # by the labels that the page was made with
            if chosen is not None:
                return chosen
        loose = replace(spec, requirement=Requirement.MAY_BE_MISSING)
        value = clean_value(loose, text, self.mark)
        if isinstance(value, InputError):
            self.add_error(name, str(value))
            return None
        return value

    def _cleaned_choices(self, kind: Kind) -> tuple[tuple[Scalar, str], ...]:
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
        for value_key, label_key, was, _ in self._choice_keys:
            text = data[value_key]
            value = self._choice_value(value_key, text) if text else None
            if value is not None:
                pairs.append((value, data[label_key] or text))
            elif data[label_key] and not text and not was:
                self.add_error(value_key, "This label needs its value.")
        return tuple(pairs)

    def _choices_of(self, lines: list[str]) -> tuple[tuple[Scalar, str], ...]:
        """The choices as lines say them: all of them, or only other labels for the known ones."""
        said: dict[str, tuple[Scalar, str]] = {}
        if len(lines) > MAX_CHOICES:
            self.add_error("lines", f"At most {MAX_CHOICES:,} choices are kept.")
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


_PLAIN = ("label", "help", "unit", "group", "is_sensitive", "is_listed", "deprecation")
_LIMIT_LABELS = {
    "minimum": "Smallest allowed",
    "maximum": "Largest allowed",
    "soft_minimum": "Trained from",
    "soft_maximum": "Trained to",
    "step": "Step",
}


def _values_are_known(spec: FeatureSpec) -> bool:
    """Whether the kind and the choices come from the fitted object, and so cannot be edited."""
    told = spec.sources.get("kind", "")
    by_people = {"", "config", "reference data", ADMIN}
    return spec.is_complete and spec.kind in {Kind.CHOICE, Kind.BOOLEAN} and told not in by_people


def _source(spec: FeatureSpec, name: str) -> str:
    """The source of a proposed field, in words."""
    told = spec.sources.get(name, "")
    if told == ADMIN:
        return "set by an admin"
    return f"from {told}" if told and (" " not in told or told == "reference data") else told
