"""The tables of files with rows that are not run yet."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from executions.models.execution import Execution
from models_registry.models import RegisteredModel


class RowsFile(models.Model):
    """A file or pasted cells with rows, between its upload and ``expires_at``: the person checks
    it, and runs it as a batch. ``choices`` says how it is read and ``checked`` what the check of
    its rows found (`executions/services/rows_files.py`)."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="rows_files"
    )
    model = models.ForeignKey(RegisteredModel, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=300, blank=True)
    """Empty for pasted cells."""
    size = models.PositiveIntegerField(default=0)
    is_utf8 = models.BooleanField(default=False)
    choices = models.JSONField(default=dict)
    checked = models.JSONField(null=True)
    execution = models.ForeignKey(
        Execution, null=True, on_delete=models.SET_NULL, related_name="rows_files"
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    expires_at = models.DateTimeField()

    class Meta:
        ordering = ["-created_at"]
        indexes = [models.Index(fields=["expires_at"], name="executions_rows_file_expires")]

    def __str__(self) -> str:
        return self.name or "Pasted cells"


class RowsFilePiece(models.Model):
    """Some bytes of a file with rows, compressed."""

    file = models.ForeignKey(RowsFile, on_delete=models.CASCADE, related_name="pieces")
    number = models.PositiveIntegerField()
    content = models.BinaryField()

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(
                fields=["file", "number"], name="executions_piece_number_is_unique"
            )
        ]

    def __str__(self) -> str:
        return f"{self.file_id} piece {self.number}"
