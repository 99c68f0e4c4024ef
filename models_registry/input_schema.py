"""The input schema of a version: what inputs it takes, and the one set of rules for values.

Pure. The form, the commands, retries and presets all ask ``InputSchema.clean``; nothing else checks
a value.
"""

import difflib
import enum
import hashlib
import json
import math
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from models_registry.number_text import (
    MAX_EXACT_INTEGER,
    NumberProblem,
    format_number,
    parse_number,
    show_number,
    with_unit,
)

Scalar = bool | int | float | str | None

MAX_TEXT_LENGTH = 1000
SIMILAR = 0.75
"""How alike a word must be to a choice to be suggested (difflib's ratio)."""


class Kind(enum.Enum):
    INTEGER = "integer"
    FLOAT = "float"
    STRING = "string"
    BOOLEAN = "boolean"
    CHOICE = "choice"

    @property
    def label(self) -> str:
        return {
            "integer": "Whole number",
            "float": "Number",
            "string": "Text",
            "boolean": "Yes or no",
            "choice": "Choice",
        }[self.value]


class Requirement(enum.Enum):
    REQUIRED = "required"
    OPTIONAL = "optional"
    MAY_BE_MISSING = "may_be_missing"

    @property
    def label(self) -> str:
        return {
            "required": "Required",
            "optional": "Optional, with a default",
            "may_be_missing": "May be missing",
        }[self.value]


@dataclass(frozen=True)
class FeatureSpec:
    """One input. ``name`` is the training column; ``choices`` are (value, label) pairs; ``default``
    fills an empty optional input; ``imputed`` is what the model itself puts for a missing one;
    ``typical`` is a value to show; ``sources`` says where each proposed field came from."""

    name: str
    label: str
    kind: Kind
    requirement: Requirement = Requirement.REQUIRED
    help: str = ""
    unit: str = ""
    group: str = ""
    minimum: float | None = None
    maximum: float | None = None
    soft_minimum: float | None = None
    soft_maximum: float | None = None
    choices: tuple[tuple[Scalar, str], ...] = ()
    default: Scalar = None
    typical: Scalar = None
    imputed: Scalar = None
    is_sensitive: bool = False
    is_listed: bool = False
    is_complete: bool = True
    sources: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_number(self) -> bool:
        return self.kind in {Kind.INTEGER, Kind.FLOAT}

    @property
    def may_be_missing(self) -> bool:
        return self.requirement is Requirement.MAY_BE_MISSING

    @property
    def rule(self) -> str:
        """The hard rule in words: "Expected a value between 0 and 100 years"."""
        if self.kind is Kind.BOOLEAN:
            return "Expected Yes or No"
        if self.kind is Kind.CHOICE and len(self.choices) <= 10:
            return "Expected one of: " + ", ".join(label for _, label in self.choices)
        if self.kind is Kind.CHOICE:
            return f"Expected one of {len(self.choices)} choices"
        if self.kind is Kind.STRING:
            return f"Expected text of at most {MAX_TEXT_LENGTH} characters"
        thing = "a whole number" if self.kind is Kind.INTEGER else "a value"
        unit = f" {self.unit}" if self.unit else ""
        low = None if self.minimum is None else format_number(self.minimum)
        high = None if self.maximum is None else format_number(self.maximum)
        if low is not None and high is not None:
            return f"Expected {thing} between {low} and {high}{unit}"
        if low is not None:
            return f"Expected {thing} of at least {low}{unit}"
        if high is not None:
            return f"Expected {thing} of at most {high}{unit}"
        return "Expected a whole number" if self.kind is Kind.INTEGER else "Expected a number"

    @property
    def range_text(self) -> str:
        """What the field's help line says after its own words: range, typical value, and what
        happens when it is left empty."""
        parts = []
        low, high = self.shown_range
        if self.is_number and low is not None and high is not None:
            parts.append(f"{show_number(low)} to {show_number(high)}")
        if self.is_number and self.typical is not None:
            parts.append(f"typical {self.display(self.typical)}")
        sentences = [", ".join(parts)] if parts else []
        if self.may_be_missing:
            sentences.append("Leave empty if not known")
            if self.imputed is not None:
                sentences.append(f"The model will use {self.display_with_unit(self.imputed)}")
        elif self.requirement is Requirement.OPTIONAL and self.default is not None:
            sentences.append(f"Empty means {self.display(self.default)}")
        return ". ".join(sentences)

    @property
    def shown_range(self) -> tuple[float | None, float | None]:
        """The bounds to show: the hard ones, else the range the model was trained on."""
        return (
            self.soft_minimum if self.minimum is None else self.minimum,
            self.soft_maximum if self.maximum is None else self.maximum,
        )

    def as_typed(self, value: Scalar) -> str:
        """A value as a form field holds it, so that it reads back as the same value."""
        if value is None:
            return ""
        return value if isinstance(value, str) else choice_text(value)

    def display(self, value: Scalar) -> str:
        """A stored value as people read it, without the unit."""
        if value is None:
            return "not known"
        for known, label in self.choices:
            if _same(known, value):
                return label
        if isinstance(value, bool):
            return "Yes" if value else "No"
        return show_number(value) if isinstance(value, int | float) else value

    def display_with_unit(self, value: Scalar) -> str:
        return self.display(None) if value is None else with_unit(self.display(value), self.unit)


