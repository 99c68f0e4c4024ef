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
from models_registry.cases.case_table import read_cases
from models_registry.models import Inspection, ModelVersion, RegisteredModel


@dataclass(frozen=True)
class Publication:
    """The state that a version reached: draft, tested, active or refused, and what stopped it."""

    version: ModelVersion
    status: str
    message: str


def publish(
    *,
    model_name: str,
    chunks: Iterable[bytes],
    file_name: str,
    config: dict[str, Any],
    test_inputs: dict[str, Any] | None,
    case_table: str = "",
    promotion_text: str,
    libraries_tested: bool = False,
    inputs_reviewed: bool = False,
    raw_values: bool = False,
    by: User,
    seconds: float,
    description: str = "",
    reference: services.ReferenceUpload | None = None,
) -> Publication:
    """Upload, inspect, test where ``test_inputs`` are given, save and run the cases of
    ``case_table`` (a CSV), promote where ``promotion_text`` is given.

    ``libraries_tested``, ``inputs_reviewed`` and ``raw_values`` are the ticks of the promotion
    page.
    Creates the model under ``model_name`` if it is new. Waits ``seconds`` for each flow run.
    Raises DomainError where a rule of the admin pages is broken.
    """
    model = RegisteredModel.objects.filter(name=model_name).first()
    if model is None:
        model = services.create_model(name=model_name, description=description, by=by)
    version = services.upload_version(
        model=model,
        chunks=chunks,
        file_name=file_name,
        config=config,
        reference=reference,
        by=by,
    )
    inspection = version.inspections.latest("pk")
    if not wait_for(inspection, seconds=seconds):
        return Publication(version, "draft", "The inspection has not finished yet.")
    if inspection.status == Inspection.Status.FAILED:
        return Publication(version, "refused", inspection.message)
    version.refresh_from_db()
    status, message = "draft", "The file passed its inspection."
    if test_inputs is not None:
        test = _test(version, test_inputs, by)
        if not wait_for(test, seconds=seconds):
            return Publication(version, "draft", f"The test {test.public_id} is not finished yet.")
        if test.status != Execution.Status.SUCCEEDED:
            sentence = user_sentence(test.error_code, test.message)
            return Publication(
                version, "draft", f"The test failed ({test.error_code}): {sentence} {test.message}"
            )
        status, message = "tested", "The test succeeded."
    if case_table:
        problem = _run_cases(version, case_table, by, seconds)
        if problem:
            return Publication(version, "draft", problem)
        status, message = "tested", f"All {version.cases.count()} cases pass."
    if promotion_text:
        wakeup.warm(version.pk, wait_seconds=wakeup.WARM_SECONDS)
        services.promote(
            version=version,
            text=promotion_text,
            libraries_tested=libraries_tested,
            inputs_reviewed=inputs_reviewed,
            raw_values=raw_values,
            by=by,
        )
        status, message = "active", f"{version} is live."
    version.refresh_from_db()
    return Publication(version, status, message)


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
    """Save every case of the table and run it; what is wrong with them, "" if all pass."""
    services.check_runnable(version)
    read = read_cases(table, cases.columns_of(version), decimal_mark=by.decimal_mark)
    if read.errors:
        wrong = " ".join(
            f"Row {one.row}{f', {one.column}' if one.column else ''}: {one.message}"
            for one in read.errors
        )
        raise DomainError(f"The cases do not fit. None of them was saved. {wrong}")
    services.import_cases(version=version, cases=read.cases, by=by)
    cases.run_cases(version=version, form_token=uuid.uuid4(), by=by)
    for run in Execution.objects.filter(test_case__version=version):
        if not wait_for(run, seconds=seconds):
            return f"The run {run.public_id} of a case is not finished yet."
    failing = version.cases.open()
    said = " ".join(f"“{case.name}”: {case.problem}" for case in failing)
    return f"{failing.count()} of {len(read.cases)} cases fail. {said}" if failing else ""
