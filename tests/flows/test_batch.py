"""The batch flow: every row computed once, in order, and written once, whatever happens between."""

import io
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import joblib
import pytest
from django.db import ProgrammingError, transaction
from django.test import Client
from pytest_django import Settings

from executions import lifecycle
from executions.batches import lifecycle as chunks
from executions.batches.contents import BatchRow, Part, pack_answers
from executions.batches.reading import failed_rows, progress, results, row_at
from executions.models import Attempt, Batch, BatchChunk, Execution
from executions.services import cancel_execution
from executions.services.batches import submit_batch
from flows import batch, predict
from flows.errors import HandedBack, NotQueued, PredictionFailed
from flows.host import owner
from flows.lease import Lease, Leases
from flows.opened import Model
from model_host.client import ModelHost, PredictionCancelled
from model_host.protocol.errors import HostError
from model_host.protocol.outputs import ManyOutputs
from models_registry.models import ModelVersion, TypeApproval
from tests.factories import make_execution, make_user
from tests.flows.resident import IRIS, ask, serve_iris
from tests.model_host.conftest import FOREIGN, python_with

pytestmark = pytest.mark.usefixtures("no_renewal", "fake_prefect")

ROWS = 25
CHUNK = 10


@pytest.fixture(autouse=True)
def small(settings: Settings, tmp_path: Path) -> None:
    settings.ARTIFACT_CACHE_DIR = tmp_path / "artifacts"
    settings.BATCH_CHUNK_ROWS = CHUNK


def rows(count: int = ROWS) -> list[BatchRow]:
    return [
        BatchRow(tuple(values), carried=(f"case {n}",), number=n + 2)
        for n, values in enumerate(IRIS.data.to_numpy()[::5].tolist()[:count])
    ]


@pytest.fixture
def submitted(iris: ModelVersion) -> Execution:
    return submit(iris)


def submit(version: ModelVersion, given: list[BatchRow] | None = None) -> Execution:
    return submit_batch(
        user=make_user(),
        version=version,
        rows=rows() if given is None else given,
        source=Batch.Source.FILE,
        token=uuid.uuid4(),
        carried=["case"],
        file_name="flowers.csv",
    )


def run(execution: Execution) -> Execution:
    execution.refresh_from_db()
    batch.claim(str(execution.pk), execution.attempt).carry_out()
    execution.refresh_from_db()
    return execution


def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return the numbers of rows that the model is asked for from now on."""
    asked: list[int] = []
    own = Model.predict_many

    def predict_many(self: Model, given: Any, **options: Any) -> ManyOutputs:
        many = own(self, given, **options)
        asked.append(many.count)
        return many

    monkeypatch.setattr(Model, "predict_many", predict_many)
    return asked


def failing(
    monkeypatch: pytest.MonkeyPatch, is_bad: Callable[[list[float]], bool], error: HostError
) -> None:
    """Let the model's process end as ``error`` says for rows that are bad."""
    own = Model.predict_many

    def predict_many(self: Model, given: Any, **options: Any) -> ManyOutputs:
        if any(is_bad(row) for row in given):
            raise error
        return own(self, given, **options)

    monkeypatch.setattr(Model, "predict_many", predict_many)


def test_every_row_has_the_answer_of_its_own_prediction_in_order(
    iris: ModelVersion, submitted: Execution
) -> None:
    execution = run(submitted)

    found = list(results(execution))
    assert execution.status == "succeeded"
    assert [row.carried for row in found] == [(f"case {n}",) for n in range(ROWS)]
    assert [row.number for row in found] == list(range(2, ROWS + 2))
    for row in found[::7]:
        one = make_execution(version=iris, inputs=row.inputs)
        predict.claim(str(one.pk), 1).carry_out()
        one.refresh_from_db()
        alone, outputs = one.read_outputs(), row.outputs
        assert alone is not None
        assert outputs is not None
        assert outputs == replace(alone, seconds=0.0, notes=())


def test_a_batch_is_one_execution_with_one_attempt(submitted: Execution) -> None:
    execution = run(submitted)

    (attempt,) = Attempt.objects.all()
    assert attempt.outcome == "succeeded"
    assert Execution.objects.get() == execution
    assert [chunk.row_count for chunk in execution.chunks.all()] == [10, 10, 5]


