"""The prediction flow: claims, computes in the locked process, writes once."""

import io
import random
import threading
import uuid
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import joblib
import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.db import OperationalError
from pytest_django import Settings
from sklearn.linear_model import LogisticRegression

from executions import lifecycle
from executions.models import Execution
from executions.records.attempt_log import read
from flows import opened, predict
from flows.errors import LeaseLost, NotQueued, ParametersDiffer, PredictionFailed
from flows.lease import Leases
from models_registry.models import ModelVersion
from models_registry.store.storage import artifact_key
from notifications.models import Notification
from tests.factories import OF_ONE_ROW, make_execution
from tests.flows.resident import INPUTS, IRIS, OF_1_7, ask, serve_iris

pytestmark = pytest.mark.usefixtures("no_renewal")


@pytest.fixture(autouse=True)
def cache(settings: Settings, tmp_path: Path) -> Path:
    settings.ARTIFACT_CACHE_DIR = tmp_path / "artifacts"
    return tmp_path / "artifacts"


@pytest.fixture
def unseen_model() -> bytes:
    """Return a model of this test's own, that no warm process holds yet."""
    file = io.BytesIO()
    joblib.dump(
        LogisticRegression(C=1 + random.random(), max_iter=500).fit(IRIS.data, IRIS.target), file
    )
    return file.getvalue()


def run(execution: Execution, inputs: dict[str, Any] | None = None) -> None:
    predict.claim(str(execution.pk), execution.attempt, inputs).carry_out()


def fail(execution: Execution) -> Execution:
    with pytest.raises(PredictionFailed):
        run(execution)
    execution.refresh_from_db()
    return execution


def test_the_outputs_are_what_scikit_learn_says(iris: ModelVersion) -> None:
    execution = ask(iris)
    run_id = uuid.uuid4()

    predict.claim(str(execution.pk), 1, INPUTS, flow_run_id=run_id).carry_out()

    execution.refresh_from_db()
    model = LogisticRegression(max_iter=500).fit(IRIS.data, IRIS.target)
    row = IRIS.data.iloc[[60]]
    assert execution.status == "succeeded"
    assert execution.outputs is not None
    (target,) = execution.outputs["targets"]
    assert target["value"] == model.predict(row)[0]
    assert target["confidence"] == model.predict_proba(row)[0].max()
    assert execution.attempts.get().flow_run_id == run_id


def test_warnings_of_the_inputs_are_kept_with_the_result(iris: ModelVersion) -> None:
    execution = make_execution(version=iris, inputs=INPUTS, warnings=["Petal: 9 is unusual."])

    run(execution)

    execution.refresh_from_db()
    assert execution.warnings == ["Petal: 9 is unusual."]


def test_the_row_is_computed_and_not_the_runs_parameters(iris: ModelVersion) -> None:
    execution = ask(iris)

    run(execution, {})  # a sensitive or too large input is not among the parameters

    execution.refresh_from_db()
    assert execution.status == "succeeded"


@pytest.mark.parametrize(
    "changed", [{"petal width (cm)": 99.0}, {"petal width (cm)": True}, {"colour": "red"}]
)
def test_a_parameter_that_differs_from_the_row_runs_nothing(
    iris: ModelVersion, changed: dict[str, Any]
) -> None:
    execution = ask(iris)

    with pytest.raises(ParametersDiffer, match=next(iter(changed)).replace("(", r"\(")[:11]):
        run(execution, INPUTS | changed)

    execution.refresh_from_db()
    assert (execution.status, execution.attempts.count()) == ("queued", 0)


@pytest.mark.parametrize("status", ["running", "canceled"])
def test_a_row_that_is_not_queued_runs_nothing(iris: ModelVersion, status: str) -> None:
    finished = {"finished_at": "2026-01-01T00:00Z"} if status == "canceled" else {}
    execution = make_execution(version=iris, inputs=INPUTS, status=status, **finished)

    with pytest.raises(NotQueued):
        run(execution)

    execution.refresh_from_db()
    assert execution.status == status


def test_an_attempt_that_is_over_runs_nothing(iris: ModelVersion) -> None:
    execution = make_execution(version=iris, inputs=INPUTS, attempt=2)

    with pytest.raises(NotQueued):
        predict.claim(str(execution.pk), 1)


