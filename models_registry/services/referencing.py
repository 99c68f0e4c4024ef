"""Operations on a draft's reference data, and the update of its inputs and intervals."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from django.db import transaction
from django.db.models.functions import Now

from accounts.activity import record
from accounts.models import User
from config.text.plain_text import escaped
from models_registry.errors import NoIntervalPossible, VersionLocked
from models_registry.inputs.feature_spec import FeatureSpec, Scalar
from models_registry.models import Feature, Inspection, ModelVersion, ReferenceData, Rehearsal
from models_registry.own_rehearsals import rows_with_outcome, why_no_interval
from models_registry.reference.reference_fit import (
    outcomes,
    with_reference,
    without_columns,
    without_reference,
)
from models_registry.reference.reference_profile import Reference
from models_registry.services.configuring import save_configuration
from models_registry.services.rehearsing import request_rehearsal
from models_registry.training import training_config

FILLED = ["kind", "soft_minimum", "soft_maximum", "typical", "sources"]
"""The fields of an input that reference data may set."""


@dataclass(frozen=True)
class ReferenceUpload:
    """Reference data of an admin, already parsed, with their statements about it."""

    reference: Reference
    file_name: str = ""
    keeps_rows: bool = True
    is_held_out: bool = False


def write_reference(version: ModelVersion, upload: ReferenceUpload, by: User) -> ReferenceData:
    """Store the profile and, if allowed, the sample of rows; removes an earlier interval."""
    reference = without_columns(upload.reference, _told_sensitive(version))
    rows = reference.rows if upload.keeps_rows else ()
    written, _ = ReferenceData.objects.update_or_create(
        version=version,
        defaults={
            "file_name": escaped(upload.file_name)[-255:],
            "row_count": reference.row_count,
            "profile": reference.profile.to_json(),
            "rows": list(rows),
            "targets": outcomes(rows, reference.profile),
            "is_held_out": upload.is_held_out and bool(reference.profile.target),
            "interval_halfwidth": None,
            "interval_sha256": "",
            "uploaded_by": by,
            "uploaded_at": Now(),
        },
    )
    record(
        "reference data added",
        by=by,
        target=str(version),
        after={"rows": reference.row_count, "kept": len(rows)},
    )
    return written


@transaction.atomic
def set_reference(*, version: ModelVersion, upload: ReferenceUpload, by: User) -> ReferenceData:
    """Replace a draft's reference data: its inputs take soft ranges and typical values from it, as
    a new revision. Raises VersionLocked once the version was live."""
    version = _open(version)
    written = write_reference(version, upload, by)
    profile, fitted = upload.reference.profile, _fitted(version)
    rules = [rule.spec for rule in version.rules.all()]
    _refill(
        version,
        lambda specs: with_reference(specs, profile, rows=written.rows, rules=rules, fitted=fitted),
        by,
    )
    return written


@transaction.atomic
def remove_reference(*, version: ModelVersion, by: User) -> None:
    """Remove a draft's reference data, and the values that its inputs had from it, as a new
    revision."""
    version = _open(version)
    removed, _ = ReferenceData.objects.filter(version=version).delete()
    if removed:
        record("reference data removed", by=by, target=str(version))
        fitted = _fitted(version)
        _refill(version, lambda specs: without_reference(specs, fitted), by)


def request_interval(*, version: ModelVersion, by: User) -> Rehearsal:
    """Request the computation of the 90 % interval from the residuals on rows that were not used in
    training.

    Raises NoIntervalPossible, with the reason.
    """
    reference = ReferenceData.objects.filter(version=version).first()
    if why := why_no_interval(version, reference):
        raise NoIntervalPossible(why)
    assert reference is not None
    known = rows_with_outcome(reference)
    return request_rehearsal(version=version, kind=Rehearsal.Kind.CALIBRATION, of=known, by=by)


def _fitted(version: ModelVersion) -> dict[str, Scalar]:
    """The typical values that the version's file gave, by input; in training order both."""
    passed = version.inspections.filter(status=Inspection.Status.SUCCEEDED, sha256=version.sha256)
    read = passed.values_list("report__examination__features", flat=True).first() or []
    names = version.features.order_by("position").values_list("name", flat=True)
    return {name: one.get("typical") for name, one in zip(names, read, strict=False)}


def _told_sensitive(version: ModelVersion) -> set[str]:
    """The inputs that the configuration marks sensitive: known before the inspection proposes the
    inputs, and valid even if it never passes."""
    told = training_config.read(version.training_config)
    return {entry.name for entry in told.features if entry.sensitive}


def _open(version: ModelVersion) -> ModelVersion:
    version = ModelVersion.objects.select_for_update().get(pk=version.pk)
    if version.is_locked:
        raise VersionLocked
    return version


def _refill(
    version: ModelVersion,
    change: Callable[[list[FeatureSpec]], Iterable[FeatureSpec]],
    by: User,
) -> None:
    """Change the inputs as a new revision; before the inspection there are none to change."""
    features = list(version.features.all())
    if not features:
        return
    specs = list(change([feature.spec for feature in features]))
    filled = [
        Feature.from_spec(version, feature.position, spec)
        for feature, spec in zip(features, specs, strict=True)
    ]
    for feature, row in zip(features, filled, strict=True):
        row.pk = feature.pk
    Feature.objects.bulk_update(filled, FILLED)
    ReferenceData.objects.filter(version=version).fit_to(specs)
    save_configuration(version=version, by=by)
