"""Requests about a finished prediction, and their answers."""

import uuid

import pytest

from executions.tasks import submit_exploration
from tests.fake_prefect import FakePrefect


def test_a_question_is_a_flow_run_that_names_an_execution_and_an_input(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    prefect = FakePrefect().install(monkeypatch)  # it has no such deployment yet
    execution_id = uuid.uuid4()

    submit_exploration(str(execution_id), "age", "token")
    submit_exploration(str(execution_id), "age", "token")

    (run,) = prefect.runs
    assert (run.flow, run.deployment) == ("explore", "explore")
    assert run.parameters == {"execution_id": str(execution_id), "input": "age"}


@pytest.mark.parametrize("trouble", ["is_away", "refuses"])
def test_a_prefect_that_takes_no_question_is_nobodys_failure(
    db: None, fake_prefect: FakePrefect, trouble: str
) -> None:
    setattr(fake_prefect, trouble, True)

    submit_exploration(str(uuid.uuid4()), "age", "token")

    assert fake_prefect.runs == []
