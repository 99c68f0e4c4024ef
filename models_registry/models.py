"""Registered models, their versions, what inputs each takes, and which version was live when."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateTimeRangeField, RangeOperators
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Func, Q
from django.db.models.functions import Now

from models_registry.feature_spec import FeatureSpec, Kind, Requirement, TargetSpec
from models_registry.input_schema import InputSchema


class RegisteredModelQuerySet(models.QuerySet["RegisteredModel"]):
    def live(self) -> "RegisteredModelQuerySet":
        """Models that have an active version, with that version at hand."""
        return self.filter(versions__status=ModelVersion.Status.ACTIVE).distinct()


class RegisteredModel(models.Model):
    """A model that people use by name; its versions come and go."""

    name = models.CharField(max_length=200, unique=True)
    slug = models.SlugField(max_length=80, unique=True)
    description = models.TextField(
        blank=True, help_text="What the model answers, for the people who use it."
    )
    load_seconds = models.FloatField(
        default=settings.LOAD_SECONDS,
        validators=[MinValueValidator(1), MaxValueValidator(300)],
        help_text="A load that takes longer is stopped.",
    )
    predict_seconds = models.FloatField(
        default=settings.PREDICT_SECONDS,
        validators=[MinValueValidator(0.5), MaxValueValidator(300)],
        help_text="A prediction that takes longer is stopped.",
    )
    slow_seconds = models.FloatField(
        default=settings.SLOW_SECONDS,
        validators=[MinValueValidator(0.05)],
        help_text="A prediction that takes longer counts as slow.",
    )
    prefect_deployment_id = models.UUIDField(null=True, blank=True, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, editable=False, on_delete=models.SET_NULL
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = RegisteredModelQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        verbose_name = "model"

    def __str__(self) -> str:
        return self.name


class ModelVersionQuerySet(models.QuerySet["ModelVersion"]):
    def active(self) -> "ModelVersionQuerySet":
        return self.filter(status=ModelVersion.Status.ACTIVE)


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

    # Read from the fitted object by the inspection; see flows/model_host/protocol.py.
    container = models.CharField(max_length=10, blank=True, editable=False)
    task = models.CharField(max_length=20, blank=True, editable=False)
    estimator = models.CharField(max_length=200, blank=True, editable=False)
    libraries_trained = models.JSONField(default=dict, blank=True, editable=False)

    revision = models.PositiveIntegerField(default=1, editable=False)
    tested_at = models.DateTimeField(null=True, editable=False)
    tested_sha256 = models.CharField(max_length=64, blank=True, editable=False)
    tested_revision = models.PositiveIntegerField(null=True, editable=False)

    uploaded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, editable=False, on_delete=models.SET_NULL
    )
    uploaded_at = models.DateTimeField(db_default=Now(), editable=False)
    activated_at = models.DateTimeField(null=True, editable=False)

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
        return f"{self.model.name} v{self.number}"

    @property
    def short_name(self) -> str:
        return f"v{self.number}"

    @property
    def is_active(self) -> bool:
        return self.status == self.Status.ACTIVE

    @property
    def is_tested(self) -> bool:
        """A test succeeded with exactly this file and this revision of the inputs."""
        return (
            self.tested_at is not None
            and self.tested_sha256 == self.sha256
            and self.tested_revision == self.revision
        )

    @property
    def is_locked(self) -> bool:
        """Once live, the inputs never change."""
        return self.activated_at is not None

    @property
    def deployed_at(self) -> datetime | None:
        return self.activated_at


class FeatureQuerySet(models.QuerySet["Feature"]):
    def as_schema(self) -> InputSchema:
        """The input schema of one version: its features in training order."""
        return InputSchema(tuple(feature.spec for feature in self.order_by("position")))


class Feature(models.Model):
    """One input variable of one version. ``position`` is its place in the training columns."""

    version = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, related_name="features")
    position = models.PositiveIntegerField(editable=False)
    name = models.CharField(max_length=300, editable=False)
    label = models.CharField(max_length=200)
    help = models.CharField(max_length=300, blank=True)
    unit = models.CharField(max_length=40, blank=True)
    group = models.CharField(max_length=80, blank=True)
    kind = models.CharField(max_length=10, choices=[(kind.value, kind.label) for kind in Kind])
    requirement = models.CharField(
        max_length=15,
        choices=[(requirement.value, requirement.label) for requirement in Requirement],
        default=Requirement.REQUIRED.value,
    )
    minimum = models.FloatField(null=True, blank=True, help_text="A smaller value is refused.")
    maximum = models.FloatField(null=True, blank=True, help_text="A larger value is refused.")
    soft_minimum = models.FloatField(
        "trained from", null=True, blank=True, help_text="A smaller value runs, with a warning."
    )
    soft_maximum = models.FloatField(
        "trained to", null=True, blank=True, help_text="A larger value runs, with a warning."
    )
    choices = models.JSONField(
        default=list, blank=True, help_text='Pairs of value and label: [["rent", "Rents"], …]'
    )
    default = models.JSONField(null=True, blank=True)
    typical = models.JSONField(null=True, blank=True)
    imputed = models.JSONField(null=True, blank=True, editable=False)
    is_sensitive = models.BooleanField(
        "sensitive", default=False, help_text="Never sent to Prefect, logged or mailed."
    )
    is_listed = models.BooleanField("show in lists", default=False)
    is_complete = models.BooleanField("complete", default=True)
    sources = models.JSONField(default=dict, blank=True, editable=False)

    objects = FeatureQuerySet.as_manager()

    class Meta:
        ordering = ["position"]
        verbose_name = "input"
        constraints = [
            models.UniqueConstraint(
                fields=["version", "name"], name="models_registry_feature_name_is_unique"
            ),
            models.UniqueConstraint(
                fields=["version", "position"],
                name="models_registry_feature_position_is_unique",
                deferrable=models.Deferrable.DEFERRED,
            ),
        ]

    def __str__(self) -> str:
        return self.label or self.name

    def clean(self) -> None:
        """The fields must fit each other: bounds in order, and a default that the rules allow."""
        pairs = self.choices if isinstance(self.choices, list) else [None]
        if not all(isinstance(pair, list) and len(pair) == 2 for pair in pairs):
            raise ValidationError({"choices": 'Write pairs: [["rent", "Rents"], ["own", "Owns"]]'})
        if self.kind == Kind.CHOICE.value and not pairs and self.is_complete:
            raise ValidationError({"choices": "A choice needs its values."})
        if self.minimum is not None and self.maximum is not None and self.minimum > self.maximum:
            raise ValidationError({"maximum": "The maximum is below the minimum."})
        alone = InputSchema((replace(self.spec, requirement=Requirement.MAY_BE_MISSING),))
        for field in ("default", "typical"):
            errors = alone.clean({self.name: getattr(self, field)}).errors
            if errors:
                raise ValidationError({field: str(errors[self.name])})
        if self.requirement == Requirement.OPTIONAL.value and self.default is None:
            raise ValidationError({"default": "An optional input needs a default."})

    @classmethod
    def from_spec(cls, version: ModelVersion, position: int, spec: FeatureSpec) -> "Feature":
        """An unsaved row with the fields of ``spec``."""
        return cls(
            version=version,
            position=position,
            name=spec.name,
            label=spec.label[:200],
            help=spec.help[:300],
            unit=spec.unit[:40],
            group=spec.group[:80],
            kind=spec.kind.value,
            requirement=spec.requirement.value,
            minimum=spec.minimum,
            maximum=spec.maximum,
            soft_minimum=spec.soft_minimum,
            soft_maximum=spec.soft_maximum,
            choices=[[value, label] for value, label in spec.choices],
            default=spec.default,
            typical=spec.typical,
            imputed=spec.imputed,
            is_sensitive=spec.is_sensitive,
            is_listed=spec.is_listed,
            is_complete=spec.is_complete,
            sources=dict(spec.sources),
        )

    @property
    def spec(self) -> FeatureSpec:
        return FeatureSpec(
            name=self.name,
            label=self.label or self.name,
            help=self.help,
            unit=self.unit,
            group=self.group,
            kind=Kind(self.kind),
            requirement=Requirement(self.requirement),
            minimum=self.minimum,
            maximum=self.maximum,
            soft_minimum=self.soft_minimum,
            soft_maximum=self.soft_maximum,
            choices=tuple((value, label) for value, label in self.choices),
            default=self.default,
            typical=self.typical,
            imputed=self.imputed,
            is_sensitive=self.is_sensitive,
            is_listed=self.is_listed,
            is_complete=self.is_complete,
            sources=self.sources,
        )


class Target(models.Model):
    """One output of a version: what it is called and, for a number, its unit."""

    version = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, related_name="targets")
    position = models.PositiveIntegerField(editable=False)
    name = models.CharField(max_length=300, blank=True, editable=False)
    label = models.CharField(max_length=200, blank=True)
    unit = models.CharField(max_length=40, blank=True)
    class_labels = models.JSONField(
        default=list,
        blank=True,
        help_text='Pairs of class and label: [[0, "Repays"], [1, "Defaults"]]',
    )

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(
                fields=["version", "position"], name="models_registry_target_position_is_unique"
            )
        ]

    def __str__(self) -> str:
        return self.label or self.name or "Prediction"

    @classmethod
    def from_spec(cls, version: ModelVersion, position: int, spec: TargetSpec) -> "Target":
        """An unsaved row with the fields of ``spec``."""
        return cls(
            version=version,
            position=position,
            name=spec.name,
            label=spec.label[:200],
            unit=spec.unit[:40],
            class_labels=[[value, label] for value, label in spec.class_labels],
        )

    @property
    def what_it_says(self) -> str:
        """One line on the answer: the classes, or the number with its unit."""
        labels = [str(label) for _, label in self.class_labels]
        if len(labels) > 4:
            return f"One of {len(labels)} classes"
        if labels:
            return " · ".join(labels)
        return f"{self}, in {self.unit}" if self.unit else str(self)

    def label_of(self, value: Any) -> str:
        """What people call this class; the class itself where nobody named it."""
        for known, label in self.class_labels:
            if known == value and isinstance(known, bool) == isinstance(value, bool):
                return str(label)
        return str(value)


class Inspection(models.Model):
    """One examination of an uploaded file, a flow run like any other: a row with states, a lease
    and attempts, found again by the sweep when it stands still."""

    class Status(models.TextChoices):
        QUEUED = "queued", "Waiting"
        RUNNING = "running", "Running"
        SUCCEEDED = "succeeded", "Passed"
        FAILED = "failed", "Refused"

    version = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, related_name="inspections")
    sha256 = models.CharField(max_length=64, blank=True)
    status = models.CharField(max_length=10, choices=Status, default=Status.QUEUED)
    attempt = models.PositiveIntegerField(default=1)
    lease_owner = models.CharField(max_length=80, blank=True)
    lease_until = models.DateTimeField(null=True)
    dispatch_after = models.DateTimeField(db_default=Now())
    flow_run_id = models.UUIDField(null=True)
    steps = models.JSONField(default=list)
    report = models.JSONField(default=dict)
    message = models.TextField(blank=True)
    traceback = models.TextField(blank=True)
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL)
    requested_at = models.DateTimeField(db_default=Now())
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(
                fields=["dispatch_after"],
                condition=Q(status__in=["queued", "running"]),
                name="models_registry_open_inspects",
            )
        ]
        constraints = [
            models.CheckConstraint(
                name="models_registry_finished_inspection_has_a_time",
                condition=Q(status__in=["queued", "running"]) | Q(finished_at__isnull=False),
            )
        ]

    def __str__(self) -> str:
        return f"Inspection of {self.version_id} ({self.status})"

    @property
    def is_finished(self) -> bool:
        return self.status in {self.Status.SUCCEEDED, self.Status.FAILED}

    @property
    def needs_approval(self) -> list[tuple[str, str]]:
        """The types, (module, name) each, that a superuser may approve so that the file opens."""
        if self.status != self.Status.FAILED:
            return []
        return [(module, name) for module, name in self.report.get("needs_approval", [])]


class TypeApprovalQuerySet(models.QuerySet["TypeApproval"]):
    def of(self, sha256: str) -> frozenset[tuple[str, str]]:
        """The (module, name) pairs that superusers approved for the file with this digest."""
        return frozenset(self.filter(sha256=sha256).values_list("module", "name"))


class TypeApproval(models.Model):
    """A superuser's word that one file may name one type that is on no list of ours.

    It belongs to the file's digest: wherever that file is uploaded it holds, and for no other file.
    Append-only.
    """

    sha256 = models.CharField(max_length=64)
    module = models.CharField(max_length=300)
    name = models.CharField(max_length=300)
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    approved_at = models.DateTimeField(db_default=Now())

    objects = TypeApprovalQuerySet.as_manager()

    class Meta:
        ordering = ["sha256", "module", "name"]
        constraints = [
            models.UniqueConstraint(
                fields=["sha256", "module", "name"],
                name="models_registry_type_is_approved_once_per_file",
            )
        ]

    def __str__(self) -> str:
        return f"{self.module}.{self.name} in {self.sha256[:12]}"


class Deployment(models.Model):
    """A version went live, or a model was retired. Append-only but for the end of its period."""

    class Action(models.TextChoices):
        PROMOTION = "promotion", "Promoted"
        ROLLBACK = "rollback", "Rolled back"
        RETIREMENT = "retirement", "Retired"

    model = models.ForeignKey(RegisteredModel, on_delete=models.PROTECT, related_name="deployments")
    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="deployments")
    previous_version = models.ForeignKey(
        ModelVersion, null=True, on_delete=models.PROTECT, related_name="+"
    )
    action = models.CharField(max_length=10, choices=Action)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL)
    started_at = models.DateTimeField(db_default=Now())
    ended_at = models.DateTimeField(null=True)
    text = models.TextField(blank=True)

    class Meta:
        ordering = ["-started_at", "-id"]
        constraints = [
            ExclusionConstraint(
                name="models_registry_deployments_do_not_overlap",
                expressions=[
                    (
                        Func(
                            "started_at",
                            "ended_at",
                            function="tstzrange",
                            output_field=DateTimeRangeField(),
                        ),
                        RangeOperators.OVERLAPS,
                    ),
                    ("model", RangeOperators.EQUAL),
                ],
            )
        ]

    def __str__(self) -> str:
        return f"{self.version_id} {self.action} at {self.started_at}"
