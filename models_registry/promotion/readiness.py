"""The checklist of the promotion page. `services.promote` checks the same conditions."""

from dataclasses import dataclass

from config.errors import DomainError
from models_registry.card.facts import libraries_running, signs_of_preparation
from models_registry.errors import (
    AlreadyActive,
    CasesFail,
    ChangesNotReviewed,
    FileAltered,
    LibrariesDiffer,
    LibrariesNotTested,
    NotTested,
    RawValuesNotConfirmed,
    TypesNotApproved,
    WasLive,
)
from models_registry.inputs.schema_changes import SchemaChanges, schema_changes
from models_registry.inspection_steps import Examined
from models_registry.models import Inspection, ModelVersion
from models_registry.promotion.library_versions import LibraryDifference, library_differences


@dataclass(frozen=True)
class Readiness:
    """The state of ``version``, compared with ``live``, the model's active version if it has
    one."""

    version: ModelVersion
    live: ModelVersion | None
    cases: int
    passing: int
    inspection: Inspection | None
    libraries: tuple[LibraryDifference, ...]
    changes: SchemaChanges
    forgotten: ModelVersion | None
    """The version that has saved cases where this one has none of its own and left none behind."""
    signs_of_preparation: tuple[str, ...] | None
    """The signs in the model against raw values, if a person has to confirm that the inputs are raw
    values; None if no confirmation is needed."""

    @property
    def types_are_known(self) -> bool:
        """Whether every type in the file is on the list or approved for it: the file was opened."""
        return self.inspection is None or self.inspection.status == Inspection.Status.SUCCEEDED

    @property
    def libraries_are_too_far(self) -> bool:
        """Whether the libraries differ by a major version, which no confirmation allows."""
        return any(difference.is_major for difference in self.libraries)

    def problems(self) -> list[DomainError]:
        """Return the unmet conditions that no confirmation can replace."""
        version = self.version
        found = [
            (AlreadyActive, version.is_active),
            (WasLive, version.status == ModelVersion.Status.ARCHIVED),
            (FileAltered, version.is_altered),
            (NotTested, not version.is_tested),
            (CasesFail, self.passing < self.cases),
            (TypesNotApproved, not self.types_are_known),
            (LibrariesDiffer, self.libraries_are_too_far),
        ]
        return [error() for error, is_so in found if is_so]

    @property
    def asks_for_raw_values(self) -> bool:
        return self.signs_of_preparation is not None

    def missing(
        self,
        *,
        libraries_tested: bool = False,
        inputs_reviewed: bool = False,
        raw_values: bool = False,
    ) -> list[DomainError]:
        """Return every unmet condition; those that a person's word would meet come last."""
        asked = [
            (LibrariesNotTested, bool(self.libraries) and not libraries_tested),
            (ChangesNotReviewed, not self.changes.is_empty and not inputs_reviewed),
            (RawValuesNotConfirmed, self.asks_for_raw_values and not raw_values),
        ]
        return self.problems() + [error() for error, is_so in asked if is_so]

    def check(self, *, libraries_tested: bool, inputs_reviewed: bool, raw_values: bool) -> None:
        """Raise the first unmet condition."""
        for problem in self.missing(
            libraries_tested=libraries_tested,
            inputs_reviewed=inputs_reviewed,
            raw_values=raw_values,
        ):
            raise problem


def readiness_of(version: ModelVersion) -> Readiness:
    """Check every condition that a version must meet to go live."""
    live = version.model.versions.active().first()
    inspection = version.inspections.filter(sha256=version.sha256).first()
    examination = inspection.examined if inspection else Examined()
    return Readiness(
        version=version,
        live=live,
        cases=version.cases.count(),
        passing=version.cases.passing().count(),
        inspection=inspection,
        forgotten=_with_forgotten_cases(version, live),
        libraries=library_differences(
            examination.libraries_trained, libraries_running(version, examination)
        ),
        changes=schema_changes(live.features.as_schema(), version.features.as_schema())
        if live is not None
        else SchemaChanges(),
        signs_of_preparation=signs_of_preparation(version, examination),
    )


def _with_forgotten_cases(version: ModelVersion, live: ModelVersion | None) -> ModelVersion | None:
    """The live version, else the newest other, whose saved cases a version without any lacks."""
    if version.cases.exists():
        return None
    others = version.model.versions.exclude(pk=version.pk).filter(cases__isnull=False)
    return others.filter(pk=live.pk).first() if live else others.order_by("-number").first()


def proposed_text(ready: Readiness) -> str:
    """Return what changed, to begin with: the release notes, else how the inputs differ, in words;
    "" where neither says anything."""
    if ready.version.release_notes:
        return ready.version.release_notes
    text = " ".join(f"{sentence.rstrip('.')}." for sentence in ready.changes.sentences)
    return text if len(text) <= 2000 else ""
