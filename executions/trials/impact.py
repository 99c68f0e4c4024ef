"""The impact of a candidate: its answers to the inputs of real predictions, compared with the
answers that people got."""

import math
import statistics
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Any
from uuid import UUID

from django.db.models import prefetch_related_objects

from config.text.numbers import MINUS, decimal_text
from executions.models import Execution, ExecutionQuerySet
from executions.records.hiding import HIDDEN
from executions.results.answer import four_digits, input_text
from model_host.protocol.inputs import Scalar
from models_registry.inputs.input_schema import InputSchema
from models_registry.inputs.number_text import with_unit
from models_registry.models import ModelVersion, Rehearsal
from models_registry.rehearsal_results import Answered, Failed, Skipped

COUNT = 200
CHANGED_SHOWN = 20
"""The number of changed answers that are shown one by one."""


@dataclass(frozen=True)
class Said:
    """The answer that people got for one set of inputs, and the candidate's. Classes are texts
    (their labels), numbers are floats."""

    before: str | float
    after: str | float

    @property
    def change(self) -> float | None:
        if isinstance(self.before, str) or isinstance(self.after, str):
            return None
        return self.after - self.before

    @property
    def is_same(self) -> bool:
        if isinstance(self.before, str) or isinstance(self.after, str):
            return self.before == self.after
        return math.isclose(self.before, self.after, rel_tol=1e-9)


@dataclass(frozen=True)
class ChangedAnswer:
    """A prediction that the candidate answers in another way, in words. ``inputs``: label, value
    for the version that answered it, and value for the candidate; "" where a version has not the
    input, and hidden where it is sensitive in either."""

    execution: Execution
    before: str
    after: str
    difference: str
    inputs: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True)
class Impact:
    """The impact of a candidate. ``asked`` predictions, of which ``valid`` have inputs that the
    candidate accepts; on ``failed`` of these it gave no answer. ``moves`` are (from, to, count),
    the most frequent first. The changes of numbers are absolute, in the target's unit.
    ``changed``: the predictions themselves, the largest change first."""

    asked: int
    valid: int
    failed: int
    answered: int
    same: int
    moves: tuple[tuple[str, str, int], ...] = ()
    up: int = 0
    down: int = 0
    median_change: float | None = None
    largest_change: float | None = None
    unit: str = ""
    changed: tuple[ChangedAnswer, ...] = ()

    @property
    def more_changed(self) -> int:
        """The changed answers that are not among those shown."""
        return self.answered - self.same - len(self.changed)

    @property
    def same_percent(self) -> str:
        return f"{decimal_text(100 * self.same / self.answered, 1)} %" if self.answered else "–"

    @property
    def median_text(self) -> str:
        return self._with_unit(self.median_change)

    @property
    def largest_text(self) -> str:
        return self._with_unit(self.largest_change)

    def _with_unit(self, number: float | None) -> str:
        return "" if number is None else with_unit(four_digits(number), self.unit)


def summarize(
    said: Iterable[Said], *, asked: int, valid: int, failed: int, unit: str = ""
) -> Impact:
    """Summarise how a candidate's answers differ from those that people got. Pure."""
    pairs = list(said)
    changes = [pair.change for pair in pairs if pair.change is not None]
    moves = Counter(
        (str(pair.before), str(pair.after))
        for pair in pairs
        if pair.change is None and not pair.is_same
    )
    differing = [pair.change for pair in pairs if pair.change is not None and not pair.is_same]
    return Impact(
        asked=asked,
        valid=valid,
        failed=failed,
        answered=len(pairs),
        same=sum(pair.is_same for pair in pairs),
        moves=tuple((*move, count) for move, count in moves.most_common()),
        up=sum(change > 0 for change in differing),
        down=sum(change < 0 for change in differing),
        median_change=statistics.median(map(abs, changes)) if changes else None,
        largest_change=max(map(abs, changes), default=None),
        unit=unit,
    )


def recent_predictions(version: ModelVersion) -> ExecutionQuerySet:
    """Return the last 200 predictions that people got from the model and did not delete."""
    kept = Execution.objects.predictions().kept().filter(version__model=version.model_id)
    return kept.filter(status=Execution.Status.SUCCEEDED, outputs__isnull=False)[:COUNT]


def impact_of(rehearsal: Rehearsal) -> Impact:
    """Compare the results of a finished rehearsal with the predictions that still exist."""
    candidate = rehearsal.version
    prefetch_related_objects([candidate], "targets")
    kept = Execution.objects.kept().filter(pk__in=rehearsal.of, outputs__isnull=False)
    known = kept.select_related("version").prefetch_related("version__targets")
    executions = {execution.pk: execution for execution in known}
    results = [
        (executions.get(UUID(pk)), result)
        for pk, result in zip(rehearsal.of, rehearsal.row_results, strict=True)
    ]
    unit = next((target.unit for target in candidate.targets.all()), "")
    pairs = [
        (
            execution,
            Said(said_by(execution.version, _value(execution)), said_by(candidate, result.value)),
        )
        for execution, result in results
        if execution is not None and isinstance(result, Answered)
    ]
    impact = summarize(
        [said for _, said in pairs],
        asked=len(results),
        valid=sum(not isinstance(result, Skipped) for _, result in results),
        failed=sum(isinstance(result, Failed) for _, result in results),
        unit=unit,
    )
    differing = [(execution, said) for execution, said in pairs if not said.is_same]
    differing.sort(key=lambda pair: -abs(pair[1].change or 0))
    schema_of = cache(lambda version: version.features.as_schema())
    return replace(
        impact,
        changed=tuple(
            _changed(execution, said, unit, schema_of(execution.version), schema_of(candidate))
            for execution, said in differing[:CHANGED_SHOWN]
        ),
    )


def _changed(
    execution: Execution, said: Said, unit: str, own: InputSchema, other: InputSchema
) -> ChangedAnswer:
    def in_words(value: str | float) -> str:
        return value if isinstance(value, str) else with_unit(four_digits(value), unit)

    sign = "" if said.change is None else "+" if said.change > 0 else MINUS
    return ChangedAnswer(
        execution,
        in_words(said.before),
        in_words(said.after),
        "" if said.change is None else f"{sign}{in_words(abs(said.change))}",
        tuple(_inputs_beside(execution.inputs or {}, own, other)),
    )


def _inputs_beside(
    inputs: dict[str, Any], own: InputSchema, other: InputSchema
) -> Iterator[tuple[str, str, str]]:
    """The inputs of either version, those of the version that answered first."""
    texts: list[dict[str, str]] = []
    labels: dict[str, str] = {}
    for schema in (own, other):
        values = schema.read(inputs)
        asked = [one for one in schema.in_form_order if one.is_asked]
        texts.append({one.name: input_text(one, values[one.name]) for one in asked})
        labels |= {one.name: one.label for one in asked if one.name not in labels}
    features = (*own.features, *other.features)
    sensitive = {one.name for one in features if one.is_sensitive}
    before, after = texts
    for name, label in labels.items():
        told, answered = before.get(name, ""), after.get(name, "")
        if name in sensitive:
            told, answered = told and HIDDEN, answered and HIDDEN
        yield label, told, answered


def _value(execution: Execution) -> Scalar:
    outputs = execution.read_outputs()
    return outputs.targets[0].value if outputs else None


def said_by(version: ModelVersion, value: Scalar) -> str | float:
    """Return a value of the first target as people read it: a class as its label, a number as it
    is."""
    if version.task == "regression" and isinstance(value, int | float):
        return float(value)
    for target in version.targets.all():
        return target.label_of(value)
    return str(value)