@dataclass(frozen=True)
class TargetSpec:
    """One output: its name, what people call it, its unit, and (class, label) pairs."""

    name: str
    label: str = ""
    unit: str = ""
    class_labels: tuple[tuple[Scalar, str], ...] = ()


@dataclass(frozen=True)
class InputError:
    """What is wrong with one value: the problem, the rule, and corrections as texts to type."""

    problem: str
    rule: str = ""
    suggestions: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.problem} {self.rule}." if self.rule else self.problem


@dataclass(frozen=True)
class CleanedInputs:
    """The outcome of a check: a value for every feature, or the errors by feature name. Nothing may
    run while ``errors`` holds anything."""

    values: dict[str, Scalar]
    errors: dict[str, InputError]
    warnings: tuple[str, ...] = ()

    @property
    def is_valid(self) -> bool:
        return not self.errors


@dataclass(frozen=True)
class InputSchema:
    """The ordered features of one version."""

    features: tuple[FeatureSpec, ...]

    def clean(self, raw: Mapping[str, Any], *, decimal_mark: str = "") -> CleanedInputs:
        """Check ``raw`` (by feature name: texts from a form, or JSON scalars) against every rule.

        All errors are reported at once. Unknown names are an error under the name itself.
        """
        values: dict[str, Scalar] = {}
        errors: dict[str, InputError] = {}
        warnings: list[str] = []
        for feature in self.features:
            value = _clean_value(feature, raw.get(feature.name), decimal_mark)
            if isinstance(value, InputError):
                errors[feature.name] = value
                continue
            values[feature.name] = value
            warnings.extend(_warnings(feature, value, was_empty=_is_empty(raw.get(feature.name))))
        known = {feature.name for feature in self.features}
        for name in list(raw.keys() - known)[:20]:
            errors[str(name)] = InputError("The model has no such input.")
        return CleanedInputs(values, errors, tuple(warnings))

    def read(self, stored: Mapping[str, Any]) -> dict[str, Scalar]:
        """Stored inputs with each number in the type of its kind: JSON in PostgreSQL keeps the
        value of 1e22 but not that it was a float."""
        return {
            feature.name: _typed(feature, stored.get(feature.name)) for feature in self.features
        }

    def typical_values(self) -> dict[str, Scalar]:
        """A typical row, for "Typical values" and trial runs."""
        return {
            feature.name: feature.default if feature.typical is None else feature.typical
            for feature in self.features
        }

    @property
    def digest(self) -> str:
        """Names the schema in a form, so that a form opened on one version is never read by the
        positions of another."""
        names = [[feature.name, feature.kind.value] for feature in self.features]
        return hashlib.sha256(json.dumps(names).encode()).hexdigest()[:16]

    def json_schema(self) -> dict[str, Any]:
        """The schema as JSON Schema, for people to read in Prefect, without sensitive inputs."""
        shown = [feature for feature in self.features if not feature.is_sensitive]
        return {
            "type": "object",
            "properties": {feature.name: _json_schema(feature) for feature in shown},
            "required": [
                feature.name for feature in shown if feature.requirement is Requirement.REQUIRED
            ],
        }


def _is_empty(raw: Any) -> bool:
    return raw is None or (isinstance(raw, str) and not raw.strip())


def _clean_value(feature: FeatureSpec, raw: Any, decimal_mark: str) -> Scalar | InputError:
    if _is_empty(raw):
        if feature.requirement is Requirement.REQUIRED:
            return InputError("A value is needed.", feature.rule)
        return feature.default if feature.requirement is Requirement.OPTIONAL else None
    if not isinstance(raw, str | bool | int | float):
        return InputError("This is not a single value.", feature.rule)
    if isinstance(raw, str) and _unstorable(raw):
        return InputError("The text holds a character that cannot be stored.", feature.rule)
    if feature.is_number:
        return _clean_number(feature, raw, decimal_mark)
    if feature.kind is Kind.BOOLEAN:
        return _clean_boolean(feature, raw)
    if feature.kind is Kind.CHOICE:
        return _clean_choice(feature, raw)
    if not isinstance(raw, str):
        return InputError("This is not text.", feature.rule)
    if len(raw) > MAX_TEXT_LENGTH:
        return InputError(f"The text has {len(raw)} characters.", feature.rule)
    return raw.replace("\r\n", "\n")


def _unstorable(text: str) -> bool:
    """NUL and lone surrogates are refused by PostgreSQL; U+FFFD stands for bytes that were no text;
    control characters would not show what is stored."""
    return any(
        character == "\ufffd"
        or (unicodedata.category(character) in {"Cc", "Cs"} and character not in "\t\r\n")
        for character in text
    )


