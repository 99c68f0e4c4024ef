"""Inspections and rehearsals: the flow runs that examine a version's file or run it on many
rows."""

from django.conf import settings
from django.db import models

from config.runtimes import default_minor
from engine.run_claims import Run, RunQuerySet, finished_has_a_time, open_runs
from model_host.protocol.artifact import TypeName
from model_host.protocol.codec import stored
from models_registry.inspection_steps import Examined, Report, StepTaken
from models_registry.models.version import ModelVersion
from models_registry.rehearsal_results import Confirmed, Example, RowResult, TriedRow


class VersionRun(Run):
    """A flow run about a version's file, ``sha256``, on the workers that have ``runtime``. Where
    that is "", an inspection chooses the one that saved the file, and a rehearsal takes the
    version's."""

    class Status(models.TextChoices):
        QUEUED = "queued", "Waiting"
        RUNNING = "running", "Running"
        SUCCEEDED = "succeeded", "Passed"
        FAILED = "failed", "Refused"

    sha256 = models.CharField(max_length=64, blank=True)
    runtime = models.CharField(max_length=10, blank=True, db_default="", default="")
    status = models.CharField(max_length=10, choices=Status, default=Status.QUEUED)
    flow_run_id = models.UUIDField(null=True)
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL)

    objects = RunQuerySet.as_manager()

    class Meta:
        abstract = True
        ordering = ["-id"]

    @property
    def is_finished(self) -> bool:
        return self.status in {self.Status.SUCCEEDED, self.Status.FAILED}

    @property
    def needed_runtime(self) -> str:
        """The runtime that a worker must have to take the run, "" for any worker."""
        return self.runtime


class Inspection(VersionRun):
    """One examination of an uploaded file. ``steps`` are shown while it runs; they and ``report``
    hold what `inspection_steps.py` defines."""

    version = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, related_name="inspections")
    steps = models.JSONField(default=list)
    report = models.JSONField(default=dict)

    class Meta(VersionRun.Meta):
        indexes = [open_runs("models_registry_open_inspects")]
        constraints = [finished_has_a_time("models_registry_finished_inspection_has_a_time")]

    def __str__(self) -> str:
        return f"Inspection of {self.version_id} ({self.status})"

    @property
    def steps_taken(self) -> tuple[StepTaken, ...]:
        return stored(tuple[StepTaken, ...], self.steps)

    @property
    def found(self) -> Report:
        return stored(Report, self.report)

    @property
    def examined(self) -> Examined:
        """What was read from the fitted model; empty where the inspection came to nothing."""
        examination = self.found.examination
        return examination if isinstance(examination, Examined) else Examined()

    @property
    def needs_approval(self) -> list[TypeName]:
        """The types that a superuser may approve so that the file opens."""
        return list(self.found.needs_approval) if self.status == self.Status.FAILED else []


class Rehearsal(VersionRun):
    """A run of a version on many rows in one flow run, before it is live.

    IMPACT: what a candidate says to the inputs of executions, ``of`` their ids. CALIBRATION: the
    residuals on reference rows that were not used in training, ``of`` their numbers. ``results``
    are what came of each of ``of``, without inputs. CHECK: the file in the store has its digest and
    opens today; ``results`` are what was found good. RUNTIME: what ``runtime`` and ``own_runtime``
    say to the inputs of saved cases, ``of`` their keys, and of executions; ``libraries`` are the
    versions in both, by runtime. EXAMPLE: the typical row and the answer to it, asked at every
    revision; an inspection writes that of its own revision.

    ``own_runtime`` is the one that served the version when this was requested.
    """

    class Kind(models.TextChoices):
        IMPACT = "impact", "Impact on real inputs"
        CALIBRATION = "calibration", "Interval from reference data"
        CHECK = "check", "Check of the file"
        RUNTIME = "runtime", "Try in another runtime"
        EXAMPLE = "example", "Answer to the typical row"

    version = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, related_name="rehearsals")
    kind = models.CharField(max_length=12, choices=Kind)
    revision = models.PositiveIntegerField()
    own_runtime = models.CharField(max_length=10, blank=True, db_default="", default="")
    of = models.JSONField(default=list)
    results = models.JSONField(default=list)
    libraries = models.JSONField(default=dict)

    class Meta(VersionRun.Meta):
        indexes = [open_runs("models_registry_open_rehearse")]
        constraints = [finished_has_a_time("models_registry_finished_rehearsal_has_a_time")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} of {self.version_id} ({self.status})"

    @property
    def needed_runtime(self) -> str:
        """Of the two that a RUNTIME needs, that which not every worker has."""
        if self.kind == self.Kind.RUNTIME and self.runtime == default_minor():
            return self.own_runtime
        return self.runtime or self.version.runtime

    @property
    def is_pinned(self) -> bool:
        """Whether its version still has the file, the revision and the runtime that it was
        requested with."""
        version = self.version
        return version.is_at(self.sha256, self.revision) and self.own_runtime in (
            "",
            version.scikit_learn,
        )

    @property
    def row_results(self) -> tuple[RowResult, ...]:
        """The results of an IMPACT or a CALIBRATION, in the order of ``of``."""
        return stored(tuple[RowResult, ...], self.results)

    @property
    def example(self) -> Example | None:
        """The result of an EXAMPLE; None if it has none."""
        return next(iter(stored(tuple[Example, ...], self.results)), None)

    @property
    def tried_rows(self) -> tuple[TriedRow, ...]:
        """The results of a RUNTIME, in the order of ``of``."""
        return stored(tuple[TriedRow, ...], self.results)

    @property
    def confirmed(self) -> tuple[Confirmed, ...]:
        """The results of a CHECK."""
        return stored(tuple[Confirmed, ...], self.results)
