"""The input schema of a version, and the check of a whole set of values.

Pure. The form, the commands, retries and presets all call ``InputSchema.clean``; nothing else
checks a value.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from config.text.numbers import written_with
from models_registry.inputs.feature_spec import FeatureSpec, Kind, Requirement, Scalar
from models_registry.inputs.input_check import (
    CheckedValue,
    InputError,
    check_value,
    warnings_of,
)
from models_registry.inputs.input_rules import RuleKind, RuleSpec
from models_registry.inputs.number_text import as_float

MAX_EXAMPLES = 20
"""The number of choices that the schema lists for an input that accepts other values too."""

Check = Callable[[FeatureSpec, Any, str], CheckedValue]


@dataclass(frozen=True)
class CleanedInputs:
    """The result of a check: a value for every feature, or the errors by feature name. Nothing may
    run unless ``errors`` is empty."""

    values: dict[str, Scalar]
    errors: dict[str, InputError]
    warnings: tuple[str, ...] = ()

    @property
    def is_valid(self) -> bool:
        return not self.errors


@dataclass(frozen=True)
class InputSchema:
    """The features of one version in training order, and the rules between them."""

    features: tuple[FeatureSpec, ...]
    rules: tuple[RuleSpec, ...] = ()

    def clean(
        self, raw: Mapping[str, Any], *, decimal_mark: str = "", check: Check = check_value
    ) -> CleanedInputs:
        """Check ``raw`` (by feature name: texts from a form, or JSON scalars) against every rule.

        All errors are reported at once, that of a rule under its second input. Unknown names are an
        error under the name itself. ``check`` is `check_value`, or the same with a memory.
        """
        values: dict[str, Scalar] = {}
        errors: dict[str, InputError] = {}
        warnings: list[str] = []
        for feature in self.features:
            checked = check(feature, raw.get(feature.name), decimal_mark)
            if isinstance(checked.outcome, InputError):
                errors[feature.name] = checked.outcome
                continue
            values[feature.name] = checked.outcome
            warnings.extend(checked.warnings)
        for name in list(raw.keys() - values.keys() - errors.keys())[:20]:
            errors[str(name)] = InputError("The model has no such input.")
        errors |= self._broken_rules(values)
        return CleanedInputs(values, errors, tuple(warnings))

    def shown_warnings(self, warnings: Sequence[str], values: Mapping[str, Any]) -> list[str]:
        """Return stored warnings about these values for the person who reads the page: the numbers
        of those that this schema gives, or a worker begins with "Age = 1.5", in their notation."""
        read = self.read(values)
        pairs: dict[str, str] = {}
        for feature in self.features if warnings else ():
            value = read[feature.name]
            for was_empty in (False, True):
                with written_with("."):
                    kept = warnings_of(feature, value, was_empty=was_empty)
                pairs |= zip(kept, warnings_of(feature, value, was_empty=was_empty), strict=True)
            begins = f"{feature.label} = {feature.display(value)} "
            pairs |= {
                text: text.replace(begins, f"{feature.label} = {feature.shown(value)} ", 1)
                for text in warnings
                if text.startswith(begins)
            }
        return [pairs.get(text, text) for text in warnings]

    def _broken_rules(self, values: Mapping[str, Scalar]) -> dict[str, InputError]:
        """The broken rules by second input; a rule is only checked once both of its values are
        valid."""
        broken: dict[str, list[str]] = {}
        for rule in self.rules:
            if {rule.first, rule.second} <= values.keys() and not rule.is_kept(values):
                sentence = rule.message or rule.sentence(self.by_name)
                broken.setdefault(rule.second, []).append(sentence)
        return {name: InputError(" ".join(sentences)) for name, sentences in broken.items()}

    @property
    def by_name(self) -> dict[str, FeatureSpec]:
        return {feature.name: feature for feature in self.features}

    @property
    def in_form_order(self) -> tuple[FeatureSpec, ...]:
        """The features in the form's order: by rank, each group together at the place of its first
        input."""
        ranked = sorted(self.features, key=lambda feature: feature.rank)
        groups: dict[str, int] = {}
        for feature in ranked:
            groups.setdefault(feature.group, len(groups))
        return tuple(sorted(ranked, key=lambda feature: groups[feature.group]))

    @property
    def asked(self) -> tuple[FeatureSpec, ...]:
        """The features that have a field, in the form's order: those that the model uses."""
        return tuple(feature for feature in self.in_form_order if feature.is_asked)

    def read(self, stored: Mapping[str, Any]) -> dict[str, Scalar]:
        """Return stored inputs with each number in the type of its kind: PostgreSQL's JSON keeps
        the value of 1e22 but not that it was a float."""
        return {
            feature.name: read_value(feature, stored.get(feature.name)) for feature in self.features
        }

    def typical_values(self) -> dict[str, Scalar]:
        """Return the typical row: the one that an example answers, a form opens with on "Typical
        values", an explanation compares with, and an admin sees in the preview and in a test.

        With reference data its values are those of a row that occurs
        (`models_registry/reference/typical_row.py`). Without, they are what the file tells (a
        scaler's mean, an imputer's median, else the first category), corrected where a rule
        between two inputs is broken. None: the input is left empty.
        """
        row = {feature.name: feature.usual_value for feature in self.features}
        for rule in (*self.rules, *self.rules):  # a correction may break the rule before it
            if {rule.first, rule.second} <= row.keys() and not rule.is_kept(row):
                row |= self._corrected(rule, row)
        return row

    def _corrected(self, rule: RuleSpec, row: Mapping[str, Scalar]) -> dict[str, Scalar]:
        """One value that keeps the rule, if there is one near."""
        ends = {name: self.by_name[name] for name in (rule.first, rule.second)}
        for name, value in _candidates(rule, ends, row):
            fit = check_value(ends[name], value, "").outcome
            if not isinstance(fit, InputError) and rule.is_kept({**row, name: fit}):
                return {name: fit}
        return {}

    @property
    def digest(self) -> str:
        """The digest of the schema, sent with a form, so that a form opened on one version is never
        read by the positions of another, nor run under rules that the person did not see."""
        shape: list[list[Scalar]] = [[f.name, f.kind] for f in self.features]
        shape += [[r.first, r.kind, r.second, r.value] for r in self.rules]
        return hashlib.sha256(json.dumps(shape).encode()).hexdigest()[:16]

    def json_schema(self) -> dict[str, Any]:
        """Return the schema as JSON Schema, for people to read in Prefect, without sensitive
        inputs."""
        shown = [feature for feature in self.features if not feature.is_sensitive]
        return {
            "type": "object",
            "properties": {feature.name: _json_schema(feature) for feature in shown},
            "required": [
                feature.name for feature in shown if feature.requirement is Requirement.REQUIRED
            ],
        }


