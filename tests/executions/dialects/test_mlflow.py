"""MLflow's scorer as its clients read it: every form of rows, and refusals."""

import json
from typing import Any

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from config.version import VERSION
from executions.api.problems import Refused
from executions.dialects import frames
from executions.models import Execution
from models_registry.inputs.input_schema import InputSchema
from models_registry.models import ModelVersion
from tests.executions.dialects.conftest import Finish, Program
from tests.executions.dialects.test_open_inference import JSON, SECRET
from tests.factories import LOAN_FEATURES

pytestmark = pytest.mark.usefixtures("fake_prefect")

NAMES = ["age", "income", "home", "work"]
ROW = [34.5, None, True, "self"]
STORED = dict(zip(NAMES, ROW, strict=True))


@pytest.fixture
def slug(active_version: ModelVersion) -> str:
    return active_version.model.slug


def refusal(answer: Any, status: int) -> str:
    assert answer.status_code == status, answer.content
    assert answer["Content-Type"] == "application/json"
    content = json.loads(answer.content)
    assert set(content) == {"error_code", "message"}
    assert content["error_code"].isupper()
    sentence: str = content["message"]
    return sentence


def test_ping_health_and_version_answer_for_a_live_model(program: Program, slug: str) -> None:
    for name in ("ping", "health"):
        assert program.get(f"/mlflow/{slug}/{name}").status_code == 200
        assert "no live model" in refusal(program.get(f"/mlflow/nothing/{name}"), 404)
        refusal(Client().get(f"/mlflow/{slug}/{name}"), 401)
    assert program.get(f"/mlflow/{slug}/version").content.decode() == VERSION


@pytest.mark.parametrize(
    "body",
    [
        {"dataframe_split": {"columns": NAMES, "data": [ROW], "index": [0]}},
        {"dataframe_split": {"data": [ROW]}},
        {"dataframe_records": [STORED]},
        {"instances": [STORED]},
        {"instances": [{name: [value] for name, value in STORED.items()}]},
        {"instances": [ROW]},
        {"inputs": {name: [value] for name, value in STORED.items()}},
        {"inputs": {name: [[value]] for name, value in STORED.items()}},
        {"inputs": STORED},
        {"inputs": [ROW]},
        b'{"dataframe_split": {"columns": ["age", "income", "home", "work"],'
        b' "data": [[34.5, NaN, true, "self"]]}}',
    ],
)
def test_each_form_of_rows_is_read(program: Program, slug: str, finish: Finish, body: Any) -> None:
    answer = program.invoke(slug, body)

    assert answer.status_code == 200, answer.content
    assert Execution.objects.get().inputs == STORED
    assert answer.json() == {"predictions": [0]}


def test_rows_are_read_from_csv(program: Program, slug: str, finish: Finish) -> None:
    body = b"\xef\xbb\xbfwork,age,home,income\r\nself,34.5,true,\r\n"

    answer = program.invoke(slug, body, "text/csv; charset=utf-8")

    assert answer.json() == {"predictions": [0]}
    assert Execution.objects.get().inputs == STORED


def test_the_whole_answer_comes_where_it_is_asked_for(
    program: Program, slug: str, finish: Finish
) -> None:
    body = {"dataframe_records": [STORED], "params": {"details": True}}

    assert program.invoke(slug, body).json()["predictions"] == [
        {"prediction": 0, "label": "Repays", "probability.0": 0.834, "probability.1": 0.166}
    ]


