"""Operations on saved test cases: save, change, delete and import."""

from collections.abc import Sequence
from datetime import datetime
from itertools import zip_longest
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.db.models.functions import Now

from accounts.activity import record
from accounts.models import User
from config.text.numbers import written, written_with
from model_host.protocol.inputs import Scalar
from model_host.protocol.outputs import Outputs
from models_registry.cases.case_check import differences, found_values
from models_registry.cases.case_table import CaseRow
from models_registry.errors import CaseLocked, CaseNameTaken, TooManyCases
from models_registry.inputs.number_text import show_number, with_unit
from models_registry.models import ModelVersion, Target, TestCase

MAX_CASES = 200
NOT_RUN: dict[str, Any] = {
    "passed": None,
    "ran_at": None,
    "ran_sha256": "",
    "ran_revision": None,
    "found": None,
    "problem": "",
}


@transaction.atomic
def save_case(*, version: ModelVersion, case: CaseRow, by: User) -> TestCase:
    """Save inputs with the answer that the version must give. Also for a version that was live,
    since a rollback checks its cases. Raises CaseNameTaken or TooManyCases."""
    (saved,) = _create(version, [case], by)
    record("test case saved", by=by, target=str(version), after={"case": saved.name})
    return saved


@transaction.atomic
def import_cases(*, version: ModelVersion, cases: Sequence[CaseRow], by: User) -> list[TestCase]:
    """Save all the cases, or none. Raises CaseNameTaken or TooManyCases."""
    saved = _create(version, cases, by)
    record("test cases imported", by=by, target=str(version), after={"count": len(saved)})
    return saved


def _create(version: ModelVersion, cases: Sequence[CaseRow], by: User) -> list[TestCase]:
    ModelVersion.objects.select_for_update().get(pk=version.pk)  # one count at a time
    if version.cases.count() + len(cases) > MAX_CASES:
        raise TooManyCases(MAX_CASES)
    try:
        with transaction.atomic():
            return TestCase.objects.bulk_create(
                TestCase(
                    version=version,
                    name=case.name,
                    inputs=case.inputs,
                    expected=case.expected,
                    tolerance=case.tolerance,
                    created_by=by,
                )
                for case in cases
            )
    except IntegrityError as error:
        raise CaseNameTaken from error


@transaction.atomic
def change_case(
    *, case: TestCase, name: str, expected: list[Scalar], tolerance: float, by: User
) -> TestCase:
    """Change the expected answer of a case. It must run again, unless only the name changed. Raises
    CaseLocked once the version was live, CaseNameTaken."""
    case = _open_case(case)
    before = {"expected": case.expected, "tolerance": case.tolerance}
    is_same = (case.expected, case.tolerance) == (expected, tolerance)
    try:
        with transaction.atomic():
            TestCase.objects.filter(pk=case.pk).update(
                name=name,
                expected=expected,
                tolerance=tolerance,
                **({} if is_same else NOT_RUN),
            )
    except IntegrityError as error:
        raise CaseNameTaken from error
    record(
        "test case changed",
        by=by,
        target=f"{case.version}: {name}",
        before=before,
        after={"expected": expected, "tolerance": tolerance},
    )
    case.refresh_from_db()
    return case


@transaction.atomic
def delete_case(*, case: TestCase, by: User) -> None:
    """Delete a case. Raises CaseLocked once the version was live."""
    case = _open_case(case)
    record("test case deleted", by=by, target=f"{case.version}: {case.name}")
    case.delete()


def _open_case(case: TestCase) -> TestCase:
    """The locked case of a version that was never live: cases of a live version are a record of its
    tests."""
    held = TestCase.objects.select_for_update(of=("self",)).select_related("version__model")
    case = held.get(pk=case.pk)
    if case.version.is_locked:
        raise CaseLocked
    return case


@transaction.atomic
def judge_case(
    *,
    case_id: int,
    sha256: str,
    revision: int,
    started_at: datetime,
    outputs: Outputs | None,
    problem: str = "",
) -> bool:
    """Write the result of a run of the case on this file and this revision: ``outputs``, or the
    ``problem`` instead. Returns False if the case was deleted or a later run has finished."""
    case = TestCase.objects.select_for_update().filter(pk=case_id).first()
    if case is None:
        return False
    if outputs is not None:
        targets = list(Target.objects.filter(version_id=case.version_id))
        with written_with("."):
            problem = " ".join(
                _sentence(one.expected, one.found, targets[one.target : one.target + 1])
                for one in differences(case.expected, outputs, case.tolerance)
            )
    return bool(
        TestCase.objects.filter(pk=case_id)
        .filter(Q(ran_at=None) | Q(ran_at__lte=started_at))
        .update(
            passed=not problem,
            ran_at=Now(),
            ran_sha256=sha256,
            ran_revision=revision,
            found=None if outputs is None else found_values(outputs),
            problem=problem,
        )
    )


def shown_problem(case: TestCase, targets: list[Target]) -> str:
    """Return what the last run found wrong, for the person who reads the page: the numbers of the
    expected and the found answers in their notation."""
    problem, found = case.problem, case.found or []
    for place, (wanted, said) in enumerate(zip_longest(case.expected, found)):
        with written_with("."):
            kept = _sentence(wanted, said, targets[place : place + 1])
        problem = problem.replace(kept, _sentence(wanted, said, targets[place : place + 1]))
    return problem


def _sentence(expected: Scalar, found: Scalar, targets: list[Target]) -> str:
    target = targets[0] if targets else Target()
    name = f"{target}: " if target.label or target.name else ""
    return f"{name}expected {answer_text(expected, target)}, found {answer_text(found, target)}."


def answer_text(value: Scalar, target: Target) -> str:
    """Format an expected or found answer for display."""
    if value is None:
        return "nothing"
    if not target.class_labels and isinstance(value, int | float) and not isinstance(value, bool):
        return with_unit(written(show_number(value, target.unit)), target.unit)
    return target.label_of(value)
