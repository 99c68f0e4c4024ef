"""The forms of the page on which an admin edits a version's inputs and answers."""

from dataclasses import dataclass, replace
from typing import Any

from django import forms

from config.text.numbers import whole_number
from models_registry.forms.choices_form import ChoiceRow
from models_registry.forms.input_spec_form import InputSpecForm
from models_registry.inputs.configuration import Configuration
from models_registry.inputs.feature_spec import (
    MAX_LABEL,
    MAX_UNIT,
    FeatureSpec,
    Requirement,
    TargetSpec,
)
from models_registry.inputs.input_check import InputError, clean_value
from models_registry.inputs.input_rules import MAX_RULES, RULE_LABELS, RuleKind, RuleSpec
from models_registry.inputs.labels import choice_label
from models_registry.inputs.spec_check import rule_problems

BLANK_RULES = 2
INPUTS_AT_ONCE, PART = 200, 50
"""More inputs than the first are shown in parts of the second."""


class TargetForm(forms.Form):
    """The name of one answer, its unit, and the labels of its classes."""

    label = forms.CharField(max_length=MAX_LABEL, required=False)
    unit = forms.CharField(max_length=MAX_UNIT, required=False)

    def __init__(self, spec: TargetSpec, index: int, data: Any = None) -> None:
        self.spec, self.index = spec, index
        initial = {"label": spec.label, "unit": spec.unit}
        super().__init__(data, prefix=f"t{index}", initial=initial)
        if spec.class_labels:
            del self.fields["unit"]
        for number, (value, label) in enumerate(spec.class_labels):
            self.fields[f"c{number}"] = forms.CharField(
                label=f"Label of {value}", max_length=MAX_LABEL, required=False, initial=label
            )

    @property
    def class_rows(self) -> list[ChoiceRow]:
        return [
            ChoiceRow(choice_label(value), self[f"c{number}"])
            for number, (value, _) in enumerate(self.spec.class_labels)
        ]

    @property
    def cleaned_spec(self) -> TargetSpec:
        data = self.cleaned_data
        return replace(
            self.spec,
            label=data["label"],
            unit=data.get("unit", self.spec.unit),
            class_labels=tuple(
                (value, data[f"c{number}"] or choice_label(value))
                for number, (value, _) in enumerate(self.spec.class_labels)
            ),
        )


