"""The rows of the execution log: person, first inputs, outcome and time, as texts.

What a person deleted shows only status, times, version and error class; values of sensitive inputs
are never shown.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC
from zoneinfo import ZoneInfo

from django.urls import reverse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from config.text.numbers import decimal_text
from config.text.plain_text import isolated
from executions.models import Execution
from executions.records.hiding import HIDDEN, masked
from executions.results.answer import Answer, input_text
from executions.results.presentation import answer_of, error_sentence
from models_registry.inputs.feature_spec import FeatureSpec
from models_registry.inputs.input_schema import InputSchema, read_value
from models_registry.models import ModelVersion
from monitoring.log.run_page import is_slow, is_withheld
from monitoring.models import State

FIRST_INPUTS = 3
LABEL = 24
VALUE = 32
RESULT = 120
_REVIEWS = {
    State.REVIEWED: "Reviewed",
    State.RESOLVED: "Resolved",
    State.REGRESSED: "Failed again",
}
ICONS = {
    Execution.Status.SUCCEEDED: ("ok", "check-circle-fill"),
    Execution.Status.FAILED: ("bad", "x-circle-fill"),
    Execution.Status.RUNNING: ("run", "arrow-repeat"),
    Execution.Status.QUEUED: ("run", "clock"),
    Execution.Status.CANCELED: ("off", "slash-circle"),
}


@dataclass(frozen=True)
class Listed:
    """A version in the list: its name with its model's, its page, and its inputs, the listed ones
    first."""

    name: str
    url: str
    features: list[FeatureSpec]


@dataclass(frozen=True)
class LogRow:
    """One execution of the log. ``result`` is the answer, or the sentence of the failure;
    ``certainty`` its confidence or interval. ``at`` is the time of submission in the admin's
    timezone, ``at_utc`` the same in UTC. ``gone`` says that the person deleted it."""

    execution: Execution
    version: Listed
    tone: str
    icon: str
    at: str
    at_iso: str
    at_utc: str
    person: str
    email: str
    gone: str
    inputs: SafeString
    more: int
    result: str
    certainty: str
    took: str
    is_slow: bool
    review: str


def log_rows(executions: Iterable[Execution], *, zone: ZoneInfo) -> list[LogRow]:
    """Return the rows of executions whose version has its model, features and targets, and which
    have ``group_state``."""
    listed: dict[int, Listed] = {}
    return [_row(one, _listed(one.version, listed), zone) for one in executions]


def _listed(version: ModelVersion, known: dict[int, Listed]) -> Listed:
    """The version, prepared once for all of its rows."""
    if version.pk not in known:
        schema = InputSchema(tuple(feature.spec for feature in version.features.all()))
        known[version.pk] = Listed(
            name=f"{isolated(version.model.name)} {version.short_name}",
            url=reverse("admin:models_registry_modelversion_change", args=[version.pk]),
            features=sorted(schema.in_form_order, key=lambda feature: not feature.is_listed),
        )
    return known[version.pk]


def _row(execution: Execution, version: Listed, zone: ZoneInfo) -> LogRow:
    withheld = is_withheld(execution)
    stored = {} if withheld else execution.inputs or {}
    inputs = [
        one
        for one in version.features
        if stored and (one.is_asked or stored.get(one.name) is not None)
    ]
    answer = None if withheld else answer_of(execution)
    is_gone = bool(execution.deleted_at or execution.purged_at)
    user = None if is_gone else execution.user
    tone, icon = ICONS[Execution.Status(execution.status)]
    at, took = execution.requested_at, execution.response_time
    local = at.astimezone(zone)
    return LogRow(
        execution=execution,
        version=version,
        tone=tone,
        icon=icon,
        at=f"{local.day} {local:%b %Y, %H:%M %Z}",
        at_iso=local.isoformat(timespec="seconds"),
        at_utc=f"{at.astimezone(UTC):%-d %b %Y, %H:%M:%S} UTC",
        person=str(user) if user else "",
        email=user.email if user and user.name else "",
        gone=_gone(execution) if is_gone else "",
        inputs=format_html_join(
            " ",
            '<span class="pair"><b>{}</b> {}</span>',
            [(_cut(one.label, LABEL), _shown(one, stored)) for one in inputs[:FIRST_INPUTS]],
        ),
        more=max(0, len(inputs) - FIRST_INPUTS),
        result="" if withheld else _cut(answer.text if answer else _said(execution), RESULT),
        certainty=_certainty(answer) if answer else "",
        took="" if took is None else f"{decimal_text(took.total_seconds(), 2)} s",
        is_slow=is_slow(execution),
        review=_review(execution),
    )


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _shown(feature: FeatureSpec, stored: dict[str, object]) -> str:
    if feature.is_sensitive:
        return HIDDEN
    return _cut(input_text(feature, read_value(feature, stored.get(feature.name))), VALUE)


def _said(execution: Execution) -> str:
    sentence = error_sentence(execution)
    return masked(sentence, execution) if sentence else ""


def _gone(execution: Execution) -> str:
    return "Removed" if execution.purged_at else "Deleted by its owner"


def _certainty(answer: Answer) -> str:
    """The confidence of a class, or the interval of a number."""
    if answer.interval:
        return f"{answer.interval.low_text} to {answer.interval.high_text}"
    return answer.confidence_text


def _review(execution: Execution) -> str:
    if execution.status != Execution.Status.FAILED or execution.purpose != "prediction":
        return ""
    if getattr(execution, "review", None):
        return _REVIEWS[State.REVIEWED]
    state: str | None = getattr(execution, "group_state", None)
    return _REVIEWS.get(State(state), "") if state else ""
