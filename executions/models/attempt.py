"""The tables beside an execution: its attempts, each a flow run, and its explanation."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from engine.gateway import FlowRunState
from executions.models.execution import Execution
from model_host.protocol.codec import stored
from model_host.protocol.explanation import Explanation as StoredExplanation


class Attempt(models.Model):
    """One flow run of an execution. The log holds events and durations, never values."""

    class Outcome(models.TextChoices):
        SUCCEEDED = "succeeded", "Succeeded"
        FAILED = "failed", "Failed"
        LOST = "lost", "Lost"

    execution = models.ForeignKey(Execution, on_delete=models.CASCADE, related_name="attempts")
    number = models.PositiveIntegerField()
    flow_run_id = models.UUIDField(null=True)
    worker = models.CharField(max_length=80, blank=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=10, choices=Outcome, blank=True)
    log = models.TextField(blank=True)
    flow_run_name = models.CharField(max_length=300, blank=True)
    states = models.JSONField(null=True)
    """The flow run's states from Prefect, first to last; None until they are copied
    (`executions/records/flow_run_copies.py`)."""
    is_forgotten = models.BooleanField(default=False)
    """The execution was purged, and the flow run is still to be deleted in Prefect."""

    class Meta:
        ordering = ["number"]
        indexes = [
            models.Index(
                fields=["-finished_at"],
                condition=Q(
                    states__isnull=True, flow_run_id__isnull=False, finished_at__isnull=False
                ),
                name="executions_states_to_copy",
            ),
            models.Index(
                fields=["id"],
                condition=Q(is_forgotten=True, flow_run_id__isnull=False),
                name="executions_runs_to_delete",
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["execution", "number"], name="executions_attempt_number_is_unique"
            )
        ]

    def __str__(self) -> str:
        return f"{self.execution_id} attempt {self.number}"

    def read_states(self) -> tuple[FlowRunState, ...]:
        return stored(tuple[FlowRunState, ...], self.states or [])


class Explanation(models.Model):
    """The contribution of each input to a prediction, computed after the result was written.

    ``content``, read by ``read_content``, names the inputs; where it is None, ``problem`` says why.
    Never changed once there.
    """

    execution = models.OneToOneField(
        Execution, on_delete=models.CASCADE, related_name="explanation", primary_key=True
    )
    content = models.JSONField(null=True)
    problem = models.CharField(max_length=300, blank=True)
    at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"Explanation of {self.execution_id}"

    def read_content(self) -> StoredExplanation | None:
        return None if self.content is None else stored(StoredExplanation, self.content)
