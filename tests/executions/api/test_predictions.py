"""Predictions by programs: asked, waited for, looked at, listed, and asked twice."""

import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from accounts.models import User
from config.web.front import PROGRAMS_AT_ONCE
from executions.api import asking
from executions.models import Execution
from models_registry import services
from models_registry.models import ModelVersion
from tests.executions.api.conftest import Program, problem
from tests.factories import LOAN_INPUTS, LOAN_OUTPUTS, make_execution, make_version

pytestmark = pytest.mark.usefixtures("fake_prefect")


def path_of(version: ModelVersion) -> str:
    return f"/models/{version.model.slug}/predictions"


def test_one_object_is_an_ordinary_prediction(
    program: Program, alice: User, active_version: ModelVersion
) -> None:
    answer = program.post(path_of(active_version), {"inputs": LOAN_INPUTS})

    execution = Execution.objects.get()
    assert (execution.user, execution.version, execution.purpose) == (
        alice, active_version, "prediction",
    )  # fmt: skip
    assert execution.inputs == LOAN_INPUTS
    assert answer.status_code == 202
    assert answer["Location"].endswith(f"/api/v1/predictions/{execution.pk}")
    found = program.get(f"/predictions/{execution.pk}").json()
    assert found == answer.json()
    assert (found["status"], found["result"], found["inputs"]) == ("queued", None, LOAN_INPUTS)


def test_a_result_is_given_whole(
    program: Program, alice: User, active_version: ModelVersion
) -> None:
    execution = make_execution(user=alice, version=active_version, outputs=LOAN_OUTPUTS)

    found = program.get(f"/predictions/{execution.pk}").json()

    assert found["result"] == {
        "task": "classification",
        "targets": [
            {
                "name": "",
                "label": "Repayment",
                "unit": "",
                "value": 0,
                "text": "",
                "class_label": "Repays",
                "confidence": 0.834,
                "probabilities": [
                    {"value": 0, "label": "Repays", "probability": 0.834},
                    {"value": 1, "label": "Defaults", "probability": 0.166},
                ],
                "interval": None,
                "score": None,
            }
        ],
    }


