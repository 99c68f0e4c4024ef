"""Explanations and curves by the worker: after the result, without failing it, and only while the
values exist."""

import io
import threading
import uuid
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import joblib
import pytest
from django.utils import timezone
from prefect.client.schemas.objects import FlowRun
from pytest_django.fixtures import Settings
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC

from executions.models import Execution, Explanation
from executions.services.exploring import EXPLANATION, read_exploration, request_exploration
from flows import explaining, exploring, predict
from flows.errors import NotQueued
from flows.explaining import Case, Notes, explain, typical_case
from flows.worker import settling
from model_host.answering.quantity import NO_PROBABILITIES
from models_registry.inputs.feature_spec import FeatureSpec, Kind
from models_registry.inputs.input_schema import InputSchema
from models_registry.models import ModelVersion
from tests.factories import LOAN_FEATURES, LOAN_OUTPUTS, make_execution
from tests.flows.resident import IRIS, ask, serve_iris

pytestmark = pytest.mark.usefixtures("no_renewal")


@pytest.fixture(autouse=True)
def cache(settings: Settings, tmp_path: Path) -> None:
    settings.ARTIFACT_CACHE_DIR = tmp_path / "artifacts"


@pytest.fixture
def typical_iris(iris: ModelVersion) -> ModelVersion:
    for position, feature in enumerate(iris.features.all()):
        feature.typical = [5.8, 3.0, 4.3, None][position]
        feature.soft_minimum, feature.soft_maximum = 0.0, 8.0
        feature.save()
    return iris


@pytest.fixture
def predicted(typical_iris: ModelVersion) -> Execution:
    execution = ask(typical_iris)
    predict.claim(str(execution.pk), 1).carry_out()
    execution.refresh_from_db()
    return execution


@pytest.fixture
def questions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("executions.services.exploring.kick", lambda *args: None)


def put(execution: Execution, input: str) -> None:
    assert execution.user is not None
    request_exploration(user=execution.user, execution=execution, input=input)


def test_the_explanation_is_of_the_answer_that_was_given(predicted: Execution) -> None:
    explain(predicted.pk)

    content = Explanation.objects.get(execution=predicted).content
    assert content is not None
    target = (predicted.outputs or {})["targets"][0]
    assert (content["quantity"], content["label"]) == ("probability", target["value"])
    assert content["prediction"] == pytest.approx(target["confidence"])
    whole = content["baseline"] + sum(one["amount"] for one in content["contributions"])
    assert whole == pytest.approx(content["prediction"], abs=1e-9)
    assert content["not_compared"] == []


def test_explaining_changes_nothing_of_the_execution(predicted: Execution) -> None:
    before = Execution.objects.filter(pk=predicted.pk).values().get()

    explain(predicted.pk)
    explain(predicted.pk)

    assert Execution.objects.filter(pk=predicted.pk).values().get() == before
    assert Explanation.objects.count() == 1


@pytest.mark.parametrize("gone", ["deleted_at", "purged_at"])
def test_what_was_deleted_or_purged_is_not_explained(predicted: Execution, gone: str) -> None:
    Execution.objects.filter(pk=predicted.pk).update(**{gone: timezone.now()})

    explain(predicted.pk)

    assert not Explanation.objects.exists()


def test_a_draft_that_changed_since_is_not_explained(predicted: Execution) -> None:
    ModelVersion.objects.filter(pk=predicted.version_id).update(revision=2, tested_revision=2)

    explain(predicted.pk)

    assert not Explanation.objects.exists()


def test_a_file_that_is_found_altered_is_marked_by_whoever_finds_it(
    predicted: Execution, another_file: Callable[[], None], settings: Settings, tmp_path: Path
) -> None:
    settings.ARTIFACT_CACHE_DIR = tmp_path / "empty"

    explain(predicted.pk)

    assert ModelVersion.objects.get().is_altered
    assert not Explanation.objects.exists()


def test_an_answer_that_the_model_does_not_repeat_is_not_explained(
    typical_iris: ModelVersion, predicted: Execution
) -> None:
    outputs = predicted.outputs or {}
    outputs["targets"][0]["confidence"] = 0.123
    other = make_execution(version=typical_iris, inputs=predicted.inputs, outputs=outputs)

    explain(other.pk)

    assert Explanation.objects.get().problem == explaining.CHANGES_ITS_MIND


def test_why_there_is_none_is_kept_as_a_sentence(db: None) -> None:
    file = io.BytesIO()
    joblib.dump(SVC().fit(IRIS.data, IRIS.target), file)
    execution = ask(serve_iris(file.getvalue()))
    predict.claim(str(execution.pk), 1).carry_out()

    explain(execution.pk)

    found = Explanation.objects.get()
    assert (found.content, found.problem) == (None, NO_PROBABILITIES)


def test_a_file_that_is_missing_leaves_it_to_be_asked_for_again(db: None) -> None:
    execution = make_execution(outputs=LOAN_OUTPUTS)

    explain(execution.pk)

    assert not Explanation.objects.exists()


def test_the_typical_case_is_the_typical_row_of_example_and_form() -> None:
    schema = InputSchema(LOAN_FEATURES)
    assert typical_case(schema) == schema.typical_values()
    assert schema.typical_values()["income"] is None


