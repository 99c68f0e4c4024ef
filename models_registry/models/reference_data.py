"""Reference data: the profile and the kept rows of the CSV that an admin uploaded with a
version."""

from collections.abc import Sequence

from django.conf import settings
from django.db import models
from django.db.models import Func
from django.db.models.functions import Now

from model_host.protocol.codec import stored
from models_registry.inputs.feature_spec import FeatureSpec
from models_registry.models.version import ModelVersion
from models_registry.reference.reference_fit import concealed, fitted_rows
from models_registry.reference.reference_profile import ColumnProfile, Profile


class ReferenceDataQuerySet(models.QuerySet["ReferenceData"]):
    def fit_to(self, features: Sequence[FeatureSpec]) -> None:
        """Keep only these inputs in the rows, in the types of their kinds, and no value of a
        sensitive one. Called whenever a version's inputs change."""
        for reference in self:
            profile = Profile.from_json(reference.profile)
            reference.rows = fitted_rows(features, reference.rows, profile)
            reference.profile = concealed(features, profile).to_json()
            reference.save(update_fields=["rows", "profile"])

    def range_of_outcomes(self) -> tuple[float, float] | None:
        """Return the least and the greatest outcome in the rows of one version; None without
        outcomes that are numbers. Only this column of the profile leaves the database."""
        found = self.annotate(column=_OUTCOMES).values_list("column", flat=True).first()
        column = stored(ColumnProfile, found[1]) if found else None
        if column is None or column.minimum is None or column.maximum is None:
            return None
        return column.minimum, column.maximum


_OUTCOMES = Func(
    "profile",
    function="jsonb_path_query_first",
    template=(
        "%(function)s(%(expressions)s, 'strict $.columns[*] ? (@[0] == $name)', "
        "jsonb_build_object('name', %(expressions)s -> 'target'), true)"
    ),
    output_field=models.JSONField(),
)
"""The pair of name and profile of the column that holds the outcomes."""


class ReferenceData(models.Model):
    """The kept part of the rows that an admin uploaded with a version: the profile of each column
    (`reference_profile.py`), and at most 200 rows if the admin allows it, inputs by name.
    ``targets`` are the outcomes of those rows, in their order.

    ``interval_halfwidth`` is the split-conformal half-width of a 90 % interval (Lei et al. 2018),
    from the residuals on rows that the admin declared were not used in training.
    """

    version = models.OneToOneField(
        ModelVersion, on_delete=models.CASCADE, related_name="reference_data"
    )
    file_name = models.CharField(max_length=255, blank=True)
    row_count = models.PositiveIntegerField()
    profile = models.JSONField(default=dict)
    rows = models.JSONField(default=list)
    targets = models.JSONField(default=list)
    is_held_out = models.BooleanField(default=False)
    interval_halfwidth = models.FloatField(null=True)
    interval_sha256 = models.CharField(max_length=64, blank=True)
    uploaded_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL)
    uploaded_at = models.DateTimeField(db_default=Now())

    objects = ReferenceDataQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.row_count} reference rows of {self.version_id}"
