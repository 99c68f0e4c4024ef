"""Saved test cases: kept from tests, run again, judged when the run ends, imported as a table."""

import uuid
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from accounts.models import ActivityEvent, User
from config.text.numbers import written_with
from executions import lifecycle
from executions.lifecycle import Failure
from executions.models import Execution
from executions.services import cases
from model_host.protocol.codec import stored
from model_host.protocol.outputs import Outputs, TargetOutput
from models_registry import services
from models_registry.cases.case_table import CaseRow
from models_registry.errors import CaseLocked, CaseNameTaken
from models_registry.inputs.feature_spec import TargetSpec
from models_registry.models import ModelVersion, TestCase
from models_registry.services.cases import shown_problem
from tests.factories import LOAN_INPUTS, LOAN_OUTPUTS, make_execution, make_version

PAGE = "/admin/executions/execution"


@pytest.fixture
def version(db: None) -> ModelVersion:
    return make_version(is_tested=False)


def saved(
    version: ModelVersion, by: User, expected: Any = 0, name: str = "A pensioner"
) -> TestCase:
    row = CaseRow(name, LOAN_INPUTS, [expected], 0.0)
    return services.save_case(version=version, case=row, by=by)


def finish(run: Execution, outputs: dict[str, Any] | None) -> None:
    """As the worker does: claim and report."""
    claimed = lifecycle.mark_running(run.pk, attempt=1, owner="worker")
    assert claimed is not None
    if outputs is None:
        lifecycle.mark_failed(claimed, owner="worker", failure=Failure("MODEL", "no"))
    else:
        lifecycle.mark_succeeded(
            claimed, owner="worker", outputs=stored(Outputs, outputs), warnings=[]
        )


def run(case: TestCase, by: User, outputs: dict[str, Any] | None = LOAN_OUTPUTS) -> TestCase:
    execution = cases.run_case(case=case, form_token=uuid.uuid4(), by=by)
    assert execution is not None
    finish(execution, outputs)
    case.refresh_from_db()
    return case


def test_a_case_passes_when_the_run_says_what_is_expected(version: ModelVersion, ada: User) -> None:
    case = run(saved(version, ada), ada)
    assert (case.passed, case.problem, case.found) == (True, "", [0])
    assert (case.ran_sha256, case.ran_revision) == (version.sha256, 1)
    assert not version.cases.open().exists()


def test_a_case_that_fails_says_what_was_found(version: ModelVersion, ada: User) -> None:
    case = run(saved(version, ada, expected=1), ada)
    assert case.passed is False
    assert case.problem == "Repayment: expected Defaults, found Repays."
    assert list(version.cases.open()) == [case]


def test_a_run_that_breaks_fails_its_case(version: ModelVersion, ada: User) -> None:
    case = run(saved(version, ada), ada, outputs=None)
    assert (case.passed, case.problem) == (False, "The run failed: exception in predict.")


def test_an_ordinary_test_judges_no_case(version: ModelVersion, ada: User) -> None:
    case = saved(version, ada)
    finish(make_execution(user=ada, version=version, purpose="test"), LOAN_OUTPUTS)
    case.refresh_from_db()
    assert case.passed is None


def test_a_change_of_the_inputs_opens_every_case_again(version: ModelVersion, ada: User) -> None:
    run(saved(version, ada), ada)
    ModelVersion.objects.filter(pk=version.pk).update(revision=2)
    assert version.cases.open().count() == 1


def test_a_slow_run_never_overwrites_a_later_one(version: ModelVersion, ada: User) -> None:
    case = saved(version, ada)
    slow = cases.run_case(case=case, form_token=uuid.uuid4(), by=ada)
    assert slow is not None
    claimed = lifecycle.mark_running(slow.pk, attempt=1, owner="slow")
    assert claimed is not None
    claimed.started_at = case.created_at  # long before the other one ended
    run(case, ada)
    other = LOAN_OUTPUTS | {"targets": [LOAN_OUTPUTS["targets"][0] | {"value": 1}]}  # type: ignore[index]
    lifecycle.mark_succeeded(claimed, owner="slow", outputs=stored(Outputs, other), warnings=[])
    case.refresh_from_db()
    assert case.passed is True


