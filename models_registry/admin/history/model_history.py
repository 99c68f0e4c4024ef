"""The history on a model's page: the bar of periods, the answer to "active on", and its
versions."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.core.paginator import Page, Paginator
from django.utils import timezone

from models_registry.models import ModelVersion, RegisteredModel
from models_registry.promotion.metric_changes import metric_text
from models_registry.timeline.periods import Period, day_in, minute_in, periods_of, within
from models_registry.timeline.version_bar import Bar, bar_of

VERSIONS_A_PAGE = 25
DEPLOYMENTS_SHOWN = 50


class ActiveOnForm(forms.Form):
    """A day, and a time of it if that matters, in the admin's timezone."""

    on = forms.DateField(
        label="Active on", widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    at = forms.TimeField(
        label="at", required=False, widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M")
    )

    def clean_on(self) -> date:
        day: date = self.cleaned_data["on"]
        if not 2000 <= day.year < 2200:
            raise forms.ValidationError("Expected a day between the years 2000 and 2199.")
        return day

    def span(self, zone: ZoneInfo) -> tuple[datetime, datetime]:
        """Return the start and end of the requested day or minute, in UTC."""
        on, at = self.cleaned_data["on"], self.cleaned_data["at"]
        return minute_in(on, at, zone) if at else day_in(on, zone)


@dataclass(frozen=True)
class Answer:
    """The periods of a day, or of a minute of it, without the future."""

    start: datetime
    end: datetime
    is_day: bool
    periods: tuple[Period, ...]

    @property
    def is_one(self) -> bool:
        """Whether the same version, or none, was active during the whole requested time."""
        return len(self.periods) == 1 and self.periods[0].end == self.end


@dataclass(frozen=True)
class Card:
    """A version in the list: its periods, newest first, and the one metric to show."""

    version: ModelVersion
    periods: tuple[Period, ...]
    metric: tuple[str, str] | None


@dataclass(frozen=True)
class History:
    form: ActiveOnForm
    answer: Answer | None
    bar: Bar | None
    periods: tuple[Period, ...]
    cards: list[Card]
    page: Page
    deployments: list[Any]
    deployment_count: int


def history_of(model: RegisteredModel, asked: Any, zone: ZoneInfo) -> History:
    """Build the context of the page, in a fixed number of queries. ``asked`` is the query string:
    ``on``, ``at`` and ``page``."""
    now = timezone.now()
    deployments = list(
        model.deployments.select_related("version", "previous_version", "by").order_by(
            "-started_at", "-id"
        )
    )
    periods = periods_of(deployment.event for deployment in reversed(deployments))
    form = ActiveOnForm(asked if asked.get("on") else None)
    answer = _answer(form, periods, zone, now) if form.is_bound and form.is_valid() else None
    versions = model.versions.with_use().select_related("uploaded_by").order_by("-number")
    page = Paginator(versions, VERSIONS_A_PAGE).get_page(asked.get("page"))
    return History(
        form=form,
        answer=answer,
        bar=bar_of(periods, now=now, marked=answer.start if answer else None),
        periods=periods,
        cards=[_card(version, periods) for version in page],
        page=page,
        deployments=deployments[:DEPLOYMENTS_SHOWN],
        deployment_count=len(deployments),
    )


def _answer(form: ActiveOnForm, periods: Sequence[Period], zone: ZoneInfo, now: datetime) -> Answer:
    start, end = form.span(zone)
    return Answer(start, end, not form.cleaned_data["at"], within(periods, start, end, now=now))


def _card(version: ModelVersion, periods: Sequence[Period]) -> Card:
    own = [period for period in reversed(periods) if period.version_id == version.pk]
    metrics = ((name, metric_text(value)) for name, value in version.metrics.items())
    return Card(version, tuple(own), next(metrics, None))