def _candidates(
    rule: RuleSpec, ends: Mapping[str, FeatureSpec], row: Mapping[str, Scalar]
) -> Iterator[tuple[str, Scalar]]:
    """Values of one of a rule's inputs that may keep it, the least change first."""
    first, second = row[rule.first], row[rule.second]
    if rule.kind is RuleKind.REQUIRES:
        needed = replace(ends[rule.second], requirement=Requirement.REQUIRED)
        yield from ((rule.first, value) for value, _ in ends[rule.first].choices)
        yield from ((rule.first, value) for value in (False, True))
        yield rule.second, needed.usual_value
        return
    if not isinstance(first, int | float) or not isinstance(second, int | float):
        return
    is_whole = Kind.INTEGER in {ends[rule.first].kind, ends[rule.second].kind}
    gap = 0 if rule.kind is RuleKind.AT_MOST else 1 if is_whole else abs(second) / 100 or 0.01
    yield rule.first, second - gap
    yield rule.second, first + gap
    yield rule.first, ends[rule.first].shown_range[0]
    yield rule.second, ends[rule.second].shown_range[1]


def read_value(feature: FeatureSpec, value: Any) -> Scalar:
    """Convert one stored value to the type of its input's kind."""
    if value is None or isinstance(value, bool | str):
        return value
    if feature.kind is Kind.FLOAT:
        return as_float(value)
    if feature.kind is Kind.INTEGER:
        return int(value)
    return feature.index.known(value)


def _json_schema(feature: FeatureSpec) -> dict[str, Any]:
    types = {
        Kind.INTEGER: "integer",
        Kind.FLOAT: "number",
        Kind.STRING: "string",
        Kind.BOOLEAN: "boolean",
    }
    schema: dict[str, Any] = {"title": feature.label}
    if feature.kind is Kind.CHOICE:
        values = [value for value, _ in feature.choices]
        schema |= {"examples": values[:MAX_EXAMPLES]} if feature.takes_others else {"enum": values}
    elif feature.kind in types:
        schema["type"] = types[feature.kind]
    optional = {
        "description": " ".join(filter(None, [feature.help, feature.unit])) or None,
        "minimum": feature.minimum,
        "maximum": feature.maximum,
        "default": feature.default,
    }
    return schema | {key: value for key, value in optional.items() if value is not None}
