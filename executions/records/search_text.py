"""The search index text of an execution: its inputs and result as displayed, and as stored.

Lower-case (casefold), one value a line, so that no search reaches across two values. Sensitive
inputs and the note are kept apart: only their owner searches those.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from config.text.numbers import written_with
from executions.results.answer import read_answer
from model_host.protocol.inputs import Scalar
from model_host.protocol.outputs import Outputs
from models_registry.inputs.feature_spec import FeatureSpec, choice_text
from models_registry.inputs.input_schema import InputSchema
from models_registry.models import Target


def text_of_inputs(schema: InputSchema, stored: Mapping[str, Any]) -> str:
    """Return the text of the inputs that are not sensitive; the first part of
    ``Execution.search_text``."""
    values = schema.read(stored)
    return _lines(
        text
        for feature in schema.features
        if not feature.is_sensitive
        for text in _texts(feature, values[feature.name])
    )


def text_of_result(outputs: Outputs, targets: Sequence[Target]) -> str:
    """Return the text of the prediction, which is added to ``Execution.search_text`` when it
    succeeds."""
    with written_with("."):
        answer = read_answer(outputs, targets)
    shown = [answer.text, *(text for _, text in answer.others)]
    return _lines([*shown, *(choice_text(target.value) for target in outputs.targets)])


def own_text(schema: InputSchema, stored: Mapping[str, Any], note: str) -> str:
    """Return the text of the sensitive inputs and the note: ``Execution.search_own``."""
    values = schema.read(stored)
    sensitive = (
        text
        for feature in schema.features
        if feature.is_sensitive
        for text in _texts(feature, values[feature.name])
    )
    return _lines([*sensitive, note])


def _texts(feature: FeatureSpec, value: Scalar) -> list[str]:
    shown = feature.display_with_unit(value)
    return [shown] if value is None else [shown, choice_text(value)]


def _lines(texts: Iterable[str]) -> str:
    lines = (" ".join(text.split()).casefold() for text in texts)
    return "".join(f"{line}\n" for line in dict.fromkeys(lines) if line)