class RuleForm(forms.Form):
    """One rule. Inputs are given by their number in training order, or by the name of the training
    column if there are too many to choose from."""

    first = forms.CharField(required=False)
    kind = forms.ChoiceField(choices=list(RULE_LABELS.items()))
    value = forms.CharField(
        label="Value", required=False, help_text="Only for the last kind of rule."
    )
    second = forms.CharField(required=False)
    message = forms.CharField(
        label="What people read",
        max_length=300,
        required=False,
        help_text="Empty: a sentence made of the labels.",
    )
    remove = forms.BooleanField(label="Remove this rule", required=False)

    def __init__(
        self, index: int, features: tuple[FeatureSpec, ...], rule: RuleSpec | None, data: Any = None
    ) -> None:
        self.index, self.rule, self.known = index, rule, features
        self.cleaned_rule: RuleSpec | None = None
        super().__init__(data, prefix=f"r{index}", initial=self._initial())

    def _initial(self) -> dict[str, str]:
        if self.rule is None:
            return {}
        numbers = {
            feature.name: feature.name if self.is_named else str(number)
            for number, feature in enumerate(self.known)
        }
        first = {feature.name: feature for feature in self.known}.get(self.rule.first)
        return {
            "first": numbers.get(self.rule.first, ""),
            "kind": self.rule.kind,
            "value": first.display(self.rule.value)
            if first and self.rule.value is not None
            else "",
            "second": numbers.get(self.rule.second, ""),
            "message": self.rule.message,
        }

    @property
    def is_named(self) -> bool:
        """Whether the inputs are written by name rather than chosen from a list."""
        return len(self.known) > INPUTS_AT_ONCE

    def _end(self, text: str, features: tuple[FeatureSpec, ...]) -> FeatureSpec | None:
        """The input that one end of the rule names."""
        if self.is_named:
            return next((one for one in features if text in {one.name, one.label}), None)
        number = whole_number(text, digits=4)
        return features[number] if number is not None and number < len(features) else None

    @property
    def sentence(self) -> str:
        """The rule as it was saved, in labels."""
        known = {feature.name: feature for feature in self.known}
        return self.rule.sentence(known) if self.rule else ""

    def check(self, features: tuple[FeatureSpec, ...], mark: str) -> None:
        """Check the rule against the inputs as the admin wants them now."""
        data = self.cleaned_data
        if data["remove"] or not any(data[n] for n in ("first", "second", "value", "message")):
            return
        ends: dict[str, FeatureSpec] = {}
        for end in ("first", "second"):
            named = self._end(data[end], features)
            if named is not None:
                ends[end] = named
            else:
                self.add_error(end, "Choose an input.")
        if len(ends) < 2:
            return
        rule = RuleSpec(
            ends["first"].name, RuleKind(data["kind"]), ends["second"].name, None, data["message"]
        )
        if rule.kind is RuleKind.REQUIRES:
            loose = replace(ends["first"], requirement=Requirement.MAY_BE_MISSING)
            value = clean_value(loose, data["value"], mark)
            if isinstance(value, InputError):
                self.add_error("value", str(value))
                return
            rule = replace(rule, value=value)
        for field, sentence in rule_problems(rule, {f.name: f for f in features}).items():
            self.add_error(field, sentence)
        self.cleaned_rule = None if self.errors else rule


@dataclass(frozen=True)
class Correction:
    """A value that needs a correction: the id of its field, and the message."""

    id: str
    text: str


