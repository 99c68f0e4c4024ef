"""The form made from a version's input schema. The schema checks the values; the form only carries
them: fields are f0, f1, … so that no feature name ever becomes part of the page's markup."""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from django import forms

from config.text.numbers import count_text, written
from executions.input_fields import OTHER, InputField
from model_host.protocol.inputs import Scalar
from models_registry.inputs.feature_spec import FeatureSpec, Requirement
from models_registry.inputs.input_check import InputError, warnings_of
from models_registry.inputs.input_rules import RuleKind
from models_registry.inputs.input_schema import CleanedInputs, InputSchema
from models_registry.inputs.number_text import typed
from models_registry.inputs.pasted_row import NAMED, PastedRow, read_row, written_row

FIELDS = 200
"""The maximum number of fields; more inputs are pasted as a row."""
ROW_ERRORS = 10
"""The number of a row's errors that are shown at once."""
CARRIED = {"csrfmiddlewaretoken", "form_token", "schema", "fix", "after", "left", "summary"}


@dataclass(frozen=True)
class Group:
    """The inputs of a form that are shown together; ``changed`` counts their values that are
    neither empty nor typical."""

    name: str
    fields: list[forms.BoundField]
    is_advanced: bool
    changed: int

    @property
    def has_errors(self) -> bool:
        return any(field.errors for field in self.fields)


