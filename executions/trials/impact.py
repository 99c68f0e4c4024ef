"""The impact of a candidate: its answers to the inputs of real predictions, compared with the
answers that people got."""

import math
import statistics
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from config.text.numbers import decimal_text
from executions.answer import four_digits
from executions.models import Execution, ExecutionQuerySet
from model_host.protocol.inputs import Scalar
from models_registry.inputs.number_text import with_unit
from models_registry.models import ModelVersion, Rehearsal
from models_registry.rehearsal_results import Answered, Failed, Skipped

COUNT = 200


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
class Impact:
    """The impact of a candidate. ``asked`` predictions, of which ``valid`` have inputs that the
    candidate accepts; on ``failed`` of these it gave no answer. ``moves`` are (from, to, count),
    the most frequent first. The changes of numbers are absolute, in the target's unit."""

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
    kept = Execution.objects.kept().filter(pk__in=rehearsal.of, outputs__isnull=False)
    executions = {
        execution.pk: execution
        for execution in kept.select_related("version").prefetch_related("version__targets")
    }
    results = [
        (executions.get(UUID(pk)), result)
        for pk, result in zip(rehearsal.of, rehearsal.row_results, strict=True)
    ]
    unit = next((target.unit for target in candidate.targets.all()), "")
    return summarize(
        [
            Said(said_by(execution.version, _value(execution)), said_by(candidate, result.value))
            for execution, result in results
            if execution is not None and isinstance(result, Answered)
        ],
        asked=len(results),
        valid=sum(not isinstance(result, Skipped) for _, result in results),
        failed=sum(isinstance(result, Failed) for _, result in results),
        unit=unit,
    )


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
