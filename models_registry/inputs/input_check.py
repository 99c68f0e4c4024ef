"""The check of one value against its feature. Pure."""

import math
import re
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from config.text.numbers import count_text, written_with
from models_registry.inputs.feature_spec import FeatureSpec, Kind, Requirement, Scalar, choice_text
from models_registry.inputs.labels import visible
from models_registry.inputs.number_text import (
    MAX_WHOLE,
    MIN_WHOLE,
    NumberProblem,
    as_float,
    format_number,
    is_whole,
    parse_number,
    singular,
)

INCOMPLETE = (
    "This input is not complete yet: the file does not say what values it takes. "
    "An admin completes it on the page of the version's inputs."
)
TOO_LOW, TOO_HIGH, NO_CHOICE = "This is too low.", "This is too high.", "This is not a choice."
"""Problems without the value."""
_QUOTED = 60
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


@dataclass(frozen=True)
class InputError:
    """The error of one value: the problem, the rule, and corrections as texts to type; ``guess`` is
    the question whether another value was meant. ``plain`` is the problem without the value, where
    the problem quotes it."""

    problem: str
    rule: str = ""
    suggestions: tuple[str, ...] = ()
    guess: str = ""
    plain: str = ""

    def __str__(self) -> str:
        return f"{self.without_rule} {self.rule}." if self.rule else self.without_rule

    @property
    def without_rule(self) -> str:
        """The error beside choices that can be seen."""
        return f"{self.problem} {self.guess}".rstrip()

    @property
    def without_value(self) -> str:
        """The error and its rule, for an answer that must not repeat what was sent."""
        return " ".join(filter(None, (self.plain or self.problem, self.rule and f"{self.rule}.")))

    @property
    def short(self) -> str:
        """The problem alone, for a list of links."""
        return self.problem.removesuffix(".")


@dataclass(frozen=True)
class CheckedValue:
    """The outcome of one value's check: the value or its error, and the warnings, whose numbers
    have a point, since they are stored."""

    outcome: Scalar | InputError
    warnings: tuple[str, ...] = ()


def check_value(feature: FeatureSpec, raw: Any, decimal_mark: str) -> CheckedValue:
    """Check one value against its feature: the one function that forms, commands and batches
    share."""
    if not feature.is_complete:
        return CheckedValue(InputError(INCOMPLETE))
    value = clean_value(feature, raw, decimal_mark)
    if isinstance(value, InputError):
        return CheckedValue(value)
    with written_with("."):
        said = warnings_of(feature, value, was_empty=is_empty(feature, raw))
    return CheckedValue(value, tuple(said))


def is_empty(feature: FeatureSpec, raw: Any) -> bool:
    """Return whether no value was given. A blank text is a value where the model was trained with
    it, and where it reads texts and cannot do without one."""
    if not isinstance(raw, str) or raw.strip():
        return raw is None
    if feature.kind is Kind.STRING:
        return feature.requirement is not Requirement.REQUIRED
    return raw not in feature.index


def clean_value(feature: FeatureSpec, raw: Any, decimal_mark: str) -> Scalar | InputError:
    if feature.kind is Kind.UNUSED:
        return _noted(feature, raw)
    if is_empty(feature, raw):
        if feature.requirement is Requirement.REQUIRED:
            return InputError("A value is needed.", feature.rule)
        return feature.default if feature.requirement is Requirement.OPTIONAL else None
    if not isinstance(raw, str | bool | int | float):
        return InputError("This is not a single value.", feature.rule)
    if not isinstance(raw, str) and not _is_finite(raw):
        return InputError("This is not a finite number.", feature.rule)
    if isinstance(raw, str) and (place := _unstorable(raw)):
        where = f"at character {count_text(place)}"
        return InputError(
            f"“{visible(raw[place - 1])}” {where} cannot be stored: remove it.",
            plain=f"The text has a character {where} that cannot be stored: remove it.",
        )
    if feature.is_number:
        return _clean_number(feature, raw, decimal_mark)
    if feature.kind is Kind.BOOLEAN:
        return _clean_boolean(feature, raw)
    if feature.kind is Kind.CHOICE:
        return _clean_choice(feature, raw, decimal_mark)
    if not isinstance(raw, str):
        return InputError("This is not text.", feature.rule)
    return _clean_text(feature, raw)


def _noted(feature: FeatureSpec, raw: Any) -> Scalar:
    """A value that no step uses, kept with the row if it can be stored; a blank counts as
    missing."""
    if isinstance(raw, str):
        is_kept = raw.strip() and not _unstorable(raw) and len(raw) <= feature.longest_text
        return raw if is_kept else None
    if isinstance(raw, int | float):
        return raw if _is_finite(raw) else None
    return None


