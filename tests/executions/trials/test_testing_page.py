import uuid
from typing import Any

from django.test import Client

from accounts.models import User
from executions.models import Execution
from models_registry.models import ModelVersion
from tests.factories import LOAN_OUTPUTS, make_execution, make_version

VALID = {"f0": "34", "f1": "", "f2": "true", "f3": "emp"}


def post(client: Client, version: ModelVersion, **fields: Any) -> Any:
    schema = version.features.as_schema().digest
    data = VALID | {"form_token": str(uuid.uuid4()), "schema": schema} | fields
    return client.post(f"/admin/executions/execution/test/{version.pk}/", data, follow=True)


def test_an_admin_tests_a_draft_with_sample_inputs(as_ada: Client, db: None) -> None:
    version = make_version(is_tested=False)
    page = post(as_ada, version)
    execution = Execution.objects.get()
    assert (execution.purpose, execution.version) == ("test", version)
    assert execution.public_id in page.content.decode()


def test_a_test_checks_its_inputs_like_any_prediction(as_ada: Client, db: None) -> None:
    page = post(as_ada, make_version(), f0="230")
    assert page.status_code == 422
    assert "230 is too high" in page.content.decode()
    assert not Execution.objects.exists()


def test_a_version_that_was_not_inspected_cannot_be_tested(as_ada: Client, db: None) -> None:
    page = post(as_ada, make_version(container=""))
    assert "has not passed its inspection" in page.content.decode()


def test_a_failed_test_shows_its_message_and_traceback_to_the_admin(
    as_ada: Client, ada: User
) -> None:
    version = make_version()
    run = make_execution(
        user=ada,
        version=version,
        purpose="test",
        error_code="MODEL",
        message="ValueError: no",
        traceback="Traceback (most recent call last)",
    )
    page = as_ada.get(f"/admin/executions/execution/test/{version.pk}/?run={run.pk}")
    assert "ValueError: no" in page.content.decode()
    assert "Traceback (most recent call last)" in page.content.decode()


def test_a_persons_prediction_is_not_shown_as_a_test(
    as_ada: Client, alice: User, active_version: ModelVersion
) -> None:
    run = make_execution(user=alice, version=active_version, outputs=LOAN_OUTPUTS)
    page = f"/admin/executions/execution/test/{active_version.pk}/?run={run.pk}"
    assert as_ada.get(page).status_code == 404


def test_an_admin_sees_every_execution_with_its_attempts(as_ada: Client, alice: User) -> None:
    execution = make_execution(user=alice, error_code="MODEL", traceback="Trace of the model")
    execution.attempts.create(number=1, worker="worker-ann", outcome="failed", log="Ran in 1 s.")
    page = as_ada.get(f"/admin/executions/execution/{execution.pk}/change/").content.decode()
    for text in ("Trace of the model", "worker-ann", "Ran in 1 s."):
        assert text in page
