"""The next step of an admin with a draft, as one line. Pure except that it reads the given row."""

from dataclasses import dataclass

from config.runtimes import command_for
from models_registry.models import Inspection, ModelVersion


@dataclass(frozen=True)
class NextStep:
    """A sentence, and the page of the version where the step is done: the suffix of its URL name,
    an anchor on this page ("#…"), or "" if the admin can only wait."""

    text: str
    page: str = ""


def next_step(
    version: ModelVersion, inspection: Inspection | None, *, incomplete: int, failing_cases: int
) -> NextStep | None:
    """Return the next step with a draft; None for a version that has been live."""
    if version.status != ModelVersion.Status.DRAFT:
        return None
    if inspection is None or not inspection.is_finished:
        return NextStep("The file is being inspected.")
    if inspection.status == Inspection.Status.FAILED:
        if inspection.needs_approval:
            return NextStep("Have a superuser review the types in the file.", "review")
        if needed := inspection.found.needs_runtime:
            first = f"Add scikit-learn {needed} to a worker"
            if not command_for(needed):
                first = "Train the model again"
            return NextStep(f"{first}, or inspect the file with another one.", "#inspection-h")
        return NextStep("Replace the file, or inspect it again.", "#file-h")
    if incomplete:
        inputs = "1 input" if incomplete == 1 else f"{incomplete} inputs"
        return NextStep(f"Complete {inputs}.", "inputs")
    if not version.is_tested:
        return NextStep("Run a test.", "test")
    if failing_cases:
        return NextStep("Make the saved cases pass.", "test")
    return NextStep("Promote it.", "promote")
