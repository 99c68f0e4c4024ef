"""The filter form of the dashboard: days, both inclusive, in the admin's timezone; a model; a
version. Everything is in the query string."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django import forms
from django.utils import timezone

from config.text.numbers import count_text
from executions.history.forms import EARLIEST, LATEST, DayField, common_periods
from executions.history.forms import Period as Preset
from models_registry.models import ModelVersion, RegisteredModel
from monitoring.dashboard.period import Period
from monitoring.dashboard.statistics import Scope

DEFAULT_DAYS = 30
LONGEST_DAYS = 3660


class DashboardForm(forms.Form):
    """The filter of the dashboard. Without an error ``scope`` says what to count. Without days it
    is the last thirty; with one of them the period is thirty days long."""

    def __init__(self, data: Mapping[str, Any], *, zone: ZoneInfo) -> None:
        self.zone = zone
        super().__init__(self._with_days(data))
        self.versions = list(
            ModelVersion.objects.exclude(activated_at=None)
            .select_related("model")
            .order_by("model__name", "-number")
        )
        self.models: list[RegisteredModel] = list(
            dict.fromkeys(version.model for version in self.versions)
        )
        self.fields["from"] = DayField("From", "from")
        self.fields["to"] = DayField("To, included", "to")
        self.fields["model"] = forms.ChoiceField(
            required=False,
            choices=[("", "All models"), *((model.slug, model.name) for model in self.models)],
            widget=forms.Select(attrs={"class": "form-select", "id": "model"}),
        )
        self.fields["version"] = forms.ChoiceField(
            required=False,
            choices=[("", "All versions"), *((str(v.pk), str(v)) for v in self._of_model())],
            widget=forms.Select(attrs={"class": "form-select", "id": "version"}),
        )

    def _with_days(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """The filter with both of its days, so that the fields show the period that rules."""
        values = {name: data[name] for name in data}
        first, last = (_day(values.get(name)) for name in ("from", "to"))
        length = timedelta(days=DEFAULT_DAYS - 1)
        if not values.get("to") and (first or not values.get("from")):
            last = max(first, self.today) if first else self.today
            values["to"] = last.isoformat()
        if not values.get("from") and last:
            values["from"] = max(last - length, EARLIEST).isoformat()
        return values

    def _of_model(self) -> list[ModelVersion]:
        asked = self.data.get("model")
        known = asked in {model.slug for model in self.models}
        return [v for v in self.versions if not known or v.model.slug == asked]

    def clean(self) -> dict[str, Any]:
        start, end = self.cleaned_data.get("from"), self.cleaned_data.get("to")
        if start and end and start > end:
            raise forms.ValidationError("The start date is after the end date.")
        if start and end and (end - start).days >= LONGEST_DAYS:
            raise forms.ValidationError(f"Expected at most {count_text(LONGEST_DAYS)} days.")
        return self.cleaned_data

    @property
    def period(self) -> Period:
        return Period(self.cleaned_data["from"], self.cleaned_data["to"], self.zone)

    @property
    def scope(self) -> Scope:
        chosen = tuple(version.pk for version in self.chosen_versions)
        return Scope(self.period, chosen, is_all=len(chosen) == len(self.versions))

    @property
    def chosen_versions(self) -> list[ModelVersion]:
        """The versions that count: the chosen one, those of the chosen model, or all."""
        pk = self.cleaned_data["version"]
        return [v for v in self._of_model() if not pk or str(v.pk) == pk]

    @property
    def model(self) -> RegisteredModel | None:
        """The chosen model, or the only one."""
        models = {version.model for version in self.chosen_versions}
        return models.pop() if len(models) == 1 else None

    @property
    def version(self) -> ModelVersion | None:
        chosen = self.chosen_versions
        return chosen[0] if self.cleaned_data["version"] and chosen else None

    @property
    def today(self) -> date:
        return timezone.localdate(timezone=self.zone)

    def query(self, **changes: str) -> str:
        """Return the query string of this page with ``changes``."""
        kept = {name: self.data.get(name, "") for name in self.fields} | changes
        return "?" + urlencode({name: value for name, value in kept.items() if value})

    @property
    def presets(self) -> list[Preset]:
        """The periods that people often want; without days it is the last thirty."""
        shown = (self.period.first, self.period.last) if self.is_valid() else None
        periods = common_periods(self.today)
        current = next((label for label, days in periods.items() if days == shown), None)
        return [
            Preset(
                label,
                self.query(**{"from": first.isoformat(), "to": last.isoformat()}),
                label == current,
            )
            for label, (first, last) in periods.items()
        ]


def _day(text: Any) -> date | None:
    """The day of a field, if it is one that the field takes."""
    try:
        day = date.fromisoformat(text or "")
    except (TypeError, ValueError):
        return None
    return day if EARLIEST <= day <= LATEST else None
