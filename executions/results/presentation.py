"""Template data of executions: rows of a list, and one execution with all its parts."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from config.text.numbers import count_text
from executions.errors import user_sentence
from executions.models import Execution
from executions.results.answer import Answer, IntervalText, input_text, read_answer
from models_registry import own_rehearsals
from models_registry.inputs.feature_spec import FeatureSpec
from models_registry.inputs.input_schema import InputSchema, read_value
from models_registry.models import ModelVersion, ReferenceData

LISTED_INPUTS = 3


@dataclass(frozen=True)
class Row:
    """One execution in a list: up to three inputs, the number of further ones, and the result or
    the status."""

    execution: Execution
    inputs: list[tuple[str, str]]
    more: int
    result: str
    confidence: str
    is_low: bool
    interval: IntervalText | None = None

    @property
    def certainty(self) -> str:
        """How sure the model was, for a list: "93.6 %" of a class, "118 to 245" of a number; empty
        where the model does not say."""
        return self.interval.text if self.interval else self.confidence

    @property
    def certainty_name(self) -> str:
        """What the certainty is, for whoever points at it or hears it: "90 % interval"."""
        if self.interval:
            return self.interval.name
        return "Model confidence" if self.confidence else ""


def rows(executions: Iterable[Execution]) -> list[Row]:
    """Return rows for executions whose ``version`` has its features and targets prefetched."""
    listed: dict[int, list[FeatureSpec]] = {}
    return [_row(execution, _listed(execution.version, listed)) for execution in executions]


def _listed(version: ModelVersion, known: dict[int, list[FeatureSpec]]) -> list[FeatureSpec]:
    """The version's inputs, the listed ones first; made once however many rows have it."""
    if version.pk not in known:
        schema = InputSchema(tuple(feature.spec for feature in version.features.all()))
        known[version.pk] = sorted(schema.in_form_order, key=lambda feature: not feature.is_listed)
    return known[version.pk]


def _row(execution: Execution, listed: list[FeatureSpec]) -> Row:
    if execution.is_batch:
        return _batch_row(execution)
    stored = execution.inputs or {}
    inputs = [one for one in listed if one.is_asked or stored.get(one.name) is not None]
    answer = answer_of(execution)
    return Row(
        execution=execution,
        inputs=[
            (one.label, input_text(one, read_value(one, stored.get(one.name))))
            for one in inputs[:LISTED_INPUTS]
        ],
        more=max(0, len(inputs) - LISTED_INPUTS),
        result=answer.text if answer else error_sentence(execution) or _progress(execution),
        confidence=answer.confidence_text if answer else "",
        is_low=bool(answer and answer.is_low),
        interval=answer.interval if answer else None,
    )


def _batch_row(execution: Execution) -> Row:
    """A batch in a list: its file, and how many rows it has."""
    count = execution.batch.row_count
    result = f"{count_text(count)} row{'' if count == 1 else 's'}"
    if execution.error_code:
        result = f"{result}. {error_sentence(execution)}"
    return Row(execution, [("Rows", execution.batch.came_as)], 0, result, "", is_low=False)


def _progress(execution: Execution) -> str:
    if execution.status == Execution.Status.CANCELED:
        return "Canceled by you"
    if execution.started_at is None or execution.status == Execution.Status.QUEUED:
        return "Waiting in the queue"
    return f"Running for {(timezone.now() - execution.started_at).total_seconds():.0f} s"


def answer_of(execution: Execution) -> Answer | None:
    """Return the answer for a line of text; `drawn_answer_of` for a page that draws it."""
    outputs = execution.read_outputs()
    return read_answer(outputs, list(execution.version.targets.all())) if outputs else None


def drawn_answer_of(execution: Execution) -> Answer | None:
    """Return the answer; an interval is drawn among the outcomes of the reference data: one query
    more."""
    outputs = execution.read_outputs()
    if outputs is None:
        return None
    outcomes = outcomes_of(execution.version) if outputs.targets[0].interval else None
    return read_answer(outputs, list(execution.version.targets.all()), outcomes=outcomes)


def outcomes_of(version: ModelVersion) -> tuple[float, float] | None:
    """Return the least and the greatest outcome in the version's reference data, if it has any that
    are numbers."""
    return ReferenceData.objects.filter(version=version).range_of_outcomes()


@dataclass(frozen=True)
class Example:
    """The model's answer to the typical row, and its inputs as (label, value with unit)."""

    answer: Answer
    inputs: list[tuple[str, str]]


def example_of(version: ModelVersion, schema: InputSchema) -> Example | None:
    """Return the answer to the version's present typical row; None until it is worked out."""
    found = own_rehearsals.example_of(version, schema.typical_values())
    if found is None:
        return None
    answer = read_answer(found.outputs, list(version.targets.all()))
    return Example(answer, input_texts(schema, found.inputs))


def error_sentence(execution: Execution) -> str:
    return user_sentence(execution.error_code, execution.message)


@dataclass(frozen=True)
class Blamed:
    """The input that the model did not accept: its value, why, and the id of its field in the
    form."""

    label: str
    value: str
    reason: str
    anchor: str


def blamed_input(execution: Execution, schema: InputSchema) -> Blamed | None:
    """Return the input that a failure's message begins with, if it begins with one."""
    if execution.error_code != "INPUT":
        return None
    named = [
        (place, feature)
        for place, feature in enumerate(schema.features)
        if execution.message.startswith(f"{feature.label}: ")
    ]
    if not named:
        return None
    place, feature = max(named, key=lambda one: len(one[1].label))
    value = read_value(feature, (execution.inputs or {}).get(feature.name))
    reason = execution.message.removeprefix(f"{feature.label}: ").rstrip(".")
    return Blamed(feature.label, input_text(feature, value), reason, f"id_f{place}")


def input_texts(schema: InputSchema, stored: dict[str, Any]) -> list[tuple[str, str]]:
    """Return (label, value with unit) of stored inputs, in the form's order. What the model does
    not look at is there if something was given for it."""
    values = schema.read(stored)
    features = [
        feature
        for feature in schema.in_form_order
        if feature.is_asked or values[feature.name] is not None
    ]
    return [(feature.label, input_text(feature, values[feature.name])) for feature in features]
