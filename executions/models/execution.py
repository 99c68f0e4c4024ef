"""The table of executions: one run of one model version on one set of inputs, or on many rows. The
row is both the outbox and the authoritative state; the queue and Prefect carry hints."""

import uuid
from datetime import datetime, timedelta

from django.conf import settings
from django.db import models
from django.db.models import ExpressionWrapper, F, Q, Value
from django.db.models.functions import Now
from django.db.models.lookups import GreaterThan

from accounts.models import User
from engine.run_claims import Run, RunQuerySet, finished_has_a_time
from executions.errors import ERROR_LABELS
from model_host.protocol.codec import stored
from model_host.protocol.outputs import Outputs
from model_host.protocol.trace import Trace
from models_registry.models import ModelVersion, TestCase

SLOWEST_UNLISTED = timedelta(seconds=1)
"""Longer response times are listed newest first by an index of their own."""

TOOK = ExpressionWrapper(F("finished_at") - F("requested_at"), models.DurationField())
"""The response time, as the expression of its index."""


class ExecutionQuerySet(RunQuerySet["Execution"]):
    def visible_to(self, user: User) -> "ExecutionQuerySet":
        """Return a person's own predictions that they have not deleted, with models that they may
        see: the others are not there, and come back with the model."""
        return self.predictions().kept().own_of(user)

    def own_of(self, user: User) -> "ExecutionQuerySet":
        """Return a person's own executions of models that they may see, deleted since or not.

        "Not in the hidden ones" is a filter on the rows of an index; a join with the visible ones
        would make PostgreSQL sort all of a person's history."""
        return self.filter(user=user).exclude(version__in=ModelVersion.objects.hidden_from(user))

    def predictions(self) -> "ExecutionQuerySet":
        return self.filter(purpose=Execution.Purpose.PREDICTION)

    def listed_for(self, user: User) -> "ExecutionQuerySet":
        """Return what a person's history lists: their predictions and batches."""
        return self.filter(purpose__in=Execution.LISTED).kept().own_of(user)

    def batches_of(self, user: User) -> "ExecutionQuerySet":
        """Return a person's own batches that they have not deleted."""
        return self.batches().kept().own_of(user)

    def batches(self) -> "ExecutionQuerySet":
        return self.filter(purpose=Execution.Purpose.BATCH)

    def kept(self) -> "ExecutionQuerySet":
        return self.filter(deleted_at=None)

    def recoverable_by(self, user: User) -> "ExecutionQuerySet":
        """Return the predictions and batches that a person deleted and may still restore."""
        since = Now() - Value(settings.DELETED_KEPT)
        own = self.filter(purpose__in=Execution.LISTED).own_of(user)
        return own.filter(purged_at=None, deleted_at__gt=since)

    def between(self, start: datetime | None, end: datetime | None) -> "ExecutionQuerySet":
        """Return those requested at ``start`` or later and before ``end``; None is no bound."""
        found = self.filter(requested_at__gte=start) if start else self
        return found.filter(requested_at__lt=end) if end else found

    def failures(self) -> "ExecutionQuerySet":
        """Return predictions of people that failed for good, deleted since or not."""
        return self.predictions().filter(status=Execution.Status.FAILED)

    def longer_than(self, seconds: float) -> "ExecutionQuerySet":
        """Return those whose response time is longer."""
        return self.annotate(took=TOOK).filter(took__gt=timedelta(seconds=seconds))

    def finished(self) -> "ExecutionQuerySet":
        return self.filter(status__in=Execution.FINISHED)


