"""Operations of admins on failure groups. Every change is an entry of the timeline."""

from collections.abc import Collection
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now

from accounts.activity import record
from accounts.models import User
from executions.models import Execution
from models_registry.models import ModelVersion
from monitoring.errors import NothingChosen, NotInThisState, WrongVersion
from monitoring.models import Category, FailureGroup, FailureNote, ReviewedFailure, State


@transaction.atomic
def mark_reviewed(
    *, group: FailureGroup, category: Category, note: str = "", by: User
) -> FailureGroup:
    """Mark a group reviewed: later failures of the group on the same version join it silently.
    Raises NotInThisState if it is resolved."""
    _leave(
        group,
        (State.NEW, State.REGRESSED, State.REVIEWED),
        state=State.REVIEWED,
        category=category,
        resolved_in=None,
    )
    _write(group, by, state=State.REVIEWED, category=category, text=note)
    record("failure reviewed", by=by, target=group.headline, after={"category": category})
    return group


@transaction.atomic
def mark_several_reviewed(
    *, groups: Collection[int], category: Category, note: str = "", by: User
) -> int:
    """Mark those of the groups reviewed that are not resolved; returns how many. See
    `mark_reviewed`."""
    found = FailureGroup.objects.filter(pk__in=groups).exclude(state=State.RESOLVED)
    chosen = list(found.order_by("pk").select_for_update(no_key=True))
    if not chosen:
        raise NothingChosen
    for group in chosen:
        mark_reviewed(group=group, category=category, note=note, by=by)
    return len(chosen)


@transaction.atomic
def mark_resolved(
    *, group: FailureGroup, version: ModelVersion, note: str = "", by: User
) -> FailureGroup:
    """Record that the cause is fixed in ``version``: only failures there or on versions that go
    live after it bring the group back. Raises WrongVersion for one of another model,
    NotInThisState."""
    if version.model_id != group.model_id:
        raise WrongVersion
    _leave(
        group,
        (State.NEW, State.REVIEWED, State.REGRESSED),
        state=State.RESOLVED,
        resolved_in=version,
    )
    _write(group, by, state=State.RESOLVED, version=version, text=note)
    record("failure resolved", by=by, target=group.headline, after={"version": version.short_name})
    return group


@transaction.atomic
def reopen(*, group: FailureGroup, note: str = "", by: User) -> FailureGroup:
    """Undo a review or a resolution. Raises NotInThisState if there is none."""
    _leave(
        group,
        (State.REVIEWED, State.RESOLVED),
        state=State.NEW,
        category="",
        resolved_in=None,
    )
    _write(group, by, state=State.NEW, text=note)
    record("failure reopened", by=by, target=group.headline)
    return group


@transaction.atomic
def add_note(*, group: FailureGroup, text: str, by: User) -> FailureNote:
    entry = _write(group, by, text=text)
    record("failure noted", by=by, target=group.headline)
    return entry


@transaction.atomic
def mark_failures_reviewed(
    *,
    group: FailureGroup,
    failures: Collection[UUID],
    category: Category,
    note: str = "",
    by: User,
) -> int:
    """Mark single failures of the group reviewed; the group's state stays. Returns how many."""
    chosen = Execution.objects.failures().filter(pk__in=failures, fingerprint=group.fingerprint)
    executions = list(chosen.filter(review=None))
    if not executions:
        raise NothingChosen
    for execution in executions:
        ReviewedFailure.objects.create(execution=execution, category=category, by=by)
        _write(
            group,
            by,
            state=State.REVIEWED,
            category=category,
            text=note,
            execution=execution,
        )
    ids = ", ".join(execution.public_id for execution in executions)
    record("failures reviewed", by=by, target=ids, after={"category": category})
    return len(executions)


@transaction.atomic
def take_reviews_back(*, group: FailureGroup, failures: Collection[UUID], by: User) -> int:
    """Undo the reviews of single failures. Raises NotInThisState if none was reviewed."""
    reviewed = ReviewedFailure.objects.filter(
        execution__in=failures, execution__fingerprint=group.fingerprint
    ).select_related("execution")
    executions = [review.execution for review in reviewed.select_for_update(of=("self",))]
    if not executions:
        raise NotInThisState
    ReviewedFailure.objects.filter(execution__in=executions).delete()
    for execution in executions:
        _write(group, by, state=State.NEW, execution=execution)
    ids = ", ".join(execution.public_id for execution in executions)
    record("failures reopened", by=by, target=ids)
    return len(executions)


def _leave(group: FailureGroup, states: Collection[State], **changes: object) -> None:
    changed = FailureGroup.objects.filter(pk=group.pk, state__in=states)
    if not changed.update(state_at=Now(), **changes):
        raise NotInThisState
    group.refresh_from_db()


def _write(group: FailureGroup, by: User, *, text: str = "", **entry: object) -> FailureNote:
    words = text.replace("\r\n", "\n").strip()
    return FailureNote.objects.create(group=group, by=by, text=words, **entry)
