"""Many rows by programs: one batch, all or none, looked at row by row, and canceled."""

from typing import Any

import pytest

from accounts.models import User
from executions.batches.contents import Part, pack_answers
from executions.models import BatchChunk, Execution
from model_host.protocol.outputs import ManyOutputs, RowOutputs
from models_registry.models import ModelVersion
from tests.executions.api.conftest import Program, problem
from tests.factories import LOAN_ANSWER, LOAN_INPUTS

pytestmark = pytest.mark.usefixtures("fake_prefect")

ROWS = [LOAN_INPUTS | {"age": 20.0 + n} for n in range(5)]


@pytest.fixture
def path(active_version: ModelVersion) -> str:
    return f"/models/{active_version.model.slug}/predictions"


def test_many_rows_are_one_batch(program: Program, path: str) -> None:
    answer = program.post(path, {"inputs": ROWS})

    execution = Execution.objects.get()
    assert (execution.purpose, execution.batch.row_count) == ("batch", 5)
    assert answer.status_code == 202
    assert answer["Location"] == answer.json()["url"]
    found = program.get(f"/batches/{execution.pk}").json()
    assert (found["status"], found["done_count"], found["rows"]) == ("queued", 0, None)


def test_the_rows_of_a_batch_come_in_order_page_by_page(program: Program, path: str) -> None:
    asked = program.post(path, {"inputs": ROWS}).json()

    ages, following = [], asked["rows_url"] + "?limit=2"
    while following:
        page = program.get(following.partition("/api/v1")[2]).json()
        ages += [row["inputs"]["age"] for row in page["items"]]
        following = page["next"]
    assert ages == [row["age"] for row in ROWS]
    assert page["total"] == 5


def test_a_finished_batch_that_is_waited_for_has_its_rows(program: Program, path: str) -> None:
    first = program.post(path, {"inputs": ROWS[:2]}, Idempotency_Key="k").json()
    chunks = BatchChunk.objects.filter(execution=first["id"])
    singles = (RowOutputs(0, LOAN_ANSWER), RowOutputs(1, LOAN_ANSWER))
    answers = pack_answers([Part(0, ManyOutputs("classification", 2, singles=singles))])
    chunks.update(status="succeeded", outputs=answers, finished_at=first["requested_at"])
    Execution.objects.update(status="succeeded", outputs={}, finished_at=first["requested_at"])

    answer = program.post(path, {"inputs": ROWS[:2]}, Prefer="wait=5", Idempotency_Key="k")

    assert answer.status_code == 200
    rows = answer.json()["rows"]
    assert [row["result"]["targets"][0]["class_label"] for row in rows] == ["Repays", "Repays"]
    assert [row["index"] for row in rows] == [0, 1]


def test_a_row_that_cannot_be_used_keeps_all_from_running(program: Program, path: str) -> None:
    rows = [*ROWS, LOAN_INPUTS | {"age": 3, "work": "lion"}, {}]

    found = problem(program.post(path, {"inputs": rows}), 422)

    assert found["detail"] == "2 of 7 rows cannot be used. No row was run."
    assert [one["pointer"] for one in found["errors"]] == [
        "/inputs/5/age", "/inputs/5/work", "/inputs/6/age", "/inputs/6/home", "/inputs/6/work",
    ]  # fmt: skip
    assert not Execution.objects.exists()


def test_a_batch_is_canceled_once(program: Program, path: str) -> None:
    asked = program.post(path, {"inputs": ROWS}).json()
    cancel = f"/batches/{asked['id']}/cancel"

    assert program.post(cancel).json()["status"] == "canceled"
    problem(program.post(cancel), 409)


def test_nobody_sees_or_cancels_the_batch_of_another_person(
    program: Program, bob: User, path: str
) -> None:
    asked = program.post(path, {"inputs": ROWS}).json()
    theirs = Program(bob, ("predict", "read"))

    for place in ("", "/rows"):
        problem(theirs.get(f"/batches/{asked['id']}{place}"), 404)
    problem(theirs.post(f"/batches/{asked['id']}/cancel"), 404)
    assert Execution.objects.get().status == "queued"


def test_too_many_batches_at_once_are_429(program: Program, path: str, settings: Any) -> None:
    settings.BATCHES_PER_PERSON = 1
    program.post(path, {"inputs": ROWS})

    answer = program.post(path, {"inputs": ROWS})

    problem(answer, 429)
    assert answer["Retry-After"] == "60"


def test_the_same_key_with_the_same_rows_is_the_same_batch(program: Program, path: str) -> None:
    first = program.post(path, {"inputs": ROWS}, Idempotency_Key="k").json()

    assert program.post(path, {"inputs": ROWS}, Idempotency_Key="k").json()["id"] == first["id"]
    problem(program.post(path, {"inputs": ROWS[:4]}, Idempotency_Key="k"), 422)
    assert Execution.objects.count() == 1