class InputForm(forms.Form):
    """The inputs of one prediction. ``cleaned_inputs`` holds the outcome of the schema's check.
    Inputs that no step of the model uses have no field; more than `FIELDS` inputs are one row.
    Where ``checked`` holds inputs by name, these are checked in place of what the fields hold, and
    the fields only show them."""

    form_token = forms.UUIDField(widget=forms.HiddenInput)
    schema = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(
        self,
        input_schema: InputSchema,
        data: Mapping[str, Any] | None = None,
        *,
        values: Mapping[str, Scalar] | None = None,
        decimal_mark: str = "",
        checked: Mapping[str, Scalar] | None = None,
    ) -> None:
        self.input_schema = input_schema
        self.decimal_mark = decimal_mark
        self.checked = checked
        self.asked = input_schema.asked
        self.is_wide = len(self.asked) > FIELDS
        keys = {feature.name: f"f{index}" for index, feature in enumerate(input_schema.features)}
        shown = () if self.is_wide else self.asked
        self.names = {keys[feature.name]: feature.name for feature in shown}
        self.cleaned_inputs = CleanedInputs({}, {})
        self.inputs = {
            keys[feature.name]: InputField(feature, keys[feature.name]) for feature in shown
        }
        given = values or {}
        initial: dict[str, Any] = {"form_token": uuid.uuid4(), "schema": input_schema.digest}
        for key, field in self.inputs.items():
            initial[key] = field.text_of(given.get(field.feature.name), decimal_mark)
        if self.is_wide:
            initial["row"] = written_row(input_schema, given, decimal_mark)
        super().__init__(data, initial=initial)
        for key, field in self.inputs.items():
            self.fields[key] = field
            field.widget.attrs["aria-describedby"] = f"id_{key}-h"
            if field.feature.requirement is Requirement.REQUIRED:
                field.widget.attrs["required"] = True
        if self.is_wide:
            self.fields["row"] = _row_field()

    @property
    def left_out(self) -> int:
        """The number of inputs that the model does not use."""
        return len(self.input_schema.features) - len(self.asked)

    @property
    def error_count(self) -> int:
        """The number of inputs that need a correction."""
        return max(len(self.cleaned_inputs.errors), len(self.error_summary))

    @property
    def error_summary(self) -> list[dict[str, str]]:
        """The link and the message for every input that needs a correction."""
        if self.is_wide:
            anchor = str(self["row"].auto_id)
            return [{"id": anchor, "text": str(text)} for text in self.errors.get("row", [])]
        found = self.cleaned_inputs.errors
        return [
            {"id": str(self[key].auto_id), "text": f"{self.fields[key].label}: {found[name].short}"}
            for key, name in self.names.items()
            if name in found
        ]

    def noted(self, left: Iterable[str]) -> list[forms.BoundField]:
        """Return the fields whose notes may change after those of ``left`` were left: themselves,
        and those that a rule ties to them and that hold a value."""
        keys = {name: key for key, name in self.names.items()}
        chosen = {key: True for key in left if key in self.fields}
        for rule in self.input_schema.rules:
            first, second = keys.get(rule.first), keys.get(rule.second, "")
            is_needed = rule.kind is RuleKind.REQUIRES
            if first in chosen and second in keys.values() and (is_needed or self[second].value()):
                chosen[second] = True
        return [self[key] for key in chosen]

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
        field = self.inputs[key]
        values = (field.feature.default, field.feature.typical)
        usual = {field.text_of(value, self.decimal_mark) for value in values}
        return (self[key].value() or "") not in usual | {""}

    def clean(self) -> dict[str, Any]:
        known = {*self.fields, *CARRIED, *(key + OTHER for key in self.inputs)}
        unknown = [key for key in self.data if key not in known]
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
        if self.is_wide:
            self._clean_row()
            return self.cleaned_data
        raw = self.checked
        if raw is None:
            raw = {
                name: self.inputs[key].given(self.cleaned_data.get(key, ""))
                for key, name in self.names.items()
            }
        self.cleaned_inputs = self.input_schema.clean(raw, decimal_mark=self.decimal_mark)
        for key, name in self.names.items():
            if name in self.cleaned_inputs.errors:
                self._add_input_error(key, self.cleaned_inputs.errors[name])
            elif self[key].value():
                self.inputs[key].notice = self._notice(self.inputs[key].feature)
        return self.cleaned_data

    def _notice(self, feature: FeatureSpec) -> str:
        """What to know about a valid value, without the name that stands above the field."""
        value = self.cleaned_inputs.values[feature.name]
        notices = warnings_of(feature, value, was_empty=False)
        return " ".join(text.removeprefix(f"{feature.label}: ") for text in notices)

    def _clean_row(self) -> None:
        """Check the row, and say what is wrong with the first inputs in their order."""
        row = PastedRow(self.checked or {}, self.decimal_mark)
        if self.checked is None:
            row = read_row(self.cleaned_data.get("row", ""), self.input_schema, self.decimal_mark)
        if row.problem:
            self.add_error("row", row.problem)
            return
        cleaned = self.input_schema.clean(row.values, decimal_mark=row.decimal_mark)
        self.cleaned_inputs = replace(cleaned, warnings=(*cleaned.warnings, *_ignored(row)))
        wrong = [one for one in self.asked if one.name in cleaned.errors]
        for feature in wrong[:ROW_ERRORS]:
            self.add_error("row", f"{feature.label}: {cleaned.errors[feature.name]}")
        if len(wrong) > ROW_ERRORS:
            more = count_text(len(wrong) - ROW_ERRORS)
            self.add_error("row", f"{more} more values need a correction.")

    def _add_input_error(self, key: str, error: InputError) -> None:
        field = self.inputs[key]
        are_seen = field.layout in {"segment", "radios", "select"}
        self.add_error(key, error.without_rule if are_seen else str(error))
        show = written if field.feature.is_number else str
        field.suggestions = [
            (self._suggested(field, text), show(text)) for text in error.suggestions
        ]
        field.widget.attrs["aria-invalid"] = "true"

    def _suggested(self, field: InputField, text: str) -> str:
        """A correction as the field carries it."""
        if field.feature.is_number:
            return typed(text, self.decimal_mark)
        value = field.feature.index.written(text)
        return text if value is None else field.text_of(value, self.decimal_mark)


def _row_field() -> forms.CharField:
    attrs = {
        "class": "form-control mono",
        "rows": "6",
        "wrap": "off",
        "spellcheck": "false",
        "autocomplete": "off",
        "aria-describedby": "id_row-h",
    }
    field = forms.CharField(
        required=False, strip=False, label="Row", widget=forms.Textarea(attrs=attrs)
    )
    field.validators = []
    return field


def _ignored(row: PastedRow) -> list[str]:
    """The notice that pasted columns which the model does not have were ignored."""
    if not row.ignored:
        return []
    named = ", ".join(f"“{name[:40]}”" for name in row.ignored[:NAMED])
    more = len(row.ignored) - NAMED
    return [
        f"Not used, since the model has no such inputs: {named}"
        + (f" and {more:,} more." if more > 0 else ".")
    ]


def with_fix(data: Any) -> Any:
    """Return the posted data with the correction that the person chose."""
    fixed = data.copy()
    key, separator, value = fixed.pop("fix")[-1].partition("=")
    if separator:
        fixed[key] = value
    return fixed