def _is_finite(number: int | float) -> bool:
    """Whether a float64 can approximate the number."""
    try:
        return math.isfinite(number)
    except OverflowError:
        return False


def _unstorable(text: str) -> int:
    """The place, from 1, of the first character that PostgreSQL or UTF-8 cannot hold; else 0."""
    found = _UNSTORABLE.search(text)
    return found.start() + 1 if found else 0


def _clean_text(feature: FeatureSpec, text: str) -> Scalar | InputError:
    if len(text) > feature.longest_text:
        return InputError(f"The text has {count_text(len(text))} characters.", feature.rule)
    return text.replace("\r\n", "\n")


def _clean_number(
    feature: FeatureSpec, raw: str | bool | int | float, decimal_mark: str
) -> Scalar | InputError:
    number = _number(raw, decimal_mark, feature.unit)
    if isinstance(number, InputError):
        return replace(number, rule=feature.rule)
    if feature.minimum is not None and number < feature.minimum:
        limit = format_number(feature.minimum)
        return InputError(
            f"{feature.shown(number)} is too low.", feature.rule, (limit,), plain=TOO_LOW
        )
    if feature.maximum is not None and number > feature.maximum:
        limit = _allowed_limit(feature, feature.maximum)
        return InputError(
            f"{feature.shown(number)} is too high.", feature.rule, (limit,), plain=TOO_HIGH
        )
    between = _nearest_steps(feature, number)
    if between:
        said = f"{feature.shown(number)} is between two steps."
        return InputError(said, feature.rule, between, plain="This is between two steps.")
    if feature.kind is Kind.FLOAT:
        return as_float(number)
    if not is_whole(number):
        below, above = str(math.floor(number)), str(math.ceil(number))
        said = f"Whole number expected: {below} or {above}?"
        return InputError(said, suggestions=(below, above), plain="Whole number expected.")
    if not MIN_WHOLE <= number <= MAX_WHOLE:
        return InputError("This number is too large.", feature.rule)
    return int(number)


def _number(
    raw: str | bool | int | float, decimal_mark: str, unit: str = ""
) -> int | float | InputError:
    """``true`` and ``false`` are 1 and 0; the input's own unit may stand beside the number."""
    if isinstance(raw, str):
        word = raw.strip()
        if word.casefold() in {"true", "false"}:
            return int(word.casefold() == "true")
        bare = word.removeprefix(unit).removesuffix(unit) if unit else word
        if unit and bare == word:
            bare = word.removesuffix(singular(unit))
        parsed = parse_number(bare, decimal_mark=decimal_mark)
        if isinstance(parsed, NumberProblem):
            plain = "This can be read as two numbers." if parsed.readings else ""
            return InputError(parsed.message, suggestions=parsed.readings, plain=plain)
        return parsed
    return raw + 0.0 if isinstance(raw, float) else int(raw)


def _nearest_steps(feature: FeatureSpec, number: int | float) -> tuple[str, ...]:
    """The steps just below and above a number that is on none, as far as they are allowed; nothing
    for one that is. A step is met within a billionth of it, since 0.3 is no multiple of 0.1 in
    binary; whole numbers with whole steps are met exactly."""
    if not feature.step:
        return ()
    start = Decimal(str(feature.minimum or 0))
    step = Decimal(str(feature.step))
    if isinstance(number, int) and start % 1 == 0 and step % 1 == 0:
        below, rest = divmod(number - int(start), int(step))
        counts = (below, below + 1) if rest else ()
    else:
        steps = (number - float(start)) / feature.step
        is_met = abs(steps - round(steps)) <= 1e-9 * max(1.0, abs(steps))
        counts = () if is_met else (math.floor(steps), math.ceil(steps))
    near = [start + step * count for count in counts]
    return tuple(
        format_number(int(value) if value % 1 == 0 else float(value))
        for value in near
        if feature.maximum is None or value <= feature.maximum
    )


def _allowed_limit(feature: FeatureSpec, limit: int | float) -> str:
    """The limit, or the last step before it if no step meets it."""
    steps = _nearest_steps(feature, limit)
    return steps[0] if steps else format_number(limit)


_YES = {"yes", "true", "1", "on", "y"}
_NO = {"no", "false", "0", "off", "n"}


def _clean_boolean(feature: FeatureSpec, raw: str | bool | int | float) -> Scalar | InputError:
    if isinstance(raw, bool):
        return raw
    word = format_number(raw) if isinstance(raw, int | float) else raw.strip().casefold()
    for value, label in feature.choices:
        if isinstance(value, bool) and word == label.casefold():
            return value
    if word in _YES:
        return True
    if word in _NO:
        return False
    said = f"{_quoted(raw)} is neither yes nor no."
    return InputError(said, feature.rule, plain="This is neither yes nor no.")


