"""The Open Inference Protocol as its clients read it: health, metadata, answers and refusals."""

import base64
import json
import struct
from collections.abc import Callable
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import User
from executions.api.problems import Refused
from executions.dialects import tensors, views
from executions.lifecycle import Failure
from executions.models import Execution
from models_registry.inputs.input_schema import InputSchema
from models_registry.models import ModelVersion
from tests.executions.dialects.conftest import Finish, Program
from tests.factories import LOAN_FEATURES, make_version

pytestmark = pytest.mark.usefixtures("fake_prefect")

AGE = {"name": "age", "shape": [1], "datatype": "FP64", "data": [34.5]}
INCOME = {"name": "income", "shape": [1, 1], "datatype": "FP64", "data": [[None]]}
HOME = {"name": "home", "shape": [1], "datatype": "BOOL", "data": [True]}
WORK = {"name": "work", "shape": [1], "datatype": "BYTES", "data": ["self"]}
LOAN = [AGE, INCOME, HOME, WORK]
STORED = {"age": 34.5, "income": None, "home": True, "work": "self"}


@pytest.fixture
def slug(active_version: ModelVersion) -> str:
    return active_version.model.slug


def refusal(answer: Any, status: int) -> str:
    """Return the sentence of an error, as KServe's client needs it to show it."""
    assert answer.status_code == status, answer.content
    assert answer["Content-Type"] == "application/json"
    content = json.loads(answer.content)
    assert set(content) == {"error"}
    sentence: str = content["error"]
    return sentence


# --- Health and metadata --------------------------------------------------------------------------


def test_health_needs_no_token(db: None) -> None:
    assert Client().get("/v2/health/live").json() == {"live": True}
    assert Client().get("/v2/health/ready").json() == {"ready": True, "live": True}


