"""Batches as people and programs submit them: all rows or none, once, within the limits."""

import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from accounts.privacy.personal_data import erase, everything
from executions.batches.contents import BatchRow, in_chunks
from executions.batches.reading import results, row_at
from executions.dispatch import dispatch
from executions.errors import (
    NoActiveVersion,
    NoRows,
    OtherContent,
    TooManyBatches,
    TooManyBatchRows,
)
from executions.models import Batch, BatchChunk, Execution
from executions.records.purging import purge
from executions.services.batches import delete_batch, restore_batch, submit_batch, token_of_key
from models_registry.models import ModelVersion
from tests.factories import make_version
from tests.fake_prefect import FakePrefect

pytestmark = pytest.mark.usefixtures("fake_prefect")


@pytest.fixture(autouse=True)
def small(settings: Settings) -> None:
    settings.BATCH_CHUNK_ROWS = 2


def rows(count: int = 5) -> Iterator[BatchRow]:
    for n in range(count):
        yield BatchRow((30.0 + n, None, n % 2 == 0, "self"), ("w",), (f"r{n}", n), n + 2)


def submit(user: User, version: ModelVersion, **asked: Any) -> Execution:
    defaults: dict[str, Any] = {
        "rows": rows(),
        "source": Batch.Source.FILE,
        "token": uuid.uuid4(),
        "carried": ["reference", "n"],
        "file_name": "cases.csv",
    }
    return submit_batch(user=user, version=version, **defaults | asked)


def test_rows_are_one_execution_that_gives_them_back_in_order(
    alice: User, active_version: ModelVersion
) -> None:
    execution = submit(alice, active_version, problem_count=3)

    found = list(results(execution))
    assert Execution.objects.get() == execution
    assert (execution.purpose, execution.status) == ("batch", "queued")
    assert (execution.batch.row_count, execution.batch.problem_count) == (5, 3)
    assert [row.index for row in found] == list(range(5))
    assert found[4].carried == ("r4", 4)
    assert found[4].inputs == {"age": 34.0, "income": None, "home": True, "work": "self"}
    assert found[4].warnings == ("w",)
    assert found[4].id == f"{execution.public_id}-5"
    assert found[4].outputs is None


def test_one_row_is_found_by_its_index(alice: User, active_version: ModelVersion) -> None:
    execution = submit(alice, active_version)

    found = row_at(execution, 3)

    assert found is not None
    assert found.carried == ("r3", 3)
    assert row_at(execution, 5) is None
    assert row_at(execution, -1) is None


def test_some_rows_are_read_without_the_others(alice: User, active_version: ModelVersion) -> None:
    execution = submit(alice, active_version)

    assert [row.index for row in results(execution, first=1, last=4)] == [1, 2, 3]


def test_values_that_json_columns_refuse_come_back_as_they_were(
    alice: User, active_version: ModelVersion
) -> None:
    given = BatchRow((1e22, None, False, "self"), (), ("a\x00b", "\ud800", 2**70), 1)

    (found,) = results(submit(alice, active_version, rows=[given]))

    assert found.carried == given.carried
    assert repr(found.inputs["age"]) == "1e+22"


def test_an_error_among_the_rows_accepts_nothing(alice: User, active_version: ModelVersion) -> None:
    def broken() -> Iterator[BatchRow]:
        yield from rows(4)
        raise UnicodeDecodeError("utf-8", b"", 0, 1, "no")

    with pytest.raises(UnicodeDecodeError):
        submit(alice, active_version, rows=broken())

    assert not Execution.objects.exists()
    assert not BatchChunk.objects.exists()


def test_too_many_rows_are_refused_whole(
    alice: User, active_version: ModelVersion, settings: Settings
) -> None:
    settings.BATCH_MAX_ROWS = 4

    with pytest.raises(TooManyBatchRows, match="more than 4 rows"):
        submit(alice, active_version)

    assert not BatchChunk.objects.exists()


def test_no_rows_are_no_batch(alice: User, active_version: ModelVersion) -> None:
    with pytest.raises(NoRows):
        submit(alice, active_version, rows=[])


def test_a_version_that_is_not_live_takes_no_rows(alice: User) -> None:
    with pytest.raises(NoActiveVersion):
        submit(alice, make_version(is_tested=True))


def test_the_same_key_with_the_same_rows_is_the_same_batch(
    alice: User, active_version: ModelVersion
) -> None:
    first = submit(alice, active_version, token=token_of_key("k1"))

    assert submit(alice, active_version, token=token_of_key("k1")) == first
    assert BatchChunk.objects.count() == 3


