"""The field of one input: how the page draws it, and what its text means to the schema.

A feature's kind and choices decide between buttons, a select, a text field with suggestions and a
plain text field; a value beside the choices comes from the text field next to them.
"""

import html
from collections.abc import Iterable, Mapping
from typing import Any

from django import forms
from django.utils.safestring import SafeString, mark_safe

from config.text.numbers import count_text
from model_host.protocol.inputs import Scalar
from models_registry.inputs.feature_spec import FeatureSpec, Kind, same_value
from models_registry.inputs.number_text import typed

SEGMENT_CHOICES = 3
RADIO_CHOICES = 7
SHORT_LABEL = 22
SUGGESTED = 2000
"""The maximum number of listed choices; with more the value is typed, and the first ones are
suggested."""
NOT_KNOWN = ""
OTHER = "-other"
"""The suffix of the name of the text field beside the choices."""


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
