"""The tables of a batch: what it was asked with, and its chunks of rows."""

from django.db import models
from django.db.models import Q

from engine.run_claims import Run, RunQuerySet, finished_has_a_time
from executions.models.execution import Execution

_CAME_AS = {"file": "Pasted cells", "api": "Sent by a program"}


class Batch(models.Model):
    """What an execution on many rows was asked with; the rows are in its chunks. Never changed: the
    progress is what the chunks say."""

    class Source(models.TextChoices):
        FILE = "file", "File"
        API = "api", "API"

    execution = models.OneToOneField(
        Execution, on_delete=models.CASCADE, related_name="batch", primary_key=True
    )
    source = models.CharField(max_length=10, choices=Source)
    file_name = models.CharField(max_length=300, blank=True)
    carried = models.JSONField(default=list)
    """The names of the columns that are given back beside the results, a list of texts."""
    row_count = models.PositiveIntegerField()
    problem_count = models.PositiveIntegerField(default=0)
    """The rows of the source that the check refused, which are not among the rows."""
    chunk_count = models.PositiveIntegerField()

    def __str__(self) -> str:
        return f"Batch {self.execution_id}"

    @property
    def came_as(self) -> str:
        """Where its rows came from, in a person's words: the file's name, if it had one."""
        return self.file_name or _CAME_AS[self.source]


class BatchChunkQuerySet(RunQuerySet["BatchChunk"]):
    """The chunks of batches."""


class BatchChunk(Run):
    """Some of a batch's rows, which one worker computes at a time and writes at once. The three
    contents are read and written by `executions/batches/contents.py`."""

    execution = models.ForeignKey(Execution, on_delete=models.CASCADE, related_name="chunks")
    number = models.PositiveIntegerField()
    first_row = models.PositiveIntegerField()
    row_count = models.PositiveIntegerField()
    inputs = models.BinaryField()
    carried = models.BinaryField()
    outputs = models.BinaryField(null=True)
    failed_count = models.PositiveIntegerField(default=0)

    objects = BatchChunkQuerySet.as_manager()

    class Meta:
        ordering = ["number"]
        constraints = [
            finished_has_a_time("executions_chunk_finished_has_a_time"),
            models.UniqueConstraint(
                fields=["execution", "number"], name="executions_chunk_number_is_unique"
            ),
            models.CheckConstraint(
                name="executions_chunk_done_has_outputs",
                condition=~Q(status="succeeded") | Q(outputs__isnull=False),
            ),
        ]
        indexes = [
            models.Index(
                fields=["execution", "number"],
                condition=Q(status__in=["queued", "running"]),
                name="executions_open_chunks",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.execution_id} chunk {self.number}"