def test_the_models_own_exception_fails_the_execution_and_tells_its_owner(
    iris: ModelVersion,
) -> None:
    iris.features.filter(position=0).delete()
    names = iris.features.values_list("name", flat=True)
    execution = make_execution(version=iris, inputs={name: INPUTS[name] for name in names})

    fail(execution)

    assert (execution.status, execution.error_code) == ("failed", "MODEL")
    assert "Traceback" in execution.traceback
    notification = Notification.objects.get(user=execution.user)
    assert execution.public_id in notification.title


@pytest.mark.parametrize("purpose", OF_ONE_ROW)
def test_a_file_of_another_version_is_said_to_be_one_whatever_runs_it(
    db: None, iris_of_1_7: bytes, purpose: Execution.Purpose
) -> None:
    version = serve_iris(iris_of_1_7)
    execution = make_execution(version=version, inputs=INPUTS, purpose=purpose)

    fail(execution)

    assert (execution.error_code, execution.message) == ("LOAD", OF_1_7)
    assert "_fill_dtype" in execution.traceback


def test_what_the_model_says_of_an_input_names_it_as_people_do(iris: ModelVersion) -> None:
    iris.features.filter(position=0).update(label="Sepal length", kind="boolean")
    execution = ask(iris)

    fail(execution)

    assert execution.error_code == "INPUT"
    assert execution.message.startswith("Sepal length: ")


def test_what_prefect_is_told_of_a_failure_is_its_code_and_the_id(iris: ModelVersion) -> None:
    iris.features.filter(position=0).delete()
    names = iris.features.values_list("name", flat=True)
    execution = make_execution(version=iris, inputs={name: INPUTS[name] for name in names})

    with pytest.raises(PredictionFailed) as failure:
        run(execution)

    assert str(failure.value) == f"MODEL ({execution.public_id})"
    assert failure.value.__cause__ is None
    assert failure.value.__suppress_context__


def test_a_missing_artifact_is_tried_three_times_and_then_fails(
    db: None, unseen_model: bytes
) -> None:
    version = serve_iris(unseen_model)
    storages["artifacts"].delete(artifact_key(version.sha256))
    execution = ask(version)

    attempts = []
    for _ in range(3):
        fail(execution)
        attempts.append((execution.status, execution.attempt))

    assert attempts == [("queued", 2), ("queued", 3), ("failed", 3)]
    assert execution.error_code == "STORAGE"


def test_an_artifact_that_was_altered_in_the_store_is_never_opened(
    db: None, cache: Path, unseen_model: bytes, iris_model: bytes
) -> None:
    version = serve_iris(unseen_model)
    key = artifact_key(version.sha256)
    storages["artifacts"].delete(key)
    storages["artifacts"].save(key, ContentFile(iris_model))
    execution = make_execution(version=version, inputs=INPUTS, attempt=3)

    fail(execution)

    assert (execution.status, execution.error_code) == ("failed", "STORAGE")
    assert not (cache / version.sha256).exists()


def test_an_artifact_that_was_altered_in_the_cache_is_never_opened(
    db: None, cache: Path, unseen_model: bytes
) -> None:
    version = serve_iris(unseen_model)
    cache.mkdir()
    altered = cache / version.sha256
    altered.write_bytes(unseen_model + b"\0")
    execution = make_execution(version=version, inputs=INPUTS, attempt=3)

    fail(execution)

    assert (execution.status, execution.error_code) == ("failed", "STORAGE")
    assert "altered" in execution.message


def test_a_draft_that_was_changed_since_does_not_run(iris: ModelVersion) -> None:
    execution = ask(iris)
    ModelVersion.objects.filter(pk=iris.pk).update(revision=2, tested_revision=2)

    fail(execution)

    assert (execution.status, execution.error_code) == ("failed", "LOAD")


def test_a_result_that_comes_after_the_lease_was_taken_changes_nothing(iris: ModelVersion) -> None:
    execution = ask(iris)
    claimed = predict.claim(str(execution.pk), 1)
    lifecycle.mark_lost(claimed.execution, why="The worker was lost")

    with pytest.raises(LeaseLost):
        claimed.carry_out()

    execution.refresh_from_db()
    assert (execution.status, execution.attempt, execution.outputs) == ("queued", 2, None)


