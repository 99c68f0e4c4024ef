"""Template data of presets and suggestions."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from executions.results.answer import input_text
from model_host.protocol.inputs import Scalar
from models_registry.inputs.input_schema import InputSchema
from presets.fitting import Fit, fit
from presets.models import Preset
from presets.suggestions import Suggestion

SHOWN = 3
LONGEST = 60
"""Characters of a value in a list."""


@dataclass(frozen=True)
class Row:
    """A preset in a list: its first values as text, how many more, and how it fits today; None
    while its model has no live version."""

    preset: Preset
    values: list[str]
    more: int
    fit: Fit | None


def rows(presets: Iterable[Preset], schema: InputSchema) -> list[Row]:
    return [_row(preset, schema) for preset in presets]


def _row(preset: Preset, schema: InputSchema) -> Row:
    texts = value_texts(preset.inputs, schema)
    fitting = fit(preset.inputs, schema)
    shown = texts[:SHOWN]
    return Row(preset, shown, max(0, len(preset.inputs) - len(shown)), fitting)


def value_texts(values: Mapping[str, Scalar], schema: InputSchema) -> list[str]:
    """Return "Age 34 years" for each value, those that lists show first."""
    features = sorted(schema.in_form_order, key=lambda feature: not feature.is_listed)
    return [
        f"{feature.label} {_brief(input_text(feature, values[feature.name]))}"
        for feature in features
        if feature.name in values
    ]


def _brief(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


@dataclass(frozen=True)
class SuggestionRow:
    suggestion: Suggestion
    title: str
    count: int


def suggestion_rows(suggestions: Iterable[Suggestion], schema: InputSchema) -> list[SuggestionRow]:
    return [_suggestion_row(suggestion, schema) for suggestion in suggestions]


def _suggestion_row(suggestion: Suggestion, schema: InputSchema) -> SuggestionRow:
    texts = value_texts(suggestion.values, schema)
    more = len(texts) - SHOWN
    words = ", ".join(texts[:SHOWN]) + (f", and {more} more" if more > 0 else "")
    title = f"Your usual values: {words}" if suggestion.is_usual else words
    return SuggestionRow(suggestion, title, len(texts))
