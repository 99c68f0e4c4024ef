"""Saved test cases: inputs and the answers that a version must give to them."""

from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from models_registry.models.version import ModelVersion


class TestCaseQuerySet(models.QuerySet["TestCase"]):
    __test__ = False

    def up_to_date(self) -> "TestCaseQuerySet":
        """Return the cases that ran on the version's current file and revision."""
        return self.filter(ran_sha256=F("version__sha256"), ran_revision=F("version__revision"))

    def passing(self) -> "TestCaseQuerySet":
        return self.up_to_date().filter(passed=True)

    def open(self) -> "TestCaseQuerySet":
        """Return the cases that do not pass now: failed, or not run since the last change."""
        return self.exclude(pk__in=self.passing().values("pk"))


class TestCase(models.Model):
    """Inputs with the answer that a version must give: one expected value for each target.
    ``tolerance`` is the largest difference allowed for a number; none means equal."""

    __test__ = False  # no test of the suite

    version = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, related_name="cases")
    name = models.CharField(max_length=100)
    inputs = models.JSONField()
    expected = models.JSONField()
    tolerance = models.FloatField(default=0, validators=[MinValueValidator(0)])
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL)
    created_at = models.DateTimeField(db_default=Now())

    # Its last run, with the file and revision of that time.
    passed = models.BooleanField(null=True)
    ran_at = models.DateTimeField(null=True)
    ran_sha256 = models.CharField(max_length=64, blank=True)
    ran_revision = models.PositiveIntegerField(null=True)
    found = models.JSONField(null=True)
    problem = models.TextField(blank=True)

    objects = TestCaseQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        verbose_name = "saved test case"
        constraints = [
            models.UniqueConstraint(
                fields=["version", "name"], name="models_registry_case_name_is_unique"
            ),
            models.CheckConstraint(
                name="models_registry_case_that_ran_has_a_time",
                condition=Q(passed=None) | Q(ran_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_pinned(self) -> bool:
        """Whether its version still has the file and the revision that it last ran with. Needs
        ``version``."""
        return self.version.is_at(self.ran_sha256, self.ran_revision)
