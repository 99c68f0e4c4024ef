"""The explanation and the what-if curve on a person's result page."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from accounts.models import User
from executions.explanations.curve_drawing import points_of
from executions.explanations.storing import store_explanation
from executions.models import Execution, Explanation
from executions.services.exploring import Explored, answer_exploration, read_exploration
from model_host.protocol.explanation import Curve
from tests.executions.explanations.test_contributions import CONTENT, EXPLANATION
from tests.factories import AGE, LOAN_FEATURES, LOAN_OUTPUTS, make_execution, make_version

HTMX: Any = {"headers": {"HX-Request": "true"}}
LONG_AGO = timedelta(hours=1)
AGES = tuple(points_of(AGE, 34.0))


@pytest.fixture(autouse=True)
def no_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """A result stays new for as long as a test takes."""
    monkeypatch.setattr("executions.explanations.views.NEW", LONG_AGO / 2)


@pytest.fixture
def execution(alice: User) -> Execution:
    return make_execution(user=alice, outputs=LOAN_OUTPUTS)


@pytest.fixture
def old(alice: User) -> Execution:
    then = timezone.now() - LONG_AGO
    return make_execution(user=alice, outputs=LOAN_OUTPUTS, finished_at=then)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[object, ...]]:
    """Return what was handed to Celery."""
    tasks: list[tuple[object, ...]] = []
    monkeypatch.setattr(
        "executions.services.exploring.kick", lambda task, *args: tasks.append(args)
    )
    return tasks


@pytest.fixture
def redis_away(settings: Settings) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"


def page(client: Client, execution: Execution, tail: str = "", **options: Any) -> str:
    response = client.get(f"/predictions/{execution.pk}/{tail}", **options)
    assert response.status_code == 200
    return str(response.content.decode())


def ask(client: Client, execution: Execution, **data: Any) -> str:
    response = client.post(f"/predictions/{execution.pk}/curve/", data, **HTMX)
    assert response.status_code == 200
    return str(response.content.decode())


def test_a_new_result_asks_for_its_explanation_by_itself(
    as_alice: Client, execution: Execution
) -> None:
    assert f"/predictions/{execution.pk}/explanation/?n=1" in page(as_alice, execution)


def test_the_explanation_is_on_the_page_once_it_is_there(
    as_alice: Client, execution: Execution
) -> None:
    store_explanation(execution.pk, content=EXPLANATION)

    for found in (page(as_alice, execution), page(as_alice, execution, "explanation/", **HTMX)):
        assert "typical case 31.0 % → this case 48.4 %" in found
        assert "+22.0 points" in found
        assert "/explanation/?n=" not in found


def test_the_reason_why_there_is_none_is_on_the_page(
    as_alice: Client, execution: Execution
) -> None:
    store_explanation(execution.pk, problem="This model gives no probabilities.")

    assert "This model gives no probabilities." in page(as_alice, execution)


def test_the_page_asks_a_few_times_and_then_offers_to_ask_a_worker(
    as_alice: Client, execution: Execution
) -> None:
    asking = page(as_alice, execution, "explanation/?n=5", **HTMX)
    done = page(as_alice, execution, "explanation/?n=6", **HTMX)

    assert "/explanation/?n=6" in asking
    assert "hx-get" not in done
    assert "Explain this answer" in done


def test_an_old_result_without_explanation_offers_one_and_asks_nothing_by_itself(
    as_alice: Client, old: Execution
) -> None:
    found = page(as_alice, old)

    assert "Explain this answer" in found
    assert "/explanation/?n=" not in found


def test_asking_for_an_explanation_sends_a_worker_the_id_alone(
    as_alice: Client, old: Execution, sent: list[tuple[object, ...]]
) -> None:
    response = as_alice.post(f"/predictions/{old.pk}/explanation/", **HTMX)

    assert "/explanation/?n=1" in response.content.decode()
    ((pk, name, _token),) = sent
    assert (pk, name) == (str(old.pk), "")


def test_labels_and_values_of_inputs_are_never_markup(as_alice: Client, alice: User) -> None:
    hostile = "<b onclick=x>Age"
    features = (LOAN_FEATURES[0].__class__("income", hostile, LOAN_FEATURES[0].kind),)
    version = make_version(features=features, is_active=True)
    execution = make_execution(
        user=alice, version=version, inputs={"income": 1.0}, outputs=LOAN_OUTPUTS
    )
    store_explanation(execution.pk, content=EXPLANATION)

    assert hostile not in page(as_alice, execution)


@pytest.mark.parametrize("tail", ["explanation/", "curve/?input=0"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_another_persons_explanation_and_curve_do_not_exist(
    client: Client, bob: User, execution: Execution, tail: str, method: str
) -> None:
    client.force_login(bob)

    response = getattr(client, method)(f"/predictions/{execution.pk}/{tail}", {"input": "0"})

    assert response.status_code == 404


@pytest.mark.parametrize("fields", [{"error_code": "MODEL"}, {}])
def test_what_did_not_succeed_has_neither(
    as_alice: Client, alice: User, fields: dict[str, Any]
) -> None:
    execution = make_execution(user=alice, **fields)

    assert as_alice.get(f"/predictions/{execution.pk}/explanation/").status_code == 404
    assert "What moved it" not in page(as_alice, execution)


def test_other_values_are_offered_for_numbers_choices_and_yes_or_no(
    as_alice: Client, execution: Execution
) -> None:
    found = page(as_alice, execution)

    for position, label in enumerate(("Age", "Annual income", "Owns a home", "Employment")):
        assert f'<option value="{position}">{label}</option>' in found


def test_a_curve_opens_at_the_input_that_moved_the_answer_most(
    as_alice: Client, execution: Execution
) -> None:
    store_explanation(execution.pk, content=EXPLANATION)

    found = page(as_alice, execution)

    assert '<option value="1" selected>Annual income</option>' in found
    assert "toggle from:closest details once" in found


def test_an_explanation_that_comes_later_brings_the_strongest_input(
    as_alice: Client, execution: Execution
) -> None:
    early = page(as_alice, execution, "explanation/", **HTMX)
    store_explanation(execution.pk, content=EXPLANATION)
    late = page(as_alice, execution, "explanation/", **HTMX)

    assert "curve-input" not in early
    assert 'id="curve-input" hx-swap-oob="true"' in late
    assert '<option value="1" selected>Annual income</option>' in late
    assert "hx-swap-oob" not in page(as_alice, execution)


@pytest.mark.usefixtures("sent")
def test_a_value_of_the_curve_fills_the_form_and_stands_in_no_address(
    as_alice: Client, execution: Execution
) -> None:
    ask(as_alice, execution, input="0")
    curve = Curve("probability", label=0, numbers=tuple(0.5 for _ in AGES))
    answer_exploration(execution.pk, "age", Explored(points=AGES, curve=curve))

    found = page(as_alice, execution, "curve/?input=0", **HTMX)
    place = AGES.index(60.0)
    assert f'<option value="{place}" data-typed="60">60 years · 50.0 %</option>' in found
    form = as_alice.get(
        f"/models/{execution.version.model.slug}/",
        {"from": str(execution.pk), "input": "0", "point": str(place)},
    ).context["form"]

    assert form.initial["f0"] == "60"
    assert form.initial["f1"] == "41500"


@pytest.mark.parametrize(
    ("position", "point"), [("0", "999"), ("99", "0"), ("x", "0"), ("0", ""), ("-1", "-1")]
)
def test_a_value_that_the_curve_does_not_have_leaves_the_form_as_it_was(
    as_alice: Client, execution: Execution, position: str, point: str
) -> None:
    form = as_alice.get(
        f"/models/{execution.version.model.slug}/",
        {"from": str(execution.pk), "input": position, "point": point},
    ).context["form"]

    assert form.initial["f0"] == "34"


@pytest.mark.usefixtures("sent")
def test_choices_are_compared_as_bars_and_carry_what_the_form_takes(
    as_alice: Client, execution: Execution
) -> None:
    ask(as_alice, execution, input="2")
    curve = Curve("probability", label=0, numbers=(0.9, 0.8))
    answer_exploration(execution.pk, "home", Explored(points=(True, False), curve=curve))

    found = page(as_alice, execution, "curve/?input=2", **HTMX)

    assert (
        "Probability of Repays is highest with Yes (90.0 %) and lowest with No (80.0 %)." in found
    )
    assert "<polyline" not in found
    assert '<option value="0" data-typed="true">Yes · 90.0 %</option>' in found


def test_asking_for_a_curve_sends_no_value_and_waits(
    as_alice: Client, execution: Execution, sent: list[tuple[object, ...]]
) -> None:
    found = ask(as_alice, execution, input="0")

    assert "Asking the model." in found
    assert f"/predictions/{execution.pk}/curve/?input=0" in found
    assert [args[:2] for args in sent] == [(str(execution.pk), "age")]


def test_asking_twice_is_one_question(
    as_alice: Client, execution: Execution, sent: list[tuple[object, ...]]
) -> None:
    ask(as_alice, execution, input="0")
    ask(as_alice, execution, input="0")

    assert len(sent) == 1


def test_the_curve_and_its_table_appear_once_the_worker_has_answered(
    as_alice: Client, execution: Execution, sent: list[tuple[object, ...]]
) -> None:
    ask(as_alice, execution, input="0")
    curve = Curve("probability", label=0, numbers=(0.2, 0.834, 0.9))
    answer_exploration(execution.pk, "age", Explored(points=(18.0, 34.0, 100.0), curve=curve))

    found = page(as_alice, execution, "curve/?input=0")

    assert "Probability of Repays from 20.0 % at 18 years to 90.0 % at 100 years." in found
    assert "<polyline" in found
    assert "this prediction" in found
    assert "http-equiv" not in found


def test_without_scripts_the_question_leads_to_a_page_that_refreshes(
    as_alice: Client, execution: Execution, sent: list[tuple[object, ...]]
) -> None:
    response = as_alice.post(f"/predictions/{execution.pk}/curve/", {"input": "1"}, follow=True)

    assert response.redirect_chain == [(f"/predictions/{execution.pk}/curve/?input=1", 302)]
    assert 'http-equiv="refresh"' in response.content.decode()


def test_an_answer_that_nobody_asked_for_is_not_kept(execution: Execution) -> None:
    answer_exploration(execution.pk, "age", Explored(problem="x"))

    assert read_exploration(execution.pk, "age") is None


@pytest.mark.parametrize("chosen", ["4", "99", "", "-1", "age"])
def test_only_inputs_of_the_form_can_be_asked_about(
    as_alice: Client, execution: Execution, chosen: str
) -> None:
    response = as_alice.post(f"/predictions/{execution.pk}/curve/", {"input": chosen})

    assert response.status_code == 404


@pytest.mark.usefixtures("redis_away")
def test_without_redis_the_page_stands_and_a_calm_sentence_says_so(
    as_alice: Client, execution: Execution
) -> None:
    sentence = "This cannot be worked out right now. The answer itself is not affected."

    assert sentence in ask(as_alice, execution, input="0")
    assert sentence in page(as_alice, execution, "curve/?input=0")
    assert "What moved it" in page(as_alice, execution)


def test_too_many_questions_are_told_to_wait(
    as_alice: Client, execution: Execution, sent: list[tuple[object, ...]], settings: Settings
) -> None:
    settings.PREDICTIONS_PER_MINUTE = 1

    ask(as_alice, execution, input="0")

    assert "Try again in" in ask(as_alice, execution, input="1")
    assert len(sent) == 1


def test_an_explanation_is_written_once(execution: Execution) -> None:
    assert store_explanation(execution.pk, content=EXPLANATION)
    assert not store_explanation(execution.pk, problem="Another.")

    assert Explanation.objects.get().content == CONTENT


@pytest.mark.parametrize("gone", ["deleted_at", "purged_at"])
def test_nothing_is_written_about_a_deleted_or_purged_execution(alice: User, gone: str) -> None:
    execution = make_execution(user=alice, outputs=LOAN_OUTPUTS, **{gone: timezone.now()})

    assert not store_explanation(execution.pk, content=EXPLANATION)
    assert not store_explanation(uuid.uuid4(), content=EXPLANATION)