def _clean_choice(
    feature: FeatureSpec, raw: str | bool | int | float, decimal_mark: str
) -> Scalar | InputError:
    known = feature.index
    if raw in known:
        return known.known(raw)
    for text in _spellings(feature, raw):
        if (value := known.written(text)) is not None:
            return value
    number = None
    if known.are_numbers:
        number = _number(raw, decimal_mark)
        if not isinstance(number, InputError) and number in known:
            return known.known(number)
    if feature.takes_others:
        return _other(feature, raw, number)
    for text in _spellings(feature, raw):
        if (value := known.meant(text)) is not None:
            return value
    text = str(raw).strip()
    if label := known.similar(text):
        return InputError(
            f"{_quoted(text)} is not a choice.",
            suggestions=(label,),
            guess=f"Did you mean {label}?",
            plain=NO_CHOICE,
        )
    return InputError(f"{_quoted(text)} is not a choice.", feature.rule, plain=NO_CHOICE)


def _spellings(feature: FeatureSpec, raw: str | bool | int | float) -> tuple[str, ...]:
    """The accepted spellings of a value among the choices; true and false stand for 1 and 0, and
    the reverse, if there are no other choices."""
    texts: tuple[str, ...]
    if isinstance(raw, str):
        texts, word = (raw,), raw.strip().casefold()
    else:
        texts = (str(raw),) if isinstance(raw, bool) else (str(raw), format_number(raw))
        word = texts[-1].casefold()
    said = {choice_text(value) for value, _ in feature.choices[:3]}
    if len(said) == len(feature.choices):
        for truths in _TRUTHS:
            if word in truths and said <= set(truths.values()):
                return (*texts, truths[word])
    return texts


_TRUTHS = ({"false": "0", "true": "1"}, {"0": "false", "1": "true"})


def _other(
    feature: FeatureSpec, raw: str | bool | int | float, number: int | float | InputError | None
) -> Scalar | InputError:
    """A value that is not a choice, in the type of the choices, for an encoder that accepts
    others."""
    known = feature.index
    if isinstance(number, InputError):
        return replace(number, rule=feature.rule)
    if number is not None:
        return number if known.are_whole else as_float(number)
    if known.are_texts and not isinstance(raw, bool):
        return _clean_text(feature, raw if isinstance(raw, str) else format_number(raw))
    if known.are_truths and isinstance(raw, bool):
        return raw
    return InputError(f"{_quoted(raw)} is not a choice.", feature.rule, plain=NO_CHOICE)


def _quoted(value: Any) -> str:
    """A value in quotes, not longer than a line."""
    text = visible(str(value))
    return f"“{text if len(text) <= _QUOTED else text[:_QUOTED] + '…'}”"


def warnings_of(feature: FeatureSpec, value: Scalar, *, was_empty: bool) -> list[str]:
    """Return what a person should know about a valid value, for the one who reads the page."""
    if was_empty and feature.requirement is Requirement.OPTIONAL and value is not None:
        used = feature.shown_with_unit(value)
        return [f"{feature.label} was left empty. The default {used} was used."]
    if value is None and feature.filler is not None:
        return [f"{feature.label} was left empty, which counts as not known."]
    if value is None and feature.imputed is not None:
        used = feature.imputed_text(feature.imputed)
        return [f"{feature.label} was left empty. The model used {used}."]
    if feature.kind is Kind.CHOICE and value is not None and value not in feature.index:
        return [_unknown(feature, value)]
    if feature.kind is Kind.STRING and isinstance(value, str) and not value.strip():
        return [f"{feature.label}: the text is empty."]
    if not feature.is_number or not isinstance(value, int | float):
        return []
    low, high = feature.soft_minimum, feature.soft_maximum
    if (low is None or value >= low) and (high is None or value <= high):
        return []
    trained = "–".join("" if end is None else _brief(feature, end, value) for end in (low, high))
    return [
        f"{feature.label}: {feature.shown(value)} is outside the range the model was trained on "
        f"({trained})."
    ]


def _brief(feature: FeatureSpec, end: int | float, value: int | float) -> str:
    """An end of the trained range with six significant digits, and with all of them only where the
    value would seem to be within."""
    brief = float(f"{end:.6g}")
    is_alike = (value < brief, value > brief) == (value < end, value > end)
    return feature.shown(brief if is_alike else end)


def _unknown(feature: FeatureSpec, value: Scalar) -> str:
    """The warning that the model was not trained with a value, with the known value that may be
    meant."""
    is_shown = not feature.is_sensitive
    similar = feature.index.similar(value) if is_shown and isinstance(value, str) else None
    meant = f" Did you mean {similar}?" if similar else ""
    said = _quoted(choice_text(value)) if is_shown else "this value"
    return (
        f"{feature.label}: the model was not trained with {said}, and answers as for any value "
        f"that it does not know.{meant}"
    )
