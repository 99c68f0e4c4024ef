"""Grouping of failed predictions by their cause, each exactly once.

A failure with an empty ``grouped_at`` is not counted yet. Counting it, changing its group, telling
the admins and setting ``grouped_at`` is one transaction, so no failure is lost or counted twice,
however late it is collected.
"""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from uuid import UUID

from django.db import transaction
from django.db.models import F, Min
from django.db.models.functions import Greatest, Least, Now
from django.urls import reverse
from django.utils import timezone

from config.locks import is_only_one
from executions.errors import ERROR_LABELS
from executions.models import Execution
from executions.records.hiding import name_failures
from models_registry.models import Deployment, ModelVersion
from monitoring.models import FailureGroup, FailureNote, State
from notifications.models import Context, Kind
from notifications.services import notify_admins

logger = logging.getLogger(__name__)

LOCK = 7_340_011
BATCH = 500
SECONDS = 8.0
"""The maximum number of failures for one run; the next run takes the rest."""

MANY = 10
"""More failures than this in an hour put a reviewed group back to new, once a day."""
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

_UNREAD = ("outputs", "warnings", "search_text", "search_own", "note")


@dataclass(frozen=True)
class Failed:
    """The facts of a failure that its group needs."""

    pk: UUID
    version_id: int
    requested_at: datetime
    finished_at: datetime


def collect() -> int:
    """Group the failures that are not grouped yet; returns how many."""
    collected, ends = 0, time.monotonic() + SECONDS
    while time.monotonic() < ends:
        count = _collect_batch()
        collected += count
        if count < BATCH:
            break
    return collected


@transaction.atomic
def _collect_batch() -> int:
    if not is_only_one(LOCK):
        return 0
    waiting = (
        Execution.objects.failures()
        .filter(grouped_at=None)
        .select_related("version__model")
        .prefetch_related("version__features")
        .defer(*_UNREAD)
        .order_by("finished_at")
        .select_for_update(of=("self",), no_key=True)[:BATCH]
    )
    failures = list(waiting)
    # Rows written before failures had names, or manually.
    name_failures([failure for failure in failures if not failure.fingerprint])
    failures.sort(key=lambda failure: failure.fingerprint)
    for _, alike in groupby(failures, key=lambda failure: failure.fingerprint):
        _add(list(alike))
    Execution.objects.filter(pk__in=[failure.pk for failure in failures]).update(grouped_at=Now())
    return len(failures)


def _add(failures: Sequence[Execution]) -> None:
    """Count failures of one fingerprint, oldest first, and let their group's state follow."""
    added = [
        Failed(one.pk, one.version_id, one.requested_at, one.finished_at)
        for one in failures
        if one.finished_at is not None
    ]
    first, last = added[0].finished_at, added[-1].finished_at
    one = failures[0]
    group, is_new = FailureGroup.objects.get_or_create(
        fingerprint=one.fingerprint,
        defaults={
            "model": one.version.model,
            "error_code": one.error_code,
            "exception": one.exception,
            "title": one.failure_title,
            "step": one.failing_step,
            "first_seen_at": first,
            "last_seen_at": last,
        },
    )
    FailureGroup.objects.filter(pk=group.pk).update(
        count=F("count") + len(added),
        first_seen_at=Least("first_seen_at", first),
        last_seen_at=Greatest("last_seen_at", last),
    )
    group.refresh_from_db()
    if is_new:
        FailureNote.objects.create(group=group, state=State.NEW, reason="First seen")
        _tell(group, Kind.FAILURE_GROUP, one, f"failure group {group.pk}")
    elif group.state == State.REVIEWED:
        _return_if_due(group, added)
    elif group.state == State.RESOLVED:
        _regress_if_due(group, added, {failure.pk: failure for failure in failures})


def _return_if_due(group: FailureGroup, added: Sequence[Failed]) -> None:
    """Return a reviewed group to new: after a failure on another version, or too many in an
    hour."""
    known = set(
        Execution.objects.failures()
        .filter(fingerprint=group.fingerprint, finished_at__lte=group.state_at)
        .values_list("version_id", flat=True)
        .distinct()
    )
    unseen = [one for one in added if one.finished_at > group.state_at]
    elsewhere = [one.version_id for one in unseen if one.version_id not in known]
    if elsewhere:
        version = ModelVersion.objects.get(pk=elsewhere[0])
        _change(group, State.NEW, f"Back to New: also fails on {version.short_name}", version)
        return
    if not unseen or (group.returned_at and group.returned_at > timezone.now() - DAY):
        return
    since = max(unseen[-1].finished_at - HOUR, group.state_at)
    count = (
        Execution.objects.failures()
        .filter(
            fingerprint=group.fingerprint,
            finished_at__gt=since,
            finished_at__lte=unseen[-1].finished_at,
        )
        .count()
    )
    if count > MANY:
        FailureGroup.objects.filter(pk=group.pk).update(returned_at=Now())
        _change(group, State.NEW, f"Back to New: {count} failures in an hour")


def _regress_if_due(
    group: FailureGroup, added: Sequence[Failed], rows: dict[UUID, Execution]
) -> None:
    """Mark a resolved group regressed: after a failure requested after the resolution, on the
    version that was to fix it or one that went live after that."""
    asked_since = [one for one in added if one.requested_at > group.state_at]
    if not asked_since or group.resolved_in_id is None:
        return
    live = _first_live({group.resolved_in_id, *(one.version_id for one in asked_since)})
    mended = live.get(group.resolved_in_id)
    for one in asked_since:
        since = live.get(one.version_id)
        if one.version_id == group.resolved_in_id or (since and mended and since >= mended):
            execution = rows[one.pk]
            note = _change(
                group,
                State.REGRESSED,
                f"Failed again on {execution.version.short_name}",
                execution.version,
                execution=execution,
            )
            _tell(group, Kind.REGRESSION, execution, f"failure group {group.pk} note {note.pk}")
            return


def _first_live(versions: set[int]) -> dict[int, datetime]:
    """The time at which each of the versions first went live."""
    went = (
        Deployment.objects.filter(version__in=versions)
        .exclude(action=Deployment.Action.RETIREMENT)
        .order_by()
        .values_list("version")
        .annotate(first=Min("started_at"))
    )
    return dict(went)


def _change(
    group: FailureGroup,
    state: State,
    reason: str,
    version: ModelVersion | None = None,
    *,
    execution: Execution | None = None,
) -> FailureNote:
    FailureGroup.objects.filter(pk=group.pk).update(state=state, state_at=Now(), category="")
    logger.info("failure_group_%s id=%s", state, group.pk)
    return FailureNote.objects.create(
        group=group, state=state, reason=reason, version=version, execution=execution
    )


def _tell(group: FailureGroup, kind: Kind, failure: Execution, cause: str) -> None:
    """Notify every admin of what fails and where, without any input value."""
    is_new = kind == Kind.FAILURE_GROUP
    where = f" in step {group.step}" if group.step else ""
    notify_admins(
        kind=kind,
        cause=cause,
        title=f"{'New failure' if is_new else 'Failing again'}: {group.headline}",
        text=f"{failure.version.model} {failure.version.short_name}{where} "
        f"({ERROR_LABELS[group.error_code].lower()}), for example {failure.public_id}.",
        url=reverse("monitoring:failure", args=[group.pk]),
        context=Context(
            model_id=failure.version.model_id,
            links=(("Open the failure", reverse("monitoring:failure", args=[group.pk])),),
        ),
    )
