"""Tests and promotions of versions by programs, by the rules of the admin's pages."""

import json
from typing import Any

import pytest
from django.db.models.functions import Now

from accounts.models import User
from executions.models import Execution
from models_registry import services
from models_registry.models import Deployment, ModelVersion
from tests.executions.api.conftest import Program, path_of, problem
from tests.factories import LOAN_INPUTS, LOAN_OUTPUTS, make_execution, make_version
from tests.models_registry.services.test_configuring import inspect

pytestmark = pytest.mark.usefixtures("fake_prefect")

CHANGES = {"changes": "Trained on newer data."}


# --- Tests ----------------------------------------------------------------------------------------


def finish(outputs: dict[str, Any] | None = LOAN_OUTPUTS) -> None:
    """What the machinery does with the tests that were requested."""
    ended = {"status": "succeeded", "outputs": outputs}
    if outputs is None:
        ended = {"status": "failed", "error_code": "MODEL", "message": "KeyError: age"}
    Execution.objects.filter(finished_at=None).update(finished_at=Now(), **ended)
    for run in Execution.objects.filter(status="succeeded", purpose="test"):
        services.mark_tested(
            version_id=run.version_id, sha256=run.version_sha256, revision=run.version_revision
        )


def test_a_version_is_tested_then_promoted(
    publisher: Program, ada: User, tested: ModelVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    ModelVersion.objects.update(tested_at=None)
    monkeypatch.setattr("executions.api.asking.time.sleep", lambda _: finish())
    early = publisher.post(path_of(tested, "/promotion"), CHANGES)
    assert "has not been tested" in problem(early, 409)["detail"]

    answer = publisher.post(path_of(tested, "/tests"), {"inputs": LOAN_INPUTS}, Prefer="wait=10")

    assert answer.status_code == 200
    test = Execution.objects.get()
    assert (test.purpose, test.user, test.version) == ("test", ada, tested)
    assert answer.json()["result"]["targets"][0]["class_label"] == "Repays"
    assert publisher.get(path_of(tested, f"/tests/{test.pk}")).json() == answer.json()
    assert publisher.get(path_of(tested)).json()["status"] == "tested"
    promoted = publisher.post(path_of(tested, "/promotion"), CHANGES)
    assert promoted.status_code == 200
    assert promoted.json()["status"] == "active"
    deployment = Deployment.objects.get()
    assert (deployment.version, deployment.by, deployment.text) == (
        tested, ada, CHANGES["changes"],
    )  # fmt: skip


def test_a_test_that_is_not_waited_for_says_where_to_look(
    publisher: Program, tested: ModelVersion
) -> None:
    answer = publisher.post(path_of(tested, "/tests"), {"inputs": LOAN_INPUTS})

    assert answer.status_code == 202
    found = publisher.get(answer["Location"].partition("/api/v1")[2])
    assert (found.json()["status"], found.json()["url"]) == ("queued", answer["Location"])


def test_a_test_that_fails_says_why_as_admins_see_it(
    publisher: Program, tested: ModelVersion
) -> None:
    answer = publisher.post(path_of(tested, "/tests"), {"inputs": LOAN_INPUTS})
    finish(outputs=None)

    found = publisher.get(answer["Location"].partition("/api/v1")[2]).json()
    assert found["error"]["code"] == "MODEL"
    assert "KeyError: age" in found["error"]["detail"]


def test_a_test_runs_the_saved_cases_and_those_that_fail_are_told(
    publisher: Program, tested: ModelVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = tested.cases.create(name="A pensioner", inputs=LOAN_INPUTS, expected=[1])
    monkeypatch.setattr("executions.api.asking.time.sleep", lambda _: finish())

    answer = publisher.post(path_of(tested, "/tests"), {"inputs": LOAN_INPUTS}, Prefer="wait=10")

    assert answer.status_code == 200
    assert Execution.objects.filter(test_case=case).count() == 1
    services.judge_case(
        case_id=case.pk,
        sha256=tested.sha256,
        revision=tested.revision,
        started_at=Execution.objects.get(test_case=case).requested_at,
        outputs=Execution.objects.get(test_case=case).read_outputs(),
    )
    found = publisher.get(path_of(tested)).json()
    assert (found["cases"], found["cases_passing"]) == (1, 0)
    assert "“A pensioner”" in found["case_problems"][0]
    refused = publisher.post(path_of(tested, "/promotion"), CHANGES)
    assert "Not every saved case passes" in problem(refused, 409)["detail"]


@pytest.mark.parametrize(
    ("inputs", "pointer"),
    [(LOAN_INPUTS | {"age": 3}, "/inputs/age"), ([LOAN_INPUTS], "/inputs"), (3, "/inputs")],
)
def test_inputs_that_break_a_rule_are_422_with_their_place(
    publisher: Program, tested: ModelVersion, inputs: Any, pointer: str
) -> None:
    found = problem(publisher.post(path_of(tested, "/tests"), {"inputs": inputs}), 422)
    assert found["errors"][0]["pointer"] == pointer
    assert not Execution.objects.exists()


def test_a_version_that_did_not_pass_its_inspection_is_not_tested(
    publisher: Program,
) -> None:
    draft = make_version(container="", is_tested=False)

    answer = publisher.post(path_of(draft, "/tests"), {"inputs": LOAN_INPUTS})

    assert "has not passed its inspection" in problem(answer, 409)["detail"]


def test_a_prediction_is_no_test(publisher: Program, ada: User, tested: ModelVersion) -> None:
    execution = make_execution(user=ada, version=tested, outputs=LOAN_OUTPUTS)

    problem(publisher.get(path_of(tested, f"/tests/{execution.pk}")), 404)


# --- Promotion ------------------------------------------------------------------------------------


def test_a_promotion_says_everything_that_is_missing_and_how_to_confirm_it(
    publisher: Program, active_version: ModelVersion
) -> None:
    draft = make_version(model=active_version.model, is_tested=False)
    inspect(draft)

    found = problem(publisher.post(path_of(draft, "/promotion"), CHANGES), 409)

    assert [(one["pointer"], one["suggestion"]) for one in found["errors"]] == [
        (None, None),
        ("/inputs_reviewed", "true"),
    ]
    assert found["detail"] == "2 things are missing to go live."


def test_what_is_confirmed_is_not_missing(publisher: Program, active_version: ModelVersion) -> None:
    draft = make_version(model=active_version.model, features=())
    body = CHANGES | {"inputs_reviewed": True}

    problem(publisher.post(path_of(draft, "/promotion"), CHANGES), 409)
    assert publisher.post(path_of(draft, "/promotion"), body).status_code == 200


def test_a_version_that_is_live_or_was_is_not_promoted_again(
    publisher: Program, tested: ModelVersion
) -> None:
    publisher.post(path_of(tested, "/promotion"), CHANGES)
    again = problem(publisher.post(path_of(tested, "/promotion"), CHANGES), 409)
    assert again["detail"] == "This version is already active."

    newer = make_version(model=tested.model)
    publisher.post(path_of(newer, "/promotion"), CHANGES)
    former = problem(publisher.post(path_of(tested, "/promotion"), CHANGES), 409)
    assert "live before" in former["detail"]
    assert Deployment.objects.count() == 2


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ([], ""),
        (CHANGES | {"model": "x"}, ""),
        ({}, "/changes"),
        ({"changes": "Short"}, "/changes"),
        ({"changes": "x" * 2001}, "/changes"),
        ({"changes": 3}, "/changes"),
        ({"changes": "Trained on \0 data"}, "/changes"),
        ({"changes": "Trained on \ud800 data"}, "/changes"),
        (CHANGES | {"raw_values": "true"}, "/raw_values"),
    ],
)
def test_a_promotion_of_another_shape_is_422_with_its_place(
    publisher: Program, tested: ModelVersion, body: Any, pointer: str
) -> None:
    answer = publisher.post(path_of(tested, "/promotion"), raw=json.dumps(body).encode())
    assert problem(answer, 422)["errors"][0]["pointer"] == pointer
    assert not Deployment.objects.exists()
