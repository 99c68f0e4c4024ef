"""Failure groups: failures of one cause, and the timeline of what admins did about them."""

from django.conf import settings
from django.db import models
from django.db.models import OuterRef, Q, Subquery
from django.db.models.functions import Now
from django.urls import reverse

from executions.errors import ERROR_LABELS
from executions.models import Execution
from executions.records.fingerprint import readable
from models_registry.models import ModelVersion, RegisteredModel


class State(models.TextChoices):
    """The state of a group of failures."""

    NEW = "new", "New"
    REVIEWED = "reviewed", "Reviewed"
    RESOLVED = "resolved", "Resolved"
    REGRESSED = "regressed", "Regressed"


class Category(models.TextChoices):
    """The cause that an admin assigned to a failure."""

    INPUT = "input", "Input problem"
    MODEL = "model", "Model bug"
    DATA = "data", "Data or environment"
    INFRASTRUCTURE = "infrastructure", "Infrastructure"
    NONE = "none", "Not a problem"


class FailureGroupQuerySet(models.QuerySet["FailureGroup"]):
    def with_last_note(self) -> "FailureGroupQuerySet":
        """Annotate ``last_note``: the latest note about the group, None if there is none."""
        notes = FailureNote.objects.filter(group=OuterRef("pk"), text__gt="").order_by("-pk")
        return self.annotate(last_note=Subquery(notes.values("text")[:1]))


class FailureGroup(models.Model):
    """All failed predictions with one fingerprint (`executions/records/fingerprint.py`).
    ``count``, ``first_seen_at`` and ``last_seen_at`` are kept by
    `monitoring/failures/collecting.py`, each failure once; ``returned_at`` is
    when a reviewed group last went back to new by its number."""

    fingerprint = models.CharField(max_length=32, unique=True)
    model = models.ForeignKey(
        RegisteredModel, on_delete=models.PROTECT, related_name="failure_groups"
    )
    error_code = models.CharField(max_length=10, choices=ERROR_LABELS)
    exception = models.CharField(max_length=100, blank=True)
    title = models.CharField(max_length=300, blank=True)
    step = models.CharField(max_length=200, blank=True)

    count = models.PositiveIntegerField(default=0)
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()

    state = models.CharField(max_length=10, choices=State, default=State.NEW)
    state_at = models.DateTimeField(db_default=Now())
    category = models.CharField(max_length=20, choices=Category, blank=True)
    resolved_in = models.ForeignKey(
        ModelVersion, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    returned_at = models.DateTimeField(null=True, blank=True)

    objects = FailureGroupQuerySet.as_manager()

    class Meta:
        ordering = ["-last_seen_at", "-id"]
        constraints = [
            models.CheckConstraint(
                name="monitoring_reviewed_has_a_category",
                condition=~Q(state="reviewed") | ~Q(category=""),
            ),
            models.CheckConstraint(
                name="monitoring_resolved_names_a_version",
                condition=~Q(state__in=["resolved", "regressed"]) | Q(resolved_in__isnull=False),
            ),
        ]
        indexes = [
            models.Index(fields=["-last_seen_at", "-id"], name="monitoring_last_seen"),
            models.Index(fields=["state", "-last_seen_at", "-id"], name="monitoring_by_state"),
        ]

    def __str__(self) -> str:
        return self.headline

    def get_absolute_url(self) -> str:
        return reverse("monitoring:failure", args=[self.pk])

    @property
    def headline(self) -> str:
        """ "ValueError: Found unknown categories …", without any value."""
        words = ": ".join(filter(None, [self.exception, readable(self.title)]))
        return words or ERROR_LABELS[self.error_code]

    @property
    def is_open(self) -> bool:
        """Whether the group needs a review."""
        return self.state in (State.NEW, State.REGRESSED)


class FailureNote(models.Model):
    """One entry of a group's timeline: words, a change of state, or both. Never changed, a trigger
    refuses. ``by`` is None where the product itself did it; ``execution`` names the one failure
    that the entry is about, if it is not about the whole group."""

    group = models.ForeignKey(FailureGroup, on_delete=models.PROTECT, related_name="notes")
    execution = models.ForeignKey(
        Execution, null=True, on_delete=models.PROTECT, related_name="failure_notes"
    )
    at = models.DateTimeField(db_default=Now())
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="failure_notes"
    )
    text = models.TextField(blank=True, max_length=5000)
    state = models.CharField(max_length=10, choices=State, blank=True)
    category = models.CharField(max_length=20, choices=Category, blank=True)
    version = models.ForeignKey(ModelVersion, null=True, on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(max_length=200, blank=True)
    message = models.ForeignKey(
        "monitoring.SupportMessage", null=True, on_delete=models.PROTECT, related_name="+"
    )

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["group", "-id"], name="monitoring_timeline")]

    def __str__(self) -> str:
        return self.text or self.get_state_display()


class ReviewedFailure(models.Model):
    """One failed execution that an admin reviewed singly. Without a row it was not, or its whole
    group is reviewed. The timeline has the history."""

    execution = models.OneToOneField(
        Execution, on_delete=models.PROTECT, primary_key=True, related_name="review"
    )
    category = models.CharField(max_length=20, choices=Category)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"{self.execution_id} reviewed"
