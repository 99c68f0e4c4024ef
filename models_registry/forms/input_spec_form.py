"""The form of one input of a version."""

from dataclasses import fields, replace
from typing import Any

from django import forms

from config.text.numbers import count_text
from models_registry.forms.choices_form import ChoicesForm
from models_registry.inputs.configuration import ADMIN
from models_registry.inputs.feature_spec import (
    KIND_LABELS,
    MAX_GROUP,
    MAX_HELP,
    MAX_LABEL,
    MAX_TEXT_LENGTH,
    MAX_UNIT,
    REQUIREMENT_LABELS,
    FeatureSpec,
    Kind,
    Requirement,
    Scalar,
)
from models_registry.inputs.input_check import InputError, clean_value
from models_registry.inputs.number_text import (
    NumberProblem,
    as_float,
    format_number,
    parse_number,
    typed,
)
from models_registry.inputs.spec_check import MAX_TEXT_LIMIT, spec_problems

LIMITS = {
    "minimum": "Smallest allowed",
    "maximum": "Largest allowed",
    "soft_minimum": "Trained from",
    "soft_maximum": "Trained to",
    "step": "Step",
}
ENTERED = {item.name for item in fields(FeatureSpec)} - {"default", "typical"}
"""The fields of an input that are entered in the form in which they are stored."""
NOT_ENTERED = ("name", "kind", "imputed", "rank", "sources")
"""The fields that stay where the form has none of their name; the others get their default."""


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


class InputSpecForm(ChoicesForm):
    """One input. ``spec`` is the saved one; once the form is valid, ``cleaned_spec`` is the
    submitted one. Only fields that apply to the input's kind are present; the values of the others
    are dropped. ``place`` is its place in the form, from 1."""

    place = forms.IntegerField(label="Place", min_value=1, max_value=9999)
    label = forms.CharField(max_length=MAX_LABEL)
    help = forms.CharField(
        max_length=MAX_HELP, required=False, help_text="One line under the field, for people."
    )
    unit = forms.CharField(max_length=MAX_UNIT, required=False)
    group = forms.CharField(
        max_length=MAX_GROUP,
        required=False,
        help_text="Inputs of a group are shown together. “Advanced” is folded.",
    )
    kind = forms.TypedChoiceField(label="Type", coerce=Kind, choices=list(KIND_LABELS.items()))
    requirement = forms.TypedChoiceField(
        label="Needed", coerce=Requirement, choices=list(REQUIREMENT_LABELS.items())
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
        max_length=MAX_LABEL,
        required=False,
        help_text="The label is struck through in the form, with this reason.",
    )

    def __init__(
        self, spec: FeatureSpec, index: int, place: int, mark: str, data: Any = None
    ) -> None:
        self.index = index
        self.cleaned_spec: FeatureSpec | None = None
        initial = {name: getattr(spec, name) for name in ENTERED} | {"place": place}
        super().__init__(spec, mark, data, prefix=f"f{index}", initial=initial)
        self._add_fields_of_kind()
        for name, field in self.fields.items():
            source = "" if name == "takes_others" else _source(spec, name)
            field.source = source  # type: ignore[attr-defined]
            field.widget.is_required = False  # the page reports all missing values at once

    def _add_fields_of_kind(self) -> None:
        kind = self.shown_kind
        if self.kind_is_known:
            del self.fields["kind"]
        elif self.spec.is_asked:  # only the fitted object can say that nothing uses an input
            kinds = [pair for pair in KIND_LABELS.items() if pair[0] is not Kind.UNUSED]
            self.fields["kind"].choices = kinds  # type: ignore[attr-defined]
        if kind is not Kind.CHOICE or not self._may_take_others:
            del self.fields["takes_others"]
        if kind is Kind.STRING:
            limit = replace(self.spec, max_length=None).longest_text
            self.fields["max_length"].help_text = f"In characters. Empty: {count_text(limit)}."
        else:
            del self.fields["max_length"]
        if self.spec.is_complete:
            del self.fields["is_complete"]
        if kind in {Kind.INTEGER, Kind.FLOAT}:
            for name, label in LIMITS.items():
                self.fields[name] = NumberField(self.mark, label=label)
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

    @property
    def limits(self) -> list[forms.BoundField]:
        return [self[name] for name in LIMITS if name in self.fields]

    @property
    def summary(self) -> str:
        """The type in a word or two: "Number, €", "6 choices"."""
        if self.spec.kind is Kind.CHOICE:
            count = len(self.spec.choices)
            others = " and others" if self.spec.takes_others else ""
            return ("1 choice" if count == 1 else f"{count_text(count)} choices") + others
        return ", ".join(filter(None, [self.spec.kind_label, self.spec.unit]))

    @property
    def imputed_text(self) -> str:
        return self.spec.display_with_unit(self.spec.imputed)

    @property
    def kind_source(self) -> str:
        return _source(self.spec, "kind")

    def clean(self) -> dict[str, Any]:
        data = self.cleaned_data
        if self.errors:
            return data
        wanted: dict[str, Any] = {name: getattr(self.spec, name) for name in NOT_ENTERED}
        wanted |= {name: value for name, value in data.items() if name in ENTERED}
        spec = FeatureSpec(**wanted, choices=self.cleaned_choices(wanted["kind"]))
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


def _source(spec: FeatureSpec, name: str) -> str:
    """The source of a proposed field, in words."""
    told = spec.sources.get(name, "")
    if told == ADMIN:
        return "set by an admin"
    return f"from {told}" if told and (" " not in told or told == "reference data") else told
