"""The flow of an inspection: examines an uploaded file and proposes the version's inputs.

The steps are named in `models_registry/inspection_steps.py`. Each is shown as soon as
it is known; the first that fails ends the inspection with one plain sentence, and the draft stays,
to be replaced or deleted.
"""

import logging
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import DataError
from prefect import flow
from prefect.runtime import flow_run

from config.errors import DomainError
from config.logging import log_context
from flows.approvals import approvable, not_installed
from flows.artifacts import artifact
from flows.errors import (
    ArtifactTampered,
    HandedBack,
    InspectionFailed,
    NotAModel,
    NotQueued,
    storable,
)
from flows.host import limits_of, model_host, owner
from flows.lease import Lease, leases
from flows.opened import layout
from flows.proposal import propose
from model_host.client import ArtifactChanged
from model_host.protocol.artifact import Artifact, Limits, LoadReport
from model_host.protocol.errors import HostError
from model_host.protocol.examination import Examination
from model_host.protocol.inputs import Scalar
from model_host.protocol.outputs import Outputs
from models_registry import lifecycle
from models_registry.errors import ArtifactMissing
from models_registry.inputs.feature_spec import MAX_NAME, FeatureSpec, Kind
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
    StepTaken,
)
from models_registry.lifecycle import Findings
from models_registry.models import Inspection, ReferenceData, TypeApproval
from models_registry.promotion.library_versions import library_differences
from models_registry.reference.reference_profile import Profile
from models_registry.training.config_disagreements import names
from models_registry.training.config_merge import SOURCE
from models_registry.training.config_reading import entries

logger = logging.getLogger(__name__)

COLUMNS = "columns of the reference data"
"""The source of names that neither the model nor the configuration has."""


@flow(name="inspect", persist_result=False)
def inspect(inspection_id: int, attempt: int) -> None:
    """Run one attempt of an inspection."""
    claim(inspection_id, attempt, flow_run_id=UUID(flow_run.get_id())).carry_out()


class Refused(Exception):
    """A step failed; the sentence says why and what to do, the traceback is for admins."""

    def __init__(self, sentence: str, *, traceback: str = "", report: Report | None = None) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.traceback = traceback
        self.report = report or Report()


@dataclass
class Steps:
    """The steps so far, shown on the admin's page while the inspection runs."""

    inspection: Inspection
    done: list[StepTaken] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The name of the current or last step."""
        return self.done[-1].name

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Run one step; the block may call ``passed`` or ``warned``."""
        started = time.monotonic()
        self.done.append(StepTaken(name))
        self._show()
        try:
            yield
        except Refused as refusal:
            self.failed(refusal)
            raise
        finally:
            step = self.done[-1]
            self.done[-1] = replace(
                step,
                state="passed" if step.state == "running" else step.state,
                seconds=round(time.monotonic() - started, 3),
            )
        self._show()

    def passed(self, detail: str) -> None:
        self.done[-1] = replace(self.done[-1], state="passed", detail=detail)

    def warned(self, detail: str) -> None:
        self.done[-1] = replace(self.done[-1], state="warning", detail=detail)

    def failed(self, refusal: Refused) -> None:
        self.done[-1] = replace(self.done[-1], state="failed", detail=refusal.sentence)

    def _show(self) -> None:
        lifecycle.note_progress(self.inspection, steps=self.done)


