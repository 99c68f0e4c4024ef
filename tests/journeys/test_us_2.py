"""US-2.1 to 2.3: an admin uploads a model file, tests it and brings it to production, through the
pages alone. The worker's reports in between are made by the test."""

from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from accounts.models import User
from executions import lifecycle
from executions.lifecycle import Failure
from executions.models import Execution
from models_registry.models import Deployment, ModelVersion, RegisteredModel
from notifications.models import Kind, Notification
from tests.factories import LOAN_ANSWER, make_version

CONFIG = b"""
description: Repayment of consumer loans.
metrics: {roc_auc: 0.87}
preprocessing: [impute, scale]
odd_key: kept
"""
SAMPLE = {"f0": "34", "f1": "", "f2": "true", "f3": "emp"}


def page_of(version: ModelVersion, name: str) -> str:
    return f"/admin/models_registry/modelversion/{version.pk}/{name}/"


def text_of(response: Any) -> str:
    return " ".join(response.content.decode().split())


def run_test(client: Client, version: ModelVersion, token: str, **fields: str) -> Execution:
    """Send the test form; a worker has not taken it yet."""
    data = SAMPLE | {"form_token": token, "schema": version.features.as_schema().digest} | fields
    client.post(f"/admin/executions/execution/test/{version.pk}/", data)
    return Execution.objects.filter(purpose="test").latest("requested_at")


def finish(execution: Execution, failure: Failure | None = None) -> None:
    claimed = lifecycle.mark_running(execution.pk, attempt=execution.attempt, owner="worker")
    assert claimed is not None
    if failure:
        lifecycle.mark_failed(claimed, owner="worker", failure=failure)
    else:
        lifecycle.mark_succeeded(claimed, owner="worker", outputs=LOAN_ANSWER, warnings=[])


def test_us_2_1_a_model_is_made_and_a_file_with_its_configuration_becomes_a_draft(
    as_ada: Client,
) -> None:
    seconds = {"load_seconds": 30, "predict_seconds": 10, "slow_seconds": 3}
    as_ada.post(
        "/admin/models_registry/registeredmodel/add/",
        {"name": "Loan repayment", "description": "Who repays."} | seconds,
    )
    model = RegisteredModel.objects.get()
    files = {
        "file": SimpleUploadedFile("loan.joblib", b"a model"),
        "config": SimpleUploadedFile("loan.yaml", CONFIG),
    }
    words = {"label": "Spring", "description": "From 2025's loans.", "release_notes": "The first."}
    address = f"/admin/models_registry/registeredmodel/{model.pk}/upload/"
    page = text_of(as_ada.post(address, files | words, follow=True))
    version = model.versions.get()
    assert (version.number, version.status, version.label) == (1, "draft", "Spring")
    assert version.metrics == {"roc_auc": 0.87}
    assert version.training_config["odd_key"] == "kept"
    assert "Waiting for a worker" in page


def test_us_2_1_inputs_are_set_and_previewed_as_people_will_see_them(
    as_ada: Client, alice: User
) -> None:
    version = make_version(is_tested=False)
    form = as_ada.get(page_of(version, "inputs"))
    assert "Annual income" in text_of(form)
    preview = text_of(as_ada.get(f"/admin/executions/execution/preview/{version.pk}/"))
    people = Client()
    people.force_login(alice)
    ModelVersion.objects.filter(pk=version.pk).update(
        status="active", activated_at=timezone.now(), tested_at=timezone.now(),
        tested_sha256=version.sha256, tested_revision=1,
    )  # fmt: skip
    seen = text_of(people.get(f"/models/{version.model.slug}/"))
    for label in (
        "Age",
        "Annual income",
        "Owns a home",
        "Employment",
        "Self-employed",
        "18 to 100",
    ):
        assert label in preview, label
        assert label in seen, label


def test_us_2_2_a_test_is_run_read_and_run_again_with_other_values(as_ada: Client) -> None:
    version = make_version(is_tested=False, metrics={"roc_auc": 0.87})
    address = f"/admin/executions/execution/test/{version.pk}/"
    failed = run_test(as_ada, version, "0" * 32)
    finish(failed, Failure("MODEL", "ValueError: no", "Traceback of the model"))
    page = text_of(as_ada.get(f"{address}?run={failed.pk}"))
    assert "ValueError: no" in page
    assert "Traceback of the model" in page
    version.refresh_from_db()
    assert not version.is_tested
    done = run_test(as_ada, version, "1" * 32, f0="71")
    finish(done)
    page = text_of(as_ada.get(f"{address}?run={done.pk}"))
    assert "Repays" in page
    assert "83.4 %" in page
    assert "0.87" in page
    version.refresh_from_db()
    assert version.is_tested


def test_us_2_3_only_a_tested_version_goes_live_and_everybody_is_told(
    as_ada: Client, ada: User, alice: User, bob: User, active_version: ModelVersion
) -> None:
    version = make_version(model=active_version.model, is_tested=False)
    words = {"text": "Trained on the loans of 2025."}
    assert as_ada.post(page_of(version, "promote"), words).status_code == 422
    finish(run_test(as_ada, version, "0" * 32))
    page = text_of(as_ada.get(page_of(version, "promote")))
    assert "Promote v2 to production" in page
    as_ada.post(page_of(version, "promote"), words)
    version.refresh_from_db()
    active_version.refresh_from_db()
    assert (version.status, active_version.status) == ("active", "archived")
    told = Notification.objects.filter(kind=Kind.DEPLOYMENT)
    assert {row.user for row in told} == {ada, alice, bob}
    deployment = Deployment.objects.get(version=version)
    assert (deployment.action, deployment.by) == ("promotion", ada)
    history = f"/admin/models_registry/registeredmodel/{version.model_id}/change/"
    assert "Trained on the loans of 2025." in text_of(as_ada.get(history))
    assert as_ada.get(page_of(active_version, "change")).status_code == 200
