"""The filter form of executions, shared by the history page, its CSV and the admin's export.

Days are calendar days in the person's timezone, both inclusive. Everything is in the query string.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from executions.history.search import Comparison, Word, parse
from executions.history.search_query import (
    UnreadableSearch,
    condition,
    named_inputs,
    too_short_for_an_id,
)
from executions.models import Execution, ExecutionQuerySet
from models_registry.models import Feature, ModelVersion, RegisteredModel
from models_registry.models.version import ModelVersionQuerySet

STATUSES = {
    "success": (Execution.Status.SUCCEEDED,),
    "failed": (Execution.Status.FAILED,),
    "running": (Execution.Status.QUEUED, Execution.Status.RUNNING),
    "canceled": (Execution.Status.CANCELED,),
}
SEARCH_LENGTH = 500
NOTE_LENGTH = 1000
MODELS_OFFERED = 3
EARLIEST, LATEST = date(1970, 1, 1), date(2999, 12, 31)


@dataclass(frozen=True)
class Period:
    """A choice of days that people often want, and whether it is the one in use."""

    label: str
    query: str
    is_current: bool


def day_begins(day: date, zone: ZoneInfo) -> datetime:
    """Return the first moment of ``day`` in ``zone``, also where midnight is skipped or comes
    twice."""
    return datetime.combine(day, time.min, tzinfo=zone)


def common_periods(today: date) -> dict[str, tuple[date, date]]:
    """Return the first and last day of each period that the page offers."""
    month = today.replace(day=1)
    last_month = month - timedelta(days=1)
    return {
        "Today": (today, today),
        "7 days": (today - timedelta(days=6), today),
        "30 days": (today - timedelta(days=29), today),
        "This month": (month, today),
        "Last month": (last_month.replace(day=1), last_month),
    }


class DayField(forms.DateField):
    """A calendar day, as a browser's date field sends it."""

    def __init__(self, label: str, identity: str) -> None:
        bound = "Expected a day between 1970 and 2999."
        super().__init__(
            label=label,
            required=False,
            input_formats=["%Y-%m-%d"],
            error_messages={"invalid": f"{label}: write the day as {EARLIEST:%Y-%m-%d}."},
            validators=[MinValueValidator(EARLIEST, bound), MaxValueValidator(LATEST, bound)],
            widget=forms.DateInput(
                attrs={"type": "date", "class": "form-control", "id": identity}, format="%Y-%m-%d"
            ),
        )