@dataclass(frozen=True)
class Examining:
    """One attempt of an inspection that this process holds."""

    inspection: Inspection
    claimed_at: float

    def carry_out(self) -> None:
        """Examine the file and write the findings. Raises InspectionFailed if the file cannot be
        used, LeaseLost if another attempt took over."""
        inspection, version = self.inspection, self.inspection.version
        extend = partial(lifecycle.extend_lease, inspection)
        steps = Steps(inspection)
        name = f"{version.model.slug}/{version.short_name}"
        with (
            log_context(inspection=inspection.pk),
            leases.holding(extend, taken_at=self.claimed_at) as lease,
        ):
            logger.info("inspection_started version=%s attempt=%d", name, inspection.attempt)
            refusal = self._examine(lease, steps)
            seconds = time.monotonic() - self.claimed_at
            logger.info(
                "inspection_finished version=%s outcome=%s step=%r seconds=%.3f",
                name,
                "FAILED" if refusal else "SUCCEEDED",
                steps.name,
                seconds,
            )
        if refusal:
            raise InspectionFailed(steps.name) from None

    def _examine(self, lease: Lease, steps: Steps) -> Refused | None:
        """Write the findings, or the refusal that is returned."""
        inspection = self.inspection
        try:
            findings = self._findings(steps)
        except Refused as refused:
            refusal = refused
        except HandedBack as lost:
            self._hand_back(lease, why=str(lost).rstrip("."))
            raise
        except ArtifactChanged:
            refusal = Refused(
                "This worker's copy of the file was altered. It was not opened; upload it again."
            )
            steps.failed(refusal)
        except Exception as error:  # any error must be written to the row
            logger.exception("inspection_broke")
            refusal = Refused(
                f"The worker itself failed ({type(error).__name__}). Inspect the file again; if it "
                "ends so again, report the traceback below.",
                traceback=storable(error),
            )
            if isinstance(error, DataError):
                refusal = _not_stored(error)
            steps.failed(refusal)
        else:
            succeeded = partial(
                lifecycle.mark_inspection_succeeded,
                inspection,
                steps=steps.done,
                findings=findings,
            )
            if (problem := lease.try_to_write(succeeded)) is None:
                return None
            refusal = _not_stored(problem)
            steps.failed(refusal)
        failed = partial(
            lifecycle.mark_failed,
            inspection,
            steps=steps.done,
            message=refusal.sentence,
            traceback=refusal.traceback,
            report=refusal.report,
        )
        if (problem := lease.try_to_write(failed)) is None:
            return refusal
        refusal = _not_stored(problem)
        bare = {"message": refusal.sentence, "traceback": refusal.traceback}
        lease.write(partial(lifecycle.mark_failed, inspection, **bare))
        return refusal

    def _hand_back(self, lease: Lease, *, why: str) -> None:
        lease.write(partial(lifecycle.mark_handed_back, self.inspection, why=why))

    def _findings(self, steps: Steps) -> Findings:
        """The findings, step by step. Raises Refused, or HandedBack."""
        inspection, version = self.inspection, self.inspection.version
        with steps.step(RECEIVED):
            steps.passed(f"SHA-256 {inspection.sha256}")
            if inspection.sha256 != version.sha256:
                raise Refused("The file was replaced meanwhile and is inspected anew.")
        with ExitStack() as stack:
            with steps.step(FORMAT):
                file = _fetched(inspection, stack)
                most = settings.ARTIFACT_MAX_BYTES // 1024**2
                size = version.size / 1024**2
                steps.passed(f"{file.format}, {size:.1f} of at most {most} MB")
            load = _load(steps, file, limits_of(version.model))
            with steps.step(PREDICTS):
                profile = _profile(inspection)
                known, named_by = _known_names(version.training_config, profile)
                examination = _examination(file, limits_of(version.model), known, named_by)
                count = len(examination.features)
                steps.passed(f"{examination.estimator}, {count} inputs, {_answer(examination)}")
            with steps.step(LIBRARIES):
                _compare_libraries(steps, examination)
            with steps.step(INPUTS):
                try:
                    proposed = propose(examination, version.training_config, profile)
                except DomainError as error:
                    raise Refused(error.message) from None
                _say_completeness(steps, proposed.features)
            with steps.step(TRIAL):
                limits = limits_of(version.model)
                _try(steps, file, limits, examination, proposed.features)
        return Findings(
            format=file.format,
            estimator=examination.estimator,
            task=examination.task,
            container=examination.container,
            features=proposed.features,
            targets=proposed.targets,
            rules=proposed.rules,
            libraries_trained=examination.libraries_trained,
            report=Report(load, examination, disagreements=proposed.disagreements),
        )


def claim(inspection_id: int, attempt: int, *, flow_run_id: UUID | None = None) -> Examining:
    """Claim a queued inspection. Raises NotQueued."""
    claimed_at = time.monotonic()
    inspection = lifecycle.mark_running(
        Inspection, inspection_id, attempt=attempt, owner=owner(), flow_run_id=flow_run_id
    )
    if inspection is None:
        raise NotQueued
    return Examining(inspection, claimed_at)