def test_a_test_that_succeeded_is_kept_as_a_case_that_passes(
    version: ModelVersion, ada: User
) -> None:
    test = make_execution(user=ada, version=version, purpose="test", outputs=LOAN_OUTPUTS)
    case = cases.save_test_as_case(
        execution=test, name="Young", expected=cases.expected_of(test), tolerance=0, by=ada
    )
    case.refresh_from_db()
    assert (case.inputs, case.expected, case.passed) == (LOAN_INPUTS, [0], True)


def test_a_test_of_an_earlier_revision_is_kept_and_must_run_again(
    version: ModelVersion, ada: User
) -> None:
    test = make_execution(user=ada, version=version, purpose="test", outputs=LOAN_OUTPUTS)
    ModelVersion.objects.filter(pk=version.pk).update(revision=2)
    cases.save_test_as_case(execution=test, name="Young", expected=[0], tolerance=0, by=ada)
    assert version.cases.open().count() == 1


def test_two_cases_of_a_version_have_two_names(version: ModelVersion, ada: User) -> None:
    saved(version, ada)
    with pytest.raises(CaseNameTaken):
        saved(version, ada)


def test_a_changed_expectation_must_be_met_anew_and_a_new_name_need_not(
    version: ModelVersion, ada: User
) -> None:
    case = run(saved(version, ada), ada)
    services.change_case(case=case, name="Renamed", expected=[0], tolerance=0.0, by=ada)
    assert TestCase.objects.get().passed is True
    services.change_case(case=case, name="Renamed", expected=[1], tolerance=0.0, by=ada)
    assert TestCase.objects.get().passed is None


def test_the_cases_of_a_version_that_was_live_stay_and_others_may_be_added(
    active_version: ModelVersion, ada: User
) -> None:
    case = saved(active_version, ada)
    with pytest.raises(CaseLocked):
        services.delete_case(case=case, by=ada)
    with pytest.raises(CaseLocked):
        services.change_case(case=case, name="x", expected=[1], tolerance=0, by=ada)
    assert run(case, ada).passed is True


def test_inputs_that_no_longer_fit_fail_their_case_at_once(
    version: ModelVersion, ada: User
) -> None:
    case = saved(version, ada)
    version.features.filter(name="age").update(maximum=20)
    assert cases.run_case(case=case, form_token=uuid.uuid4(), by=ada) is None
    case.refresh_from_db()
    assert case.passed is False
    assert "Age: 34 is too high." in case.problem


def test_all_cases_run_once_however_often_the_form_is_sent(
    version: ModelVersion, ada: User
) -> None:
    saved(version, ada)
    saved(version, ada, name="Another")
    token = uuid.uuid4()
    for _ in range(2):
        cases.run_cases(version=version, form_token=token, by=ada)
    assert Execution.objects.filter(test_case__version=version, purpose="test").count() == 2


def test_what_is_done_with_cases_is_on_record(version: ModelVersion, ada: User) -> None:
    case = saved(version, ada)
    services.delete_case(case=case, by=ada)
    acts = ActivityEvent.objects.filter(actor=ada).values_list("action", flat=True)
    assert {"test case saved", "test case deleted"} <= set(acts)


def upload(text: str) -> dict[str, Any]:
    return {"file": SimpleUploadedFile("cases.csv", text.encode(), "text/csv")}


def test_a_table_of_cases_is_saved_whole(as_ada: Client, version: ModelVersion) -> None:
    template = as_ada.get(f"{PAGE}/test/{version.pk}/cases/template/").getvalue().decode()
    rows = "Young,34,,yes,emp,Repays,\r\nOld,80,1000,no,none,1,\r\n"
    page = as_ada.post(
        f"{PAGE}/test/{version.pk}/cases/import/",
        upload(template.splitlines()[0] + "\r\n" + rows),
        follow=True,
    )
    assert "2 cases were saved" in page.content.decode()
    assert [case.expected for case in version.cases.all()] == [[1], [0]]


def test_one_wrong_value_saves_nothing_and_is_shown_by_row_and_column(
    as_ada: Client, version: ModelVersion
) -> None:
    text = "name,age,income,home,work,expected\nYoung,34,,yes,emp,0\nOld,230,,yes,emp,0\n"
    page = as_ada.post(f"{PAGE}/test/{version.pk}/cases/import/", upload(text))
    assert page.status_code == 422
    assert "230 is too high" in page.content.decode()
    assert not version.cases.exists()