def test_a_needed_text_of_which_nothing_is_known_is_not_compared() -> None:
    text = FeatureSpec("text", "Text", Kind.STRING)
    assert typical_case(InputSchema((text, *LOAN_FEATURES))).keys() == {
        feature.name for feature in LOAN_FEATURES
    }


def test_notes_wait_for_a_quiet_moment_and_the_newest_is_explained_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    notes, stopping, looks = Notes(), threading.Event(), [False] * 4 + [True, True, False]
    older, newer = (Case(Execution(), InputSchema(()), {}) for _ in range(2))
    explained: list[tuple[Case, int]] = []

    def quietly(case: Case) -> None:
        explained.append((case, len(looks)))
        if len(explained) == 2:
            stopping.set()

    monkeypatch.setattr(explaining, "_explain_quietly", quietly)
    monkeypatch.setattr(explaining, "QUIET_SECONDS", 0.001)
    notes.add(older)
    notes.add(newer)

    notes.work_off(looks.pop, stopping)

    assert explained == [(newer, 2), (older, 0)]  # after two looks at a free worker, each


def test_a_replay_is_not_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    notes, stopping, explained = Notes(), threading.Event(), []
    prediction, replay = (
        Case(Execution(purpose=purpose), InputSchema(()), {})
        for purpose in (Execution.Purpose.PREDICTION, Execution.Purpose.REPLAY)
    )

    def quietly(case: Case) -> None:
        explained.append(case)
        stopping.set()

    monkeypatch.setattr(explaining, "_explain_quietly", quietly)
    monkeypatch.setattr(explaining, "QUIET_SECONDS", 0.001)
    notes.add(prediction)
    notes.add(replay)  # the newest would be explained first

    notes.work_off(lambda: False, stopping)

    assert explained == [prediction]


def test_an_explanation_that_breaks_does_not_end_the_thread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(explaining, "_explain", lambda case: 1 / 0)
    monkeypatch.setattr(explaining, "close_old_connections", lambda: None)
    monkeypatch.setattr("django.db.connections.close_all", lambda: None)

    explaining._explain_quietly(Case(Execution(), InputSchema(()), {}))


@pytest.mark.usefixtures("questions")
def test_a_curve_is_what_the_model_says_with_one_input_changed(predicted: Execution) -> None:
    name = IRIS.data.columns[2]
    put(predicted, name)

    exploring.claim(str(predicted.pk), name).carry_out()

    answer = read_exploration(predicted.pk, name)
    assert answer is not None
    assert answer.curve is not None
    model = LogisticRegression(max_iter=500).fit(IRIS.data, IRIS.target)
    rows = load_iris(as_frame=True).data.iloc[[60] * len(answer.points)].copy()
    rows[name] = answer.points
    target = (predicted.outputs or {})["targets"][0]
    assert answer.curve.numbers == pytest.approx(model.predict_proba(rows)[:, target["value"]])
    assert predicted.inputs is not None
    assert predicted.inputs[name] in answer.points


@pytest.mark.usefixtures("questions")
def test_the_same_road_explains_what_has_no_explanation_yet(predicted: Execution) -> None:
    put(predicted, EXPLANATION)

    exploring.claim(str(predicted.pk), EXPLANATION).carry_out()

    assert Explanation.objects.get().content


@pytest.mark.usefixtures("questions")
def test_a_question_is_answered_once(predicted: Execution) -> None:
    name = IRIS.data.columns[2]
    put(predicted, name)
    exploring.claim(str(predicted.pk), name).carry_out()

    with pytest.raises(NotQueued):
        exploring.claim(str(predicted.pk), name)


def test_what_nobody_asked_is_not_answered(predicted: Execution) -> None:
    with pytest.raises(NotQueued):
        exploring.claim(str(predicted.pk), IRIS.data.columns[2])


@pytest.mark.usefixtures("questions")
def test_without_redis_no_question_is_claimed(predicted: Execution, settings: Settings) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"

    with pytest.raises(NotQueued):
        exploring.claim(str(predicted.pk), IRIS.data.columns[2])


@pytest.mark.usefixtures("questions")
def test_a_model_without_probabilities_has_no_curve_and_says_so(db: None) -> None:
    file = io.BytesIO()
    joblib.dump(SVC().fit(IRIS.data, IRIS.target), file)
    version = serve_iris(file.getvalue())
    version.features.update(soft_minimum=0.0, soft_maximum=8.0)
    execution = ask(version)
    predict.claim(str(execution.pk), 1).carry_out()
    execution.refresh_from_db()
    put(execution, IRIS.data.columns[0])

    exploring.claim(str(execution.pk), IRIS.data.columns[0]).carry_out()

    answer = read_exploration(execution.pk, IRIS.data.columns[0])
    assert answer is not None
    assert answer.problem == NO_PROBABILITIES


@pytest.mark.parametrize(("minutes", "is_over"), [(1, False), (10, True)])
def test_a_question_whose_worker_was_lost_ends_in_prefect_too(minutes: int, is_over: bool) -> None:
    now = timezone.now()
    run = FlowRun.model_validate(
        {
            "flow_id": uuid.uuid4(),
            "parameters": {"execution_id": str(uuid.uuid4()), "input": "age"},
            "start_time": now - timedelta(minutes=minutes),
        }
    )

    end = settling._end(run, now)

    assert (end is not None) == is_over
