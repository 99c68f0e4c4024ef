"""Requests for help: the messages between a person and the admins about one prediction."""

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.urls import reverse

from executions.models import Execution


class SupportRequest(models.Model):
    """The one thread about a prediction, begun by its person or by an admin: open while the person
    waits for a reply, answered once an admin has written, closed by an admin."""

    class State(models.TextChoices):
        OPEN = "open", "Open"
        ANSWERED = "answered", "Answered"
        CLOSED = "closed", "Closed"

    execution = models.OneToOneField(
        Execution, on_delete=models.PROTECT, related_name="support_request"
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.SET_NULL,
        related_name="support_requests",
    )
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    created_at = models.DateTimeField(db_default=Now())
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["-updated_at", "-id"]
        indexes = [
            models.Index(fields=["-updated_at", "-id"], name="monitoring_support_newest"),
            models.Index(fields=["state", "-updated_at", "-id"], name="monitoring_support_state"),
        ]

    def __str__(self) -> str:
        return f"{self.execution.public_id}: {self.get_state_display()}"

    def get_absolute_url(self) -> str:
        return reverse("monitoring:request", args=[self.pk])


class SupportMessage(models.Model):
    """One message of a thread. ``text`` is empty once the person's account is gone."""

    request = models.ForeignKey(SupportRequest, on_delete=models.PROTECT, related_name="messages")
    at = models.DateTimeField(db_default=Now())
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.SET_NULL,
        related_name="support_messages",
    )
    is_from_admin = models.BooleanField(default=False)
    subject = models.CharField(max_length=200, blank=True)
    text = models.TextField(blank=True, max_length=5000)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.request_id} {self.at}"
