"""The rehearsal flow: a version on many rows, its interval, and the check of its file."""

import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
import sklearn
from django.utils import timezone
from pytest_django import Settings
from sklearn.linear_model import LinearRegression

from accounts.models import User
from config.runtimes import default_minor
from executions.results.answer import read_answer
from flows import predict, rehearsal
from flows.errors import NotQueued, PredictionFailed, RehearsalFailed
from models_registry import services
from models_registry.inputs.feature_spec import FeatureSpec, Kind, TargetSpec
from models_registry.models import Feature, ModelVersion, ReferenceData, Rehearsal, TestCase
from models_registry.own_rehearsals import open_example
from models_registry.rehearsal_results import Beside, Given, Skipped
from models_registry.services import request_rehearsal
from models_registry.store.storage import store_artifact
from notifications.models import Notification
from tests.factories import make_execution, make_version
from tests.flows.resident import INPUTS, OF_1_7, serve_iris

pytestmark = pytest.mark.usefixtures("no_renewal")


@pytest.fixture(autouse=True)
def cache(settings: Settings, tmp_path: Path) -> None:
    settings.ARTIFACT_CACHE_DIR = tmp_path / "artifacts"


@pytest.fixture
def line(db: None) -> ModelVersion:
    """Return a regressor that answers twice its input."""
    file = io.BytesIO()
    joblib.dump(LinearRegression().fit(np.array([[0.0], [1.0], [2.0]]), [0.0, 2.0, 4.0]), file)
    sha256 = store_artifact([file.getvalue()]).sha256
    return make_version(
        features=(FeatureSpec("x", "X", Kind.FLOAT),),
        targets=(TargetSpec("", "Twice"),),
        task="regression",
        container="array",
        sha256=sha256,
        tested_sha256=sha256,
    )


def carried_out(row: Rehearsal) -> Rehearsal:
    try:
        rehearsal.claim(row.pk, row.attempt).carry_out()
    except RehearsalFailed:
        assert Rehearsal.objects.get(pk=row.pk).status == "failed"
    return Rehearsal.objects.get(pk=row.pk)


def reference(version: ModelVersion, *, rows: int, **fields: Any) -> ReferenceData:
    """Return rows whose true value is further from the model's answer from row to row: 1, 2, 3,
    …"""
    return ReferenceData.objects.create(
        **{
            "version": version,
            "row_count": rows,
            "rows": [{"x": float(number)} for number in range(rows)],
            "targets": [3.0 * number + 1 for number in range(rows)],
            "is_held_out": True,
        }
        | fields
    )


def test_a_candidate_answers_the_inputs_of_real_predictions(iris: ModelVersion, ada: User) -> None:
    fits = make_execution(version=iris, inputs=INPUTS | {"removed since": 1.0})
    fits_not = make_execution(version=iris, inputs={"another": 1.0})
    deleted = make_execution(version=iris, inputs=INPUTS, deleted_at=timezone.now())
    ids = [str(execution.pk) for execution in (fits, fits_not, deleted)]

    row = request_rehearsal(version=iris, kind=Rehearsal.Kind.IMPACT, of=ids, by=ada)
    row = carried_out(row)

    assert row.status == "succeeded"
    assert row.results == [
        {"value": 1},
        {"skipped": "Its inputs do not fit any more."},
        {"skipped": "It is gone."},
    ]


def test_the_interval_is_the_conformal_quantile_of_rows_not_trained_on(
    line: ModelVersion, ada: User
) -> None:
    reference(line, rows=20)
    row = request_rehearsal(version=line, kind=Rehearsal.Kind.CALIBRATION, of=range(20), by=ada)

    assert carried_out(row).status == "succeeded"
    line.reference_data.refresh_from_db()
    # ceil(21 · 0.9) = 19: the 19th smallest of the residuals 1, 2, …, 20.
    assert line.reference_data.interval_halfwidth == pytest.approx(19.0)
    assert line.reference_data.interval_sha256 == line.sha256


