"""Operations on saved test cases: save a test as a case, and run cases again."""

import uuid
from collections.abc import Sequence

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from config.text.numbers import written_with
from executions.errors import NotATest
from executions.models import Execution
from executions.services.requesting import request_execution
from model_host.protocol.inputs import Scalar
from models_registry import services
from models_registry.cases.case_check import found_values
from models_registry.cases.case_table import CaseColumns, CaseRow
from models_registry.inputs.input_schema import InputSchema
from models_registry.models import ModelVersion, TestCase


@transaction.atomic
def save_test_as_case(
    *,
    execution: Execution,
    name: str,
    expected: Sequence[Scalar],
    tolerance: float,
    by: User,
) -> TestCase:
    """Save a succeeded test as a case of its version; the test is the case's first run. Raises
    NotATest, and what ``services.save_case`` raises."""
    outputs = execution.read_outputs()
    if execution.purpose != Execution.Purpose.TEST or outputs is None:
        raise NotATest
    row = CaseRow(name, execution.inputs or {}, list(expected), tolerance)
    case = services.save_case(version=execution.version, case=row, by=by)
    services.judge_case(
        case_id=case.pk,
        sha256=execution.version_sha256,
        revision=execution.version_revision,
        started_at=timezone.now(),
        outputs=outputs,
    )
    return case


def columns_of(version: ModelVersion) -> CaseColumns:
    """Return the columns of a table of the version's cases."""
    targets = [target.spec for target in version.targets.all()]
    return CaseColumns(version.features.as_schema(), targets, version.task)


def expected_of(execution: Execution) -> list[Scalar]:
    """Return the answers of a finished test, as the expected answers of a case."""
    outputs = execution.read_outputs()
    return found_values(outputs) if outputs else []


@transaction.atomic
def run_case(*, case: TestCase, form_token: uuid.UUID, by: User) -> Execution | None:
    """Test the version on the case's inputs. If they no longer fit the version's inputs, the case
    fails at once, and None is returned. Raises what ``request_execution`` raises."""
    return _run(case, case.version.features.as_schema(), form_token, by)


@transaction.atomic
def run_cases(*, version: ModelVersion, form_token: uuid.UUID, by: User) -> int:
    """Test the version on every case, and return how many; either all are accepted or none. The
    same form sent twice runs them once."""
    schema = version.features.as_schema()
    cases = list(version.cases.select_related("version__model"))
    for case in cases:
        _run(case, schema, uuid.uuid5(form_token, str(case.pk)), by)
    return len(cases)


def _run(case: TestCase, schema: InputSchema, form_token: uuid.UUID, by: User) -> Execution | None:
    with written_with("."):  # what is wrong is stored
        inputs = schema.clean(case.inputs)
    if inputs.is_valid:
        return request_execution(
            user=by,
            version=case.version,
            inputs=inputs,
            form_token=form_token,
            purpose=Execution.Purpose.TEST,
            test_case=case,
        )
    labels = {feature.name: feature.label for feature in schema.features}
    wrong = " ".join(f"{labels.get(name, name)}: {said}" for name, said in inputs.errors.items())
    services.judge_case(
        case_id=case.pk,
        sha256=case.version.sha256,
        revision=case.version.revision,
        started_at=timezone.now(),
        outputs=None,
        problem=f"The inputs no longer fit. {wrong}",
    )
    return None
