"""Predictions as CSV: exactly the filtered ones, one line each.

Versions may differ in their inputs and classes: the columns are the union, in the order of the
newest version that has them, and a cell is empty where its version has no such thing.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Count, Exists, Max, Min, OuterRef

from executions.errors import TooManyRows, user_sentence
from executions.models import Execution, ExecutionQuerySet
from executions.results.answer import read_answer
from models_registry.inputs.feature_spec import choice_text
from models_registry.inputs.input_schema import InputSchema
from models_registry.models import ModelVersion, Target

ROWS_AT_ONCE = 1000
BEFORE = ("id", "submitted_at", "finished_at", "status", "model", "version")
PREDICTION = ("prediction", "prediction_label", "confidence", "interval_low", "interval_high")
AFTER = ("warnings", "error", "duration_s", "note")


@dataclass(frozen=True)
class Shape:
    """The inputs, targets and classes of one version's executions."""

    model: str
    number: int
    schema: InputSchema
    targets: list[Target]
    classes: tuple[str, ...]

    @property
    def further(self) -> list[str]:
        """The names of the targets after the first."""
        return [str(target) for target in self.targets[1:]]


@dataclass(frozen=True)
class Export:
    """A file that is written while it is sent: ``lines`` reads the database as it goes."""

    executions: ExecutionQuerySet
    count: int
    days: tuple[date, date] | None
    zone: ZoneInfo
    shapes: dict[int, Shape]
    inputs: tuple[str, ...]
    classes: tuple[str, ...]
    further: tuple[str, ...]
    is_owner: bool

    @property
    def file_name(self) -> str:
        """predictions_2026-03-01_2026-03-31.csv: its first and last day, or those asked for."""
        days = [f"_{day}" for day in self.days or ()]
        return f"predictions{''.join(days)}.csv"

    @property
    def header(self) -> list[str]:
        inputs = (f"input.{name}" for name in self.inputs)
        further = (f"prediction.{name}" for name in self.further)
        classes = (f"probability.{name}" for name in self.classes)
        return [*BEFORE, *inputs, *PREDICTION, *further, *classes, *AFTER]

    def lines(self) -> Iterator[list[Any]]:
        """Yield one list of cells for each execution, newest first, in constant memory: the rows
        come through a cursor of the database."""
        rows = self.executions.select_related(None).prefetch_related(None)
        rows = rows.defer("traceback", "diagnostics", "search_text", "search_own")
        for execution in rows.iterator(chunk_size=ROWS_AT_ONCE):
            yield self.line(execution)

    def line(self, execution: Execution) -> list[Any]:
        """Return the cells of one execution."""
        shape = self.shapes[execution.version_id]
        values = shape.schema.read(execution.inputs or {})
        duration = execution.response_time
        return [
            execution.public_id,
            _local(execution.requested_at, self.zone),
            _local(execution.finished_at, self.zone),
            execution.get_status_display(),
            shape.model,
            shape.number,
            *(values.get(name) for name in self.inputs),
            *self._prediction(execution, shape),
            "; ".join(execution.warnings),
            user_sentence(execution.error_code, execution.message),
            duration.total_seconds() if duration else None,
            execution.note if self.is_owner else None,
        ]

    def _prediction(self, execution: Execution, shape: Shape) -> list[Any]:
        outputs = execution.read_outputs()
        if outputs is None:
            return [None] * (len(PREDICTION) + len(self.further) + len(self.classes))
        first, *others = outputs.targets
        further = {name: one.value for name, one in zip(shape.further, others, strict=False)}
        chances = {choice_text(one.value): one.probability for one in first.probabilities}
        return [
            first.value,
            read_answer(outputs, shape.targets).label,
            first.confidence,
            first.interval and first.interval.low,
            first.interval and first.interval.high,
            *(further.get(name) for name in self.further),
            *(chances.get(name) for name in self.classes),
        ]


def export(
    executions: ExecutionQuerySet,
    *,
    zone: ZoneInfo,
    start: date | None = None,
    end: date | None = None,
    is_owner: bool = True,
    is_limited: bool = True,
) -> Export:
    """Prepare a file of ``executions``; ``start`` and ``end`` are the days asked for, if any.
    Without ``is_owner`` sensitive inputs and notes stay out. Raises TooManyRows over
    EXPORT_MAX_ROWS where it ``is_limited``."""
    limit, counted = settings.EXPORT_MAX_ROWS, executions.order_by()
    found = (counted[: limit + 1] if is_limited else counted).aggregate(
        count=Count("pk"), first=Min("requested_at"), last=Max("requested_at")
    )
    if is_limited and found["count"] > limit:
        raise TooManyRows(limit)
    first = start or (found["first"] and found["first"].astimezone(zone).date())
    last = end or (found["last"] and found["last"].astimezone(zone).date())
    shapes = _shapes(executions, is_owner)
    return Export(
        executions=executions,
        count=found["count"],
        days=(first, last) if first and last else None,
        zone=zone,
        shapes=shapes,
        inputs=_union([feature.name for feature in s.schema.features] for s in shapes.values()),
        classes=_union(shape.classes for shape in shapes.values()),
        further=_union(shape.further for shape in shapes.values()),
        is_owner=is_owner,
    )


def _shapes(executions: ExecutionQuerySet, is_owner: bool) -> dict[int, Shape]:
    """The versions of ``executions``, the newest of each model first."""
    versions = (
        ModelVersion.objects.filter(Exists(executions.order_by().filter(version=OuterRef("pk"))))
        .select_related("model")
        .prefetch_related("features", "targets")
        .order_by("model__name", "-number")
    )
    return {
        version.pk: Shape(
            model=version.model.name,
            number=version.number,
            schema=InputSchema(
                tuple(f.spec for f in version.features.all() if is_owner or not f.is_sensitive)
            ),
            targets=list(version.targets.all()),
            classes=_classes(executions.filter(version=version)),
        )
        for version in versions
    }


def _classes(executions: ExecutionQuerySet) -> tuple[str, ...]:
    """The classes of a version, which all its answers name, but those of a batch."""
    answered = executions.filter(status=Execution.Status.SUCCEEDED, outputs__isnull=False).exclude(
        purpose=Execution.Purpose.BATCH
    )
    for execution in answered.select_related(None).order_by().only("outputs")[:1]:
        outputs = execution.read_outputs()
        assert outputs is not None
        return tuple(choice_text(one.value) for one in outputs.targets[0].probabilities)
    return ()


def _union(names: Any) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for group in names for name in group))


def _local(moment: datetime | None, zone: ZoneInfo) -> datetime | None:
    return moment.astimezone(zone) if moment else None
