"""The path of a version from its upload to production, and the next step on it. Pure except that
it reads the given rows."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from config.runtimes import command_for
from models_registry.models import Inspection, ModelVersion

State = Literal["done", "now", "running", "warning", "failed", "to come", "past"]


@dataclass(frozen=True)
class NextStep:
    """A sentence; the words of the button that takes the step, "" if the admin can only wait; and
    the page where it is done: the suffix of its URL name, or an anchor on this page ("#…")."""

    text: str
    act: str = ""
    page: str = ""


@dataclass(frozen=True)
class PathStep:
    """One step: its state, what there is to know about it, and when it was done. ``tab``: the part
    of the version's page with its facts."""

    name: str
    state: State
    detail: str = ""
    at: datetime | None = None
    tab: str = ""


@dataclass(frozen=True)
class Standing:
    """What decides where a version stands. ``passed`` and ``warned`` count the checks of the
    inspection, ``incomplete`` its ``inputs`` that are to be completed; ``failing``: how many of its
    saved ``cases`` do not pass as it stands. The next step asks for the first four alone."""

    version: ModelVersion
    inspection: Inspection | None
    incomplete: int
    failing: int
    passed: int = 0
    warned: int = 0
    inputs: int = 0
    cases: int = 0


def next_step(standing: Standing) -> NextStep:
    """Return the one thing that an admin would do next with a version."""
    version = standing.version
    if version.is_altered:
        return NextStep(
            "Restore the file from a backup, then verify it.", "Verify the file", "verify"
        )
    if version.is_active:
        return NextStep("People predict with it.", "Open its form", "form")
    if version.status == ModelVersion.Status.ARCHIVED:
        return NextStep(
            "Its file is checked before it can be live again.", "Make active again …", "rollback"
        )
    return _next_of_a_draft(standing)


def _next_of_a_draft(standing: Standing) -> NextStep:
    inspection, version = standing.inspection, standing.version
    if inspection is None or not inspection.is_finished:
        return NextStep("The file is being inspected. You can leave this page.")
    if inspection.status == Inspection.Status.FAILED:
        return _next_of_a_refused(inspection)
    if standing.incomplete:
        inputs = "1 input" if standing.incomplete == 1 else f"{standing.incomplete} inputs"
        return NextStep(
            f"The file does not say everything about {inputs}.", f"Complete {inputs}", "inputs"
        )
    if not version.is_tested:
        return NextStep(
            "It needs a test of this file and this revision that succeeds.", "Run a test", "test"
        )
    if standing.failing:
        return NextStep(
            "It can be promoted once all its saved cases pass.", "See the saved cases", "cases"
        )
    return NextStep("It is ready.", "Promote to Production", "promote")


def _next_of_a_refused(inspection: Inspection) -> NextStep:
    if inspection.needs_approval:
        return NextStep("A superuser reviews the types in the file.", "Review the types", "review")
    if needed := inspection.found.needs_runtime:
        first = f"Add scikit-learn {needed} to a worker"
        if not command_for(needed):
            first = "Train the model again"
        return NextStep(f"{first}, or inspect the file with another one.")
    return NextStep(
        "Correct the file and upload it again in its place.", "Replace the file", "#replace-h"
    )


def path_of(standing: Standing) -> list[PathStep]:
    """Return the four steps from the upload to production."""
    return [_inspected(standing), _inputs(standing), _tested(standing), _live(standing)]


def _inspected(standing: Standing) -> PathStep:
    name, tab, inspection = "Inspected", "file", standing.inspection
    if inspection is None:
        return PathStep(name, "done" if standing.version.container else "to come", tab=tab)
    if not inspection.is_finished:
        return PathStep(name, "running", inspection.get_status_display(), tab=tab)
    if inspection.status == Inspection.Status.SUCCEEDED:
        detail = f"{standing.passed} checks passed"
        if standing.warned:
            detail += f", {standing.warned} to look at"
        return PathStep(name, "done", detail, tab=tab)
    if inspection.needs_approval:
        return PathStep(name, "warning", "Types need approval", tab=tab)
    if needed := inspection.found.needs_runtime:
        return PathStep(name, "warning", f"Waits for scikit-learn {needed}", tab=tab)
    return PathStep(name, "failed", "The file was refused", tab=tab)


def _inputs(standing: Standing) -> PathStep:
    name, count = "Inputs", standing.inputs
    if not standing.version.container:
        return PathStep(name, "to come", tab="inputs")
    if standing.incomplete:
        return PathStep(name, "now", f"{standing.incomplete} of {count} to complete", tab="inputs")
    return PathStep(name, "done", f"{count} input" + ("" if count == 1 else "s"), tab="inputs")


def _tested(standing: Standing) -> PathStep:
    name, version = "Tested", standing.version
    if version.is_tested and standing.failing and not version.is_locked:
        detail = f"{standing.failing} of {standing.cases} saved cases to pass"
        return PathStep(name, "now", detail, tab="tests")
    if version.is_tested:
        return PathStep(name, "done", at=version.tested_at, tab="tests")
    if not version.container or standing.incomplete:
        return PathStep(name, "to come", tab="tests")
    return PathStep(name, "now", f"Revision {version.revision} is not tested", tab="tests")


def _live(standing: Standing) -> PathStep:
    name, version = "Live", standing.version
    if version.is_active:
        return PathStep(name, "done", "Since", version.activated_at, tab="activity")
    if version.is_locked:
        return PathStep(name, "past", "Archived", tab="activity")
    is_next = version.is_tested and not standing.failing
    return PathStep(name, "now" if is_next else "to come", "", tab="activity")