def _fetched(inspection: Inspection, stack: ExitStack) -> Artifact:
    """The file, kept until the stack is left."""
    try:
        approved = TypeApproval.objects.of(inspection.sha256)
        return stack.enter_context(artifact(inspection.sha256, approved=approved))
    except NotAModel as error:
        raise Refused(f"{inspection.version.file_name or 'The file'} {error}") from None
    except ArtifactTampered as error:
        raise Refused(str(error)) from None
    except ArtifactMissing as error:
        raise Refused(
            "The store did not give the file. Inspect it again, or upload it again.",
            traceback=str(error),
        ) from None


def _load(steps: Steps, file: Artifact, limits: Limits) -> LoadReport:
    """Open the file in a locked process, which stays warm for the test that follows."""
    trouble: HostError | None = None
    with steps.step(TYPES):
        try:
            load = model_host().warm(file, limits)
        except HostError as error:
            if error.refused:
                types = approvable(error.refused, file.approved, error.absent)
                if missing := not_installed(types):
                    error.message += (
                        " A superuser can approve types of installed packages only: install "
                        f"{names(missing)} on the worker, then inspect the file again."
                    )
                report = Report(
                    refused=tuple(".".join(name) for name in error.refused),
                    needs_approval=() if missing else tuple(types),
                )
                raise _refused(error, report=report) from None
            trouble = error
        else:
            approved = len(file.approved.intersection(load.types))
            known = f"{approved} of them approved for this file" if approved else "all known"
            known += " but what is left out" if load.left_out else ""
            steps.passed(f"{len(load.types)} types, {known}")
    with steps.step(LOADS):
        if trouble is not None:
            raise _refused(trouble) from None
        cost = f"{load.seconds:.2f} s, {load.memory_bytes / 1024**2:.0f} MB"
        steps.passed(f"{cost}. {load.left_out}" if load.left_out else cost)
    return load


def _known_names(config: dict[str, Any], profile: Profile | None) -> tuple[list[str], str]:
    """The names of the inputs of a model that has none: those of the training configuration, else
    the columns of the reference data; and which of the two was used."""
    if listed := [str(entry["name"])[:MAX_NAME] for entry in entries(config)]:
        return listed, SOURCE
    columns = (
        [] if profile is None else [name for name in profile.columns if name != profile.target]
    )
    return columns, COLUMNS


def _examination(file: Artifact, limits: Limits, known: list[str], named_by: str) -> Examination:
    try:
        _, examination = model_host().examine(file, limits, names=known, named_by=named_by)
    except HostError as error:
        raise _refused(error) from None
    if len(examination.features) > settings.MAX_FEATURES:
        raise Refused(
            f"The model takes {len(examination.features)} inputs; at most {settings.MAX_FEATURES} "
            "are served."
        )
    return examination


def _profile(inspection: Inspection) -> Profile | None:
    """The profile of the version's reference data, if there is any."""
    reference = ReferenceData.objects.filter(version=inspection.version_id).first()
    return Profile.from_json(reference.profile) if reference else None


def _answer(examination: Examination) -> str:
    """The kind of the model's answer, in words: "classification, 3 classes"."""
    classes = len(examination.targets[0].classes) if len(examination.targets) == 1 else 0
    if len(examination.targets) > 1:
        return f"{examination.task}, {len(examination.targets)} outputs"
    return f"{examination.task}, {classes} classes" if classes else examination.task


def _say_completeness(steps: Steps, features: tuple[FeatureSpec, ...]) -> None:
    """Say in the step which inputs an admin must finish."""
    unfinished = [feature.label for feature in features if not feature.is_complete]
    if not unfinished:
        return steps.passed(f"{len(features)} complete")
    how = "its column’s route" if len(unfinished) == 1 else "their columns’ routes"
    return steps.warned(
        f"{len(features) - len(unfinished)} of {len(features)} inputs are complete. "
        f"Please complete {names(unfinished)}: {how} could not be followed."
    )


def _compare_libraries(steps: Steps, examination: Examination) -> None:
    """Refuse another major version; another minor one is a warning, since it did open."""
    differences = library_differences(examination.libraries_trained, examination.libraries_running)
    for other in differences:
        if other.is_major:
            raise Refused(
                f"The model was trained with {other.library} {other.trained}; this server runs "
                f"{other.running}. Train and save it again with {other.library} "
                f"{other.running.split('.')[0]}."
            )
    if differences:
        return steps.warned("; ".join(map(str, differences)))
    known = sorted(examination.libraries_trained.items())
    return steps.passed(", ".join(f"{library} {version}" for library, version in known))


