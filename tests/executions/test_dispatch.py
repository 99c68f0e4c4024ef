from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from pytest_django.fixtures import Settings

from engine.errors import PrefectUnavailable
from executions.dispatch import dispatch, dispatch_exploration
from executions.models import Execution
from executions.tasks import submit_execution
from models_registry.models import ModelVersion
from tests.factories import LOAN_FEATURES, LOAN_INPUTS, make_execution, make_version
from tests.fake_prefect import FakePrefect

pytestmark = pytest.mark.django_db


def test_a_flow_run_carries_the_models_name_the_ids_and_the_inputs(
    active_version: ModelVersion, fake_prefect: FakePrefect
) -> None:
    execution = make_execution(version=active_version)
    dispatch(execution.pk)
    (run,) = fake_prefect.runs
    slug = active_version.model.slug
    assert (run.flow, run.deployment) == ("predict", slug)
    assert run.name == f"{slug}-v1-{execution.public_id}"
    assert run.parameters == {
        "execution_id": str(execution.pk),
        "attempt": 1,
        "inputs": LOAN_INPUTS,
    }
    assert execution.attempts.get().flow_run_id == run.id


def test_a_second_dispatch_finds_the_same_flow_run(fake_prefect: FakePrefect) -> None:
    execution = make_execution()
    dispatch(execution.pk)
    dispatch(execution.pk)
    assert len(fake_prefect.runs) == 1


def test_sensitive_values_never_reach_prefect(fake_prefect: FakePrefect) -> None:
    age, *others = LOAN_FEATURES
    version = make_version(features=(replace(age, is_sensitive=True), *others), is_active=True)
    dispatch(make_execution(version=version).pk)
    assert "age" not in fake_prefect.runs[0].parameters["inputs"]


def test_inputs_too_large_for_prefect_stay_in_the_row(
    fake_prefect: FakePrefect, settings: Settings
) -> None:
    settings.PREFECT_MAX_PARAMETER_BYTES = 20
    dispatch(make_execution().pk)
    assert fake_prefect.runs[0].parameters["inputs"] == {}


def test_a_run_waits_for_a_worker_that_has_the_versions_scikit_learn(
    fake_prefect: FakePrefect,
) -> None:
    version = make_version(is_active=True, runtime="1.5")

    dispatch(make_execution(version=version).pk)
    dispatch_exploration(make_execution(version=version).pk, "age", "token")
    dispatch(make_execution().pk)

    assert [run.queue for run in fake_prefect.runs] == [
        "scikit-learn-1.5",
        "scikit-learn-1.5",
        "default",
    ]


def test_with_prefect_away_the_execution_stays_queued(fake_prefect: FakePrefect) -> None:
    execution = make_execution()
    fake_prefect.is_away = True
    with pytest.raises(PrefectUnavailable):
        dispatch(execution.pk)
    submit_execution(str(execution.pk))
    execution.refresh_from_db()
    assert execution.status == "queued"


def test_a_run_that_prefect_refuses_for_good_fails_and_says_so(fake_prefect: FakePrefect) -> None:
    execution = make_execution()
    fake_prefect.refuses = True
    dispatch(execution.pk)
    execution.refresh_from_db()
    assert (execution.status, execution.error_code) == ("failed", "CRASH")


@pytest.mark.parametrize("state", ["COMPLETED", "FAILED", "CRASHED", "CANCELLED"])
def test_a_flow_run_that_ended_without_starting_the_model_is_followed_by_another(
    fake_prefect: FakePrefect, state: str
) -> None:
    execution = make_execution()
    dispatch(execution.pk)
    fake_prefect.enter(fake_prefect.runs[0].id, state)
    dispatch(execution.pk)
    execution.refresh_from_db()
    assert (execution.status, execution.attempt) == ("queued", 2)
    dispatch(execution.pk)
    assert len(fake_prefect.runs) == 2


def test_a_flow_run_claimed_long_ago_is_given_up_and_one_claimed_just_now_is_not(
    fake_prefect: FakePrefect,
) -> None:
    execution = make_execution()
    dispatch(execution.pk)
    run = fake_prefect.runs[0]
    fake_prefect.enter(run.id, "PENDING")
    dispatch(execution.pk)
    execution.refresh_from_db()
    assert execution.attempt == 1
    run.states[-1] = replace(run.states[-1], at=datetime.now(UTC) - timedelta(minutes=1))
    dispatch(execution.pk)
    execution.refresh_from_db()
    assert execution.attempt == 2


@pytest.mark.parametrize("status", ["running", "canceled"])
def test_only_what_is_queued_is_dispatched(fake_prefect: FakePrefect, status: str) -> None:
    finished = {"finished_at": datetime.now(UTC)} if status == "canceled" else {}
    dispatch(make_execution(status=status, **finished).pk)
    assert not fake_prefect.runs


def test_an_execution_that_is_gone_is_passed_over(fake_prefect: FakePrefect) -> None:
    execution = make_execution()
    Execution.objects.all().delete()
    submit_execution(str(execution.pk))
    assert not fake_prefect.runs