def test_a_file_that_is_no_text_is_refused(as_ada: Client, version: ModelVersion) -> None:
    file = SimpleUploadedFile("cases.csv", b"\xff\xfe\x00")
    page = as_ada.post(f"{PAGE}/test/{version.pk}/cases/import/", {"file": file})
    assert "not UTF-8" in page.content.decode()


def test_an_admin_saves_a_test_as_a_case_on_its_page(
    as_ada: Client, ada: User, version: ModelVersion
) -> None:
    test = make_execution(user=ada, version=version, purpose="test", outputs=LOAN_OUTPUTS)
    address = f"{PAGE}/{test.pk}/save-as-case/"
    assert 'value="0" selected' in as_ada.get(address).content.decode()
    page = as_ada.post(address, {"name": "<b>Young</b>", "e0": "0"}, follow=True)
    text = page.content.decode()
    assert "&lt;b&gt;Young&lt;/b&gt;" in text
    assert "<b>Young" not in text
    assert "1 of 1 pass" in text


def test_a_case_without_a_name_is_refused(as_ada: Client, ada: User, version: ModelVersion) -> None:
    test = make_execution(user=ada, version=version, purpose="test", outputs=LOAN_OUTPUTS)
    page = as_ada.post(f"{PAGE}/{test.pk}/save-as-case/", {"name": "", "e0": "0"})
    assert page.status_code == 422
    assert not version.cases.exists()


def test_a_prediction_of_a_person_is_never_saved_as_a_case(
    as_ada: Client, alice: User, active_version: ModelVersion
) -> None:
    prediction = make_execution(user=alice, version=active_version, outputs=LOAN_OUTPUTS)
    assert as_ada.get(f"{PAGE}/{prediction.pk}/save-as-case/").status_code == 404


def test_a_regressors_case_has_a_tolerance(as_ada: Client, ada: User) -> None:
    version = make_version(task="regression", targets=())
    version.targets.create(position=0, name="prediction", label="Price", unit="€")
    case = services.save_case(
        version=version, case=CaseRow("Flat", LOAN_INPUTS, [100.5], 0.0), by=ada
    )
    address = f"{PAGE}/case/{case.pk}/"
    assert as_ada.post(address, {"name": "Flat", "e0": "x", "tolerance": "-1"}).status_code == 422
    as_ada.post(address, {"name": "Flat", "e0": "101", "tolerance": "0.5"})
    case.refresh_from_db()
    assert (case.expected, case.tolerance) == ([101.0], 0.5)


def test_the_page_of_running_cases_looks_again_by_itself(
    as_ada: Client, ada: User, version: ModelVersion
) -> None:
    case = saved(version, ada)
    as_ada.post(f"{PAGE}/test/{version.pk}/cases/run/", {"form_token": str(uuid.uuid4())})
    page = f"{PAGE}/test/{version.pk}/"
    assert 'http-equiv="refresh"' in as_ada.get(page).content.decode()
    finish(Execution.objects.get(test_case=case), LOAN_OUTPUTS)
    text = as_ada.get(page).content.decode()
    assert 'http-equiv="refresh"' not in text
    assert "1 of 1 pass" in text


def test_a_case_is_deleted_on_a_page_that_says_so(
    as_ada: Client, ada: User, version: ModelVersion
) -> None:
    case = saved(version, ada)
    address = f"{PAGE}/case/{case.pk}/delete/"
    assert "A pensioner" in as_ada.get(address).content.decode()
    assert TestCase.objects.exists()
    as_ada.post(address)
    assert not TestCase.objects.exists()


def test_what_a_case_found_is_stored_with_points_and_read_with_commas(ada: User) -> None:
    level = TargetSpec("level", "Level", unit="mg")
    version = make_version(task="regression", targets=(level,))
    case = TestCase.objects.create(version=version, name="A", inputs=LOAN_INPUTS, expected=[1.5])
    outputs = Outputs("regression", (TargetOutput("level", 2.25),))

    with written_with(","):
        services.judge_case(
            case_id=case.pk, sha256="", revision=1, started_at=timezone.now(), outputs=outputs
        )
        case.refresh_from_db()
        shown = shown_problem(case, list(version.targets.all()))

    assert case.problem == "Level: expected 1.5 mg, found 2.25 mg."
    assert shown == "Level: expected 1,5 mg, found 2,25 mg."
