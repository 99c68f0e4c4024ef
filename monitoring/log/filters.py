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
from django.db.models import Exists, F, OuterRef, Q
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
WORDS = 10
SHORTEST_ID = 6
_ID_PREFIX = re.compile(rf"(?:p-)?([0-9a-f]{{{SHORTEST_ID},32}})")
_SHORT_ID = re.compile(rf"p-[0-9a-f]{{0,{SHORTEST_ID - 1}}}|[0-9a-f]{{1,{SHORTEST_ID - 1}}}")


class CountedUpTo(Paginator):
    """A paginator that counts up to ``COUNTED`` rows, so that a million cost what ten thousand
    do."""

    @cached_property
    def count(self) -> int:
        found: Any = self.object_list
        return int(found.order_by().values("pk")[: COUNTED + 1].count())


class ExecutionFilterForm(forms.Form):
    """``filter`` narrows a set of executions by everything that is valid."""

    q = forms.CharField(required=False, max_length=320, label="Search")
    person = forms.CharField(required=False, max_length=320, label="Person")
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
        for name in ("q", "person", "status", "model", "version", "purpose", "code", "review"):
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
        if asked.get("person"):
            executions = of_people(executions, asked["person"])
        return found_by(executions, asked["q"]) if asked.get("q") else executions

    def query(self, **changes: Any) -> str:
        """Return the filter as a query string, with changes; what is empty is left out."""
        values = {name: self.data.get(name, "") for name in self.fields} | changes
        return urlencode({name: value for name, value in values.items() if value})

    @property
    def is_used(self) -> bool:
        return any(self.data.get(name) for name in self.fields)

    @property
    def used(self) -> list[tuple[str, str, str]]:
        """The filters in use: (label, value as displayed, the query string without it)."""
        return [
            (str(field.label or field.name.capitalize()), shown, self.query(**{field.name: ""}))
            for field in self
            if (shown := self._shown(field))
        ]

    def _shown(self, field: forms.BoundField) -> str:
        value = self.data.get(field.name, "")
        if not value or field.name in self.errors:
            return ""
        if isinstance(field.field, forms.BooleanField):
            return "yes"
        if isinstance(field.field, forms.ModelChoiceField):
            return str(self.cleaned_data[field.name])
        return str(dict(getattr(field.field, "choices", ())).get(value, value))

    @property
    def selects(self) -> list[tuple[str, str, list[tuple[str, str, bool]]]]:
        """(name, label, options as value, label and whether chosen) of each choice: the page writes
        them itself, since a widget renders a template for each option."""
        found = []
        for field in self:
            if isinstance(field.field, forms.ChoiceField):
                choices: Any = field.field.choices
                chosen = self.data.get(field.name, "")
                options = [(str(v), str(label), str(v) == chosen) for v, label in choices]
                found.append((field.name, str(field.label or field.name.capitalize()), options))
        return found

    @property
    def short_id(self) -> str:
        """The searched text, if it may be the beginning of an ID that is too short to be found."""
        text = str(self.data.get("q", "")).strip()
        return text if _SHORT_ID.fullmatch(text.casefold()) else ""

    @property
    def people(self) -> list[tuple[str, str]]:
        """(e-mail, name) of those who were here last and have executions, for suggestions."""
        found = User.objects.filter(Exists(Execution.objects.kept().filter(user=OuterRef("pk"))))
        last = found.order_by(F("last_seen_at").desc(nulls_last=True), "pk")
        return list(last.values_list("email", "name")[:PEOPLE])


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
    whom ``text`` names."""
    text = text.strip().casefold()
    prefix = _ID_PREFIX.fullmatch(text.replace("-", "") if len(text) == 36 else text)
    if prefix:
        first, last = prefix[1].ljust(32, "0"), prefix[1].ljust(32, "f")
        begins = Q(pk__gte=uuid.UUID(first), pk__lte=uuid.UUID(last))
        if Execution.objects.filter(begins).exists():
            return executions.filter(begins)
    return of_people(executions, text)


def of_people(executions: ExecutionQuerySet, text: str) -> ExecutionQuerySet:
    """Return those of the person with this e-mail, else of people with every word of ``text`` in
    their name or e-mail. What a person deleted is not found by the person."""
    text = text.replace("\x00", "").strip()
    people = User.objects.filter(email=text.casefold())
    if not people.exists():
        people = User.objects.all()
        for word in text.split()[:WORDS]:
            people = people.filter(Q(name__icontains=word) | Q(email__icontains=word))
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
