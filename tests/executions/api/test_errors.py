"""Errors for programs: each is one problem document with a sentence, and repeats nothing."""

import json
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from accounts.services import deactivate
from config.web import bodies, programs
from executions.models import Execution
from models_registry.models import ModelVersion
from tests.executions.api.conftest import Program, problem
from tests.factories import LOAN_INPUTS

pytestmark = pytest.mark.usefixtures("fake_prefect")

AGE = b'{"inputs": {"age": %s}}'


@pytest.fixture
def path(active_version: ModelVersion) -> str:
    return f"/models/{active_version.model.slug}/predictions"


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b" ", "not valid JSON"),
        (b"{", "not valid JSON"),
        (b"age=3", "not valid JSON"),
        (AGE % b"NaN", "no number that JSON knows"),
        (AGE % b"-Infinity", "no number that JSON knows"),
        (AGE % b"1e999", "too large"),
        (AGE % (b"9" * 5000), "too large"),
        (AGE % (b"[" * 200 + b"]" * 200), "nested too deeply"),
        (b'{"inputs": {"age": 3, "age": 4}}', "twice"),
        (b'{"inputs": {}, "inputs": {}}', "twice"),
        (b'{"inputs": {"a\\u0000b": 3}}', "cannot be stored"),
        (b"\xff\xfe{", "not UTF-8"),
        (b'{"inputs": {"work": "\xe9"}}', "not UTF-8"),
    ],
)
def test_a_body_that_cannot_be_read_is_400(
    program: Program, path: str, body: bytes, says: str
) -> None:
    assert says in problem(program.post(path, raw=body), 400)["detail"]
    assert not Execution.objects.exists()


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ([], ""),
        (3, ""),
        (None, ""),
        ({}, ""),
        ({"inputs": LOAN_INPUTS, "model": "x"}, ""),
        ({"inputs": 3}, "/inputs"),
        ({"inputs": []}, "/inputs"),
        ({"inputs": [LOAN_INPUTS, 3]}, "/inputs/1"),
        ({"inputs": {}}, "/inputs/age"),
        ({"inputs": LOAN_INPUTS | {"age": [3]}}, "/inputs/age"),
        ({"inputs": LOAN_INPUTS | {"work": "a\0b"}}, "/inputs/work"),
        ({"inputs": LOAN_INPUTS | {"work": "\ud800"}}, "/inputs/work"),
        ({"inputs": LOAN_INPUTS | {"x" * 299: 1}}, "/inputs/" + "x" * 299),
        ({"inputs": [LOAN_INPUTS, LOAN_INPUTS | {"age": 3}]}, "/inputs/1/age"),
    ],
)
def test_a_body_of_another_shape_is_422_with_its_place(
    program: Program, path: str, body: Any, pointer: str
) -> None:
    found = problem(program.post(path, body), 422)
    assert found["errors"][0]["pointer"] == pointer
    assert not Execution.objects.exists()


def test_more_than_1000_rows_are_413(program: Program, path: str) -> None:
    found = problem(program.post(path, {"inputs": [LOAN_INPUTS] * 1001}), 413)
    assert "at most 1,000 rows" in found["detail"]
    assert not Execution.objects.exists()


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_another_media_type_is_415(program: Program, path: str, kind: str) -> None:
    problem(program.post(path, {"inputs": LOAN_INPUTS}, Content_Type=kind), 415)


def test_a_client_that_takes_no_json_is_told_406(program: Program) -> None:
    problem(program.get("/models", Accept="text/html, application/json;q=0"), 406)
    assert program.get("/models", Accept="text/html, */*;q=0.1").status_code == 200


def test_another_method_is_405_with_those_that_are_taken(program: Program, path: str) -> None:
    answer = program.get(path)
    problem(answer, 405)
    assert answer["Allow"] == "POST"


@pytest.mark.parametrize("path", ["/api/", "/api/v1/", "/api/v1/nothing", "/api/v2/models"])
def test_an_address_that_leads_nowhere_is_a_problem_too(client: Client, path: str) -> None:
    problem(client.get(path), 404)


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "limit=1000", "before=x"])
def test_a_parameter_that_is_not_valid_is_422(program: Program, query: str) -> None:
    found = problem(program.get(f"/predictions?{query}"), 422)
    assert found["errors"][0]["parameter"] == query.partition("=")[0]


@pytest.mark.parametrize("key", ["", "x" * 256, "a b", "ä"])
def test_a_key_that_is_none_is_400(program: Program, path: str, key: str) -> None:
    answer = program.post(path, {"inputs": LOAN_INPUTS}, Idempotency_Key=key)
    assert problem(answer, 400)["errors"][0]["parameter"] == "Idempotency-Key"


def test_a_token_without_the_scope_is_403_whatever_it_asks_for(alice: User, path: str) -> None:
    reader, asker = Program(alice, ("read",)), Program(alice, ("predict",))

    known = problem(reader.post(path, {"inputs": LOAN_INPUTS}), 403)
    unknown = problem(reader.post("/models/no-such-model/predictions", {}), 403)
    assert {**known, "instance": ""} == {**unknown, "instance": ""}
    problem(asker.get("/predictions"), 403)


def test_the_token_of_a_disabled_person_is_refused_at_once(
    program: Program, alice: User, root: User
) -> None:
    assert program.get("/models").status_code == 200
    deactivate(user=alice, by=root)
    problem(program.get("/models"), 401)


def test_a_session_is_no_token_and_a_token_no_session(
    as_alice: Client, program: Program, path: str
) -> None:
    problem(as_alice.get("/api/v1/models"), 401)
    answer = as_alice.post(
        f"/api/v1{path}", json.dumps({"inputs": LOAN_INPUTS}), content_type="application/json"
    )
    problem(answer, 401)
    bearer = {"Authorization": f"Bearer {program.secret}"}
    assert Client().get("/history/", headers=bearer).status_code == 302


def test_an_error_inside_is_a_problem_without_its_cause(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    program.client.raise_request_exception = False
    monkeypatch.setattr(Execution.objects, "visible_to", lambda user: 1 / 0)

    answer = program.get("/predictions")

    problem(answer, 500)
    assert "ZeroDivisionError" not in answer.content.decode()


@pytest.mark.parametrize(
    "refusal", [bodies.TooLarge(4 * bodies.MB), bodies.NoToken(), bodies.TooSlow(), bodies.NoRoom()]
)
def test_what_the_front_refuses_is_a_problem_too(client: Client, refusal: bodies.Refusal) -> None:
    environ: Any = {bodies.REFUSAL: refusal}
    answer = client.post("/api/v1/models", **environ)

    assert problem(answer, refusal.status)["detail"] == str(refusal)
    assert answer["Connection"] == "close"


def test_programs_are_known_by_their_addresses() -> None:
    assert programs.is_for_programs("/api/v1/models")
    assert not programs.is_for_programs("/apis/")
