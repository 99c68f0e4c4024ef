"""The filter form of executions, shared by the admin's list and its export, and the one
`ListFilter` that brings it into Django's admin. Days are calendar days in the admin's timezone,
both inclusive."""

import re
import uuid
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django import forms
from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import Q
from django.http import HttpRequest
from django.utils.functional import cached_property

from accounts.models import User
from executions.errors import ERROR_LABELS
from executions.history.forms import DayField, day_begins
from executions.models import Execution, ExecutionQuerySet
from models_registry.models import ModelVersion, RegisteredModel
from monitoring.models import FailureGroup, State

COUNTED = 10_000
"""Counts are exact up to here; beyond it the list says how many there are at least."""
PEOPLE = 100
_ID_PREFIX = re.compile(r"(?:p-)?([0-9a-f]{6,32})")


class CountedUpTo(Paginator):
    """A paginator that counts up to ``COUNTED`` rows, so that a million cost what ten thousand
    do."""

    @cached_property
    def count(self) -> int:
        found: Any = self.object_list
        return int(found.order_by().values("pk")[: COUNTED + 1].count())


class ExecutionFilterForm(forms.Form):
    """``filter`` narrows a set of executions by everything that is valid."""

    q = forms.CharField(required=False, max_length=320, label="Person or ID")
    start = DayField("From", "from")
    end = DayField("To", "to")
    status = forms.ChoiceField(
        required=False, choices=[("", "Any status"), *Execution.Status.choices]
    )
    model = forms.ModelChoiceField(
        RegisteredModel.objects.order_by("name"), required=False, empty_label="Any model"
    )
    version = forms.ModelChoiceField(
        ModelVersion.objects.select_related("model").order_by("model__name", "-number"),
        required=False,
        empty_label="Any version",
    )
    purpose = forms.ChoiceField(
        required=False, choices=[("", "Any purpose"), *Execution.Purpose.choices]
    )
    code = forms.ChoiceField(
        required=False,
        label="Error code",
        choices=[("", "Any error code"), *((code, code) for code in ERROR_LABELS)],
    )
    slow = forms.BooleanField(required=False, label="Slow only")
    review = forms.ChoiceField(
        required=False, choices=[("", "Reviewed or not"), ("open", "Not reviewed")]
    )

    def __init__(self, data: Any, *, zone: ZoneInfo) -> None:
        super().__init__({name: data[name] for name in self.base_fields if name in data})
        self.zone = zone
        for name in ("q", "status", "model", "version", "purpose", "code", "review"):
            self.fields[name].widget.attrs["id"] = f"filter-{name}"

    def filter(self, executions: ExecutionQuerySet) -> ExecutionQuerySet:
        self.is_valid()
        asked = self.cleaned_data
        start, end = asked.get("start"), asked.get("end")
        executions = executions.between(
            day_begins(start, self.zone) if start else None,
            day_begins(end + timedelta(days=1), self.zone) if end else None,
        )
        columns = {"status": "status", "version": "version", "purpose": "purpose"}
        exact = {columns[name]: asked[name] for name in columns if asked.get(name)}
        if asked.get("model") and not asked.get("version"):
            exact["version__in"] = list(asked["model"].versions.values_list("pk", flat=True))
        if asked.get("code"):
            exact |= {"status": Execution.Status.FAILED, "error_code": asked["code"]}
        executions = executions.filter(**exact)
        if asked.get("slow"):
            executions = slow(executions)
        if asked.get("review"):
            executions = not_reviewed(executions)
        return found_by(executions, asked["q"]) if asked.get("q") else executions

    def query(self, **changes: Any) -> str:
        """Return the filter as a query string, with changes; what is empty is left out."""
        values = {name: self.data.get(name, "") for name in self.fields} | changes
        return urlencode({name: value for name, value in values.items() if value})

    @property
    def is_used(self) -> bool:
        return any(self.data.get(name) for name in self.fields)


class ByForm(admin.ListFilter):
    """The form as a filter of Django's admin."""

    title = "filter"

    def __init__(
        self, request: HttpRequest, params: dict[str, Any], model: Any, model_admin: Any
    ) -> None:
        super().__init__(request, params, model, model_admin)
        self.form = form_of(request)
        for name in ExecutionFilterForm.base_fields:
            params.pop(name, None)

    def has_output(self) -> bool:
        return True

    def expected_parameters(self) -> list[str | None]:
        return list(ExecutionFilterForm.base_fields)

    def choices(self, changelist: Any) -> Any:
        return iter(())

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return self.form.filter(queryset)


def form_of(request: HttpRequest) -> ExecutionFilterForm:
    assert isinstance(request.user, User)
    return ExecutionFilterForm(request.GET, zone=request.user.zone)


def found_by(executions: ExecutionQuerySet, text: str) -> ExecutionQuerySet:
    """Return those whose ID begins with ``text`` (P-… or hex, six or more), else those of people
    whose e-mail contains it. What a person deleted is not found by the person."""
    text = text.strip().casefold()
    prefix = _ID_PREFIX.fullmatch(text.replace("-", "") if len(text) == 36 else text)
    if prefix:
        first, last = prefix[1].ljust(32, "0"), prefix[1].ljust(32, "f")
        begins = Q(pk__gte=uuid.UUID(first), pk__lte=uuid.UUID(last))
        if Execution.objects.filter(begins).exists():
            return executions.filter(begins)
    people = User.objects.filter(email__icontains=text.replace("\x00", ""))
    return executions.kept().filter(user__in=list(people.values_list("pk", flat=True)[:PEOPLE]))


def slow(executions: ExecutionQuerySet) -> ExecutionQuerySet:
    """Return those that took longer than their model's threshold."""
    by_threshold: dict[float, list[int]] = {}
    for pk, seconds in RegisteredModel.objects.values_list("pk", "slow_seconds"):
        by_threshold.setdefault(seconds, []).append(pk)
    if not by_threshold:
        return executions.none()
    timed = executions.longer_than(min(by_threshold))
    if len(by_threshold) == 1:
        return timed
    is_slow = Q()
    for seconds, models in by_threshold.items():
        is_slow |= Q(version__model__in=models, took__gt=timedelta(seconds=seconds))
    return timed.filter(is_slow)


def not_reviewed(executions: ExecutionQuerySet) -> ExecutionQuerySet:
    """Return failed predictions that were not reviewed, neither singly nor with their group."""
    done = [State.REVIEWED, State.RESOLVED]
    looked_at = FailureGroup.objects.filter(state__in=done).values("fingerprint")
    return executions.failures().filter(review=None).exclude(fingerprint__in=looked_at)
