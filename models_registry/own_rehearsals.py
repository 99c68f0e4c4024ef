"""Rehearsals that nobody has to ask for: the answer to the typical row at every revision, and the
interval from rows that were said at upload not to be used in training.

The rows are queued here; whoever may reach the queue kicks it, else the sweep takes them within
seconds.
"""

from collections.abc import Mapping

from django.db.models import Exists, F, OuterRef
from django.db.models.functions import Now

from accounts.models import User
from config.runtimes import default_minor
from model_host.protocol.codec import to_json
from model_host.protocol.inputs import Scalar
from models_registry.models import Feature, ModelVersion, ReferenceData, Rehearsal
from models_registry.rehearsal_results import Example

FEWEST_FOR_INTERVAL = 20
"""The minimum number of residuals for their 90 % quantile."""
MOST_ROWS = 200
MOST_AT_ONCE = 5

EXAMPLE, CALIBRATION = Rehearsal.Kind.EXAMPLE, Rehearsal.Kind.CALIBRATION


def open_example(version: ModelVersion, by: User | None) -> Rehearsal | None:
    """Queue the answer to the typical row of the version as it stands; None where the version
    cannot run yet."""
    incomplete = version.features.filter(is_complete=False)
    if not version.container or version.is_altered or incomplete.exists():
        return None
    return _create(version, by, kind=EXAMPLE)


def write_example(version: ModelVersion, example: Example | None, by: User | None) -> None:
    """Record the answer that an inspection had for the version's present typical row, or have it
    worked out: what people set before may have changed the row."""
    if example is None or example.inputs != version.features.as_schema().typical_values():
        open_example(version, by)
        return
    _create(
        version,
        by,
        kind=EXAMPLE,
        status=Rehearsal.Status.SUCCEEDED,
        started_at=Now(),
        finished_at=Now(),
        results=[to_json(example)],
    )


def example_of(version: ModelVersion, typical: Mapping[str, Scalar]) -> Example | None:
    """Return the version's answer to exactly this typical row, with its present file and runtime,
    whichever revision it was asked at. One query."""
    found = version.rehearsals.filter(
        kind=EXAMPLE,
        status=Rehearsal.Status.SUCCEEDED,
        sha256=version.sha256,
        own_runtime=version.scikit_learn,
    ).first()
    example = found.example if found else None
    return example if example is not None and example.inputs == typical else None


def open_missing_examples() -> None:
    """Queue the examples of drafts and live versions that have none for their revision: those of
    versions from before there were any, and what a lost transaction left out."""
    there = Rehearsal.objects.filter(
        kind=EXAMPLE,
        version=OuterRef("pk"),
        sha256=OuterRef("sha256"),
        revision=OuterRef("revision"),
    )
    unfinished = Feature.objects.filter(version=OuterRef("pk"), is_complete=False)
    versions = (
        ModelVersion.objects.exclude(status=ModelVersion.Status.ARCHIVED)
        .exclude(container="")
        .filter(~Exists(there), ~Exists(unfinished), altered_at=None)
        .filter(inspections__status="succeeded", inspections__sha256=F("sha256"))
        .distinct()
    )
    for version in versions[:MOST_AT_ONCE]:
        open_example(version, None)


def open_interval(version: ModelVersion, by: User | None) -> Rehearsal | None:
    """Queue the computation of the version's interval; None where one cannot be computed."""
    reference = ReferenceData.objects.filter(version=version).first()
    if reference is None or why_no_interval(version, reference):
        return None
    return _create(version, by, kind=CALIBRATION, of=rows_with_outcome(reference)[:MOST_ROWS])


def rows_with_outcome(reference: ReferenceData) -> list[int]:
    """Return the numbers of the kept rows whose outcome is known."""
    return [number for number, value in enumerate(reference.targets) if value is not None]


def why_no_interval(version: ModelVersion, reference: ReferenceData | None) -> str:
    """Return the first reason against an interval from reference data; "" if there is none."""
    if version.task != "regression" or version.targets.count() != 1:
        return "An interval is computed for a model that answers with one number."
    if reference is None or not reference.is_held_out:
        return (
            "An interval needs reference data with its target column, and your confirmation "
            "that its rows were not used in training."
        )
    if version.features.filter(is_complete=False).exists():
        return "Complete the inputs first; then the model can predict the rows."
    if version.features.filter(is_sensitive=True).exists():
        return "Values of sensitive inputs are not kept, so the rows cannot be predicted again."
    known = len(rows_with_outcome(reference))
    if known < FEWEST_FOR_INTERVAL:
        return f"{known} rows with an outcome are kept; an interval needs {FEWEST_FOR_INTERVAL}."
    return ""


def _create(version: ModelVersion, by: User | None, **fields: object) -> Rehearsal:
    return Rehearsal.objects.create(
        version=version,
        sha256=version.sha256,
        revision=version.revision,
        own_runtime=version.runtime or default_minor(),
        requested_by=by,
        **fields,
    )
