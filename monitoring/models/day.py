"""Daily counts of executions, so that the dashboard need not read the executions again.

All rows can be computed again at any time (`manage.py recount`):
`monitoring/dashboard/rollup.py` is the only writer, and docs/adr/0008 says why these tables exist.
"""

from django.db import models

from models_registry.models import ModelVersion


class CountedZone(models.Model):
    """A timezone whose calendar days are counted, because an admin reads them. Every prediction
    that was finished up to ``through``, and no later one, is in the zone's rows; None: none is."""

    name = models.CharField(max_length=64, unique=True)
    through = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "counted timezone"

    def __str__(self) -> str:
        return self.name


class DayTotal(models.Model):
    """The finished predictions of one version that were submitted on one day of one zone. Seconds
    are sums over those that succeeded, ``bins`` their response times
    (`monitoring/dashboard/histogram.py`);
    ``slow`` of them took longer than ``slow_seconds``."""

    zone = models.ForeignKey(CountedZone, on_delete=models.CASCADE, related_name="totals")
    day = models.DateField()
    version = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, related_name="+")
    succeeded = models.PositiveIntegerField()
    failed = models.PositiveIntegerField()
    canceled = models.PositiveIntegerField()
    slow = models.PositiveIntegerField()
    slow_seconds = models.FloatField()
    response_seconds = models.FloatField()
    queue_seconds = models.FloatField()
    bins = models.JSONField()
    """A list of counts from bin 0 on."""
    hours = models.JSONField()
    """The same numbers by hour of the day (`monitoring/dashboard/period.py`, hours_of): a list of
    values in the order of `monitoring/dashboard/cells.py`, Cell; None for an hour without any."""

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["zone", "day", "version"], name="monitoring_a_day_is_counted_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.version_id} on {self.day}"


class DayTally(models.Model):
    """The number of finished predictions of a version on a day, or of all versions (None, the most
    frequent query), that were one person's (``key`` is their id) or failed alike (``key`` is the
    fingerprint, or else the error code)."""

    class Kind(models.TextChoices):
        PERSON = "person", "Person"
        ERROR = "error", "Error"

    zone = models.ForeignKey(CountedZone, on_delete=models.CASCADE, related_name="tallies")
    day = models.DateField()
    version = models.ForeignKey(ModelVersion, null=True, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=10, choices=Kind)
    key = models.CharField(max_length=32)
    count = models.PositiveIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["zone", "kind", "day", "version", "key"],
                include=["count"],
                nulls_distinct=False,
                name="monitoring_a_tally_is_kept_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.key} on {self.day}"
