"""What programs read of models: those live, their inputs, and the OpenAPI documents."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from models_registry.models import ModelVersion
from tests.executions.api.conftest import Program, problem
from tests.factories import make_version


def test_the_live_models_are_listed(program: Program, active_version: ModelVersion) -> None:
    make_version()

    items = program.get("/models").json()["items"]

    assert [(one["slug"], one["version"]["number"]) for one in items] == [
        (active_version.model.slug, 1)
    ]


def test_a_model_tells_its_inputs_with_their_rules(
    program: Program, active_version: ModelVersion
) -> None:
    found = program.get(f"/models/{active_version.model.slug}").json()

    age, income, home, work = found["inputs"]
    assert (age["type"], age["unit"], age["minimum"], age["maximum"], age["example"]) == (
        "number", "years", 18, 100, 42,
    )  # fmt: skip
    assert (income["requirement"], home["type"]) == ("may_be_missing", "boolean")
    assert work["choices"][1] == {"value": "self", "label": "Self-employed"}
    assert found["outputs"][0]["classes"][0] == {"value": 0, "label": "Repays"}
    assert set(found["example"]) == {"age", "income", "home", "work"}


def test_the_example_of_a_model_can_be_sent_as_it_is(
    program: Program, active_version: ModelVersion, fake_prefect: Any
) -> None:
    found = program.get(f"/models/{active_version.model.slug}").json()

    path = found["predictions_url"].partition("/api/v1")[2]
    assert program.post(path, {"inputs": found["example"]}).status_code == 202


def test_a_token_for_some_models_knows_no_other(
    alice: User, active_version: ModelVersion, program_of: Callable[..., Program]
) -> None:
    other = make_version(is_active=True)
    program = program_of(alice, ("predict", "read"), only_models=[other.model.slug])

    assert [one["slug"] for one in program.get("/models").json()["items"]] == [other.model.slug]
    for path in ("", "/openapi.json"):
        hidden = problem(program.get(f"/models/{active_version.model.slug}{path}"), 404)
        unknown = problem(program.get(f"/models/no-such-model{path}"), 404)
        assert {**hidden, "instance": ""} == {**unknown, "instance": ""}
    asked = program.post(f"/models/{active_version.model.slug}/predictions", {"inputs": {}})
    problem(asked, 404)


def test_the_document_of_the_site_is_openapi_3_1_and_names_no_model(
    active_version: ModelVersion,
) -> None:
    document = Client().get("/api/v1/openapi.json").json()

    assert document["openapi"] == "3.1.0"
    assert active_version.model.slug not in str(document)
    asking = document["paths"]["/api/v1/models/{slug}/predictions"]["post"]
    assert {"200", "202", "400", "401", "403", "404", "406", "409", "413", "415", "422", "429",
            "503"} <= set(asking["responses"])  # fmt: skip
    assert list(asking["responses"]["422"]["content"]) == ["application/problem+json"]


def test_the_document_of_a_model_names_its_inputs(
    program: Program, active_version: ModelVersion
) -> None:
    slug = active_version.model.slug
    document = program.get(f"/models/{slug}/openapi.json").json()

    inputs = document["components"]["schemas"]["Inputs"]
    assert f"/api/v1/models/{slug}/predictions" in document["paths"]
    assert inputs["required"] == ["age", "home", "work"]
    assert inputs["properties"]["work"]["enum"] == ["emp", "self", "none"]
    age = inputs["properties"]["age"]
    assert (age["minimum"], age["maximum"], age["x-unit"], age["examples"]) == (
        18, 100, "years", [42],
    )  # fmt: skip


@pytest.mark.parametrize("path", ["/models", "/models/no-such-model", "/predictions"])
def test_a_program_without_a_valid_token_learns_nothing(
    program: Program, path: str, active_version: ModelVersion
) -> None:
    live = f"/models/{active_version.model.slug}"
    for secret in ("", "plb_wrong", "x" * 5000, program.token.digest):
        program.secret = secret
        found = problem(program.get(path), 401)
        known = problem(program.get(live), 401)
        assert {**found, "instance": ""} == {**known, "instance": ""}
