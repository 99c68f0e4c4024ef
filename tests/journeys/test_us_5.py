"""US-5.1 and 5.2: inputs are checked before anything runs, and kept under a name for next time."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from executions.models import Execution
from models_registry.models import ModelVersion
from presets.models import Preset
from tests.journeys.test_us_3_3 import predict, run

VALUES = {"f0": "34", "f1": "41500", "f2": "true", "f3": "emp"}


def send(client: Client, version: ModelVersion, page: str = "", **fields: str) -> Any:
    address = f"/models/{version.model.slug}/"
    form = client.get(address).context["form"]
    data = VALUES | {"form_token": "0" * 32, "schema": form.initial["schema"]} | fields
    return client.post(page or address, data)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"f0": "17"}, "17 is too low. Expected a value between 18 and 100 years."),
        ({"f0": "101"}, "101 is too high. Expected a value between 18 and 100 years."),
        ({"f0": ""}, "Age"),
        ({"f0": "young"}, "young"),
        ({"f3": "student"}, "student"),
    ],
)
def test_us_5_1_what_does_not_fit_runs_nothing_and_says_the_rule(
    as_alice: Client, active_version: ModelVersion, fields: dict[str, str], sentence: str
) -> None:
    response = send(as_alice, active_version, **fields)
    assert response.status_code == 422
    assert sentence in response.content.decode()
    assert "Nothing has been run" in response.content.decode()
    assert not Execution.objects.exists()


def test_us_5_1_everything_wrong_is_said_at_once_and_corrected_by_a_click(
    as_alice: Client, active_version: ModelVersion
) -> None:
    response = send(as_alice, active_version, f0="230", f1="much")
    assert [error["id"] for error in response.context["error_summary"]] == ["id_f0", "id_f1"]
    assert "Use 100" in response.content.decode()


def test_us_5_1_an_input_that_may_be_missing_is_left_out(
    as_alice: Client, active_version: ModelVersion
) -> None:
    assert send(as_alice, active_version, f1="").status_code == 302
    assert (Execution.objects.get().inputs or {})["income"] is None


def test_us_5_2_a_preset_is_named_listed_loaded_edited_deleted_and_brought_back(
    as_alice: Client, active_version: ModelVersion
) -> None:
    save = f"/presets/{active_version.model.slug}/save/"
    form = send(as_alice, active_version, page=save).context["form"]
    hidden = {field.html_name: str(field.value()) for field in form.hidden_fields()}
    as_alice.post(save, hidden | VALUES | {"name": "Young owner"})
    preset = Preset.objects.get()
    listed = f"/presets/?model={active_version.model.slug}"
    assert "Young owner" in as_alice.get(listed).content.decode()
    loaded = as_alice.post(f"/presets/{preset.pk}/load/", follow=True)
    assert loaded.context["form"]["f0"].value() == "34"
    assert not Execution.objects.exists()
    form = as_alice.get(f"/presets/{preset.pk}/").context["form"]
    hidden = {field.html_name: str(field.value()) for field in form.hidden_fields()}
    as_alice.post(f"/presets/{preset.pk}/", hidden | VALUES | {"f0": "35", "name": "Owner of 35"})
    assert "Owner of 35" in as_alice.get(listed).content.decode()
    as_alice.post(f"/presets/{preset.pk}/delete/")
    assert not Preset.objects.kept().exists()
    as_alice.post(f"/presets/{preset.pk}/restore/")
    assert Preset.objects.kept().get().name == "Owner of 35"


def test_us_5_2_what_somebody_enters_again_and_again_is_suggested(
    as_alice: Client, active_version: ModelVersion
) -> None:
    for index in range(4):
        execution = predict(as_alice, active_version, f"{index:032}")
        run(execution)
        then = execution.requested_at - timedelta(days=index)
        Execution.objects.filter(pk=execution.pk).update(requested_at=then)
    page = as_alice.get(f"/presets/?model={active_version.model.slug}").content.decode()
    assert "Suggested from your predictions" in page
