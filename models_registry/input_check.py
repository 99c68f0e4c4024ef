"""Checking one value against its feature. Pure; PRODUCT 1.5 has the rules."""

import difflib
import math
import unicodedata
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from models_registry.feature_spec import (
    MAX_TEXT_LENGTH,
    FeatureSpec,
    Kind,
    Requirement,
    Scalar,
    choice_text,
    same_value,
)
from models_registry.number_text import (
    MAX_EXACT_INTEGER,
    NumberProblem,
    format_number,
    parse_number,
    show_number,
)

SIMILAR = 0.75
"""How alike a word must be to a choice to be suggested (difflib's ratio)."""


@dataclass(frozen=True)
class InputError:
    """What is wrong with one value: the problem, the rule, and corrections as texts to type."""

    problem: str
    rule: str = ""
    suggestions: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.problem} {self.rule}." if self.rule else self.problem


def is_empty(raw: Any) -> bool:
    return raw is None or (isinstance(raw, str) and not raw.strip())


def clean_value(feature: FeatureSpec, raw: Any, decimal_mark: str) -> Scalar | InputError:
    if is_empty(raw):
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
        limit = _allowed_limit(feature, feature.maximum)
        return InputError(f"{format_number(parsed)} is too high.", feature.rule, (limit,))
    between = _nearest_steps(feature, parsed)
    if between:
        return InputError(f"{format_number(parsed)} is between two steps.", feature.rule, between)
    if feature.kind is Kind.FLOAT:
        return parsed
    if not parsed.is_integer():
        below, above = str(math.floor(parsed)), str(math.ceil(parsed))
        return InputError(f"Whole number expected: {below} or {above}?", suggestions=(below, above))
    if abs(parsed) > MAX_EXACT_INTEGER:
        return InputError("This number is too large to be kept exactly.", feature.rule)
    return int(parsed)


def _nearest_steps(feature: FeatureSpec, number: float) -> tuple[str, ...]:
    """The steps just below and above a number that is on none, as far as they are allowed; nothing
    for one that is. A step is met within a billionth of it, since 0.3 is no multiple of 0.1 in
    binary."""
    if not feature.step:
        return ()
    start = feature.minimum or 0.0
    steps = (number - start) / feature.step
    if abs(steps - round(steps)) <= 1e-9 * max(1.0, abs(steps)):
        return ()
    exact_start, exact_step = Decimal(str(start)), Decimal(str(feature.step))
    near = [
        float(exact_start + exact_step * count) for count in (math.floor(steps), math.ceil(steps))
    ]
    return tuple(
        format_number(value)
        for value in near
        if feature.maximum is None or value <= feature.maximum
    )


def _allowed_limit(feature: FeatureSpec, limit: float) -> str:
    """The limit, or where steps do not end on it the last step before."""
    steps = _nearest_steps(feature, limit)
    return steps[0] if steps else format_number(limit)


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
        if same_value(value, raw):
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


def _plain(text: str) -> str:
    """Case and accents forgiven."""
    decomposed = unicodedata.normalize("NFKD", text.strip().casefold())
    return "".join(c for c in decomposed if not unicodedata.combining(c))


def warnings_of(feature: FeatureSpec, value: Scalar, *, was_empty: bool) -> list[str]:
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