MALFORMED: dict[str, tuple[Any, int, str]] = {
    "no JSON": (b"[", 400, "not valid JSON"),
    "a list": ([STORED], 400, "JSON object"),
    "no form": ({}, 400, "exactly one of dataframe_split"),
    "two forms": ({"inputs": [ROW], "instances": [ROW]}, 400, "exactly one of"),
    "another member": ({"inputs": [ROW], SECRET: 1}, 400, "beside it only params"),
    "no table": ({"dataframe_split": {"data": [SECRET]}}, 400, "a list of rows"),
    "a short row": ({"dataframe_split": {"columns": NAMES, "data": [[1]]}}, 422, "Row 1 has 1"),
    "no names": ({"dataframe_split": {"columns": [1], "data": [[1]]}}, 400, "name each column"),
    "a name twice": (
        {"dataframe_split": {"columns": ["age", "age"], "data": [[1, 2]]}}, 422, "a name twice",
    ),
    "no records": ({"dataframe_records": [SECRET]}, 400, "list of objects"),
    "no row": ({"dataframe_records": []}, 422, "no row"),
    "too many rows": ({"dataframe_records": [{}] * 1001}, 413, "more than 1,000 rows"),
    "positions that do not fit": ({"instances": [[1, 2]]}, 422, "2 values without names"),
    "rows of both kinds": ({"instances": [STORED, ROW]}, 422, "1 values without names"),
    "uneven inputs": ({"inputs": {"age": [1, 2], "home": [True]}}, 422, "different lengths"),
    "odd inputs": ({"inputs": SECRET}, 400, "“inputs” must be"),
    "odd params": ({"inputs": [ROW], "params": {SECRET: 1}}, 422, "“params” takes only"),
    "odd details": ({"inputs": [ROW], "params": {"details": 1}}, 422, "true or false"),
    "a value too low": (
        {"dataframe_records": [STORED | {"age": 4.8213}]},
        422,
        "Row 1, input “age”: This is too low. Expected a value between 18 and 100 years.",
    ),
    "a list for a value": (
        {"dataframe_records": [STORED | {"age": [SECRET, 1]}]}, 422, "not a single value",
    ),
    "a missing input": ({"dataframe_records": [{"age": 30}]}, 422, "input “work”: A value is"),
}  # fmt: skip


@pytest.mark.parametrize("name", MALFORMED)
def test_a_request_that_cannot_be_used_is_one_sentence_that_repeats_no_value(
    program: Program, slug: str, name: str
) -> None:
    body, status, words = MALFORMED[name]

    sentence = refusal(program.invoke(slug, body), status)

    assert words in sentence
    assert SECRET not in sentence
    assert "4.8" not in sentence
    assert not Execution.objects.exists()


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (b"\n", 422, "no row"),
        (b"age,home\n", 422, "no row"),
        (b"age,\n1,2\n", 400, "name each column"),
        (b"age,age\n1,2\n", 422, "a name twice"),
        (b"age,home\n1\n", 422, "Row 1 has 1 values"),
        (b'age,home\n"1,2\n', 400, "no CSV"),
        (b"age\n\xff\n", 400, "not UTF-8"),
        (b"age\n" + b"1\n" * 1001, 413, "more than 1,000 rows"),
        (b"age,work\n4.8213,48213\n", 422, "Row 1, input “age”: This is too low."),
    ],
)
def test_csv_that_cannot_be_used_is_one_sentence(
    program: Program, slug: str, body: bytes, status: int, words: str
) -> None:
    sentence = refusal(program.invoke(slug, body, "text/csv"), status)

    assert words in sentence
    assert SECRET not in sentence


def test_another_media_type_is_refused(program: Program, slug: str) -> None:
    assert "text/csv" in refusal(program.invoke(slug, b"a", "text/plain"), 415)


FORMS = st.dictionaries(st.sampled_from([*frames.FORMATS, "params"]), JSON, min_size=1, max_size=2)
TABLES = st.fixed_dictionaries(
    {"dataframe_split": st.fixed_dictionaries({"columns": JSON, "data": st.lists(JSON)})}
)


@given(body=FORMS | TABLES | JSON)
def test_whatever_is_sent_is_read_or_refused(body: Any) -> None:
    try:
        asked = frames.read_invocation(
            frames.JSON, json.dumps(body).encode(), InputSchema(LOAN_FEATURES)
        )
    except Refused as error:
        refused = error
    else:
        assert 1 <= len(asked.rows) <= 1_000
        return
    assert refused.status in {400, 413, 422}
    assert refused.detail


@given(body=st.binary(max_size=40) | st.text(max_size=40).map(str.encode))
def test_whatever_csv_is_sent_is_read_or_refused(body: bytes) -> None:
    try:
        asked = frames.read_invocation(frames.CSV, body, InputSchema(LOAN_FEATURES))
    except Refused as error:
        refused = error
    else:
        assert 1 <= len(asked.rows) <= 1_000
        return
    assert refused.status in {400, 413, 422}
