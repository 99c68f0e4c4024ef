"""The comparison page of two versions of a model, with the differences first."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.template.defaultfilters import filesizeformat
from django.utils.formats import date_format
from django.utils.timezone import localtime

from config.text.numbers import count_text, written
from models_registry.admin.page import model_page
from models_registry.card.facts import (
    cases_text,
    container_text,
    estimator_text,
    examination_of,
    saved_with_text,
    served_by_text,
    success_text,
)
from models_registry.card.model_card import fact_text
from models_registry.inputs.schema_changes import SchemaChanges, schema_changes
from models_registry.models import ModelVersion, RegisteredModel
from models_registry.promotion.metric_changes import MetricChange, metric_changes


@dataclass(frozen=True)
class Row:
    """One fact of both versions, in words; empty for a version that lacks it."""

    label: str
    before: str
    after: str

    @property
    def differs(self) -> bool:
        return self.before != self.after


@dataclass(frozen=True)
class Comparison:
    """``a`` is the baseline. ``facts`` and ``metrics`` come in the page's order."""

    a: ModelVersion
    b: ModelVersion
    metrics: tuple[MetricChange, ...]
    schema: SchemaChanges
    facts: tuple[Row, ...]

    @property
    def differing(self) -> list[Row]:
        return [row for row in self.facts if row.differs]

    @property
    def same(self) -> list[Row]:
        return [row for row in self.facts if not row.differs]


def compare(request: Any, pk: int) -> HttpResponse:
    """Compare the versions numbered ``a`` and ``b``: by default the live one, or the one before,
    and the newest. The address can be shared."""
    model = get_object_or_404(RegisteredModel, pk=pk)
    versions = model.versions.with_use().select_related("model", "uploaded_by").order_by("-number")
    numbers = dict(model.versions.values_list("number", "status"))
    a, b = _asked(request.GET, numbers)
    unknown = {request.GET.get("a", ""), request.GET.get("b", "")} - {"", *map(str, numbers)}
    if unknown:
        messages.error(request, f"There is no version {', '.join(sorted(unknown))} of this model.")
    return model_page(
        request,
        "compare",
        model,
        title=f"Compare versions of {model}",
        numbers=sorted(numbers, reverse=True),
        comparison=_comparison(versions, a, b) if a and b else None,
    )


def _asked(asked: Any, numbers: dict[int, str]) -> tuple[int | None, int | None]:
    by_text = {str(number): number for number in numbers}
    b = by_text.get(asked.get("b", ""), max(numbers, default=None))
    live = [number for number, status in numbers.items() if status == "active" and number != b]
    others = sorted((number for number in numbers if number != b), key=lambda number: -number)
    older = [number for number in others if b is not None and number < b]
    default = next(iter([*live, *older, *others]), None)
    return by_text.get(asked.get("a", ""), default), b


def _comparison(versions: QuerySet[ModelVersion], a: int, b: int) -> Comparison:
    found = {version.number: version for version in versions.filter(number__in={a, b})}
    before, after = found[a], found[b]
    return Comparison(
        a=before,
        b=after,
        metrics=metric_changes(before.metrics, after.metrics, after.training.metric_direction),
        schema=schema_changes(before.features.as_schema(), after.features.as_schema()),
        facts=tuple(
            Row(label, old, new)
            for (label, old), (_, new) in zip(_facts(before), _facts(after), strict=True)
        )
        + _library_rows(before, after),
    )


def _library_rows(before: ModelVersion, after: ModelVersion) -> tuple[Row, ...]:
    old, new = before.libraries_trained, after.libraries_trained
    return tuple(
        Row(f"Trained with {name}", str(old.get(name, "")), str(new.get(name, "")))
        for name in dict.fromkeys([*new, *old])
    )


def _facts(version: ModelVersion) -> Iterator[tuple[str, str]]:
    """The compared facts, in the order of the page."""
    examination = examination_of(version)
    yield "Answers", " · ".join(target.what_it_says for target in version.targets.all())
    yield "Kind of model", estimator_text(version)
    yield "Task", version.task
    yield "Takes", container_text(version)
    yield "Steps", "\n".join(f"{step.path}: {step.estimator}" for step in examination.steps)
    yield "Saved with", saved_with_text(version)
    yield "Served by", served_by_text(version, examination)
    yield (
        "Training data",
        ", ".join(f"{key} {fact_text(value)}" for key, value in version.training.data.items()),
    )
    yield "Saved cases", cases_text(version)
    yield "Tested", "Yes" if version.is_tested else "No"
    yield "Predictions served", count_text(version.served)  # type: ignore[attr-defined]
    yield "Success rate", success_text(version)
    yield "File", version.file_name
    yield "Format", version.format
    yield "Size", written(filesizeformat(version.size))
    yield "SHA-256", version.sha256
    yield "Status", version.get_status_display()
    yield "Label", version.label
    yield "Description", version.description
    yield "Uploaded by", str(version.uploaded_by or "")
    yield "Uploaded", date_format(localtime(version.uploaded_at), "DATETIME_FORMAT")