def test_an_example_is_the_whole_answer_to_the_typical_row(line: ModelVersion, ada: User) -> None:
    Feature.objects.update(typical=3.0)
    open_example(line, ada)

    found = carried_out(Rehearsal.objects.get()).example

    assert found is not None
    assert (found.inputs, found.outputs.task) == ({"x": 3.0}, "regression")
    assert found.outputs.targets[0].value == pytest.approx(6.0)
    assert found.outputs.targets[0].interval is None


def test_once_the_interval_is_there_the_example_is_asked_again_and_has_it(
    line: ModelVersion, ada: User
) -> None:
    reference(line, rows=20)
    carried_out(services.request_interval(version=line, by=ada))

    found = carried_out(Rehearsal.objects.get(kind="example")).example

    assert found is not None
    assert found.outputs.targets[0].interval is not None
    assert found.outputs.targets[0].interval.source == "reference"


def test_typical_values_that_do_not_fit_have_no_example_and_say_so(
    line: ModelVersion, ada: User
) -> None:
    Feature.objects.update(typical=3.0, minimum=5)
    open_example(line, ada)

    row = carried_out(Rehearsal.objects.get())

    assert row.status == "failed"
    assert row.message.startswith("The typical values do not fit the inputs. X: 3 is too low.")


def test_results_that_cannot_be_stored_end_the_rehearsal_at_once(
    line: ModelVersion, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Left running, the row would be tried twice more and called lost."""
    reference(line, rows=20)
    row = request_rehearsal(version=line, kind=Rehearsal.Kind.CALIBRATION, of=range(20), by=ada)
    monkeypatch.setattr(rehearsal.Rehearsing, "_halfwidth", lambda *_: "wide")

    row = carried_out(row)

    assert (row.status, row.attempt) == ("failed", 1)
    assert row.message == "What came of it could not be stored (ValueError). Try again."
    assert "could not convert string to float: 'wide'" in row.traceback


def test_too_few_rows_give_no_interval(line: ModelVersion, ada: User) -> None:
    reference(line, rows=19)
    row = request_rehearsal(version=line, kind=Rehearsal.Kind.CALIBRATION, of=range(19), by=ada)

    assert carried_out(row).status == "succeeded"
    line.reference_data.refresh_from_db()
    assert line.reference_data.interval_halfwidth is None


def test_rows_that_may_have_been_trained_on_give_no_interval(line: ModelVersion, ada: User) -> None:
    reference(line, rows=30, is_held_out=False)
    row = request_rehearsal(version=line, kind=Rehearsal.Kind.CALIBRATION, of=range(30), by=ada)

    row = carried_out(row)
    assert (row.status, row.message) == (
        "failed",
        "An interval needs rows that were not used in training.",
    )


def test_classes_get_no_interval(iris: ModelVersion, ada: User) -> None:
    row = request_rehearsal(version=iris, kind=Rehearsal.Kind.CALIBRATION, of=[0], by=ada)
    assert "whose answer is one number" in carried_out(row).message


def test_a_check_hashes_the_stored_file_and_opens_it(iris: ModelVersion, ada: User) -> None:
    row = carried_out(request_rehearsal(version=iris, kind=Rehearsal.Kind.CHECK, by=ada))

    assert row.status == "succeeded"
    assert [found["name"] for found in row.results] == [
        "Hash verified in the store",
        f"Opens in its runtime, scikit-learn {sklearn.__version__}",
    ]


def test_a_check_opens_the_file_in_the_runtime_that_serves_the_version(
    saved_by_1_5: Callable[[str], ModelVersion], ada: User
) -> None:
    version = saved_by_1_5("gradient boosting")  # 1.9 does not open it
    row = carried_out(request_rehearsal(version=version, kind=Rehearsal.Kind.CHECK, by=ada))

    assert row.confirmed[1].name == "Opens in its runtime, scikit-learn 1.5.2"


ROW = {"x0": 0.1, "x1": -0.4, "x2": 1.25, "x3": 0.0}


def tried(version: ModelVersion, ada: User, of: Sequence[str | int]) -> Rehearsal:
    """A try of a version of 1.5 in the default runtime, carried out."""
    kind, runtime = Rehearsal.Kind.RUNTIME, default_minor()
    return carried_out(
        request_rehearsal(version=version, kind=kind, of=of, runtime=runtime, by=ada)
    )


def test_both_runtimes_answer_saved_cases_and_real_inputs(
    saved_by_1_5: Callable[[str], ModelVersion], ada: User
) -> None:
    version = saved_by_1_5("logistic regression")
    right = TestCase.objects.create(version=version, name="Right", inputs=ROW, expected=["low"])
    wrong = TestCase.objects.create(version=version, name="Wrong", inputs=ROW, expected=["high"])
    asked = make_execution(version=version, inputs=ROW)

    row = tried(version, ada, [right.pk, wrong.pk, str(asked.pk), 0])

    passes = [
        (each.own.passes, each.other.passes, each.is_equal)
        for each in row.tried_rows
        if isinstance(each, Beside)
        and isinstance(each.own, Given)
        and isinstance(each.other, Given)
    ]
    assert passes == [(True, True, True), (False, False, True), (None, None, True)]
    assert row.tried_rows[3] == Skipped("It is gone.")
    assert row.libraries["1.5"]["scikit-learn"] == "1.5.2"
    assert row.libraries[default_minor()]["scikit-learn"] == sklearn.__version__


def test_answers_that_differ_in_a_probability_alone_are_not_equal(
    saved_by_1_5: Callable[[str], ModelVersion], ada: User
) -> None:
    version = saved_by_1_5("adaboost")
    (both,) = tried(version, ada, [str(make_execution(version=version, inputs=ROW).pk)]).tried_rows

    assert isinstance(both, Beside)
    assert isinstance(both.own, Given)
    assert isinstance(both.other, Given)
    assert both.own.values == both.other.values
    assert both.own.confidences != both.other.confidences
    assert not both.is_equal


def test_a_file_that_one_runtime_does_not_open_says_which(
    saved_by_1_5: Callable[[str], ModelVersion], ada: User
) -> None:
    row = tried(saved_by_1_5("gradient boosting"), ada, [])

    assert row.status == "failed"
    assert row.message.startswith(f"With scikit-learn {default_minor()}: The file was saved with")


def test_a_worker_that_lacks_one_of_both_runtimes_says_which(
    saved_by_1_5: Callable[[str], ModelVersion], settings: Settings, tmp_path: Path, ada: User
) -> None:
    version = saved_by_1_5("adaboost")
    settings.RUNTIMES_DIR = tmp_path

    message = tried(version, ada, []).message

    assert "has no scikit-learn 1.5, and a try needs both." in message
    assert message.endswith("Not installed: manage.py runtime add 1.5")


@pytest.mark.parametrize(
    ("own", "other", "needed"),
    [("1.5", default_minor(), "1.5"), ("", "1.5", "1.5"), ("1.5", "1.7", "1.7")],
)
def test_a_try_goes_to_a_worker_with_the_runtime_that_not_every_one_has(
    ada: User, own: str, other: str, needed: str
) -> None:
    version = make_version(runtime=own)
    kind = Rehearsal.Kind.RUNTIME
    row = request_rehearsal(version=version, kind=kind, runtime=other, by=ada)
    assert row.needed_runtime == needed


def test_a_try_of_a_version_that_was_moved_meanwhile_says_so(ada: User) -> None:
    version = make_version(runtime="1.5")
    kind = Rehearsal.Kind.RUNTIME
    row = request_rehearsal(version=version, kind=kind, runtime="1.7", by=ada)
    ModelVersion.objects.filter(pk=version.pk).update(runtime="1.7")
    assert "was changed" in carried_out(row).message


def test_an_altered_file_is_never_opened_until_it_is_right_again(
    iris: ModelVersion, another_file: Callable[[], None], ada: User
) -> None:
    row = carried_out(request_rehearsal(version=iris, kind=Rehearsal.Kind.CHECK, by=ada))
    iris.refresh_from_db()
    assert (row.status, iris.is_altered) == ("failed", True)
    assert "was altered" in row.message
    assert Notification.objects.get(user=ada).kind == "file_altered"

    another_file()
    row = carried_out(request_rehearsal(version=iris, kind=Rehearsal.Kind.CHECK, by=ada))
    iris.refresh_from_db()
    assert (row.status, iris.is_altered) == ("succeeded", False)


def test_a_version_that_was_changed_meanwhile_is_not_rehearsed(
    iris: ModelVersion, ada: User
) -> None:
    row = request_rehearsal(version=iris, kind=Rehearsal.Kind.CHECK, by=ada)
    ModelVersion.objects.filter(pk=iris.pk).update(status="archived", revision=2)
    assert "was changed" in carried_out(row).message


@pytest.mark.parametrize("kind", [Rehearsal.Kind.IMPACT, Rehearsal.Kind.CHECK])
def test_a_file_of_another_version_is_not_rehearsed(
    db: None, iris_of_1_7: bytes, ada: User, kind: Rehearsal.Kind
) -> None:
    version = serve_iris(iris_of_1_7)
    asked = make_execution(version=version, inputs=INPUTS)

    row = carried_out(
        Rehearsal.objects.create(
            version=version,
            kind=kind,
            sha256=version.sha256,
            revision=version.revision,
            of=[str(asked.pk)],
            requested_by=ada,
        )
    )

    assert (row.status, row.message) == ("failed", OF_1_7)


def test_a_rehearsal_runs_once(iris: ModelVersion, ada: User) -> None:
    row = carried_out(request_rehearsal(version=iris, kind=Rehearsal.Kind.CHECK, by=ada))
    with pytest.raises(NotQueued):
        rehearsal.claim(row.pk, row.attempt)


def test_asking_again_while_it_runs_is_the_same_rehearsal(iris: ModelVersion, ada: User) -> None:
    first = request_rehearsal(version=iris, kind=Rehearsal.Kind.CHECK, by=ada)
    assert request_rehearsal(version=iris, kind=Rehearsal.Kind.CHECK, by=ada) == first


def test_a_calibrated_interval_comes_with_the_next_prediction(
    line: ModelVersion, ada: User
) -> None:
    reference(line, rows=20, interval_halfwidth=1.5, interval_sha256=line.sha256)
    execution = make_execution(version=line, inputs={"x": 4.0}, purpose="test", user=ada)

    predict.claim(str(execution.pk), 1).carry_out()

    execution.refresh_from_db()
    outputs = execution.read_outputs()
    assert outputs is not None
    interval = read_answer(outputs, list(line.targets.all())).interval
    assert interval is not None
    assert interval.sentence == "90 of 100 comparable cases end between 6.500 and 9.500."


def test_an_interval_of_another_file_is_not_used(line: ModelVersion, ada: User) -> None:
    reference(line, rows=20, interval_halfwidth=1.5, interval_sha256="0" * 64)
    execution = make_execution(version=line, inputs={"x": 4.0}, purpose="test", user=ada)

    predict.claim(str(execution.pk), 1).carry_out()

    execution.refresh_from_db()
    assert execution.outputs is not None
    assert execution.outputs["targets"][0]["interval"] is None


@pytest.mark.usefixtures("another_file")
def test_a_prediction_that_finds_another_file_marks_the_version(iris: ModelVersion) -> None:
    execution = make_execution(version=iris, inputs=INPUTS)

    with pytest.raises(PredictionFailed):
        predict.claim(str(execution.pk), 1).carry_out()

    iris.refresh_from_db()
    assert iris.is_altered


def test_a_run_in_flight_finishes_on_the_version_it_was_pinned_to(
    iris: ModelVersion, ada: User
) -> None:
    execution = make_execution(version=iris, inputs=INPUTS)
    services.promote(
        version=make_version(model=iris.model), text="Another one", inputs_reviewed=True, by=ada
    )

    predict.claim(str(execution.pk), 1).carry_out()

    execution.refresh_from_db()
    assert (execution.status, execution.version, execution.version.status) == (
        "succeeded",
        iris,
        "archived",
    )
