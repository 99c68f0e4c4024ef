"""What a person is told, and the outbox of every mail."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now


class Notification(models.Model):
    """One message to one person. `cause` names in plain text what it tells of, so that the same
    thing is told once however often it is reported."""

    class Kind(models.TextChoices):
        EXECUTION_FAILED = "execution_failed", "My prediction failed"
        DEPLOYMENT = "deployment", "A new version is live"

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="notifications"
    )
    kind = models.CharField(max_length=40, choices=Kind)
    cause = models.CharField(max_length=120)
    title = models.CharField(max_length=200)
    text = models.TextField(blank=True)
    url = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    read_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["cause", "kind", "user"], name="notifications_once_per_cause_and_person"
            )
        ]

    def __str__(self) -> str:
        return self.title


class MailQuerySet(models.QuerySet["Mail"]):
    def waiting(self) -> "MailQuerySet":
        """Neither sent nor given up."""
        return self.filter(sent_at=None, given_up_at=None)

    def due(self) -> "MailQuerySet":
        return self.waiting().filter(next_try_at__lte=Now())


class Mail(models.Model):
    """One mail of the product: the row comes first and the mail is sent from it, so a mail server
    that is away loses nothing and makes nobody wait. Its words are wiped once it is sent or given
    up: they hold links that open accounts."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    sender = models.CharField(max_length=320)
    recipients = models.JSONField()
    subject = models.CharField(max_length=300)
    text = models.TextField(blank=True)
    html = models.TextField(blank=True)
    headers = models.JSONField(default=dict)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    tries = models.PositiveSmallIntegerField(default=0)
    next_try_at = models.DateTimeField(db_default=Now())
    last_error = models.CharField(max_length=200, blank=True)
    sent_at = models.DateTimeField(null=True)
    given_up_at = models.DateTimeField(null=True)

    objects = MailQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.CheckConstraint(
                name="notifications_mail_has_one_end",
                condition=Q(sent_at=None) | Q(given_up_at=None),
            )
        ]
        indexes = [
            models.Index(
                fields=["next_try_at"],
                condition=Q(sent_at=None, given_up_at=None),
                name="notifications_mail_waiting",
            )
        ]

    def __str__(self) -> str:
        return self.subject
