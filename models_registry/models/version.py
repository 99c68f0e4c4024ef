"""Versions: one uploaded model file each, with its configuration and status."""

from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Count, F, FloatField, OuterRef, Q, Subquery, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Cast, Coalesce, Now, NullIf

from accounts.models import User
from config.runtimes import default_minor
from models_registry.models.registered_model import RegisteredModel
from models_registry.training.training_config import TrainingConfig, read_stored


class ModelVersionQuerySet(models.QuerySet["ModelVersion"]):
    def active(self) -> "ModelVersionQuerySet":
        return self.filter(status=ModelVersion.Status.ACTIVE)

    def visible_to(self, person: User) -> "ModelVersionQuerySet":
        """Return the versions of the models that exist for the person."""
        if person.is_staff:
            return self
        return self.filter(model__in=RegisteredModel.objects.visible_to(person))

    def hidden_from(self, person: User) -> "ModelVersionQuerySet":
        """Return the versions of all other models."""
        return self.filter(model__in=RegisteredModel.objects.hidden_from(person))

    def with_use(self) -> "ModelVersionQuerySet":
        """Annotate ``served``, the number of people's predictions with the version, and
        ``success_percent``, the percentage of succeeded ones among those that succeeded or failed;
        None if there are none. Deleted predictions still count, tests and replays never."""
        succeeded, failed, canceled = map(_ended, ("succeeded", "failed", "canceled"))
        return self.annotate(
            served=succeeded
            + failed
            + canceled
            + _asked(executions__status__in=["queued", "running"]),
            success_percent=Cast(100 * succeeded, FloatField()) / NullIf(succeeded + failed, 0),
        )


def _ended(status: str) -> Combinable:
    """The number of people's predictions with a version that ended so: those that were counted up
    to a time (`VersionUse`), and those since."""
    since = Coalesce(OuterRef("use__through"), Value(datetime.min.replace(tzinfo=UTC)))
    return Coalesce(F(f"use__{status}"), 0) + _asked(
        executions__status=status, executions__finished_at__gt=since
    )


def _asked(**conditions: Any) -> Coalesce:
    """The number of people's predictions with a version, counted in `executions_use` alone: joining
    them to the versions took 5 s for a million, so each number is a query of its own."""
    counted = (
        ModelVersion.objects.filter(
            pk=OuterRef("pk"), executions__purpose="prediction", **conditions
        )
        .order_by()
        .values("pk")
        .annotate(count=Count("*"))
    )
    return Coalesce(Subquery(counted.values("count")), 0)


class ModelVersion(models.Model):
    """An uploaded, immutable artifact with its input schema."""

    class Status(models.TextChoices):
        DRAFT = "draft", "Draft"
        ACTIVE = "active", "Active"
        ARCHIVED = "archived", "Archived"

    model = models.ForeignKey(RegisteredModel, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField(editable=False)
    label = models.CharField(max_length=60, blank=True)
    description = models.TextField(blank=True)
    release_notes = models.TextField("what changed", blank=True, max_length=2000)
    status = models.CharField(max_length=10, choices=Status, default=Status.DRAFT, editable=False)

    file_name = models.CharField(max_length=255, blank=True, editable=False)
    sha256 = models.CharField(max_length=64, blank=True, editable=False)
    size = models.PositiveBigIntegerField(default=0, editable=False)
    format = models.CharField(max_length=10, blank=True, editable=False)
    training_config = models.JSONField(default=dict, blank=True, editable=False)
    metrics = models.JSONField(default=dict, blank=True, editable=False)

    # Read from the fitted object by the inspection; see model_host/protocol/.
    container = models.CharField(max_length=10, blank=True, editable=False)
    task = models.CharField(max_length=20, blank=True, editable=False)
    estimator = models.CharField(max_length=200, blank=True, editable=False)
    libraries_trained = models.JSONField(default=dict, blank=True, editable=False)
    # The minor version of scikit-learn that serves it ("1.5"); "" is that of any worker.
    runtime = models.CharField(max_length=10, blank=True, db_default="", default="", editable=False)
    # The libraries of a runtime that was chosen after the inspection, which names its own.
    libraries_running = models.JSONField(default=dict, blank=True, editable=False)

    # The version whose labels, rules and cases it takes over, and what became of that
    # (`models_registry/taking_over.py`).
    takes_over = models.ForeignKey(
        "self", null=True, editable=False, on_delete=models.SET_NULL, related_name="+"
    )
    taken_over = models.JSONField(default=dict, blank=True, editable=False)

    # The model card's text, which may change at any time.
    intended_use = models.TextField(
        blank=True, help_text="Who should use the model, for which decisions."
    )
    limitations = models.TextField(
        blank=True, help_text="Where the model should not be trusted, and what to watch for."
    )

    revision = models.PositiveIntegerField(default=1, editable=False)
    tested_at = models.DateTimeField(null=True, editable=False)
    tested_sha256 = models.CharField(max_length=64, blank=True, editable=False)
    tested_revision = models.PositiveIntegerField(null=True, editable=False)

    uploaded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, editable=False, on_delete=models.SET_NULL
    )
    uploaded_at = models.DateTimeField(db_default=Now(), editable=False)
    activated_at = models.DateTimeField(null=True, editable=False)
    altered_at = models.DateTimeField(null=True, editable=False)

    objects = ModelVersionQuerySet.as_manager()

    class Meta:
        ordering = ["model", "-number"]
        verbose_name = "version"
        constraints = [
            models.UniqueConstraint(
                fields=["model", "number"], name="models_registry_number_is_unique_per_model"
            ),
            models.UniqueConstraint(
                fields=["model"],
                condition=Q(status="active"),
                name="models_registry_one_active_version_per_model",
            ),
            models.CheckConstraint(
                name="models_registry_active_implies_tested",
                condition=~Q(status="active")
                | Q(
                    tested_at__isnull=False,
                    tested_sha256=F("sha256"),
                    tested_revision=F("revision"),
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.model} v{self.number}"

    @property
    def training(self) -> TrainingConfig:
        """The keys of the training configuration that have a meaning."""
        return read_stored(self.training_config)

    @property
    def short_name(self) -> str:
        return f"v{self.number}"

    @property
    def scikit_learn(self) -> str:
        """The minor version of scikit-learn that serves it."""
        return self.runtime or default_minor()

    @property
    def is_active(self) -> bool:
        return self.status == self.Status.ACTIVE

    @property
    def is_tested(self) -> bool:
        """Whether a test succeeded with exactly this file and this revision of the inputs."""
        return self.tested_at is not None and self.is_at(self.tested_sha256, self.tested_revision)

    def is_at(self, sha256: str, revision: int | None) -> bool:
        """Return whether this is still its file and the revision of its inputs: a draft may have
        changed since."""
        return (sha256, revision) == (self.sha256, self.revision)

    @property
    def is_locked(self) -> bool:
        """Whether the version has been live, so that its inputs never change."""
        return self.activated_at is not None

    @property
    def is_altered(self) -> bool:
        """Whether the store or a worker's copy held another file than the uploaded one; nothing
        runs then."""
        return self.altered_at is not None

    @property
    def deployed_at(self) -> datetime | None:
        return self.activated_at