def _clean_number(
    feature: FeatureSpec, raw: str | bool | int | float, decimal_mark: str
) -> Scalar | InputError:
    if isinstance(raw, bool):
        return InputError("This is not a number.", feature.rule)
    if isinstance(raw, str):
        parsed = parse_number(raw, decimal_mark=decimal_mark)
        if isinstance(parsed, NumberProblem):
            return InputError(parsed.message, feature.rule, parsed.readings)
    else:
        try:
            parsed = float(raw) + 0.0
        except OverflowError:
            parsed = math.inf
        if not math.isfinite(parsed):
            return InputError("This is not a finite number.", feature.rule)
    if feature.minimum is not None and parsed < feature.minimum:
        limit = format_number(feature.minimum)
        return InputError(f"{format_number(parsed)} is too low.", feature.rule, (limit,))
    if feature.maximum is not None and parsed > feature.maximum:
        limit = format_number(feature.maximum)
        return InputError(f"{format_number(parsed)} is too high.", feature.rule, (limit,))
    if feature.kind is Kind.FLOAT:
        return parsed
    if not parsed.is_integer():
        below, above = str(math.floor(parsed)), str(math.ceil(parsed))
        return InputError(f"Whole number expected: {below} or {above}?", suggestions=(below, above))
    if abs(parsed) > MAX_EXACT_INTEGER:
        return InputError("This number is too large to be kept exactly.", feature.rule)
    return int(parsed)


_YES = {"yes", "true", "1", "on", "y"}
_NO = {"no", "false", "0", "off", "n"}


def _clean_boolean(feature: FeatureSpec, raw: str | bool | int | float) -> Scalar | InputError:
    if isinstance(raw, bool):
        return raw
    word = str(raw).strip().casefold()
    for value, label in feature.choices:
        if isinstance(value, bool) and word == label.casefold():
            return value
    if word in _YES:
        return True
    if word in _NO:
        return False
    return InputError(f"“{raw}” is neither yes nor no.", feature.rule)


def _clean_choice(feature: FeatureSpec, raw: str | bool | int | float) -> Scalar | InputError:
    for value, _ in feature.choices:
        if _same(value, raw):
            return value
    text = str(raw).strip()
    for value, label in feature.choices:
        if text in {label, choice_text(value)}:
            return value
    plain = _plain(text)
    alike = [
        value for value, label in feature.choices if plain in {_plain(label), _plain(str(value))}
    ]
    if len(alike) == 1:
        return alike[0]
    labels = {_plain(label): label for _, label in feature.choices}
    near = difflib.get_close_matches(plain, labels, n=1, cutoff=SIMILAR)
    if near:
        label = labels[near[0]]
        return InputError(f"“{text}” is not a choice. Did you mean {label}?", suggestions=(label,))
    return InputError(f"“{text}” is not a choice.", feature.rule)


def choice_text(value: Scalar) -> str:
    """A choice's raw value as a form carries it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return format_number(value) if isinstance(value, int | float) else str(value)


def _same(one: Scalar, other: Any) -> bool:
    return (
        one == other
        and isinstance(one, bool) == isinstance(other, bool)
        and (isinstance(one, str) == isinstance(other, str))
    )


def _plain(text: str) -> str:
    """Case and accents forgiven."""
    decomposed = unicodedata.normalize("NFKD", text.strip().casefold())
    return "".join(c for c in decomposed if not unicodedata.combining(c))


def _typed(feature: FeatureSpec, value: Any) -> Scalar:
    if value is None or isinstance(value, bool | str):
        return value
    if feature.kind is Kind.FLOAT:
        return float(value)
    if feature.kind is Kind.CHOICE:
        return next((known for known, _ in feature.choices if _same(known, value)), value)
    return int(value)


def _warnings(feature: FeatureSpec, value: Scalar, *, was_empty: bool) -> list[str]:
    if was_empty and feature.requirement is Requirement.OPTIONAL and value is not None:
        used = feature.display_with_unit(value)
        return [f"{feature.label} was left empty. The default {used} was used."]
    if value is None and feature.imputed is not None:
        used = feature.display_with_unit(feature.imputed)
        return [f"{feature.label} was left empty. The model used {used}."]
    if not feature.is_number or not isinstance(value, int | float):
        return []
    low, high = feature.soft_minimum, feature.soft_maximum
    if (low is None or value >= low) and (high is None or value <= high):
        return []
    trained = "–".join("" if bound is None else show_number(bound) for bound in (low, high))
    return [
        f"{feature.label}: {show_number(value)} is outside the range the model was trained on "
        f"({trained})."
    ]


def _json_schema(feature: FeatureSpec) -> dict[str, Any]:
    types = {
        Kind.INTEGER: "integer",
        Kind.FLOAT: "number",
        Kind.STRING: "string",
        Kind.BOOLEAN: "boolean",
    }
    schema: dict[str, Any] = {"title": feature.label}
    if feature.kind is Kind.CHOICE:
        schema["enum"] = [value for value, _ in feature.choices]
    else:
        schema["type"] = types[feature.kind]
    optional = {
        "description": " ".join(filter(None, [feature.help, feature.unit])) or None,
        "minimum": feature.minimum,
        "maximum": feature.maximum,
        "default": feature.default,
    }
    return schema | {key: value for key, value in optional.items() if value is not None}