def test_the_same_key_with_other_rows_is_refused(alice: User, active_version: ModelVersion) -> None:
    submit(alice, active_version, token=token_of_key("k1"))

    with pytest.raises(OtherContent):
        submit(alice, active_version, token=token_of_key("k1"), rows=rows(4))

    assert Execution.objects.count() == 1
    assert BatchChunk.objects.count() == 3


def test_two_people_may_use_the_same_key(
    alice: User, bob: User, active_version: ModelVersion
) -> None:
    one = submit(alice, active_version, token=token_of_key("k1"))

    assert submit(bob, active_version, token=token_of_key("k1")) != one


def test_three_batches_of_a_person_may_be_open(
    alice: User, bob: User, active_version: ModelVersion
) -> None:
    for _ in range(3):
        submit(alice, active_version)

    with pytest.raises(TooManyBatches, match="3 batches of yours"):
        submit(alice, active_version)

    submit(bob, active_version)
    Execution.objects.filter(user=alice).update(status="canceled", finished_at=timezone.now())
    submit(alice, active_version)


def test_prefect_learns_no_value(
    alice: User, active_version: ModelVersion, fake_prefect: FakePrefect
) -> None:
    execution = submit(alice, active_version)

    dispatch(execution.pk)

    (run,) = fake_prefect.runs
    assert run.parameters == {"execution_id": str(execution.pk), "attempt": 1}
    assert (run.flow, run.queue) == ("batch", "default-batch")


def finished(execution: Execution) -> Execution:
    execution.chunks.update(status="canceled", finished_at=timezone.now())
    Execution.objects.update(status="canceled", finished_at=timezone.now())
    execution.refresh_from_db()
    return execution


def test_batches_are_no_predictions_in_any_list_or_count(
    alice: User, active_version: ModelVersion
) -> None:
    execution = submit(alice, active_version)

    assert not Execution.objects.predictions().exists()
    assert not Execution.objects.visible_to(alice).exists()
    assert list(Execution.objects.batches_of(alice)) == [execution]


def test_a_deleted_batch_can_be_restored_until_the_purge_removes_its_rows(
    alice: User, active_version: ModelVersion
) -> None:
    execution = finished(submit(alice, active_version))
    assert delete_batch(execution=execution, by=alice)
    assert not Execution.objects.batches_of(alice).exists()
    assert restore_batch(execution=execution, by=alice)
    assert delete_batch(execution=execution, by=alice)
    Execution.objects.update(deleted_at=timezone.now() - timedelta(days=31))

    assert purge().executions == 1

    execution.refresh_from_db()
    assert (execution.user, execution.inputs, execution.status) == (None, None, "canceled")
    assert not BatchChunk.objects.exists()
    assert not Batch.objects.exists()
    assert not restore_batch(execution=execution, by=alice)


def test_a_batch_that_runs_cannot_be_deleted(alice: User, active_version: ModelVersion) -> None:
    assert not delete_batch(execution=submit(alice, active_version), by=alice)


def test_nobody_deletes_the_batch_of_another(
    alice: User, bob: User, active_version: ModelVersion
) -> None:
    assert not delete_batch(execution=finished(submit(alice, active_version)), by=bob)


def test_the_own_data_of_a_person_hold_their_rows_and_a_closed_account_leaves_none(
    alice: User, active_version: ModelVersion
) -> None:
    execution = finished(submit(alice, active_version))

    own = everything(alice)["batch rows"]
    assert [row["id"] for row in own] == [f"{execution.public_id}-{n}" for n in range(1, 6)]
    assert own[0]["inputs"]["age"] == 30.0
    assert own[0]["carried"] == {"reference": "r0", "n": 0}

    erase(alice)
    assert not BatchChunk.objects.exists()


def test_deleting_an_execution_removes_its_chunks(
    alice: User, active_version: ModelVersion
) -> None:
    finished(submit(alice, active_version)).delete()

    assert not BatchChunk.objects.exists()
    assert not Batch.objects.exists()


def test_chunks_are_small_in_rows_and_in_bytes() -> None:
    wide = [BatchRow(("x" * 40,)) for _ in range(5)]

    by_bytes = in_chunks(iter(wide), most_rows=100, most_bytes=100)
    by_rows = in_chunks(iter(wide), most_rows=3, most_bytes=10_000)

    assert [len(one) for one in by_bytes] == [2, 2, 1]
    assert [len(one) for one in by_rows] == [3, 2]
