"""A model of scikit-learn 1.5.2, served by 1.5 from its upload to a rollback, while the default
runtime serves others."""

import io
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import joblib
import pytest
from pytest_django import Settings
from sklearn.linear_model import LogisticRegression

from accounts.models import User
from config.runtimes import default_minor
from engine import wakeup
from engine.wakeup import WarmHint
from executions.models import Execution
from executions.services import request_execution
from flows import inspection, predict, rehearsal
from flows.errors import HandedBack
from flows.explaining import CHANGES_ITS_MIND, explain
from flows.worker import housekeeping
from models_registry import services
from models_registry.models import ModelVersion, RegisteredModel, Rehearsal
from models_registry.store.storage import store_artifact
from tests.clocks import until
from tests.factories import make_execution, make_version
from tests.model_host import by_version
from tests.model_host.runtime import BESIDE, FOLDER, python_of

pytestmark = pytest.mark.usefixtures("no_renewal")

ROW = {"x0": 0.1, "x1": -0.4, "x2": 1.25, "x3": 0.0}


@pytest.fixture(autouse=True)
def here(settings: Settings, tmp_path: Path) -> None:
    """This worker has the runtime 1.5."""
    python_of(BESIDE)
    settings.RUNTIMES_DIR = FOLDER
    settings.ARTIFACT_CACHE_DIR = tmp_path / "artifacts"


@pytest.fixture
def boosted() -> by_version.Saved:
    """Return an AdaBoost of 1.5.2, which 1.9 opens and answers with other probabilities."""
    (corpus,) = by_version.VERSIONS.glob(f"scikit-learn-{BESIDE}.*.tar.xz")
    (found,) = (
        one for one in by_version.read(corpus) if (one.kind, one.format) == ("adaboost", "joblib")
    )
    return found


def uploaded(model: RegisteredModel, content: bytes, ada: User) -> ModelVersion:
    """The draft of a file, inspected and tested."""
    version = services.upload_version(
        model=model, chunks=[content], file_name="model.joblib", by=ada
    )
    (row,) = version.inspections.all()
    inspection.claim(row.pk, 1).carry_out()
    asked(version, ada, Execution.Purpose.TEST)
    return ModelVersion.objects.get(pk=version.pk)


def asked(
    version: ModelVersion, user: User, purpose: Execution.Purpose = Execution.Purpose.PREDICTION
) -> Execution:
    """The answer to the row."""
    row = request_execution(
        user=user,
        version=ModelVersion.objects.get(pk=version.pk),
        inputs=version.features.as_schema().clean(ROW),
        form_token=uuid.uuid4(),
        purpose=purpose,
    )
    predict.claim(str(row.pk), 1).carry_out()
    return Execution.objects.get(pk=row.pk)


def probabilities(execution: Execution) -> list[float]:
    outputs = execution.read_outputs()
    assert outputs is not None
    return [one.probability for one in outputs.targets[0].probabilities]


def test_a_model_of_1_5_is_served_by_1_5_from_its_upload_to_a_rollback(
    boosted: by_version.Saved, ada: User, alice: User
) -> None:
    ((its_own,),) = [answer["predict_proba"] for answer in boosted.answers[:1]]
    model = services.create_model(name="Levels", by=ada)
    first = uploaded(model, boosted.content, ada)
    assert (first.runtime, first.libraries_trained["scikit-learn"]) == (BESIDE, "1.5.2")

    services.promote(version=first, text="The first version", raw_values=True, by=ada)
    answer = asked(first, alice)
    assert probabilities(answer) == its_own
    explain(answer.pk)
    assert Execution.objects.get(pk=answer.pk).explanation.problem == ""

    content = io.BytesIO()
    data = by_version.NUMBERS, by_version.LEVEL
    own = LogisticRegression().fit(*data)
    joblib.dump(own, content)
    second = uploaded(model, content.getvalue(), ada)
    assert second.runtime == default_minor()
    services.promote(
        version=second, text="Another one", raw_values=True, inputs_reviewed=True, by=ada
    )
    assert (
        probabilities(asked(second, alice)) == own.predict_proba([list(ROW.values())])[0].tolist()
    )

    check = services.request_rehearsal(version=first, kind=Rehearsal.Kind.CHECK, by=ada)
    rehearsal.claim(check.pk, 1).carry_out()
    services.roll_back(version=first, reason="The first was better", by=ada)
    assert probabilities(asked(first, alice)) == its_own


def test_a_version_that_was_moved_answers_with_the_other_runtime_from_then_on(
    saved_by_1_5: Callable[[str], ModelVersion], boosted: by_version.Saved, ada: User
) -> None:
    version = saved_by_1_5("adaboost")
    before = asked(version, ada)
    kind, runtime = Rehearsal.Kind.RUNTIME, default_minor()
    row = services.request_rehearsal(
        version=version, kind=kind, of=[str(before.pk)], runtime=runtime, by=ada
    )
    rehearsal.claim(row.pk, 1).carry_out()

    services.choose_runtime(version=version, runtime=runtime, by=ada)
    after = probabilities(asked(version, ada))
    explain(before.pk)
    services.choose_runtime(version=version, runtime=BESIDE, by=ada)

    assert after != probabilities(before)
    assert Execution.objects.get(pk=before.pk).explanation.problem == CHANGES_ITS_MIND
    assert probabilities(asked(version, ada)) == probabilities(before)


def test_a_draft_that_an_inspection_moves_must_be_tested_again(
    boosted: by_version.Saved, ada: User
) -> None:
    draft = uploaded(services.create_model(name="Levels", by=ada), boosted.content, ada)
    assert draft.is_tested

    row = services.request_inspection(version=draft, runtime=default_minor(), by=ada)
    inspection.claim(row.pk, 1).carry_out()

    draft.refresh_from_db()
    assert (draft.runtime, draft.revision, draft.is_tested) == (default_minor(), 2, False)
    latest = draft.revisions.first()
    assert latest is not None
    assert latest.changes[1] == f"Served by scikit-learn {default_minor()} instead of {BESIDE}"


@pytest.mark.django_db(transaction=True)  # a worker thread closes its connections
def test_a_warm_hint_names_another_runtime_to_open_a_version_in(
    saved_by_1_5: Callable[[str], ModelVersion], caplog: pytest.LogCaptureFixture
) -> None:
    version = saved_by_1_5("gradient boosting")  # 1.9 does not open it
    hints = wakeup.WarmHints()
    wakeup.warm(version.pk, runtime=default_minor())
    until(lambda: hints.next(1) == WarmHint(version.pk, ANY, default_minor()), "the hint")

    with caplog.at_level("INFO"):
        housekeeping.warm(version.pk)
        housekeeping.warm(version.pk, default_minor())

    assert f"not_warmed version={version} code=LOAD" in caplog.messages
    assert any(line.startswith(f"warmed version={version}") for line in caplog.messages)


def test_a_prediction_taken_where_the_new_runtime_is_not_goes_to_the_next_attempt(
    db: None,
) -> None:
    version = make_version(
        is_active=True, runtime="1.7", **stored(LogisticRegression().fit([[0.0], [1.0]], [0, 1]))
    )
    execution = make_execution(version=version)

    with pytest.raises(HandedBack):
        predict.claim(str(execution.pk), 1).carry_out()

    execution.refresh_from_db()
    assert (execution.status, execution.attempt) == ("queued", 2)


def stored(model: object) -> dict[str, Any]:
    file = io.BytesIO()
    joblib.dump(model, file)
    sha256 = store_artifact([file.getvalue()]).sha256
    return {"sha256": sha256, "tested_sha256": sha256}