def test_a_lease_that_was_lost_stops_the_model(
    iris: ModelVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    execution = ask(iris)
    claimed = predict.claim(str(execution.pk), 1)
    monkeypatch.setattr(Leases, "holding", lose_at_once(Leases.holding))

    with pytest.raises(LeaseLost):
        claimed.carry_out()

    execution.refresh_from_db()
    assert execution.status == "running"  # until its lease ends, and the sweep moves it on


def lose_at_once(holding: Callable[..., Any]) -> Callable[..., Any]:
    @contextmanager
    def lost(self: Leases, *arguments: Any, **named: Any) -> Any:
        with holding(self, *arguments, **named) as lease:
            lease.lost.set()
            yield lease

    return lost


def test_the_final_write_is_tried_again_while_the_database_is_away(
    iris: ModelVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    execution = ask(iris)
    claimed = predict.claim(str(execution.pk), 1)
    written = lifecycle.mark_succeeded
    away = threading.Event()

    def mark_succeeded(*arguments: Any, **named: Any) -> bool:
        if not away.is_set():
            away.set()
            raise OperationalError("the connection is closed")
        return written(*arguments, **named)

    monkeypatch.setattr("flows.lease.connections.close_all", lambda: None)  # the test's own
    monkeypatch.setattr(lifecycle, "mark_succeeded", mark_succeeded)

    claimed.carry_out()

    execution.refresh_from_db()
    assert execution.status == "succeeded"


def test_whatever_breaks_in_the_worker_is_said_in_the_row(
    iris: ModelVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*arguments: Any) -> None:
        raise RecursionError

    monkeypatch.setattr(opened, "layout", broken)
    execution = ask(iris)

    fail(execution)

    assert (execution.status, execution.error_code) == ("failed", "CRASH")
    assert "RecursionError" in execution.traceback


def test_an_outcome_that_cannot_be_stored_is_said_in_the_row(
    iris: ModelVersion, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Left running, the row would be tried twice more and called lost."""
    monkeypatch.setattr(
        predict, "with_reference_interval", lambda outputs, _: replace(outputs, notes=("\0",))
    )
    execution = ask(iris)

    fail(execution)

    assert (execution.status, execution.error_code) == ("failed", "CRASH")
    assert execution.message == "The outcome could not be stored (DataError)."
    assert "DataError" in execution.traceback
    assert "u0000" not in caplog.text


def test_the_log_holds_version_outcome_and_duration_and_never_a_value(
    iris: ModelVersion, caplog: pytest.LogCaptureFixture
) -> None:
    execution = ask(iris)

    with caplog.at_level("INFO", logger="flows"):
        run(execution)

    assert f"version={iris.model.slug}/v1" in caplog.text
    assert "outcome=SUCCEEDED" in caplog.text
    assert not any(str(value) in caplog.text for value in INPUTS.values())


def test_the_attempt_keeps_a_log_of_events_without_values(iris: ModelVersion) -> None:
    execution = ask(iris)

    run(execution)

    lines = read(execution.attempts.get().log)
    assert [line.level for line in lines] == ["INFO"] * 5
    assert [line.event.split()[0] for line in lines] == [
        "claimed", "file", "model", "predicted", "outcome",
    ]  # fmt: skip
    execution.refresh_from_db()
    assert execution.diagnostics is None


def test_a_test_records_how_each_step_went(iris: ModelVersion) -> None:
    execution = make_execution(version=iris, inputs=INPUTS, purpose="test")

    run(execution)

    execution.refresh_from_db()
    assert execution.diagnostics is not None
    (step,) = execution.diagnostics["steps"]
    assert (step["estimator"], step["shape"]) == ("LogisticRegression", [1])
    assert execution.diagnostics["libraries"]["scikit-learn"]


def test_a_test_answers_what_a_prediction_answers(iris: ModelVersion) -> None:
    prediction = ask(iris)
    test = make_execution(version=iris, inputs=INPUTS, purpose="test")

    run(prediction)
    run(test)

    prediction.refresh_from_db()
    test.refresh_from_db()
    assert prediction.outputs is not None
    assert test.outputs is not None
    assert test.outputs["targets"] == prediction.outputs["targets"]


def test_a_sensitive_input_shows_nowhere_in_what_a_test_records(iris: ModelVersion) -> None:
    iris.features.update(is_sensitive=True)
    execution = make_execution(version=iris, inputs=INPUTS, purpose="test")

    run(execution)

    execution.refresh_from_db()
    assert execution.diagnostics is not None
    (step,) = execution.diagnostics["steps"]
    assert (step["is_hidden"], step["minimum"], step["row"]) == (True, None, [])