class HistoryFilterForm(forms.Form):
    """``base`` holds the executions that may be seen at all; ``filter`` narrows it, or any other
    set of them. Without ``is_owner`` sensitive inputs and notes are not searched."""

    q = forms.CharField(
        required=False,
        max_length=SEARCH_LENGTH,
        widget=forms.TextInput(
            attrs={"class": "form-control", "id": "q", "aria-describedby": "q-h", "type": "search"}
        ),
    )
    status = forms.ChoiceField(required=False, choices=[(name, name) for name in STATUSES])

    def __init__(
        self,
        data: Mapping[str, Any],
        *,
        base: ExecutionQuerySet,
        zone: ZoneInfo,
        batches: ExecutionQuerySet | None = None,
        live: ModelVersionQuerySet | None = None,
        decimal_mark: str = "",
        is_owner: bool = True,
    ) -> None:
        super().__init__(data)
        self.zone, self.decimal_mark, self.is_owner = zone, decimal_mark, is_owner
        self.versions = list(
            ModelVersion.objects.filter(
                Q(Exists(base.order_by().filter(version=OuterRef("pk"))))
                | (Q() if batches is None else Q(Exists(batches.filter(version=OuterRef("pk")))))
                | Q(pk__in=(ModelVersion.objects.active() if live is None else live).values("pk"))
            ).select_related("model")
        )
        self.models: list[RegisteredModel] = sorted(
            {version.model for version in self.versions}, key=lambda model: model.name
        )
        self.fields["from"] = DayField("From", "from")
        self.fields["to"] = DayField("To, included", "to")
        self.fields["model"] = forms.ChoiceField(
            required=False,
            choices=[("", "All models"), *((model.slug, model.name) for model in self.models)],
            widget=forms.Select(attrs={"class": "form-select", "id": "model"}),
        )
        self._search = Q()
        self.short_id = ""
        """A sentence about an ID in the search that is too short to be one."""

    def clean_q(self) -> str:
        text: str = self.cleaned_data["q"].replace("\x00", "")
        terms = parse(text)
        is_named = any(isinstance(term, Comparison) for term in terms)
        short = (too_short_for_an_id(term.text) for term in terms if isinstance(term, Word))
        self.short_id = next(filter(None, short), "")
        features = Feature.objects.filter(version__in=self.versions) if is_named else []
        try:
            self._search = condition(
                terms,
                named_inputs(features),
                decimal_mark=self.decimal_mark,
                is_owner=self.is_owner,
            )
        except UnreadableSearch as error:
            raise forms.ValidationError(error.message) from None
        return text

    def clean(self) -> dict[str, Any]:
        start, end = self.cleaned_data.get("from"), self.cleaned_data.get("to")
        if start and end and start > end:
            raise forms.ValidationError("The start date is after the end date.")
        return self.cleaned_data

    def filter(
        self, executions: ExecutionQuerySet, *, any_status: bool = False
    ) -> ExecutionQuerySet:
        """Return the ``executions`` that match the filter; none while the form has an error.
        ``any_status`` leaves the status aside, for the counts of all of them."""
        if not self.is_valid():
            return executions.none()
        chosen = self.cleaned_data
        start, end = chosen["from"], chosen["to"]
        found = executions.between(
            day_begins(start, self.zone) if start else None,
            day_begins(end + timedelta(days=1), self.zone) if end else None,
        ).filter(self._search)
        if chosen["model"]:
            found = found.filter(
                version__in=[v.pk for v in self.versions if v.model.slug == chosen["model"]]
            )
        if chosen["status"] and not any_status:
            found = found.filter(status__in=STATUSES[chosen["status"]])
        return found

    @property
    def named_models(self) -> list[RegisteredModel]:
        """The first models whose name holds what is searched for: the search reads what was
        entered, answered and noted, and no names of models."""
        text = self.cleaned_data.get("q", "").strip().casefold()
        if not text or self.cleaned_data.get("model"):
            return []
        return [model for model in self.models if text in model.name.casefold()][:MODELS_OFFERED]

    @property
    def narrows(self) -> bool:
        """Whether the filter restricts anything."""
        return any(self.data.get(name) for name in self.fields)

    @property
    def folded_count(self) -> int:
        """How many of the filters are in use that a phone folds: the days, and the model."""
        return bool(self.data.get("from") or self.data.get("to")) + bool(self.data.get("model"))

    def query(self, **changes: str) -> str:
        """Return the query string of this page with ``changes``, on its first page."""
        kept = {name: self.data.get(name, "") for name in self.fields} | changes
        return "?" + urlencode({name: value for name, value in kept.items() if value})

    @property
    def periods(self) -> list[Period]:
        today = timezone.localdate(timezone=self.zone)
        found = []
        for label, days in common_periods(today).items():
            bounds = {"from": days[0].isoformat(), "to": days[1].isoformat()}
            is_current = all(self.data.get(name) == day for name, day in bounds.items())
            found.append(Period(label, self.query(**bounds), is_current))
        return found


class NoteForm(forms.Form):
    """A private note on one prediction. A browser counts a line break as two characters."""

    note = forms.CharField(
        required=False,
        max_length=NOTE_LENGTH,
        error_messages={
            "max_length": f"A note has at most {NOTE_LENGTH:,} characters. It was not saved."
        },
    )

    def __init__(self, data: Mapping[str, Any]) -> None:
        super().__init__({"note": str(data.get("note", "")).replace("\r\n", "\n")})
