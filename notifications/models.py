"""What a person is told."""

from django.conf import settings
from django.db import models
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
