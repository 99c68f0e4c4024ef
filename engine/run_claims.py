"""Rows that flow runs of Prefect work on: their states, their attempts and the worker's lease.

Every change is a compare-and-set: filter on the row, its attempt, its lease's owner and the states
it may leave; update; look at the count. Two workers cannot both start a run, and a late report
finds no row and changes nothing. All times are the database's.
"""

from datetime import timedelta
from typing import Any, Self, TypeVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q, Value
from django.db.models.functions import Now

QUEUED, RUNNING = "queued", "running"
AT_ONCE = 100
"""The number of rows of a kind that one sweep takes."""
AGAIN_AFTER = timedelta(seconds=5)
"""The delay until a row whose run could not be created is due again."""


class Run(models.Model):
    """The fields of every such row; each subclass defines the statuses beside queued and
    running."""

    status = models.CharField(max_length=10, default=QUEUED)
    attempt = models.PositiveIntegerField(default=1)
    lease_owner = models.CharField(max_length=80, blank=True)
    lease_until = models.DateTimeField(null=True)
    dispatch_after = models.DateTimeField(db_default=Now())
    message = models.TextField(blank=True)
    traceback = models.TextField(blank=True)
    requested_at = models.DateTimeField(db_default=Now())
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        abstract = True

    @property
    def is_last_attempt(self) -> bool:
        return self.attempt >= settings.MAX_ATTEMPTS


RunT = TypeVar("RunT", bound=Run, covariant=True)


class RunQuerySet(models.QuerySet[RunT]):
    """The runs that may be changed, and the changes; each change returns the number of changed
    rows."""

    def queued(self) -> Self:
        return self.filter(status=QUEUED)

    def running(self) -> Self:
        return self.filter(status=RUNNING)

    def held_by(self, owner: str, attempt: int) -> Self:
        """Return the running rows whose lease this worker holds for this attempt."""
        return self.running().filter(lease_owner=owner, attempt=attempt)

    def unchanged(self, run: Run) -> Self:
        """Return the row if it has not changed since it was read."""
        return self.filter(
            pk=run.pk,
            status=run.status,
            attempt=run.attempt,
            lease_owner=run.lease_owner,
            lease_until=run.lease_until,
        )

    def claim(self, *, attempt: int, owner: str, **fields: Any) -> int:
        """Take the lease on the rows queued for this attempt."""
        return (
            self.queued()
            .filter(attempt=attempt)
            .update(
                status=RUNNING,
                started_at=Now(),
                lease_owner=owner,
                lease_until=Now() + Value(settings.LEASE),
                **fields,
            )
        )

    def extend_lease(self) -> int:
        return self.update(lease_until=Now() + Value(settings.LEASE))

    def end(self, status: str, **fields: Any) -> int:
        """Write the outcome."""
        return self.update(status=status, finished_at=Now(), lease_until=None, **fields)

    def requeue(self, *, after: timedelta = timedelta(0), **fields: Any) -> int:
        """Return the row to the queue for its next attempt."""
        return self.update(
            status=QUEUED,
            attempt=F("attempt") + 1,
            lease_owner="",
            lease_until=None,
            dispatch_after=Now() + Value(after),
            **fields,
        )

    def lost(self) -> Self:
        """Return the running rows whose lease has expired."""
        return self.running().filter(lease_until__lt=Now())[:AT_ONCE]

    def take_due(self) -> list[RunT]:
        """Return the queued rows that are due for dispatch, the longest due first. They are due
        again in 5 s unless that succeeds."""
        due = list(
            self.queued().filter(dispatch_after__lte=Now()).order_by("dispatch_after")[:AT_ONCE]
        )
        rows = self.model._default_manager.filter(pk__in=[run.pk for run in due])
        rows.update(dispatch_after=Now() + Value(AGAIN_AFTER))
        return due


def open_runs(name: str) -> models.Index:
    """Return the index by which the sweep finds what is due."""
    return models.Index(
        fields=["dispatch_after"], condition=Q(status__in=["queued", "running"]), name=name
    )


def finished_has_a_time(name: str) -> models.CheckConstraint:
    return models.CheckConstraint(
        name=name, condition=Q(status__in=["queued", "running"]) | Q(finished_at__isnull=False)
    )
