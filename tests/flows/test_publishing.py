"""Publishing by a program: from a file to a live version, with real inspections and predictions.

A worker's flow runs where a request waits, in the same process; the model's process is real.
"""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django import Settings

from accounts.models import User
from accounts.tokens.services import make_token
from executions.api import versions
from executions.models import Execution
from flows import inspection, predict
from flows.errors import InspectionFailed
from models_registry.models import Inspection, ModelVersion
from tests.factories import make_model
from tests.flows.resident import INPUTS

pytestmark = pytest.mark.usefixtures("no_renewal", "fake_prefect")


@pytest.fixture(autouse=True)
def worker(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a worker's flows run where a request waits for them."""
    settings.ARTIFACT_CACHE_DIR = tmp_path / "artifacts"
    monkeypatch.setattr(versions, "wait_for_all", lambda runs, seconds, account: carried_out())


def carried_out() -> bool:
    for row in Inspection.objects.queued():
        with suppress(InspectionFailed):
            inspection.claim(row.pk, row.attempt).carry_out()
    for run in Execution.objects.queued():
        predict.claim(str(run.pk), run.attempt).carry_out()
    return True


@pytest.fixture
def ci(ada: User) -> Client:
    """A program whose token may publish."""
    _, secret = make_token(user=ada, name="CI", scopes=["publish"], by=ada)
    return Client(headers={"Authorization": f"Bearer {secret}", "Prefer": "wait=30"})


def posted(ci: Client, url: str, body: dict[str, Any]) -> Any:
    answer = ci.post(url, json.dumps(body), content_type="application/json")
    assert answer.status_code == 200, answer.content
    return answer.json()


def uploaded(ci: Client, content: bytes) -> Any:
    address = f"/api/v1/models/{make_model().slug}/versions"
    answer = ci.post(address, {"file": SimpleUploadedFile("iris.joblib", content)})
    assert answer.status_code == 200, answer.content
    return answer.json()


def test_four_requests_lead_from_a_file_to_a_live_version(ci: Client, iris_model: bytes) -> None:
    made = uploaded(ci, iris_model)
    assert made["inspection"]["status"] == "succeeded"
    assert {step["status"] for step in made["inspection"]["steps"]} == {"passed"}
    assert made["inputs"] == len(INPUTS)

    test = posted(ci, made["tests_url"], {"inputs": INPUTS})
    assert test["status"] == "succeeded"
    seen = ci.get(made["url"]).json()
    assert seen["status"] == "tested"
    ticks = {one["confirm"]: True for one in seen["promotion_misses"]}

    live = posted(ci, made["promotion_url"], {"changes": "The first version."} | ticks)
    assert (live["status"], live["promotion_misses"][0]["confirm"]) == ("active", None)
    assert ModelVersion.objects.active().get().sha256 == made["sha256"]


def test_a_file_that_is_no_model_says_why(ci: Client) -> None:
    made = uploaded(ci, b"\x89PNG\r\n and so on")

    assert made["inspection"]["status"] == "failed"
    assert "joblib.dump(model, 'model.joblib')" in made["inspection"]["message"]
    failed = [one for one in made["inspection"]["steps"] if one["status"] == "failed"]
    assert [one["name"] for one in failed] == ["Format and size"]
    answer = ci.post(
        made["tests_url"], json.dumps({"inputs": INPUTS}), content_type="application/json"
    )
    assert answer.status_code == 409
