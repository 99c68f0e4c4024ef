"""A model that fails on some inputs: the group, the admins' notification, and the replay."""

import contextlib
import io
import uuid
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, PowerTransformer, StandardScaler

from accounts.models import User
from executions.models import Execution
from executions.services.replaying import Verdict, replay_execution, verdict_of
from flows import predict
from flows.errors import PredictionFailed
from models_registry.inputs.feature_spec import FeatureSpec, Kind, TargetSpec
from models_registry.models import ModelVersion
from models_registry.store.storage import store_artifact
from monitoring.failures.collecting import collect
from monitoring.failures.replay_details import replay_view
from monitoring.models import FailureGroup
from notifications.models import Kind as Notice
from notifications.models import Notification
from tests.factories import OF_ONE_ROW, make_execution, make_version

pytestmark = pytest.mark.usefixtures("no_renewal")


def stored(pipeline: Pipeline, **fields: Any) -> ModelVersion:
    """Return a live version of a pipeline that takes an amount and months."""
    random = np.random.default_rng(1)
    rows = pd.DataFrame({name: random.uniform(1, 60, 200) for name in ("amount", "months")})
    file = io.BytesIO()
    joblib.dump(pipeline.fit(rows, rows.amount > rows.months), file)
    sha256 = store_artifact([file.getvalue()]).sha256
    return make_version(
        features=(
            FeatureSpec("amount", "Amount", Kind.FLOAT, is_sensitive=True),
            FeatureSpec("months", "Months", Kind.FLOAT),
        ),
        targets=(TargetSpec("", class_labels=((False, "No"), (True, "Yes"))),),
        sha256=sha256,
        tested_sha256=sha256,
        is_active=True,
        **fields,
    )


@pytest.fixture
def positive_only(db: None) -> ModelVersion:
    """It refuses what is not above 0, in its second step."""
    return stored(
        Pipeline(
            [
                ("bend", PowerTransformer(method="box-cox")),
                ("scale", StandardScaler()),
                ("model", LogisticRegression()),
            ]
        )
    )


def run(execution: Execution) -> Execution:
    with contextlib.suppress(PredictionFailed):
        predict.claim(str(execution.pk), execution.attempt).carry_out()
    execution.refresh_from_db()
    return execution


def fail(version: ModelVersion, amount: float) -> Execution:
    failed = run(make_execution(version=version, inputs={"amount": amount, "months": 12.0}))
    assert failed.status == "failed"
    return failed


def test_failures_of_one_step_are_one_group_and_a_replay_says_the_same_error(
    positive_only: ModelVersion, ada: User
) -> None:
    failed = fail(positive_only, -4321.5)
    fail(positive_only, -1.25)
    collect()
    group = FailureGroup.objects.get()
    assert (group.count, group.exception, group.step) == (2, "ValueError", "bend")
    assert Notification.objects.filter(user=ada, kind=Notice.FAILURE_GROUP).count() == 1

    replay = run(replay_execution(execution=failed, by=ada, form_token=uuid.uuid4()))

    assert verdict_of(replay, failed) == Verdict.SAME_ERROR
    view = replay_view(replay, failed)
    assert [name for name, _, _ in view.frame] == ["amount", "months"]
    assert ("months", "float64", "12.0") in view.frame
    assert [step.name for step, _ in view.steps if step.has_failed][-1] == "bend"
    assert any(frame.variables for item in view.stack for frame in item.frames)
    assert "4321.5" not in str(view.stack) + str(view.frame) + view.message
    collect()
    group.refresh_from_db()
    assert group.count == 2
    assert not Notification.objects.filter(kind=Notice.EXECUTION_FAILED, user=ada).exists()


@pytest.fixture
def logged(db: None) -> ModelVersion:
    """It takes the logarithm of both."""
    return stored(Pipeline([("log", FunctionTransformer(np.log)), ("model", LogisticRegression())]))


@pytest.mark.parametrize("purpose", OF_ONE_ROW)
def test_a_number_without_a_logarithm_is_the_inputs_fault_whatever_runs_it(
    logged: ModelVersion, purpose: Execution.Purpose
) -> None:
    inputs = {"amount": 12.0, "months": 0.0}

    failed = run(make_execution(version=logged, inputs=inputs, purpose=purpose))

    assert (failed.error_code, failed.message) == ("INPUT", "Months: a number above 0 is expected")
    assert failed.failing_step == "log"


def test_a_model_that_goes_on_with_a_lost_number_warns_without_sensitive_values(
    db: None,
) -> None:
    version = stored(
        Pipeline(
            [
                ("log", FunctionTransformer(np.log)),
                ("model", HistGradientBoostingClassifier(max_iter=2)),
            ]
        )
    )

    months = run(make_execution(version=version, inputs={"amount": 12.0, "months": 0.0}))
    amount = run(make_execution(version=version, inputs={"amount": -4321.5, "months": 1.0}))

    assert months.status == "succeeded"
    assert months.warnings == [
        "Months = 0 became -inf in step log (a number above 0 is expected). The model went on "
        "with that."
    ]
    assert amount.warnings == [
        "Amount became not a number in step log (a number above 0 is expected). The model went on "
        "with that."
    ]
    assert "4321" not in str(amount.outputs)


def test_a_replay_uses_a_process_of_its_own(positive_only: ModelVersion, ada: User) -> None:
    failed = fail(positive_only, -3.0)
    replay = run(replay_execution(execution=failed, by=ada, form_token=uuid.uuid4()))
    assert "model was loaded" in replay.attempts.get().log


def test_a_replay_on_the_live_version_may_succeed(positive_only: ModelVersion, ada: User) -> None:
    failed = fail(positive_only, -3.0)
    ModelVersion.objects.filter(pk=positive_only.pk).update(status="archived")
    mended = stored(
        Pipeline([("scale", StandardScaler()), ("model", LogisticRegression())]),
        model=positive_only.model,
    )
    pinned = replay_execution(execution=failed, by=ada, form_token=uuid.uuid4())
    beside = replay_execution(execution=failed, by=ada, form_token=uuid.uuid4(), version=mended)
    assert (pinned.version, beside.version) == (positive_only, mended)
    assert verdict_of(run(beside), failed) == Verdict.SUCCEEDS
    assert verdict_of(run(pinned), failed) == Verdict.SAME_ERROR
