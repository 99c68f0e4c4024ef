"""What every row has that a flow run works on."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now


class FlowRunRow(models.Model):
    """A row that a flow run works on: it has states, a lease and attempts, and the sweep finds it
    when it stands still. `lifecycle.py` moves it, by compare-and-set."""

    class Status(models.TextChoices):
        QUEUED = "queued", "Waiting"
        RUNNING = "running", "Running"
        SUCCEEDED = "succeeded", "Passed"
        FAILED = "failed", "Refused"

    sha256 = models.CharField(max_length=64, blank=True)
    status = models.CharField(max_length=10, choices=Status, default=Status.QUEUED)
    attempt = models.PositiveIntegerField(default=1)
    lease_owner = models.CharField(max_length=80, blank=True)
    lease_until = models.DateTimeField(null=True)
    dispatch_after = models.DateTimeField(db_default=Now())
    flow_run_id = models.UUIDField(null=True)
    message = models.TextField(blank=True)
    traceback = models.TextField(blank=True)
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL)
    requested_at = models.DateTimeField(db_default=Now())
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        abstract = True
        ordering = ["-id"]

    @property
    def is_finished(self) -> bool:
        return self.status in {self.Status.SUCCEEDED, self.Status.FAILED}


def open_rows(name: str) -> models.Index:
    """The index by which the sweep finds what is due."""
    return models.Index(
        fields=["dispatch_after"], condition=Q(status__in=["queued", "running"]), name=name
    )


def finished_has_a_time(name: str) -> models.CheckConstraint:
    return models.CheckConstraint(
        name=name, condition=Q(status__in=["queued", "running"]) | Q(finished_at__isnull=False)
    )