def test_admins_read_a_batch_among_executions_and_export_it(
    submitted: Execution, as_ada: Client
) -> None:
    execution = run(submitted)
    page = "/admin/executions/execution/"

    listed = as_ada.get(page)
    shown = as_ada.get(f"{page}{execution.pk}/change/")
    export = as_ada.post(f"{page}export/", {"format": "csv"})

    assert execution.public_id in listed.content.decode()
    assert "25 rows" in shown.content.decode()
    assert "25 rows" in b"".join(export.streaming_content).decode()  # type: ignore[attr-defined]


def test_progress_is_told_in_rows(submitted: Execution) -> None:
    assert (progress(submitted).rows, progress(submitted).done) == (25, 0)

    execution = run(submitted)

    told = progress(execution)
    assert (told.rows, told.done, told.answered, told.failed) == (25, 25, 25, 0)


def test_the_next_attempt_begins_at_the_next_chunk(
    submitted: Execution, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempt = batch.claim(str(submitted.pk), 1)
    chunk = chunks.claim_chunk(submitted.pk, owner=owner())
    assert chunk is not None
    write = batch.Work(attempt.execution, attempt.schema).chunks(lasting())
    done = next(write)
    BatchChunk.objects.running().update(lease_until="2020-01-01T00:00Z")
    submitted.refresh_from_db()
    assert lifecycle.mark_lost(submitted, why="The worker was lost")
    asked = counted(monkeypatch)

    execution = run(submitted)

    assert (chunk.number, done.number) == (0, 1)
    assert execution.status == "succeeded"
    assert execution.attempt == 2
    assert sum(asked) == ROWS - CHUNK
    assert [row.outputs is not None for row in results(execution)] == [True] * ROWS


def lasting() -> Lease:
    return Lease(lambda: True, 1e12)


def test_a_late_chunk_of_a_lost_worker_changes_nothing(submitted: Execution) -> None:
    batch.claim(str(submitted.pk), 1)
    late = chunks.claim_chunk(submitted.pk, owner="a lost worker")
    assert late is not None
    BatchChunk.objects.running().update(lease_until="2020-01-01T00:00Z")
    again = chunks.claim_chunk(submitted.pk, owner="another")
    assert again is not None
    assert chunks.mark_chunk_done(again, owner="another", outputs=b"right", failed_count=0)

    assert not chunks.mark_chunk_done(late, owner="a lost worker", outputs=b"late", failed_count=1)

    assert bytes(BatchChunk.objects.get(number=0).outputs or b"") == b"right"


def test_a_chunk_that_another_worker_took_over_meanwhile_does_not_end_the_batch(
    submitted: Execution, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = Model.predict_many
    other: list[BatchChunk | None] = []

    def predict_many(self: Model, given: Any, **options: Any) -> ManyOutputs:
        many = own(self, given, **options)
        if not other:
            BatchChunk.objects.running().update(lease_until="2020-01-01T00:00Z")
            other.append(chunks.claim_chunk(submitted.pk, owner="another"))
            assert other[0] is not None
            part = pack_answers([Part(0, many)])
            assert chunks.mark_chunk_done(other[0], owner="another", outputs=part, failed_count=0)
        return many

    monkeypatch.setattr(Model, "predict_many", predict_many)

    execution = run(submitted)

    assert execution.status == "succeeded"
    assert [row.outputs is not None for row in results(execution)] == [True] * ROWS
    assert execution.chunks.get(number=0).lease_owner == "another"


def test_cancel_keeps_what_is_done(submitted: Execution) -> None:
    attempt = batch.claim(str(submitted.pk), 1)
    work = batch.Work(attempt.execution, attempt.schema).chunks(lasting())
    next(work)
    assert submitted.user is not None
    submitted.refresh_from_db()
    cancel_execution(execution=submitted, by=submitted.user)

    assert list(work) == []

    submitted.refresh_from_db()
    assert submitted.status == "canceled"
    assert progress(submitted).done == CHUNK
    assert [row.outputs is not None for row in results(submitted)] == [True] * 10 + [False] * 15
    assert set(submitted.chunks.values_list("status", flat=True)) == {"succeeded", "canceled"}


def test_a_chunk_that_was_computed_when_the_batch_was_canceled_is_not_written(
    submitted: Execution,
) -> None:
    batch.claim(str(submitted.pk), 1)
    chunk = chunks.claim_chunk(submitted.pk, owner="w")
    assert chunk is not None
    assert submitted.user is not None
    cancel_execution(execution=submitted, by=submitted.user)

    assert not chunks.mark_chunk_done(chunk, owner="w", outputs=b"late", failed_count=0)


def test_a_rollback_in_the_middle_keeps_the_pinned_version(
    iris: ModelVersion, submitted: Execution
) -> None:
    iris.status = ModelVersion.Status.ARCHIVED
    iris.save()

    assert run(submitted).status == "succeeded"


def test_a_row_that_ends_the_models_process_is_found_and_the_rest_goes_on(
    iris: ModelVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = rows()
    given[13] = replace(given[13], values=(-1.0, 1.0, 1.0, 1.0))
    crash = HostError("CRASH", "The model's process died of signal 11 (SIGSEGV).")
    failing(monkeypatch, lambda row: row[0] < 0, crash)

    execution = run(submit(iris, given))

    (failed,) = failed_rows(execution)
    assert execution.status == "succeeded"
    assert failed.index == 13
    assert failed.problem == "The prediction was interrupted."
    assert sum(row.outputs is not None for row in results(execution)) == ROWS - 1
    assert progress(execution).failed == 1


@pytest.fixture
def dying(
    db: None,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Callable[[str], ModelVersion]]:
    """Make a live version whose process really dies of negative numbers, as it is told."""
    python = python_with(tmp_path_factory.mktemp("foreign"), FOREIGN)
    monkeypatch.syspath_prepend(FOREIGN)
    import misbehaving  # type: ignore[import-not-found]

    def make(what: str) -> ModelVersion:
        file = io.BytesIO()
        joblib.dump(misbehaving.DoesForNegatives(what).fit(), file)
        version = serve_iris(file.getvalue())
        version.features.exclude(position=0).delete()
        approved_type = {"module": "misbehaving", "name": "DoesForNegatives"}
        TypeApproval.objects.create(sha256=version.sha256, **approved_type)
        return version

    with ModelHost(
        python=python, max_children=2, max_memory_bytes=2**31, children_per_model=1
    ) as host:
        monkeypatch.setattr("flows.opened.model_host", lambda runtime: host)
        yield make


@pytest.mark.parametrize("what", ["segfault", "exit_at_once"])
def test_the_rows_that_really_kill_the_process_are_failed_and_every_other_is_answered(
    what: str, dying: Callable[[str], ModelVersion]
) -> None:
    bad = {3, 4, 17}
    given = [BatchRow((-1.0 if n in bad else float(n),), number=n) for n in range(ROWS)]

    execution = run(submit(dying(what), given))

    failures = {row.index: row.failure for row in failed_rows(execution)}
    assert execution.status == "succeeded"
    assert {index: one.code for index, one in failures.items() if one} == dict.fromkeys(
        bad, "CRASH"
    )
    told = [row.outputs and row.outputs.targets[0].value for row in results(execution)]
    assert told == [None if n in bad else float(n) for n in range(ROWS)]
    assert not set(execution.chunks.values_list("status", flat=True)) - {"succeeded"}


def test_rows_that_all_end_the_process_are_given_up_after_a_bounded_number(
    iris: ModelVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch, "MOST_ENDS", 3)
    failing(monkeypatch, lambda row: True, HostError("CRASH", "The model's process died."))

    execution = run(submit(iris))

    assert execution.status == "succeeded"
    assert progress(execution).failed == ROWS


def test_a_row_that_the_model_refuses_tells_its_input_and_why(
    iris: ModelVersion,
) -> None:
    given = rows()
    given[2] = replace(given[2], values=("long", 1.0, 1.0, 1.0))

    execution = run(submit(iris, given))

    failed = row_at(execution, 2)
    assert failed is not None
    assert failed.problem == (
        "The model could not use one of the values: sepal length (cm): a number is expected"
    )


def test_a_process_that_is_taken_away_hands_the_batch_back(
    submitted: Execution, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(monkeypatch, lambda row: True, HostError("CRASH", "It was stopped.", lost=True))

    with pytest.raises(HandedBack):
        run(submitted)

    submitted.refresh_from_db()
    assert (submitted.status, submitted.attempt) == ("queued", 2)
    assert set(submitted.chunks.values_list("status", flat=True)) == {"queued"}


def test_a_file_that_does_not_open_fails_the_batch(
    iris: ModelVersion, submitted: Execution, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(monkeypatch, lambda row: True, HostError("LOAD", "The file does not open."))

    with pytest.raises(PredictionFailed):
        run(submitted)

    submitted.refresh_from_db()
    assert (submitted.status, submitted.error_code) == ("failed", "LOAD")
    assert set(submitted.chunks.values_list("status", flat=True)) == {"canceled"}


def test_another_worker_takes_chunks_of_a_running_batch(
    submitted: Execution, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = batch.claim(str(submitted.pk), 1)
    first = chunks.claim_chunk(submitted.pk, owner="the first")
    assert first is not None
    Execution.objects.update(lease_owner="the first")

    assert batch.help_another(()) == 2

    assert chunks.mark_chunk_done(first, owner="the first", outputs=b"", failed_count=0)
    held.execution.lease_owner = "the first"
    held.carry_out()
    submitted.refresh_from_db()
    assert submitted.status == "succeeded"


def helping(
    execution: Execution, monkeypatch: pytest.MonkeyPatch, meanwhile: Callable[[], object]
) -> list[bool]:
    """Help with a batch of another worker. Return whether each request was told to stop, once the
    lease was renewed after ``meanwhile``."""
    own = Model.predict_many
    stopped: list[bool] = []

    def predict_many(self: Model, given: Any, **options: Any) -> ManyOutputs:
        meanwhile()
        renew_all()
        stopped.append(options["cancelled"].is_set())
        return own(self, given, **options)

    monkeypatch.setattr(Model, "predict_many", predict_many)
    batch.claim(str(execution.pk), 1)
    Execution.objects.update(lease_owner="the first")
    with suppress(PredictionCancelled):
        batch.help_another(())
    return stopped


def renew_all() -> None:
    of_this_test: Leases = vars(batch)["leases"]
    for lease in of_this_test._held:
        lease.renew()


def test_a_helpers_chunk_is_stopped_when_the_batch_is_canceled(
    submitted: Execution, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cancel() -> None:
        assert submitted.user is not None
        cancel_execution(execution=submitted, by=submitted.user)

    assert helping(submitted, monkeypatch, cancel) == [True]

    assert set(submitted.chunks.values_list("status", flat=True)) == {"canceled"}


def test_a_helper_goes_on_though_it_holds_no_chunk_at_the_moment(
    submitted: Execution, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim = chunks.claim_chunk

    def claim_chunk(*given: Any, **named: Any) -> BatchChunk | None:
        renew_all()
        return claim(*given, **named)

    monkeypatch.setattr(chunks, "claim_chunk", claim_chunk)

    assert helping(submitted, monkeypatch, lambda: None) == [False] * 3


def test_a_batch_is_not_ended_while_a_chunk_is_open(submitted: Execution) -> None:
    held = batch.claim(str(submitted.pk), 1)

    assert not lifecycle.mark_batch_done(held.execution, owner=held.execution.lease_owner)


def test_a_batch_outlives_many_workers_as_long_as_chunks_get_done(
    submitted: Execution, settings: Settings
) -> None:
    settings.MAX_ATTEMPTS = 1
    held = batch.claim(str(submitted.pk), 1)
    next(batch.Work(held.execution, held.schema).chunks(lasting()))
    submitted.refresh_from_db()
    lifecycle.mark_lost(submitted, why="The worker was lost")
    submitted.refresh_from_db()
    assert submitted.status == "queued"
    batch.claim(str(submitted.pk), 2)
    submitted.refresh_from_db()

    lifecycle.mark_lost(submitted, why="The worker was lost")

    submitted.refresh_from_db()
    assert (submitted.status, submitted.error_code) == ("failed", "CRASH")
    assert progress(submitted).done == CHUNK


def test_a_batch_is_no_prediction_and_a_prediction_no_batch(
    iris: ModelVersion, submitted: Execution
) -> None:
    with pytest.raises(NotQueued):
        predict.claim(str(submitted.pk), 1)
    with pytest.raises(NotQueued):
        batch.claim(str(ask(iris).pk), 1)


def test_a_chunk_that_is_done_stays_as_it_is(submitted: Execution) -> None:
    execution = run(submitted)

    for change in ({"outputs": b"other"}, {"inputs": b"other"}, {"status": "queued"}):
        with pytest.raises(ProgrammingError, match="what is finished stays"), transaction.atomic():
            execution.chunks.update(**change)
    with pytest.raises(ProgrammingError, match="what is finished stays"), transaction.atomic():
        type(execution.batch).objects.update(row_count=1)
