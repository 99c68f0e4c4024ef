"""The form made from a version's input schema. The schema checks the values; the form only carries
them: fields are f0, f1, … so that no feature name ever becomes part of the page's markup."""

import html
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from django import forms
from django.utils.safestring import SafeString, mark_safe

from config.text.numbers import count_text, written
from model_host.protocol.inputs import Scalar
from models_registry.inputs.feature_spec import FeatureSpec, Kind, Requirement, same_value
from models_registry.inputs.input_check import InputError, warnings_of
from models_registry.inputs.input_rules import RuleKind
from models_registry.inputs.input_schema import CleanedInputs, InputSchema
from models_registry.inputs.number_text import typed
from models_registry.inputs.pasted_row import NAMED, PastedRow, read_row, written_row

SEGMENT_CHOICES = 3
RADIO_CHOICES = 7
SHORT_LABEL = 22
SUGGESTED = 2000
"""The maximum number of listed choices; with more the value is typed, and the first ones are
suggested."""
FIELDS = 200
"""The maximum number of fields; more inputs are pasted as a row."""
ROW_ERRORS = 10
"""The number of a row's errors that are shown at once."""
NOT_KNOWN = ""
OTHER = "-other"
"""The suffix of the name of the text field beside the choices."""
CARRIED = {"csrfmiddlewaretoken", "form_token", "schema", "fix", "after", "left", "summary"}


class InputField(forms.CharField):
    """One input, posted as ``key``. ``layout`` says how the page draws it; ``suggestions`` are
    (value to type, label) pairs; ``notice`` is what to know about a valid value; with
    ``has_other`` the last choice selects the text field beside the choices."""

    def __init__(self, feature: FeatureSpec, key: str) -> None:
        self.feature, self.key = feature, key
        self.choices = _choices(feature)
        self.layout = _layout(feature, self.choices)
        self.has_other = feature.takes_others and self.layout in {"segment", "radios"}
        self.suggestions: list[tuple[str, str]] = []
        self.notice = ""
        super().__init__(
            required=False, strip=False, label=feature.label, widget=_widget(self.layout, self)
        )
        self.validators = []  # the schema reports what cannot be stored, and its position

    def get_bound_field(self, form: forms.BaseForm, field_name: str) -> "BoundInput":
        return BoundInput(form, self, field_name)

    @property
    def other_name(self) -> str:
        """The name of the text field beside the choices, and the value of its radio button."""
        return self.key + OTHER

    @property
    def is_short(self) -> bool:
        """Whether every choice is short enough for two columns."""
        return all(len(label) <= SHORT_LABEL for _, label in self.choices)

    @property
    def hint(self) -> str:
        """The part of the help line about values that are not listed."""
        count = count_text(len(self.feature.offered))
        if self.layout == "suggest" and self.feature.takes_others:
            return f"{count} values are known. Another one runs with a warning"
        if self.layout == "suggest":
            return f"One of {count} values, of which the first {SUGGESTED} are suggested"
        return "Another value runs with a warning" if self.has_other else ""

    @property
    def datalist(self) -> SafeString:
        """The options that a text field suggests."""
        index = self.feature.index
        return _options((index.shown(value), "") for value, _ in self.feature.offered[:SUGGESTED])

    def text_of(self, value: Scalar, decimal_mark: str) -> str:
        """Return the text of a value in the field; nothing for a word that means "not known"."""
        if value is not None and same_value(value, self.feature.filler):
            return NOT_KNOWN
        if self.layout == "suggest" and value is not None:
            return self.feature.index.shown(value)
        text = self.feature.as_typed(value)
        return typed(text, decimal_mark) if self.feature.is_number else text

    def given(self, text: str) -> str | None:
        """Return the submitted text for the schema; None if the field is empty."""
        if self.feature.is_number:
            return text
        is_written = self.layout == "suggest" or (self.has_other and text not in dict(self.choices))
        if is_written and text not in self.feature.index:
            text = text.strip()  # phone keyboards append a space to a word
        is_nothing = not text or (self.feature.kind is Kind.STRING and not text.strip())
        return None if is_nothing else text


class BoundInput(forms.BoundField):
    """An input of a form, with what was written beside its choices."""

    @property
    def other_text(self) -> str:
        value = self.value() or ""
        return "" if value in dict(self.field.choices) else str(value)  # type: ignore[attr-defined]


class RadioOrOther(forms.RadioSelect):
    """Radio buttons, one of which selects the text field beside them."""

    def __init__(self, choices: Iterable[tuple[str, str]], other: str) -> None:
        self.other = other
        super().__init__(choices=[*choices, (other, "Other")])

    def value_from_datadict(self, data: Mapping[str, Any], files: Any, name: str) -> Any:
        chosen = data.get(name)
        return data.get(self.other, "") if chosen in {None, self.other} else chosen

    def optgroups(self, name: str, value: list[str], attrs: Any = None) -> list[Any]:
        known = {carried for carried, _ in self.choices} | {""}
        return super().optgroups(name, [v if v in known else self.other for v in value], attrs)


class Select(forms.Select):
    """A select whose options are written in one go: there may be thousands."""

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        built = self.build_attrs(self.attrs, {"name": name, **(attrs or {})})
        shown = "".join(
            f" {key}" if said is True else f' {key}="{html.escape(str(said))}"'
            for key, said in built.items()
            if said is not False and said is not None
        )
        chosen = "" if value is None else str(value)
        return mark_safe(f"<select{shown}>{_options(self.choices, chosen)}</select>")  # noqa: S308


def _options(pairs: Iterable[tuple[Any, Any]], chosen: str | None = None) -> SafeString:
    return mark_safe(  # noqa: S308  every part is escaped
        "".join(
            f'<option value="{html.escape(value)}"{" selected" if value == chosen else ""}>'
            f"{html.escape(label)}</option>"
            for value, label in pairs
        )
    )


def _choices(feature: FeatureSpec) -> list[tuple[str, str]]:
    if feature.kind is Kind.BOOLEAN:
        labels = dict(feature.choices)
        choices = [("true", labels.get(True, "Yes")), ("false", labels.get(False, "No"))]
    else:
        choices = [(feature.index.carried(value), label) for value, label in feature.offered]
    if choices and feature.may_be_missing:
        choices.append((NOT_KNOWN, "Not known"))
    return choices


def _layout(feature: FeatureSpec, choices: list[tuple[str, str]]) -> str:
    if not choices:
        return "text"
    is_short = all(len(label) <= SHORT_LABEL for _, label in choices)
    if feature.kind is Kind.BOOLEAN or (len(choices) <= SEGMENT_CHOICES and is_short):
        return "segment"
    if len(choices) <= RADIO_CHOICES:
        return "radios"
    return "suggest" if feature.takes_others or len(choices) > SUGGESTED else "select"


def _widget(layout: str, field: InputField) -> forms.Widget:
    feature = field.feature
    if layout == "select":
        blank = [] if feature.may_be_missing else [("", "Choose …")]
        return Select(choices=blank + field.choices, attrs={"class": "form-select"})
    if field.has_other:
        return RadioOrOther(field.choices, field.other_name)
    if layout in {"segment", "radios"}:
        return forms.RadioSelect(choices=field.choices)
    attrs = {"class": "form-control", "autocomplete": "off"}
    if layout == "suggest":
        return forms.TextInput(attrs=attrs | {"list": f"{field.key}-known", "dir": "auto"})
    if feature.is_number:
        return forms.TextInput(attrs=attrs | {"inputmode": "decimal"})
    return forms.Textarea(attrs=attrs | {"rows": "3", "dir": "auto"})


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
