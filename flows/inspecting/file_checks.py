"""The steps of an inspection: each checks one thing about the file, and says what it found.

A step raises Refused with the sentence for the admin. The model host's own errors pass: its
sentences say what to do.
"""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from config.errors import DomainError
from config.runtimes import default_minor
from flows.errors import NotAModel
from flows.inspecting.approvals import approvable, not_installed
from flows.inspecting.proposal import propose
from flows.inspecting.shown_steps import Steps
from flows.opened import Model, opened
from flows.outcomes import Refused
from model_host.protocol.artifact import LoadReport
from model_host.protocol.errors import HostError
from model_host.protocol.examination import Examination
from model_host.protocol.inputs import Scalar
from model_host.protocol.outputs import Outputs
from models_registry.inputs.feature_spec import FeatureSpec, Kind, Requirement
from models_registry.inputs.input_schema import InputSchema
from models_registry.inspection_steps import (
    FORMAT,
    INPUTS,
    LIBRARIES,
    LOADS,
    PREDICTS,
    RECEIVED,
    TRIAL,
    TYPES,
    Report,
)
from models_registry.models import ModelVersion, ReferenceData
from models_registry.promotion.library_versions import LibraryDifference, library_differences
from models_registry.reference.reference_profile import Profile
from models_registry.rehearsal_results import Example
from models_registry.training.config_disagreements import names
from models_registry.training.config_merge import SOURCE, Merged
from models_registry.training.training_config import TrainingConfig, read

COLUMNS = "columns of the reference data"
"""The source of names that neither the model nor the configuration has."""


def check_receipt(steps: Steps, version: ModelVersion) -> TrainingConfig:
    """Check that the version still has the file that was to be inspected; return its training
    configuration."""
    sha256 = steps.inspection.sha256
    with steps.step(RECEIVED):
        steps.passed(f"SHA-256 {sha256}")
        if sha256 != version.sha256:
            raise Refused("The file was replaced meanwhile and is inspected anew.")
        try:
            return read(version.training_config)
        except DomainError as error:
            raise Refused(error.message) from None


def check_format(steps: Steps, version: ModelVersion, stack: ExitStack) -> Model:
    """Fetch the file, which is kept until the ``stack`` is left."""
    with steps.step(FORMAT):
        try:
            model = stack.enter_context(opened(version))
        except NotAModel as error:
            raise Refused(f"{version.file_name or 'The file'} {error}") from None
        most = settings.ARTIFACT_MAX_BYTES // 1024**2
        steps.passed(f"{model.file.format}, {version.size / 1024**2:.1f} of at most {most} MB")
        return model


def check_load(steps: Steps, model: Model) -> LoadReport:
    """Open the file in a locked process, which stays warm for the test that follows."""
    with steps.step(TYPES):
        load = _load_or_trouble(steps, model)
        if isinstance(load, LoadReport):
            approved = len(model.file.approved.intersection(load.types))
            known = f"{approved} of them approved for this file" if approved else "all known"
            known += " but what is left out" if load.left_out else ""
            steps.passed(f"{len(load.types)} types, {known}")
    with steps.step(LOADS):
        if isinstance(load, HostError):
            raise load
        cost = f"{load.seconds:.2f} s, {load.memory_bytes / 1024**2:.0f} MB"
        steps.passed(f"{cost}. {load.left_out}" if load.left_out else cost)
    return load


def _load_or_trouble(steps: Steps, model: Model) -> LoadReport | HostError:
    """The report, or an error that is not about the types in the file."""
    try:
        return model.warm()
    except HostError as error:
        if not error.refused:
            return error
        types = approvable(error.refused, model.file.approved, error.absent)
        if missing := not_installed(types, model.runtime):
            how = f"install {names(missing)} on the worker"
            if model.runtime not in ("", default_minor()):
                how = (
                    f"add {names(missing)} to the runtime (`manage.py runtime add {model.runtime} "
                    "--with package==version`)"
                )
            error.message += (
                f" A superuser can approve types of installed packages only: {how}, then inspect "
                "the file again."
            )
        steps.report = Report(
            refused=tuple(".".join(name) for name in error.refused),
            needs_approval=() if missing else tuple(types),
        )
        raise


@dataclass(frozen=True)
class KnownRows:
    """The reference data of a version: its profile, None without, and the kept rows."""

    profile: Profile | None = None
    rows: Sequence[Mapping[str, Any]] = ()


def reference_of(version: ModelVersion) -> KnownRows:
    """Return the version's reference data, if there is any."""
    reference = ReferenceData.objects.filter(version=version).first()
    if reference is None:
        return KnownRows()
    return KnownRows(Profile.from_json(reference.profile), reference.rows)


def check_predictions(
    steps: Steps, model: Model, config: TrainingConfig, profile: Profile | None
) -> Examination:
    """Examine the fitted model, in a process of its own."""
    with steps.step(PREDICTS):
        known, named_by = _known_names(config, profile)
        _, examination = model.examine(names=known, named_by=named_by)
        count = len(examination.features)
        if count > settings.MAX_FEATURES:
            most = settings.MAX_FEATURES
            raise Refused(f"The model takes {count} inputs; at most {most} are served.")
        steps.passed(f"{examination.estimator}, {count} inputs, {_answer(examination)}")
        return examination


def _known_names(config: TrainingConfig, profile: Profile | None) -> tuple[list[str], str]:
    """The names of the inputs of a model that has none: those of the training configuration, else
    the columns of the reference data; and which of the two was used."""
    if listed := [entry.name for entry in config.features]:
        return listed, SOURCE
    columns = (
        [] if profile is None else [name for name in profile.columns if name != profile.target]
    )
    return columns, COLUMNS


