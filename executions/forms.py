"""The form made from a version's input schema. The schema checks the values; the form only carries
them: fields are f0, f1, … so that no feature name ever becomes part of the page's markup."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django import forms

from models_registry.feature_spec import (
    FeatureSpec,
    Kind,
    Requirement,
    Scalar,
    choice_text,
)
from models_registry.input_check import InputError
from models_registry.input_schema import CleanedInputs, InputSchema
from models_registry.number_text import typed

SEGMENT_CHOICES = 3
RADIO_CHOICES = 7
SHORT_LABEL = 22
NOT_KNOWN = ""
CARRIED = {"csrfmiddlewaretoken", "form_token", "schema", "fix", "after"}


class InputField(forms.CharField):
    """One input. ``layout`` says how the page draws it; ``suggestions`` are
    (value to type, words) pairs."""

    def __init__(self, feature: FeatureSpec) -> None:
        self.feature = feature
        self.choices = _choices(feature)
        self.layout = _layout(feature, self.choices)
        self.suggestions: list[tuple[str, str]] = []
        super().__init__(
            required=False, strip=False, label=feature.label, widget=_widget(self.layout, self)
        )


def _choices(feature: FeatureSpec) -> list[tuple[str, str]]:
    if feature.kind is Kind.BOOLEAN:
        labels = dict(feature.choices)
        choices = [("true", labels.get(True, "Yes")), ("false", labels.get(False, "No"))]
    else:
        choices = [(choice_text(value), label) for value, label in feature.choices]
    if choices and feature.may_be_missing:
        choices.append((NOT_KNOWN, "Not known"))
    return choices


def _layout(feature: FeatureSpec, choices: list[tuple[str, str]]) -> str:
    if not choices:
        return "text"
    is_short = all(len(label) <= SHORT_LABEL for _, label in choices)
    if feature.kind is Kind.BOOLEAN or (len(choices) <= SEGMENT_CHOICES and is_short):
        return "segment"
    return "radios" if len(choices) <= RADIO_CHOICES else "select"


def _widget(layout: str, field: InputField) -> forms.Widget:
    feature = field.feature
    if layout == "select":
        blank = [] if feature.may_be_missing else [("", "Choose …")]
        return forms.Select(choices=blank + field.choices, attrs={"class": "form-select"})
    if layout in {"segment", "radios"}:
        return forms.RadioSelect(choices=field.choices)
    attrs = {"class": "form-control", "autocomplete": "off"}
    if feature.is_number:
        return forms.TextInput(attrs=attrs | {"inputmode": "decimal"})
    return forms.Textarea(attrs=attrs | {"rows": "3", "dir": "auto"})


@dataclass(frozen=True)
class Group:
    """The inputs of a form that stand together; ``changed`` counts their values that are neither
    empty nor what is usual."""

    name: str
    fields: list[forms.BoundField]
    is_advanced: bool
    changed: int

    @property
    def has_errors(self) -> bool:
        return any(field.errors for field in self.fields)


class InputForm(forms.Form):
    """The inputs of one prediction. ``cleaned_inputs`` holds the outcome of the schema's check."""

    form_token = forms.UUIDField(widget=forms.HiddenInput)
    schema = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(
        self,
        input_schema: InputSchema,
        data: Mapping[str, Any] | None = None,
        *,
        values: Mapping[str, Scalar] | None = None,
        decimal_mark: str = "",
    ) -> None:
        self.input_schema = input_schema
        self.decimal_mark = decimal_mark
        keys = {feature.name: f"f{index}" for index, feature in enumerate(input_schema.features)}
        self.names = {keys[feature.name]: feature.name for feature in input_schema.in_form_order}
        self.cleaned_inputs = CleanedInputs({}, {})
        initial: dict[str, Any] = {"form_token": uuid.uuid4(), "schema": input_schema.digest}
        for feature in input_schema.features:
            text = feature.as_typed((values or {}).get(feature.name))
            initial[keys[feature.name]] = self._typed(feature, text)
        super().__init__(data, initial=initial)
        self.inputs = {
            keys[feature.name]: InputField(feature) for feature in input_schema.in_form_order
        }
        for key, field in self.inputs.items():
            self.fields[key] = field
            field.widget.attrs["aria-describedby"] = f"id_{key}-h"
            if field.feature.requirement is Requirement.REQUIRED:
                field.widget.attrs["required"] = True

    @property
    def error_summary(self) -> list[dict[str, str]]:
        """Where to go and what to mend, for every input that needs a correction."""
        return [
            {"id": str(self[key].auto_id), "text": f"{self.fields[key].label}: {errors[0]}"}
            for key in self.inputs
            if (errors := self.errors.get(key))
        ]

    @property
    def groups(self) -> list[Group]:
        """The inputs as the page shows them, group by group."""
        groups: dict[str, list[str]] = {}
        for key, field in self.inputs.items():
            groups.setdefault(field.feature.group, []).append(key)
        return [
            Group(
                name=name,
                fields=[self[key] for key in keys],
                is_advanced=name.strip().lower() == "advanced",
                changed=sum(map(self._is_changed, keys)),
            )
            for name, keys in groups.items()
        ]

    def _is_changed(self, key: str) -> bool:
        feature = self.inputs[key].feature
        usual = {
            self._typed(feature, feature.as_typed(v)) for v in (feature.default, feature.typical)
        }
        return (self[key].value() or "") not in usual | {""}

    def _typed(self, feature: FeatureSpec, text: str) -> str:
        return typed(text, self.decimal_mark) if feature.is_number else text

    def clean(self) -> dict[str, Any]:
        unknown = [key for key in self.data if key not in self.fields and key not in CARRIED]
        if unknown:
            raise forms.ValidationError(
                f"The form came with {len(unknown)} fields that this model does not have. "
                "Nothing has been run."
            )
        if self.cleaned_data.get("schema") != self.input_schema.digest:
            raise forms.ValidationError(
                "The model's inputs have changed since you opened this page. "
                "Check the values below. Nothing has been run."
            )
        raw = {name: self.cleaned_data.get(key, "") for key, name in self.names.items()}
        self.cleaned_inputs = self.input_schema.clean(raw, decimal_mark=self.decimal_mark)
        for key, name in self.names.items():
            if name in self.cleaned_inputs.errors:
                self._add_input_error(key, self.cleaned_inputs.errors[name])
        return self.cleaned_data

    def _add_input_error(self, key: str, error: InputError) -> None:
        field = self.inputs[key]
        self.add_error(key, str(error))
        carried = {label: value for value, label in field.choices}
        field.suggestions = [(carried.get(text, text), text) for text in error.suggestions]
        if field.feature.is_number:
            field.suggestions = [
                (self._typed(field.feature, text), text) for text in error.suggestions
            ]
        field.widget.attrs["aria-invalid"] = "true"


def with_fix(data: Any) -> Any:
    """The posted form with the correction that the person chose typed in."""
    fixed = data.copy()
    key, separator, value = fixed.pop("fix")[-1].partition("=")
    if separator:
        fixed[key] = value
    return fixed
