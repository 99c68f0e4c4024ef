"""US-3.3: a person finds, annotates, exports, retries and deletes their predictions."""

import csv
import io
from typing import Any

from django.test import Client

from accounts.models import User
from executions import lifecycle
from executions.lifecycle import Failure
from executions.models import Execution
from models_registry.models import ModelVersion
from tests.factories import LOAN_ANSWER


def predict(client: Client, version: ModelVersion, token: str, **fields: str) -> Execution:
    """Send the form, as a browser does."""
    address = f"/models/{version.model.slug}/"
    form = client.get(address).context["form"]
    data = {"f0": "34", "f1": "41,500.0", "f2": "false", "f3": "self"} | fields
    data |= {"form_token": token, "schema": form.initial["schema"]}
    response = client.post(address, data)
    return Execution.objects.get(pk=response["Location"].split("/")[2])


def run(execution: Execution, failure: Failure | None = None) -> None:
    """What a worker does with it."""
    claimed = lifecycle.mark_running(execution.pk, attempt=execution.attempt, owner="worker")
    assert claimed is not None
    if failure:
        lifecycle.mark_failed(claimed, owner="worker", failure=failure)
    else:
        lifecycle.mark_succeeded(claimed, owner="worker", outputs=LOAN_ANSWER, warnings=[])


def shown(response: Any) -> list[Execution]:
    return [row.execution for row in response.context["rows"]]


def test_us_3_3_a_prediction_is_found_again_by_what_was_typed_and_what_came_out(
    as_alice: Client, active_version: ModelVersion
) -> None:
    young = predict(as_alice, active_version, "0" * 32, f0="34")
    old = predict(as_alice, active_version, "1" * 32, f0="71")
    run(young)
    for query, expected in (
        ("", [old, young]),
        ("q=age>40", [old]),
        ("q=age:30..40", [young]),
        ("q=41,500", [old, young]),
        ("q=repays", [young]),
        ("q=-repays", [old]),
        ("q=is:queued", [old]),
        ("status=success", [young]),
        (f"q={young.public_id}", [young]),
        ("q=71+self-employed", [old]),
    ):
        assert shown(as_alice.get(f"/history/?{query}")) == expected, query


def test_us_3_3_a_failed_one_says_why_and_is_tried_again_with_one_click(
    as_alice: Client, active_version: ModelVersion
) -> None:
    execution = predict(as_alice, active_version, "0" * 32)
    run(execution, Failure("MEMORY", "over the limit", "Traceback"))
    page = as_alice.get("/history/?status=failed").content.decode()
    assert "The model needed too much memory and was stopped." in page
    detail = as_alice.get(f"/predictions/{execution.pk}/")
    token = str(detail.context["retry_token"])
    pages = [
        as_alice.post(f"/predictions/{execution.pk}/retry/", {"form_token": token})["Location"]
        for _ in range(2)
    ]
    assert pages[0] == pages[1]
    again = Execution.objects.get(retry_of=execution)
    run(again)
    assert "Repays" in as_alice.get(pages[0].removesuffix("#result")).content.decode()


def test_us_3_3_the_csv_is_what_the_page_shows(
    as_alice: Client, active_version: ModelVersion
) -> None:
    for index, age in enumerate(("34", "35", "71")):
        run(predict(as_alice, active_version, f"{index:032}", f0=age))
    page = shown(as_alice.get("/history/?q=age<40"))
    response = as_alice.post("/history/export/?q=age<40")
    content = b"".join(response.streaming_content)  # type: ignore[attr-defined]
    lines = csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""))
    assert [line["id"] for line in lines] == [execution.public_id for execution in page]


def test_us_3_3_a_deleted_prediction_is_gone_at_once_and_comes_back_whole(
    as_alice: Client, alice: User, active_version: ModelVersion
) -> None:
    execution = predict(as_alice, active_version, "0" * 32)
    run(execution)
    as_alice.post(f"/predictions/{execution.pk}/note/", {"note": "offered at 4.9 %"})
    as_alice.post("/history/delete/", {"ids": [str(execution.pk)]})
    assert shown(as_alice.get("/history/?q=offered")) == []
    assert as_alice.get(f"/predictions/{execution.pk}/").status_code == 404
    as_alice.post("/history/restore/", {"ids": [str(execution.pk)]})
    assert shown(as_alice.get("/history/?q=offered+repays")) == [execution]
    assert list(alice.activity.order_by("pk").values_list("action", flat=True))[-3:] == [
        "note written",
        "prediction deleted",
        "prediction restored",
    ]