def _answer(examination: Examination) -> str:
    """The kind of the model's answer, in words: "classification, 3 classes"."""
    classes = len(examination.targets[0].classes) if len(examination.targets) == 1 else 0
    if len(examination.targets) > 1:
        return f"{examination.task}, {len(examination.targets)} outputs"
    return f"{examination.task}, {classes} classes" if classes else examination.task


def check_libraries(steps: Steps, examination: Examination) -> None:
    """Compare the versions of the libraries: another minor one is a warning, since it did open."""
    with steps.step(LIBRARIES):
        if differences := accepted_differences(examination):
            return steps.warned("; ".join(map(str, differences)))
        known = sorted(examination.libraries_trained.items())
        return steps.passed(", ".join(f"{library} {version}" for library, version in known))


def accepted_differences(examination: Examination) -> tuple[LibraryDifference, ...]:
    """Return the libraries of another version than the model was trained with. Refuses another
    major version."""
    differences = library_differences(examination.libraries_trained, examination.libraries_running)
    for other in differences:
        if other.is_major:
            raise Refused(
                f"The model was trained with {other.library} {other.trained}; this server runs "
                f"{other.running}. Train and save it again with {other.library} "
                f"{other.running.split('.')[0]}."
            )
    return differences


def check_inputs(
    steps: Steps, examination: Examination, config: TrainingConfig, known: KnownRows
) -> Merged:
    """Propose the version's inputs; say which of them an admin must finish."""
    with steps.step(INPUTS):
        try:
            proposed = propose(examination, config, known.profile, known.rows)
        except DomainError as error:
            raise Refused(error.message) from None
        count = len(proposed.features)
        if unfinished := _unfinished(proposed.features):
            how = "its column’s route" if len(unfinished) == 1 else "their columns’ routes"
            steps.warned(
                f"{count - len(unfinished)} of {count} inputs are complete. "
                f"Please complete {names(unfinished)}: {how} could not be followed."
            )
        else:
            steps.passed(f"{count} complete")
        return proposed


def _unfinished(features: tuple[FeatureSpec, ...]) -> list[str]:
    return [feature.label for feature in features if not feature.is_complete]


def refuse_final_failure(examination: Examination) -> None:
    """Refuse a model that fails whatever it is given."""
    failure = examination.trial_failure
    if failure is not None and failure.is_final:
        raise Refused(failure.message, traceback=failure.traceback)


def check_a_row(
    steps: Steps, model: Model, examination: Examination, schema: InputSchema
) -> Example | None:
    """Predict once on the typical row of the proposed inputs, and return the answer. A model that
    answers neither this row nor that of the examination is refused, unless inputs are incomplete or
    it only rejects a value: the admin's test shows that."""
    features = schema.features
    with steps.step(TRIAL):
        refuse_final_failure(examination)
        if unfinished := _unfinished(features):
            steps.warned(
                f"No trial prediction was made: please complete {names(unfinished)}, then run a "
                "test."
            )
            return None
        row = schema.read(schema.typical_values())
        if examination.smoke_outputs is not None and examination.smoke_inputs == row:
            steps.passed(_time_of(examination.smoke_outputs))
            return Example(schema.typical_values(), examination.smoke_outputs)
        asked = model.asked_in(schema, examination.container)
        try:
            outputs = asked.predict(_with_texts(row, features))
        except HostError as error:
            if examination.smoke_outputs is not None and error.is_of_model:
                steps.warned(
                    "The model answers, but not the typical values of its inputs: "
                    f"{_about(error)} Give others as `typical` in the training configuration, or "
                    "on the page of the inputs."
                )
                return None
            if error.code == "INPUT" or (error.code == "MODEL" and _has_made_up_text(features)):
                steps.warned(
                    "No trial prediction was made, since the model did not take a value that "
                    f"stands in for a typical one. {_about(error)} Give a "
                    "typical one in the training configuration, or run a test."
                )
                return None
            if error.code == "MODEL":
                error.message = _advice_on_failure(error, examination)
            raise
        steps.passed(_time_of(outputs))
        is_whole = schema.clean(schema.typical_values()).is_valid
        return Example(schema.typical_values(), outputs) if is_whole else None


def _about(error: HostError) -> str:
    about = f"{error.input}: " if error.input else ""
    return f"{about}{error.message.rstrip('.')}."


def _has_made_up_text(features: tuple[FeatureSpec, ...]) -> bool:
    return any(
        feature.kind is Kind.STRING and feature.usual(feature.typical) is None
        for feature in features
    )


def _advice_on_failure(error: HostError, examination: Examination) -> str:
    """The sentence on a model that fails on a typical row, with the way out."""
    named_by = {feature.sources.get("name") for feature in examination.features}
    if named_by <= {SOURCE, COLUMNS}:
        whence = "reference data has" if COLUMNS in named_by else "training configuration lists"
        return (
            f"The model fails on a row of the inputs that the {whence}: "
            f"{error.message.rstrip('.')}. Upload it with a training configuration that lists "
            "under `features` the columns that it was trained on, in their order."
        )
    return (
        f"The model fails on a typical row: {error.message.rstrip('.')}. If it answers other rows, "
        "upload it with the values of one as `typical` in its training configuration; else train "
        "and save it again."
    )


def _time_of(outputs: Outputs) -> str:
    return f"{outputs.seconds * 1000:.1f} ms on a typical row"


def _with_texts(row: dict[str, Scalar], features: tuple[FeatureSpec, ...]) -> dict[str, Scalar]:
    """The typical row, with a text where one is needed and nothing is known of it."""
    return row | {
        feature.name: "text"
        for feature in features
        if feature.kind is Kind.STRING
        and row[feature.name] is None
        and feature.requirement is Requirement.REQUIRED
    }