class ConfigurationForm:
    """The whole page: a form for every input in training order, for every answer, for every rule.
    ``configuration`` is the saved one; once valid, ``cleaned`` is the submitted one. ``revision``
    is the one that the admin edited. Of many inputs the page shows a part: the ``page`` (from 1) of
    those whose name or label contains ``wanted``; the others are unchanged."""

    def __init__(
        self,
        configuration: Configuration,
        *,
        revision: int,
        decimal_mark: str,
        data: Any = None,
        page: int = 1,
        wanted: str = "",
    ) -> None:
        self.configuration, self.mark, self.data = configuration, decimal_mark, data
        posted = (data or {}).get("revision", "")
        self.revision = whole_number(posted, digits=8, default=revision)
        features = configuration.features
        self.places = {
            feature.name: place
            for place, feature in enumerate(configuration.schema.in_form_order, start=1)
        }
        self.wanted = wanted.strip()
        found = self._found()
        part = PART if len(features) > INPUTS_AT_ONCE else INPUTS_AT_ONCE
        self.page_count = max(1, -(-len(found) // part))
        self.page = min(max(1, page), self.page_count)
        shown = found[(self.page - 1) * part : self.page * part]
        self.inputs = [
            InputSpecForm(
                features[index], index, self.places[features[index].name], decimal_mark, data
            )
            for index in sorted(shown)
        ]
        self.targets = [
            TargetForm(spec, index, data) for index, spec in enumerate(configuration.targets)
        ]
        self.rules = [
            RuleForm(index, features, rule, data) for index, rule in enumerate(self._rules())
        ]
        self.problem = ""
        self.cleaned: Configuration | None = None

    def _found(self) -> list[int]:
        """The positions of the matching inputs, in the form's order; of many, those that need
        completing come first."""
        features, word = self.configuration.features, self.wanted.casefold()
        found = [
            index
            for index, spec in enumerate(features)
            if word in spec.name.casefold() or word in spec.label.casefold()
        ]
        return sorted(found, key=lambda i: (features[i].is_complete, self.places[features[i].name]))

    @property
    def total(self) -> int:
        return len(self.configuration.features)

    @property
    def is_part(self) -> bool:
        """Whether there are more inputs than the page shows."""
        return len(self.inputs) < self.total

    @property
    def pages(self) -> range:
        return range(1, self.page_count + 1)

    def _rules(self) -> list[RuleSpec | None]:
        """The saved rules, and blank ones as far as there may be more."""
        saved: list[RuleSpec | None] = list(self.configuration.rules[:MAX_RULES])
        if self.data is None:
            return [*saved, *[None] * min(BLANK_RULES, MAX_RULES - len(saved))]
        count = sum(f"r{number}-kind" in self.data for number in range(MAX_RULES))
        return [*saved[:count], *[None] * (count - len(saved))]

    @property
    def options(self) -> list[tuple[str, str]]:
        """The inputs to choose from in a rule, in the form's order."""
        return [(str(form.index), form.spec.label) for form in self.in_order]

    @property
    def in_order(self) -> list[InputSpecForm]:
        """The inputs of this page as the form shows them."""
        return sorted(self.inputs, key=lambda form: self.places[form.spec.name])

    @property
    def sections(self) -> list[InputSpecForm]:
        """The sections of the page; inputs that need completing come first."""
        return sorted(
            self.in_order, key=lambda form: not (form.errors or not form.spec.is_complete)
        )

    @property
    def incomplete(self) -> list[FeatureSpec]:
        return [spec for spec in self.configuration.features if not spec.is_complete]

    @property
    def groups(self) -> list[str]:
        return list(dict.fromkeys(f.group for f in self.configuration.features if f.group))

    def is_valid(self) -> bool:
        """Check everything, so that all errors are reported at once."""
        if self.data is None:
            return False
        parts: list[forms.Form] = [*self.inputs, *self.targets, *self.rules]
        wrong = [part for part in parts if not part.is_valid()]
        shown = {form.index: form.cleaned_spec for form in self.inputs}
        wanted = tuple(
            shown.get(index) or spec for index, spec in enumerate(self.configuration.features)
        )
        for rule in self.rules:
            if rule.is_valid():
                rule.check(wanted, self.mark)
        valid = not wrong and not any(rule.errors for rule in self.rules)
        if valid:
            self.cleaned = Configuration(
                self._ranked(wanted),
                tuple(form.cleaned_spec for form in self.targets),
                tuple(form.cleaned_rule for form in self.rules if form.cleaned_rule),
            )
        return valid

    def _ranked(self, wanted: tuple[FeatureSpec, ...]) -> tuple[FeatureSpec, ...]:
        """Ranks from 1 in the order of the places: an input that moved up goes before the one whose
        place it takes, one that moved down after it."""
        asked = {form.index: form.cleaned_data["place"] for form in self.inputs}
        if all(form.initial["place"] == asked[form.index] for form in self.inputs):
            return wanted

        def key(index: int) -> tuple[int, int, int]:
            was = self.places[self.configuration.features[index].name]
            place = asked.get(index, was)
            return place, (place > was) - (place < was), was

        order = sorted(range(len(wanted)), key=key)
        ranks = {index: rank for rank, index in enumerate(order, start=1)}
        return tuple(replace(spec, rank=ranks[index]) for index, spec in enumerate(wanted))

    @property
    def error_summary(self) -> list[Correction]:
        """The link and the message for every field that needs a correction."""
        if self.data is None:
            return []
        named: list[tuple[str, forms.Form, str]] = [
            *((form.spec.label, form, f"input-{form.index}") for form in self.sections),
            *((form.spec.label or "Answer", form, "answers") for form in self.targets),
            *((f"Rule {form.index + 1}", form, "rules") for form in self.rules),
        ]
        return [
            Correction(form[field].auto_id, f"{name}, {form[field].label.lower()}: {errors[0]}")
            if field in form.fields
            else Correction(anchor, f"{name}: {errors[0]}")
            for name, form, anchor in named
            for field, errors in form.errors.items()
        ]