def _try(
    steps: Steps,
    file: Artifact,
    limits: Limits,
    examination: Examination,
    features: tuple[FeatureSpec, ...],
) -> None:
    """Predict once on a typical row: the examination's, or the values of the training configuration
    and the reference data. A model that fails on it is refused, unless inputs are incomplete or it
    only rejects a value: the admin's test shows that."""
    if examination.smoke_outputs is not None:
        return steps.passed(_time_of(examination.smoke_outputs))
    if (failure := examination.trial_failure) is not None and failure.is_final:
        raise Refused(failure.message, traceback=failure.traceback)
    unfinished = [feature.label for feature in features if not feature.is_complete]
    if unfinished:
        why = f"No trial prediction was made: please complete {names(unfinished)}, then run a test."
        return steps.warned(why)
    schema, values = InputSchema(features), _typical_row(examination, features)
    try:
        outputs = model_host().predict(file, layout(schema, examination.container), values, limits)
    except HostError as error:
        is_made_up = any(
            feature.kind is Kind.STRING and feature.usual(feature.typical) is None
            for feature in features
        )
        if error.code == "INPUT" or (error.code == "MODEL" and is_made_up):
            about = f"{error.input}: " if error.input else ""
            why = (
                "No trial prediction was made, since the model did not take a value that stands in "
                f"for a typical one. {about}{error.message.rstrip('.')}. Give a typical one in the "
                "training configuration, or run a test."
            )
            return steps.warned(why)
        named_by = {feature.sources.get("name") for feature in examination.features}
        if error.code == "MODEL" and named_by <= {SOURCE, COLUMNS}:
            whence = "reference data has" if COLUMNS in named_by else "training configuration lists"
            error.message = (
                f"The model fails on a row of the inputs that the {whence}: "
                f"{error.message.rstrip('.')}. Upload it with a training configuration that lists "
                "under `features` the columns that it was trained on, in their order."
            )
        elif error.code == "MODEL":
            error.message = (
                f"The model fails on a typical row: {error.message.rstrip('.')}. If it answers "
                "other rows, upload it with the values of one as `typical` in its training "
                "configuration; else train and save it again."
            )
        raise _refused(error) from None
    return steps.passed(_time_of(outputs))


def _time_of(outputs: Outputs) -> str:
    return f"{outputs.seconds * 1000:.1f} ms on a typical row"


def _typical_row(examination: Examination, features: tuple[FeatureSpec, ...]) -> dict[str, Scalar]:
    """The typical values, with substitutes for unknown ones."""
    tried = examination.smoke_inputs or {}
    row = InputSchema(features).typical_values()
    for proposed, feature in zip(examination.features, features, strict=True):
        if row[feature.name] is not None:
            continue
        if proposed.complete:
            row[feature.name] = tried.get(proposed.name)
        elif feature.choices:
            row[feature.name] = feature.choices[0][0]
        else:
            row[feature.name] = _made_up(feature)
    return row


def _made_up(feature: FeatureSpec) -> Scalar:
    """A substitute value of the feature's kind: the middle of its range, or 1 without one, since 0
    has no logarithm."""
    if feature.kind is Kind.STRING:
        return "text"
    if feature.kind is Kind.BOOLEAN:
        return False
    low = feature.minimum if feature.soft_minimum is None else feature.soft_minimum
    high = feature.maximum if feature.soft_maximum is None else feature.soft_maximum
    if low is None or high is None:
        number = 1.0 if low is None and high is None else low if high is None else high
    else:
        number = low + (high - low) / 2
    return round(number or 0) if feature.kind is Kind.INTEGER else number


def _not_stored(error: Exception) -> Refused:
    """The refusal of an inspection whose outcome the database does not accept."""
    return Refused(
        f"What was found in the file could not be stored ({type(error).__name__}). A name or a "
        "text in the model may be longer than any that was expected: the traceback says what the "
        "database refused. Shorten it, then train and save the model again.",
        traceback=storable(error),
    )


def _refused(error: HostError, *, report: Report | None = None) -> Exception:
    """The exception for the host's error: it ends the step, or the attempt if the model is not at
    fault."""
    if error.lost:
        return HandedBack(error.message)
    return Refused(error.message, traceback=error.traceback, report=report)