def test_the_server_is_not_ready_without_its_database(monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> None:
        raise OperationalError

    monkeypatch.setattr(connection, "cursor", away)
    answer = Client().get("/v2/health/ready")

    assert (answer.status_code, answer.json()) == (503, {"ready": False, "live": False})


def test_the_metadata_names_inputs_and_outputs_with_their_datatypes(
    program: Program, slug: str
) -> None:
    found = program.get(f"/v2/models/{slug}").json()

    assert (found["name"], found["versions"]) == (slug, ["1"])
    assert [(one["name"], one["datatype"], one["shape"]) for one in found["inputs"]] == [
        ("age", "FP64", [-1]), ("income", "FP64", [-1]), ("home", "BOOL", [-1]),
        ("work", "BYTES", [-1]),
    ]  # fmt: skip
    assert [(one["name"], one["datatype"]) for one in found["outputs"]] == [
        ("prediction", "INT64"), ("label", "BYTES"),
    ]  # fmt: skip
    assert program.get("/v2").json()["extensions"] == ["binary_tensor_data"]
    assert program.get(f"/v2/models/{slug}/ready").json() == {"name": slug, "ready": True}
    assert program.get(f"/v2/models/{slug}/versions/1").json() == found


def test_a_version_that_is_not_live_is_not_there(program: Program, slug: str) -> None:
    for end in ("", "/ready"):
        assert "not live" in refusal(program.get(f"/v2/models/{slug}/versions/2{end}"), 404)


# --- Answers --------------------------------------------------------------------------------------


def test_shapes_of_one_and_two_dimensions_are_rows(
    program: Program, slug: str, finish: Finish
) -> None:
    found = program.infer(slug, {"id": "case 7", "inputs": LOAN}).json()

    execution = Execution.objects.get()
    assert execution.inputs == STORED
    assert execution.by_program
    assert (found["id"], found["model_name"], found["model_version"]) == ("case 7", slug, "1")
    assert found["parameters"] == {"execution_id": execution.public_id}
    assert {one["name"]: (one["shape"], one["data"]) for one in found["outputs"]} == {
        "prediction": ([1], [0]),
        "label": ([1], ["Repays"]),
        "probability.0": ([1], [0.834]),
        "probability.1": ([1], [0.166]),
    }


def test_binary_tensors_are_read_and_written(program: Program, slug: str, finish: Finish) -> None:
    parts = [
        struct.pack("<f", 34.5),
        struct.pack("<d", float("nan")),
        b"\1",
        struct.pack("<I", 4) + b"self",
    ]
    asked = [
        {"name": one["name"], "shape": [1], "datatype": datatype,
         "parameters": {"binary_data_size": len(part)}}
        for one, datatype, part in zip(LOAN, ["FP32", "FP64", "BOOL", "BYTES"], parts, strict=True)
    ]  # fmt: skip
    wanted = [{"name": "prediction", "parameters": {"binary_data": True}}, {"name": "label"}]
    head = json.dumps({"inputs": asked, "outputs": wanted}).encode()

    answer = program.infer(
        slug,
        head + b"".join(parts),
        content_type="application/octet-stream",
        Inference_Header_Content_Length=str(len(head)),
    )

    assert Execution.objects.get().inputs == STORED
    size = int(answer["Inference-Header-Content-Length"])
    prediction, label = json.loads(answer.content[:size])["outputs"]
    assert prediction["parameters"] == {"binary_data_size": 8}
    assert label["data"] == ["Repays"]
    assert answer.content[size:] == struct.pack("<q", 0)


def test_one_tensor_may_hold_all_inputs_in_the_order_of_training(
    program: Program, finish: Finish
) -> None:
    version = make_version(features=LOAN_FEATURES[:2], is_active=True)
    matrix = {"name": "input-0", "shape": [1, 2], "datatype": "FP64", "data": [[34.5, 900.0]]}

    assert program.infer(version.model.slug, {"inputs": [matrix]}).status_code == 200
    assert Execution.objects.get().inputs == {"age": 34.5, "income": 900.0}


# --- Refusals -------------------------------------------------------------------------------------

SECRET = "48213"
MALFORMED: dict[str, tuple[Any, int, str]] = {
    "no JSON": (b"{", 400, "not valid JSON"),
    "no text": (b"\xff\xfe", 400, "not UTF-8"),
    "a list": ([], 400, "JSON object"),
    "a value too large": (b'{"inputs": [1e999]}', 400, "too large"),
    "infinity": (b'{"inputs": [Infinity]}', 400, "Infinity"),
    "no inputs": ({}, 400, "needs “inputs”"),
    "no tensors": ({"inputs": []}, 422, "no row"),
    "no objects": ({"inputs": [SECRET]}, 400, "list of tensors"),
    "no shape": ({"inputs": [AGE | {"shape": None}]}, 400, "“shape”"),
    "a negative shape": ({"inputs": [AGE | {"shape": [-1]}]}, 400, "“shape”"),
    "a shape of three": ({"inputs": [AGE | {"shape": [1, 1, 1]}]}, 400, "“shape”"),
    "a true shape": ({"inputs": [AGE | {"shape": [True]}]}, 400, "“shape”"),
    "no rows": ({"inputs": [AGE | {"shape": [0], "data": []}]}, 422, "no row"),
    "too many rows": ({"inputs": [AGE | {"shape": [1001]}]}, 413, "more than 1,000 rows"),
    "no datatype": ({"inputs": [AGE | {"datatype": "BF16"}]}, 400, "one of BOOL"),
    "an odd datatype": ({"inputs": [AGE | {"datatype": ["FP64"]}]}, 400, "one of BOOL"),
    "neither data": ({"inputs": [{**AGE, "data": None}]}, 400, "must be a list"),
    "too much data": ({"inputs": [AGE | {"data": [1, 2]}]}, 400, "another size"),
    "nested data": ({"inputs": [AGE | {"data": [[[SECRET]]]}]}, 400, "something else"),
    "a text for a number": ({"inputs": [AGE | {"data": [SECRET]}]}, 400, "element 1"),
    "an object": ({"inputs": [AGE | {"data": [{"a": SECRET}]}]}, 400, "element 1"),
    "two of a name": ({"inputs": [AGE, AGE]}, 422, "Two tensors are for “age”"),
    "an unknown name": (
        {"inputs": [AGE, INCOME | {"name": SECRET}]}, 422, "Tensor 2 names no input of this model",
    ),
    "other counts": (
        {"inputs": [AGE, HOME | {"shape": [2], "data": [True, True]}]}, 422, "as many in each",
    ),
    "a wide tensor": (
        {"inputs": [AGE, HOME | {"shape": [1, 2], "data": [True, True]}]}, 422, "[n] or [n, 1]",
    ),
    "too narrow a matrix": (
        {"inputs": [AGE | {"shape": [1, 2], "data": [1, 2]}]}, 422, "2 values without names",
    ),
    "shared memory": (
        {"inputs": [AGE | {"parameters": {"shared_memory_region": "r"}}]}, 422, "shared memory",
    ),
    "bytes that are not there": (
        {"inputs": [{**AGE, "parameters": {"binary_data_size": 8}}]}, 400, "either “data” or",
    ),
    "odd parameters": ({"inputs": [AGE | {"parameters": [1]}]}, 400, "must be an object"),
    "an odd id": ({"id": 7, "inputs": LOAN}, 400, "“id”"),
    "odd outputs": ({"outputs": "all", "inputs": LOAN}, 400, "“outputs”"),
    "a missing input": ({"inputs": [AGE, INCOME, HOME]}, 422, "Row 1, input “work”"),
    "a value too low": (
        {"inputs": [AGE | {"data": [4.8213]}, *LOAN[1:]]},
        422,
        "Row 1, input “age”: This is too low. Expected a value between 18 and 100 years.",
    ),
    "no choice": (
        {"inputs": [*LOAN[:3], WORK | {"data": [SECRET]}]},
        422,
        "Row 1, input “work”: This is not a choice. Expected one of: Employed",
    ),
    "too large a number": (
        {"inputs": [AGE | {"data": [10**400]}, *LOAN[1:]]}, 400, "too large",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MALFORMED)
def test_a_request_that_cannot_be_used_is_one_sentence_that_repeats_no_value(
    program: Program, slug: str, name: str
) -> None:
    body, status, words = MALFORMED[name]

    sentence = refusal(program.infer(slug, body), status)

    assert words in sentence
    assert SECRET not in sentence
    assert "4.8" not in sentence
    assert not Execution.objects.exists()


def test_an_error_names_the_row_among_many(program: Program, slug: str) -> None:
    three = [
        one | {"shape": [3], "data": [*one["data"]] * 3}
        for one in (AGE, INCOME | {"data": [None]}, HOME, WORK)
    ]
    three[0]["data"] = [34.5, 34.5, 7.25]

    sentence = refusal(program.infer(slug, {"inputs": three}), 422)

    assert "Row 3, input “age”: This is too low." in sentence
    assert "7.25" not in sentence


@pytest.mark.parametrize(
    ("size", "rest", "words"),
    [
        ("x", b"", "number of bytes"),
        ("-1", b"", "number of bytes"),
        ("9999", b"", "number of bytes"),
        (None, b"\0" * 7, "number of bytes"),
        (None, b"\0" * 9, "more bytes after the JSON"),
    ],
)
def test_binary_tensors_of_another_length_are_refused(
    program: Program, slug: str, size: str | None, rest: bytes, words: str
) -> None:
    tensor = {"name": "age", "shape": [1], "datatype": "FP64"}
    head = json.dumps({"inputs": [tensor | {"parameters": {"binary_data_size": 8}}]}).encode()
    length = str(len(head)) if size is None else size

    answer = program.infer(slug, head + rest, Inference_Header_Content_Length=length)

    assert words in refusal(answer, 400)


@pytest.mark.parametrize(
    "content", [b"\1", b"\5\0\0\0self", b"\4\0\0\0\xff\xff\xff\xff", b"\4\0\0\0self\0"]
)
def test_damaged_binary_texts_are_refused(program: Program, slug: str, content: bytes) -> None:
    tensor = {"name": "work", "shape": [1], "datatype": "BYTES"}
    asked = tensor | {"parameters": {"binary_data_size": len(content)}}
    head = json.dumps({"inputs": [asked]}).encode()

    answer = program.infer(slug, head + content, Inference_Header_Content_Length=str(len(head)))

    assert refusal(answer, 400)


def test_an_output_that_there_is_not_is_named_by_its_place(
    program: Program, slug: str, finish: Finish
) -> None:
    answer = program.infer(slug, {"inputs": LOAN, "outputs": [{"name": SECRET}]})

    sentence = refusal(answer, 422)
    assert sentence.startswith("Output 1 is none of this model’s outputs. They are: prediction,")
    assert SECRET not in sentence


@pytest.mark.parametrize("kind", ["text/csv", "application/x-www-form-urlencoded"])
def test_another_media_type_is_refused(program: Program, slug: str, kind: str) -> None:
    assert "Content-Type" in refusal(program.infer(slug, b"age=3", content_type=kind), 415)


def test_a_compressed_body_is_refused(program: Program, slug: str) -> None:
    answer = program.infer(slug, b"\x1f\x8b", Content_Encoding="gzip")
    assert "compressed" in refusal(answer, 415)


def test_another_method_is_refused_with_the_one_that_is_taken(program: Program, slug: str) -> None:
    answer = program.get(f"/v2/models/{slug}/infer")
    assert refusal(answer, 405)
    assert answer["Allow"] == "POST"


def test_an_answer_that_is_not_there_in_time_is_canceled(
    program: Program, slug: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "waited", lambda execution, seconds: execution)

    answer = program.infer(slug, {"inputs": LOAN})

    assert "canceled" in refusal(answer, 503)
    assert answer["Retry-After"]
    assert Execution.objects.get().status == "canceled"


@pytest.mark.parametrize(
    ("code", "status"), [("INPUT", 422), ("MODEL", 422), ("CRASH", 503), ("LOAD", 503)]
)
def test_a_row_that_the_model_does_not_answer_is_an_error_without_its_value(
    program: Program, slug: str, finish: Finish, code: Any, status: int
) -> None:
    finish(Failure(code, f"Age: {SECRET} is not known"))

    sentence = refusal(program.infer(slug, {"inputs": LOAN}), status)

    assert SECRET not in sentence


# --- Tokens ---------------------------------------------------------------------------------------


def test_a_request_without_a_valid_token_learns_nothing_of_models(slug: str, db: None) -> None:
    sent = {"Authorization": "Bearer plb_wrong"}
    for client in (Client(), Client(headers=sent)):
        there = client.get(f"/v2/models/{slug}")
        nowhere = client.get("/v2/models/nothing")
        assert refusal(there, 401) == refusal(nowhere, 401)
        assert there["WWW-Authenticate"].startswith("Bearer")


def test_a_session_is_no_token(as_alice: Client, slug: str) -> None:
    refusal(as_alice.get(f"/v2/models/{slug}"), 401)


def test_a_token_of_another_scope_or_model_is_refused(
    alice: User, slug: str, program_of: Callable[..., Program]
) -> None:
    reading = program_of(alice, scopes=["read"])
    elsewhere = program_of(alice, only_models=["another"])

    assert "predict" in refusal(reading.get(f"/v2/models/{slug}"), 403)
    there, nowhere = (elsewhere.get(f"/v2/models/{name}") for name in (slug, "nothing"))
    assert refusal(there, 404) == refusal(nowhere, 404)


def test_what_answers_before_a_view_does_is_an_error_of_the_protocol(program: Program) -> None:
    for path in ("/v2/nothing", "/v2/models/no%20slug"):
        assert refusal(program.get(path), 404)
    assert refusal(Client().post("/v2/health/live"), 405)


def test_the_token_may_be_the_password_of_http_basic(program: Program, slug: str) -> None:
    for pair, status in ((f"any:{program.secret}", 200), (f"{program.secret}:", 401)):
        sent = base64.b64encode(pair.encode()).decode()
        client = Client(headers={"Authorization": f"Basic {sent}"})
        assert client.get(f"/v2/models/{slug}").status_code == status
    damaged = Client(headers={"Authorization": "Basic \xff==="})
    assert damaged.get(f"/v2/models/{slug}").status_code == 401


# --- Whatever is sent -----------------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=9,
)
TENSOR = st.fixed_dictionaries(
    {},
    optional={
        "name": st.sampled_from([*InputSchema(LOAN_FEATURES).by_name, "x"]) | JSON,
        "shape": st.lists(st.integers(-1, 4), max_size=3) | JSON,
        "datatype": st.sampled_from(list(tensors.FORMATS)) | JSON,
        "data": st.lists(JSON, max_size=4) | JSON,
        "parameters": st.fixed_dictionaries({"binary_data_size": st.integers(-1, 9) | JSON}) | JSON,
    },
)
BODY = st.fixed_dictionaries(
    {"inputs": st.lists(TENSOR, max_size=4) | JSON}, optional={"id": JSON, "outputs": JSON}
)


@given(body=BODY | JSON, rest=st.binary(max_size=9))
def test_whatever_is_sent_is_read_or_refused(body: Any, rest: bytes) -> None:
    head = json.dumps(body).encode()
    try:
        asked = tensors.read_request(head + rest, str(len(head)), InputSchema(LOAN_FEATURES))
    except Refused as error:
        refused = error
    else:
        assert 1 <= len(asked.rows) <= 1_000
        return
    assert refused.status in {400, 413, 422}
    assert refused.detail