class Execution(Run):
    """One run. ``outputs`` and ``diagnostics`` are read by ``read_outputs`` and ``read_trace``.
    ``search_text`` holds what a search reads (`executions/records/search_text.py`): ordinary
    inputs and the result. ``search_own``, for the owner alone, holds sensitive inputs and the note.
    An UPDATE that empties inputs and outputs must empty both of these and the note, too."""

    class Status(models.TextChoices):
        QUEUED = "queued", "Queued"
        RUNNING = "running", "Running"
        SUCCEEDED = "succeeded", "Success"
        FAILED = "failed", "Failed"
        CANCELED = "canceled", "Canceled"

    class Purpose(models.TextChoices):
        PREDICTION = "prediction", "Prediction"
        TEST = "test", "Test"
        REPLAY = "replay", "Replay"
        BATCH = "batch", "Batch"

    LISTED = (Purpose.PREDICTION, Purpose.BATCH)
    FINISHED = (Status.SUCCEEDED, Status.FAILED, Status.CANCELED)

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="executions"
    )
    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="executions")
    version_sha256 = models.CharField(max_length=64)
    version_revision = models.PositiveIntegerField(default=1)
    purpose = models.CharField(max_length=10, choices=Purpose, default=Purpose.PREDICTION)
    status = models.CharField(max_length=10, choices=Status, default=Status.QUEUED)
    deadline = models.DateTimeField()

    inputs = models.JSONField(null=True)
    inputs_sha256 = models.CharField(max_length=64)
    outputs = models.JSONField(null=True)
    warnings = models.JSONField(default=list)
    error_code = models.CharField(max_length=10, choices=ERROR_LABELS, blank=True)
    # The failure's name (`executions/records/fingerprint.py`), and when its group counted it.
    fingerprint = models.CharField(max_length=32, blank=True, editable=False)
    exception = models.CharField(max_length=100, blank=True, editable=False)
    failure_title = models.CharField(max_length=300, blank=True, editable=False)
    failing_step = models.CharField(max_length=200, blank=True, editable=False)
    grouped_at = models.DateTimeField(null=True, editable=False)

    note = models.TextField(blank=True, max_length=1000)
    search_text = models.TextField(blank=True, editable=False)
    search_own = models.TextField(blank=True, editable=False)
    diagnostics = models.JSONField(null=True)
    """The trace that a test or a replay recorded for admins."""

    form_token = models.UUIDField(default=uuid.uuid4)
    by_program = models.BooleanField(default=False, db_default=False, editable=False)
    """Whether a token asked for it: it does not count towards the person's own rate."""
    retry_of = models.ForeignKey(
        "self", null=True, on_delete=models.SET_NULL, related_name="retries"
    )
    replay_of = models.ForeignKey(
        "self", null=True, on_delete=models.SET_NULL, related_name="replays"
    )
    test_case = models.ForeignKey(
        TestCase, null=True, on_delete=models.SET_NULL, related_name="executions"
    )

    deleted_at = models.DateTimeField(null=True)
    purged_at = models.DateTimeField(null=True)

    objects = ExecutionQuerySet.as_manager()

    class Meta:
        ordering = ["-requested_at", "-id"]
        constraints = [
            finished_has_a_time("executions_finished_has_a_time"),
            models.CheckConstraint(
                name="executions_succeeded_has_outputs",
                condition=~Q(status="succeeded")
                | Q(outputs__isnull=False)
                | Q(purged_at__isnull=False),
            ),
            models.CheckConstraint(
                name="executions_failed_says_why",
                condition=~Q(status="failed") | ~Q(error_code=""),
            ),
            models.CheckConstraint(
                name="executions_has_inputs_until_purged",
                condition=Q(inputs__isnull=False) | Q(purged_at__isnull=False),
            ),
            models.UniqueConstraint(
                fields=["user", "form_token", "inputs_sha256"],
                name="executions_a_double_click_is_one_execution",
            ),
        ]
        indexes = [
            models.Index(fields=["user", "-requested_at", "-id"], name="executions_user_newest"),
            # Counts by status and the versions somebody used, without reading the rows themselves.
            models.Index(
                fields=["user", "version", "status", "requested_at"],
                condition=Q(purpose="prediction", deleted_at=None),
                name="executions_history",
            ),
            # Predictions by version and status: those that finished since a time, and open ones.
            models.Index(
                fields=["version", "status", "finished_at"],
                condition=Q(purpose="prediction"),
                name="executions_use",
            ),
            models.Index(
                fields=["user", "-deleted_at", "-id"],
                condition=Q(deleted_at__isnull=False),
                name="executions_deleted",
            ),
            models.Index(
                fields=["dispatch_after"],
                condition=Q(status="queued"),
                name="executions_queued_dispatch",
            ),
            models.Index(
                fields=["lease_until"], condition=Q(status="running"), name="executions_lease"
            ),
            # The admin's list, and the keyset of its export.
            models.Index(fields=["-requested_at", "-id"], name="executions_newest"),
            models.Index(
                fields=["version", "-requested_at", "-id"], name="executions_version_newest"
            ),
            models.Index(
                fields=["error_code", "-requested_at", "-id"],
                condition=Q(status="failed"),
                name="executions_failed_newest",
            ),
            # Slow executions, whatever the model's threshold.
            models.Index(F("finished_at") - F("requested_at"), name="executions_response_time"),
            # The newest of them, where the threshold is that of the index or higher.
            models.Index(
                fields=["-requested_at", "-id"],
                include=["finished_at"],
                condition=Q(GreaterThan(F("finished_at") - F("requested_at"), SLOWEST_UNLISTED)),
                name="executions_slow_newest",
            ),
            # Tests and replays are few beside predictions.
            models.Index(
                fields=["purpose", "-requested_at", "-id"],
                condition=Q(purpose__in=["test", "replay"]),
                name="executions_watched_newest",
            ),
            # Executions finished since the last read, for counters that only grow.
            models.Index(
                fields=["finished_at"],
                condition=Q(finished_at__isnull=False),
                name="executions_finished",
            ),
            # Executions by time, for the dashboard's counts.
            models.Index(
                fields=["version", "requested_at"],
                include=["status", "started_at", "finished_at"],
                condition=Q(purpose="prediction"),
                name="executions_statistics",
            ),
            models.Index(
                fields=["purged_at"],
                condition=Q(purged_at__isnull=False),
                name="executions_purged",
            ),
            # A group's failures, people and versions, without reading the rows themselves.
            models.Index(
                fields=["fingerprint", "-finished_at", "-id"],
                include=["user", "version"],
                condition=Q(status="failed", purpose="prediction"),
                name="executions_failures",
            ),
            models.Index(
                fields=["fingerprint", "user"],
                condition=Q(status="failed", purpose="prediction"),
                name="executions_failed_people",
            ),
            models.Index(
                fields=["finished_at"],
                condition=Q(status="failed", purpose="prediction", grouped_at=None),
                name="executions_ungrouped",
            ),
            # A person's batches are few beside their predictions.
            models.Index(
                fields=["user", "-requested_at", "-id"],
                condition=Q(purpose="batch"),
                name="executions_batches_newest",
            ),
            models.Index(
                fields=["replay_of", "-requested_at"],
                condition=Q(purpose="replay"),
                name="executions_replays",
            ),
        ]

    def __str__(self) -> str:
        return self.public_id

    @property
    def public_id(self) -> str:
        """The one ID that people see, quote and search: P- and 12 hex digits."""
        return f"P-{self.id.hex[:12]}"

    def read_outputs(self) -> Outputs | None:
        """Return the answer of the model; None where there is none, or it was purged."""
        return None if self.outputs is None else stored(Outputs, self.outputs)

    def read_trace(self) -> Trace | None:
        return None if self.diagnostics is None else stored(Trace, self.diagnostics)

    @property
    def is_finished(self) -> bool:
        return self.status in self.FINISHED

    @property
    def is_batch(self) -> bool:
        return self.purpose == self.Purpose.BATCH

    @property
    def is_pinned(self) -> bool:
        """Whether its version still has the file and the revision that it was requested with.
        Needs ``version``."""
        return self.version.is_at(self.version_sha256, self.version_revision)

    @property
    def may_be_retried(self) -> bool:
        return self.status in {self.Status.FAILED, self.Status.CANCELED}

    @property
    def kept_until(self) -> datetime | None:
        """The time at which a deleted execution is purged."""
        return self.deleted_at + settings.DELETED_KEPT if self.deleted_at else None

    @property
    def response_time(self) -> timedelta | None:
        """From request to terminal state, on the database's clock."""
        return self.finished_at - self.requested_at if self.finished_at else None

    @property
    def run_time(self) -> timedelta | None:
        return self.finished_at - self.started_at if self.finished_at and self.started_at else None

    @property
    def queue_time(self) -> timedelta | None:
        return self.started_at - self.requested_at if self.started_at else None
