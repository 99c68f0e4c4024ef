"""The purge of deleted predictions and of old replays: after ``DELETED_KEPT`` only id, kind,
version, status, times and error class stay, without a person.

`manage.py purge` and a daily task call the same `purge`. It may be repeated at any time: a row is
emptied once, and a flow run that Prefect could not delete yet stays noted on its attempt.
"""

import logging
import time
import uuid
from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet, Value
from django.db.models.functions import Coalesce, Now
from django.utils import timezone

from accounts.activity import record
from engine import gateway
from engine.errors import PrefectRefused, PrefectUnavailable
from engine.gateway import DELETED_AT_ONCE
from executions.models import (
    Attempt,
    Batch,
    BatchChunk,
    Execution,
    ExecutionQuerySet,
    Explanation,
    RowsFile,
)

logger = logging.getLogger(__name__)

AT_ONCE = 200


@dataclass(frozen=True)
class Purged:
    """The counts of one purge. ``waiting``: flow runs that Prefect has not deleted yet.
    ``is_complete``: nothing that can be purged now is left."""

    executions: int
    diagnostics: int
    flow_runs: int
    waiting: int
    is_complete: bool

    @property
    def is_nothing(self) -> bool:
        return not (self.executions or self.diagnostics or self.flow_runs)


def purge(*, seconds: float | None = None) -> Purged:
    """Purge all that is due, in batches of their own transactions, for at most ``seconds``."""
    ends = None if seconds is None else time.monotonic() + seconds
    forget_rows_files()
    executions = _repeat(_purge_some, ends)
    diagnostics = _repeat(_forget_some_diagnostics, ends)
    flow_runs = _repeat(_delete_some_flow_runs, ends)
    purged = Purged(
        executions=executions,
        diagnostics=diagnostics,
        flow_runs=flow_runs,
        waiting=_runs_to_delete().count(),
        is_complete=ends is None or time.monotonic() < ends,
    )
    if not purged.is_nothing:
        counts = {name: n for name, n in asdict(purged).items() if name != "is_complete"}
        record("predictions purged", by=None, after=counts)
    return purged


def empty(ids: Collection[uuid.UUID], *, keeps_person: bool = False) -> int:
    """Remove the content of these executions and, unless ``keeps_person``, their owner; returns
    their number. Must run in a transaction. Their flow runs are noted for deletion in Prefect. A
    failure's name stays: `executions/records/fingerprint.py` keeps values out of it."""
    person: dict[str, Any] = {} if keeps_person else {"user": None, "inputs_sha256": ""}
    Explanation.objects.filter(execution__in=ids).delete()
    BatchChunk.objects.filter(execution__in=ids).delete()
    Batch.objects.filter(execution__in=ids).delete()
    RowsFile.objects.filter(execution__in=ids).delete()
    attempts = Attempt.objects.filter(execution__in=ids)
    attempts.update(log="", flow_run_name="", states=None, is_forgotten=True)
    return Execution.objects.filter(pk__in=ids).update(
        inputs=None,
        outputs=None,
        warnings=[],
        message="",
        traceback="",
        note="",
        search_text="",
        search_own="",
        diagnostics=None,
        purged_at=Coalesce("purged_at", Now()),
        **person,
    )


def forget_old_replays() -> int:
    """Empty the replays that are older than ``REPLAY_KEPT``: they hold inputs of people. Returns
    how many."""
    return empty_replays(
        Execution.objects.filter(requested_at__lt=Now() - Value(settings.REPLAY_KEPT))
    )


@transaction.atomic
def empty_replays(among: ExecutionQuerySet) -> int:
    """Remove the content of the finished replays in ``among``; returns their number.

    The admin, status, times, error class and fingerprint stay, so that the verdict does.
    """
    replays = among.finished().filter(purpose=Execution.Purpose.REPLAY, purged_at=None)
    ids = list(replays.select_for_update(of=("self",)).values_list("pk", flat=True))
    return empty(ids, keeps_person=True)


def forget_flow_runs(*, seconds: float | None = None) -> int:
    """Have Prefect delete the runs that ended more than ``FLOW_RUNS_KEPT`` ago, of every flow; our
    rows keep their states. Returns how many. Raises nothing: the next round tries again."""
    before = timezone.now() - settings.FLOW_RUNS_KEPT
    ends = None if seconds is None else time.monotonic() + seconds
    return _repeat(lambda: _asked(lambda: gateway.delete_finished_flow_runs(before)), ends)


def forget_rows_files() -> int:
    """Delete the files with rows that have expired; returns how many."""
    due = RowsFile.objects.filter(expires_at__lt=Now())
    count = due.count()
    due.delete()
    return count


def _repeat(work: Callable[[], int], ends: float | None) -> int:
    """Run batches until one finds nothing, or the time is up."""
    total = 0
    while ends is None or time.monotonic() < ends:
        done = work()
        total += done
        if not done:
            break
    return total


@transaction.atomic
def _purge_some() -> int:
    due = Execution.objects.finished().filter(
        deleted_at__lte=Now() - Value(settings.DELETED_KEPT), purged_at=None
    )
    ids = list(due.select_for_update(skip_locked=True).values_list("pk", flat=True)[:AT_ONCE])
    replays = Execution.objects.finished().filter(
        purpose=Execution.Purpose.REPLAY, replay_of__in=ids, purged_at=None
    )
    empty([*ids, *replays.values_list("pk", flat=True)])
    return len(ids)


@transaction.atomic
def _forget_some_diagnostics() -> int:
    old = Execution.objects.finished().filter(
        purpose=Execution.Purpose.TEST,
        diagnostics__isnull=False,
        finished_at__lt=Now() - Value(settings.DIAGNOSTICS_KEPT),
    )
    ids = list(old.select_for_update(skip_locked=True).values_list("pk", flat=True)[:AT_ONCE])
    return Execution.objects.filter(pk__in=ids).update(diagnostics=None)


def _delete_some_flow_runs() -> int:
    runs = dict(_runs_to_delete().values_list("pk", "flow_run_id")[:DELETED_AT_ONCE])
    if not runs:
        return 0

    def delete() -> int:
        gateway.delete_flow_runs([pk for pk in runs.values() if pk])
        return Attempt.objects.filter(pk__in=runs).update(flow_run_id=None, is_forgotten=False)

    return _asked(delete)


def _runs_to_delete() -> QuerySet[Attempt]:
    return Attempt.objects.filter(is_forgotten=True, flow_run_id__isnull=False).order_by("pk")


def _asked(work: Callable[[], int]) -> int:
    """The number of deletions; 0 while Prefect is unreachable: the rows keep what is to be
    deleted."""
    try:
        return work()
    except (PrefectUnavailable, PrefectRefused) as error:
        logger.warning("purge_waits_for_prefect error=%s", error)
        return 0
