"""US-3.1, 3.2 and 3.4: a person finds the model, predicts, and compares."""

import csv
import io
from typing import Any

from django.test import Client

from accounts.models import User
from executions.models import Execution
from models_registry import services
from models_registry.models import ModelVersion
from tests.factories import LOAN_OUTPUTS, make_execution, make_version
from tests.journeys.test_us_3_3 import predict, run
from tests.pdf_text import text_of as pdf_text_of


def text_of(response: Any) -> str:
    return " ".join(response.content.decode().split())


def test_us_3_1_the_model_says_what_it_takes_and_gives_and_since_when(
    as_alice: Client, ada: User, active_version: ModelVersion
) -> None:
    model = active_version.model
    model.description = "Tells who repays a loan."
    model.save()
    version = make_version()
    services.promote(version=version, text="The first version.", by=ada)
    page = text_of(as_alice.get("/"))  # with two live models, a list
    assert model.name in page
    assert "Tells who repays a loan." in page
    assert "Deployed <time" in page
    about = text_of(as_alice.get(f"/models/{model.slug}/about/"))
    for words in ("Age", "years", "18", "100", "Employment", "Self-employed", "Repays", "Defaults"):
        assert words in about, words


def test_us_3_1_without_a_live_model_people_are_asked_to_come_back(as_alice: Client) -> None:
    assert "There is no model available right now" in text_of(as_alice.get("/"))


def test_us_3_2_values_are_checked_run_and_answered_with_a_confidence(
    as_alice: Client, active_version: ModelVersion
) -> None:
    address = f"/models/{active_version.model.slug}/"
    form = as_alice.get(address).context["form"]
    data = {"f0": "230", "f1": "", "f2": "true", "f3": "emp", "form_token": "0" * 32}
    refused = as_alice.post(address, data | {"schema": form.initial["schema"]})
    assert refused.status_code == 422
    assert "Expected a value between 18 and 100" in text_of(refused)
    assert not Execution.objects.exists()
    execution = predict(as_alice, active_version, "1" * 32)
    page = text_of(as_alice.get(f"/predictions/{execution.pk}/"))
    assert 'aria-busy="true"' in page
    run(execution)
    page = text_of(as_alice.get(f"/predictions/{execution.pk}/"))
    for words in ("Repays", "83.4 %", "All outcomes", "Defaults", execution.public_id):
        assert words in page, words


def test_us_3_4_two_or_three_stand_side_by_side_with_what_changed(
    as_alice: Client, active_version: ModelVersion
) -> None:
    made = [
        predict(as_alice, active_version, f"{index:032}", f0=age)
        for index, age in enumerate(("34", "51", "71"))
    ]
    for execution in made:
        run(execution)
    chosen = "&".join(f"ids={execution.pk}" for execution in made)
    page = as_alice.get(f"/compare/?{chosen}")
    text = text_of(page)
    assert page.status_code == 200
    assert "Compare 3 predictions" in text
    assert "changed" in text
    assert 'data-chart="' in text
    table = as_alice.post(f"/compare/csv/?{chosen}")
    content = b"".join(table.streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]
    rows = list(csv.reader(io.StringIO(content, newline="")))
    ages = {"34", "51", "71"}
    assert any(ages <= {cell.removesuffix(".0") for cell in row} for row in rows)
    printed = pdf_text_of(as_alice.post(f"/compare/pdf/?{chosen}").content)
    assert all(execution.public_id in printed for execution in made)
    assert as_alice.get(f"/compare/?ids={made[0].pk}").status_code == 422


def test_us_3_4_nobody_compares_what_is_not_theirs(
    as_alice: Client, active_version: ModelVersion
) -> None:
    theirs = [make_execution(version=active_version, outputs=LOAN_OUTPUTS) for _ in range(2)]
    chosen = "&".join(f"ids={execution.pk}" for execution in theirs)
    for response in (
        as_alice.get(f"/compare/?{chosen}"),
        as_alice.post(f"/compare/csv/?{chosen}"),
        as_alice.post(f"/compare/pdf/?{chosen}"),
    ):
        assert response.status_code == 404
