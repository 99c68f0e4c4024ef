"""Deployments: which version was live when, by whom and why."""

from django.conf import settings
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateTimeRangeField, RangeOperators
from django.db import models
from django.db.models import Func
from django.db.models.functions import Now

from models_registry.models.registered_model import RegisteredModel
from models_registry.models.version import ModelVersion
from models_registry.timeline.periods import Event


class DeploymentQuerySet(models.QuerySet["Deployment"]):
    def events(self) -> list[Event]:
        """Return the record as `periods.py` reads it, oldest first, in one query."""
        rows = self.select_related("version", "by").order_by("started_at", "id")
        return [deployment.event for deployment in rows]


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

    objects = DeploymentQuerySet.as_manager()

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
        return f"{self.version}: {self.get_action_display().lower()}"

    @property
    def act(self) -> str:
        """The action on the version, as in "promoted by Ada"."""
        return {
            self.Action.PROMOTION: "promoted",
            self.Action.ROLLBACK: "made active again",
            self.Action.RETIREMENT: "retired",
        }[self.Action(self.action)]

    @property
    def event(self) -> Event:
        return Event(
            at=self.started_at,
            version_id=self.version_id,
            version=self.version.short_name,
            act=self.act,
            by=str(self.by or ""),
            text=self.text,
            is_retirement=self.action == self.Action.RETIREMENT,
        )
