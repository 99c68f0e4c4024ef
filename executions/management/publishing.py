"""Publication of a model file: from upload to live version, by the same services as the admin
pages."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from accounts.models import User
from config.errors import DomainError
from engine import wakeup
from executions.errors import user_sentence
from executions.management.scripting import wait_for
from executions.models import Execution
from executions.services import cases, request_execution
from models_registry import services
from models_registry.cases.case_table import CaseTable, read_cases
from models_registry.errors import BadText, VersionInUse
from models_registry.models import Inspection, ModelVersion, RegisteredModel
from models_registry.promotion.readiness import proposed_text, readiness_of
from models_registry.taking_over import source_for


@dataclass(frozen=True)
class Publication:
    """The state that a version reached: draft, tested, active or refused, and what stopped it.
    ``is_kept``: False where the refused draft was removed."""

    version: ModelVersion
    status: str
    message: str
    is_kept: bool = True


def publish(
    *,
    model_name: str,
    chunks: Iterable[bytes],
    file_name: str,
    config: dict[str, Any],
    test_inputs: dict[str, Any] | None,
    case_table: str = "",
    promotes: bool = False,
    changes: str = "",
    takes_over: bool = True,
    libraries_tested: bool = False,
    inputs_reviewed: bool = False,
    raw_values: bool = False,
    by: User,
    seconds: float,
    description: str = "",
    reference: services.ReferenceUpload | None = None,
) -> Publication:
    """Upload, inspect, test where ``test_inputs`` are given, save and run the cases of
    ``case_table`` (a CSV) beside those that it takes over, promote where it ``promotes``.

    ``changes`` is told to the people who use the model; without it, how the inputs differ. A draft
    that was refused and never ran does not stay, unless a superuser or a worker can help it.
    ``libraries_tested``, ``inputs_reviewed`` and ``raw_values`` are the ticks of the promotion
    page.
    Creates the model under ``model_name`` if it is new. Waits ``seconds`` for each flow run.
    Raises DomainError where a rule of the admin pages is broken.
    """
    if changes and not 10 <= len(changes) <= 2000:
        raise BadText
    model = RegisteredModel.objects.filter(name=model_name).first()
    if model is None:
        model = services.create_model(name=model_name, description=description, by=by)
    version = services.upload_version(
        model=model,
        chunks=chunks,
        file_name=file_name,
        config=config,
        reference=reference,
        takes_over=source_for(model) if takes_over else None,
        by=by,
    )
    inspection = version.inspections.latest("pk")
    if not wait_for(inspection, seconds=seconds):
        return Publication(version, "draft", "The inspection has not finished yet.")
    if inspection.status == Inspection.Status.FAILED:
        can_be_helped = inspection.needs_approval or inspection.found.needs_runtime
        is_kept = bool(can_be_helped) or not _discarded(version, by)
        return Publication(version, "refused", inspection.message, is_kept)
    version.refresh_from_db()
    try:
        status, message = _try_out(version, test_inputs, case_table, by, seconds)
        if promotes and status != "failed":
            status, message = _promoted(
                version,
                changes,
                libraries_tested=libraries_tested,
                inputs_reviewed=inputs_reviewed,
                raw_values=raw_values,
                by=by,
            )
    except DomainError:
        _discarded(version, by)
        raise
    version.refresh_from_db()
    return Publication(version, "draft" if status == "failed" else status, message)


def _discarded(version: ModelVersion, by: User) -> bool:
    """Remove a draft that is of no use, and return whether it is gone; one that ran stays, since
    its runs refer to it."""
    try:
        services.delete_draft(version=version, by=by)
    except VersionInUse:
        return False
    return True


def _try_out(
    version: ModelVersion,
    test_inputs: dict[str, Any] | None,
    case_table: str,
    by: User,
    seconds: float,
) -> tuple[str, str]:
    """Run the test and the cases; the status "failed" where one does not end well."""
    status, message = "draft", "The file passed its inspection."
    if test_inputs is not None:
        test = _test(version, test_inputs, by)
        if not wait_for(test, seconds=seconds):
            return "failed", f"The test {test.public_id} is not finished yet."
        if test.status != Execution.Status.SUCCEEDED:
            sentence = user_sentence(test.error_code, test.message)
            return "failed", f"The test failed ({test.error_code}): {sentence} {test.message}"
        status, message = "tested", "The test succeeded."
    if case_table or (test_inputs is not None and version.cases.exists()):
        if problem := _run_cases(version, case_table, by, seconds):
            return "failed", problem
        status, message = "tested", f"All {version.cases.count()} cases pass."
    return status, message


def _promoted(version: ModelVersion, changes: str, *, by: User, **ticks: bool) -> tuple[str, str]:
    """Make the version live, told with ``changes`` or how the inputs differ."""
    ready = readiness_of(version)
    text = changes or proposed_text(ready)
    if not text and ready.live is None:
        text = f"{version.model.name} can be used for the first time."
    if len(text) < 10:
        raise DomainError(
            "Say what changed for the people who use it: --changes TEXT. The inputs are the same, "
            "so nothing else tells them."
        )
    wakeup.warm(version.pk, wait_seconds=wakeup.WARM_SECONDS)
    services.promote(version=version, text=text, by=by, **ticks)
    return "active", f"{version} is live."


def _test(version: ModelVersion, inputs: dict[str, Any], by: User) -> Execution:
    services.check_runnable(version)  # reports incomplete inputs before values that do not fit
    cleaned = version.features.as_schema().clean(inputs)
    if not cleaned.is_valid:
        wrong = "; ".join(f"{name}: {error}" for name, error in cleaned.errors.items())
        raise DomainError(f"The test inputs do not fit. {wrong}")
    return request_execution(
        user=by,
        version=version,
        inputs=cleaned,
        form_token=uuid.uuid4(),
        purpose=Execution.Purpose.TEST,
    )


def _run_cases(version: ModelVersion, table: str, by: User, seconds: float) -> str:
    """Save every case of the table, and run these and what was taken over; what is wrong with them,
    "" if all pass."""
    services.check_runnable(version)
    taken = frozenset(version.cases.values_list("name", flat=True))
    columns = cases.columns_of(version)
    read = (
        read_cases(table, columns, taken=taken, decimal_mark=by.decimal_mark)
        if table
        else CaseTable()
    )
    if read.errors:
        wrong = " ".join(
            f"Row {one.row}{f', {one.column}' if one.column else ''}: {one.message}"
            for one in read.errors
        )
        raise DomainError(f"The cases do not fit. None of them was saved. {wrong}")
    if read.cases:
        services.import_cases(version=version, cases=read.cases, by=by)
    cases.run_cases(version=version, form_token=uuid.uuid4(), by=by)
    for run in Execution.objects.filter(test_case__version=version):
        if not wait_for(run, seconds=seconds):
            return f"The run {run.public_id} of a case is not finished yet."
    failing = version.cases.open()
    said = " ".join(f"“{case.name}”: {case.problem}" for case in failing)
    return f"{failing.count()} of {version.cases.count()} cases fail. {said}" if failing else ""