def test_a_preference_to_wait_is_answered_with_the_result(
    program: Program, active_version: ModelVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def end_of(pk: uuid.UUID) -> Iterator[Callable[[float], None]]:
        yield lambda _: finish(Execution.objects.get(pk=pk))

    monkeypatch.setattr("executions.api.asking.end_of", end_of)

    answer = program.post(path_of(active_version), {"inputs": LOAN_INPUTS}, Prefer="wait=10")

    assert answer.status_code == 200
    assert answer["Preference-Applied"] == "wait=10"
    assert answer.json()["status"] == "succeeded"
    assert answer.json()["result"]["targets"][0]["value"] == 0


def finish(execution: Execution) -> None:
    if execution.is_finished:
        return
    Execution.objects.filter(pk=execution.pk).update(
        status="succeeded", outputs=LOAN_OUTPUTS, started_at=execution.requested_at,
        finished_at=execution.requested_at,
    )  # fmt: skip


def test_who_waits_in_vain_is_told_where_to_look(
    program: Program, active_version: ModelVersion
) -> None:
    answer = program.post(path_of(active_version), {"inputs": LOAN_INPUTS}, Prefer="wait=0")

    assert answer.status_code == 202
    assert answer["Preference-Applied"] == "wait=0"
    assert answer["Location"] == answer.json()["url"]


@pytest.fixture
def waiting_seconds(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that requests wait between two looks, on a clock that nothing else moves."""
    paused: list[float] = []

    @contextmanager
    def end_of(pk: uuid.UUID) -> Iterator[Callable[[float], None]]:
        yield paused.append

    monkeypatch.setattr(asking, "end_of", end_of)
    monkeypatch.setattr(asking, "_waiting", asking.Waiting())
    monkeypatch.setattr(asking, "time", SimpleNamespace(monotonic=lambda: sum(paused)))
    return paused


def test_an_account_with_many_requests_that_wait_gets_further_answers_soon(
    program: Program,
    active_version: ModelVersion,
    alice: User,
    bob: User,
    waiting_seconds: list[float],
) -> None:
    path, asked = path_of(active_version), {"inputs": LOAN_INPUTS}
    with ExitStack() as held:
        for _ in range(asking.OF_ONE_ACCOUNT):
            assert held.enter_context(asking._waiting.place_of(alice.pk))
        assert program.post(path, asked, Prefer="wait=10").status_code == 202
        assert sum(waiting_seconds) == pytest.approx(asking.BRIEFLY)
        waiting_seconds.clear()
        assert Program(bob, ("predict",)).post(path, asked, Prefer="wait=10").status_code == 202
        assert sum(waiting_seconds) == pytest.approx(10)
    waiting_seconds.clear()
    assert program.post(path, asked, Prefer="wait=10").status_code == 202
    assert sum(waiting_seconds) == pytest.approx(10)


def test_some_threads_are_left_whoever_waits(alice: User, bob: User, ada: User) -> None:
    places = asking.Waiting()
    with ExitStack() as held:
        found = [
            held.enter_context(places.place_of(person.pk))
            for person in (alice, bob, ada)
            for _ in range(asking.OF_ONE_ACCOUNT)
        ]
        assert sum(found) == asking.MOST_WAITING < PROGRAMS_AT_ONCE
    with places.place_of(ada.pk) as has_place:
        assert has_place


def test_the_same_key_with_the_same_inputs_is_the_same_prediction(
    program: Program, active_version: ModelVersion, ada: User
) -> None:
    first = program.post(path_of(active_version), {"inputs": LOAN_INPUTS}, Idempotency_Key="a")
    newer = make_version(model=active_version.model)
    services.promote(version=newer, text="A newer version", by=ada)
    again = program.post(path_of(active_version), {"inputs": LOAN_INPUTS}, Idempotency_Key="a")

    assert again.json()["id"] == first.json()["id"]
    assert Execution.objects.count() == 1


@pytest.mark.parametrize("other", [LOAN_INPUTS | {"age": 35}, [LOAN_INPUTS]])
def test_the_same_key_with_other_inputs_is_refused(
    program: Program, active_version: ModelVersion, other: Any
) -> None:
    program.post(path_of(active_version), {"inputs": LOAN_INPUTS}, Idempotency_Key="a")

    answer = program.post(path_of(active_version), {"inputs": other}, Idempotency_Key="a")

    assert "key came before" in problem(answer, 422)["detail"]
    assert Execution.objects.count() == 1


def test_the_same_key_for_another_model_is_refused(
    program: Program, active_version: ModelVersion
) -> None:
    other = make_version(is_active=True)
    program.post(path_of(active_version), {"inputs": LOAN_INPUTS}, Idempotency_Key="a")

    problem(program.post(path_of(other), {"inputs": LOAN_INPUTS}, Idempotency_Key="a"), 422)


def test_the_keys_of_two_people_are_apart(
    program: Program, bob: User, active_version: ModelVersion
) -> None:
    program.post(path_of(active_version), {"inputs": LOAN_INPUTS}, Idempotency_Key="a")
    theirs = Program(bob, ("predict",))

    assert theirs.post(
        path_of(active_version), {"inputs": LOAN_INPUTS | {"age": 20}}, Idempotency_Key="a"
    ).status_code == 202  # fmt: skip


def test_inputs_are_judged_by_the_rules_of_the_form_and_never_repeated(
    program: Program, active_version: ModelVersion
) -> None:
    inputs = {"age": 17.125, "income": "much", "home": "perhaps", "work": "lion", "a/b": 1}
    found = problem(program.post(path_of(active_version), {"inputs": inputs}), 422)

    assert found["errors"] == [
        fault("age", "This is too low. Expected a value between 18 and 100 years.", "18"),
        fault("income", "This is not a number. Expected a number."),
        fault("home", "This is neither yes nor no. Expected Yes or No."),
        fault(
            "work",
            "This is not a choice. Expected one of: Employed, Self-employed, Not working.",
        ),
        fault("a~1b", "The model has no such input."),
    ]
    for sent in ("17.125", "much", "perhaps", "lion"):
        assert sent not in json.dumps(found)
    assert not Execution.objects.exists()


def fault(name: str, detail: str, suggestion: str | None = None) -> dict[str, Any]:
    pointer = f"/inputs/{name}"
    return {"pointer": pointer, "parameter": None, "detail": detail, "suggestion": suggestion}


def test_a_program_does_not_keep_its_owner_from_the_form(
    program: Program, as_alice: Any, active_version: ModelVersion, settings: Any
) -> None:
    settings.PREDICTIONS_PER_MINUTE = 1
    for _ in range(2):
        answer = program.post(path_of(active_version), {"inputs": LOAN_INPUTS})
        assert answer.status_code == 202

    page = f"/models/{active_version.model.slug}/"
    known = as_alice.get(page).context["form"].initial
    values = {"f0": "34", "f1": "41500", "f2": "true", "f3": "emp"}
    sent = {"form_token": known["form_token"], "schema": known["schema"]}
    assert as_alice.post(page, values | sent).status_code == 302


def test_a_token_that_asks_too_often_is_told_when_to_come_back(
    program: Program, settings: Any
) -> None:
    settings.API_REQUESTS_PER_MINUTE = 1
    assert program.get("/models").status_code == 200

    answer = program.get("/models")

    problem(answer, 429)
    assert 0 < int(answer["Retry-After"]) <= 60


def test_ones_own_predictions_are_listed_newest_first_page_by_page(
    program: Program, alice: User, bob: User, active_version: ModelVersion
) -> None:
    own = [make_execution(user=alice, version=active_version) for _ in range(5)]
    make_execution(user=bob, version=active_version)

    found, following = [], "/predictions?limit=2"
    while following:
        page = program.get(following).json()
        found += [item["id"] for item in page["items"]]
        following = (page["next"] or "").partition("/api/v1")[2]
    assert found == [str(one.pk) for one in reversed(own)]


def test_a_list_costs_the_same_when_its_rows_double(
    program: Program, alice: User, django_assert_num_queries: Any
) -> None:
    program.get("/predictions")
    for _ in range(2):
        for _ in range(3):
            make_execution(user=alice, version=make_version(is_active=True), outputs=LOAN_OUTPUTS)
        with django_assert_num_queries(4):  # token, predictions, inputs, outputs
            program.get("/predictions")


def test_nobody_sees_the_prediction_of_another_person(
    program: Program, bob: User, active_version: ModelVersion
) -> None:
    theirs = make_execution(user=bob, version=active_version)

    hidden = problem(program.get(f"/predictions/{theirs.pk}"), 404)
    unknown = problem(program.get(f"/predictions/{uuid.uuid4()}"), 404)
    assert {**hidden, "instance": ""} == {**unknown, "instance": ""}


def test_a_call_costs_few_queries(
    program: Program, active_version: ModelVersion, django_assert_max_num_queries: Any
) -> None:
    program.get("/models")
    with django_assert_max_num_queries(24):
        program.post(path_of(active_version), {"inputs": LOAN_INPUTS})
