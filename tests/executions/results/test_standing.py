"""The answer beside the form: old as soon as the form holds other values, and what the next one
changed."""

import html
import json
import re
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from accounts.models import User
from executions.forms import InputForm
from executions.models import Execution
from executions.results.standing import standing
from models_registry.inputs.feature_spec import FeatureSpec, Kind, Requirement
from models_registry.inputs.input_schema import InputSchema
from models_registry.models import ModelVersion
from tests.factories import LOAN_FEATURES, LOAN_INPUTS, LOAN_OUTPUTS, make_execution

SCHEMA = InputSchema(LOAN_FEATURES)
TYPED = {"f0": "34", "f1": "41500", "f2": "false", "f3": "self"}


def form_with(**fields: str) -> InputForm:
    data = {"form_token": str(uuid.uuid4()), "schema": SCHEMA.digest} | TYPED | fields
    form = InputForm(SCHEMA, data)
    form.is_valid()
    return form


def test_a_form_with_the_same_values_in_another_way_of_writing_leaves_the_answer_current() -> None:
    found = standing(form_with(f0="34.0", f1=" 41,500.0 "), LOAN_INPUTS, is_example=False)
    assert not found.is_stale


def test_a_form_with_other_values_names_the_inputs_that_differ() -> None:
    found = standing(form_with(f0="35", f3="emp"), LOAN_INPUTS, is_example=False)
    assert found.sentence == "Made with other values: Age, Employment"


def test_a_value_that_cannot_be_read_is_another_value() -> None:
    assert standing(form_with(f0="old"), LOAN_INPUTS, is_example=False).is_stale


def test_an_empty_form_leaves_the_example_as_it_is_and_an_own_answer_old() -> None:
    form = InputForm(SCHEMA)
    assert not standing(form, LOAN_INPUTS, is_example=True).is_stale
    assert standing(form, LOAN_INPUTS, is_example=False).is_stale


def test_more_than_three_differing_inputs_are_counted() -> None:
    features = tuple(FeatureSpec(f"x{n}", f"X {n}", Kind.FLOAT) for n in range(5))
    form = InputForm(InputSchema(features))
    found = standing(form, {f"x{n}": 1.0 for n in range(5)}, is_example=False)
    assert found.sentence == "Made with other values: X 0, X 1, X 2 and 2 more"


def test_a_pasted_row_of_many_inputs_is_compared_as_one_text() -> None:
    features = tuple(
        FeatureSpec(f"x{n}", f"X {n}", Kind.FLOAT, Requirement.MAY_BE_MISSING) for n in range(201)
    )
    schema = InputSchema(features)
    values = {feature.name: 1.0 for feature in features}
    assert not standing(InputForm(schema, values=values), values, is_example=False).is_stale
    other = standing(InputForm(schema, values=values | {"x0": 2.0}), values, is_example=False)
    assert other.sentence == "Made with other values"


def predict(client: Client, version: ModelVersion, by_script: bool = False, **fields: Any) -> Any:
    digest = version.features.as_schema().digest
    data = {"form_token": str(uuid.uuid4()), "schema": digest} | TYPED | fields
    headers = {"HX-Request": "true"} if by_script else None
    return client.post(f"/models/{version.model.slug}/", data, headers=headers)


def test_after_a_refused_submit_the_last_answer_stands_old_beside_the_form(
    as_alice: Client, alice: User, active_version: ModelVersion
) -> None:
    last = make_execution(user=alice, version=active_version, outputs=LOAN_OUTPUTS)
    page = predict(as_alice, active_version, f0="230", after=str(last.pk)).content.decode()
    assert 'class="surface pane-result stale"' in page
    assert "Made with other values: Age" in page
    assert "83.4 %" in page


def test_the_form_of_an_answer_carries_the_values_that_it_was_made_with(
    as_alice: Client, alice: User, active_version: ModelVersion
) -> None:
    execution = make_execution(user=alice, version=active_version, outputs=LOAN_OUTPUTS)
    page = as_alice.get(f"/predictions/{execution.pk}/").content.decode()
    made = re.search(r'data-made-with="(.*?)"', page)
    assert made is not None
    assert json.loads(html.unescape(made[1]))["f0"] == ["34", "Age"]
    assert "pane-result stale" not in page


def test_typical_values_cleared_ones_and_recent_ones_keep_the_answer_beside_the_form(
    as_alice: Client, alice: User, active_version: ModelVersion
) -> None:
    execution = make_execution(user=alice, version=active_version, outputs=LOAN_OUTPUTS)
    page = as_alice.get(f"/predictions/{execution.pk}/").content.decode()
    slug = active_version.model.slug
    for query in (
        f"typical=1&amp;after={execution.pk}",
        f"after={execution.pk}",
        f"from={execution.pk}&amp;after={execution.pk}",
    ):
        assert f'href="/models/{slug}/?{query}"' in page
    cleared = as_alice.get(f"/models/{slug}/?after={execution.pk}").content.decode()
    assert "83.4 %" in cleared
    assert "pane-result stale" in cleared


def test_the_next_answer_says_what_changed_from_the_one_beside_the_form(
    as_alice: Client, alice: User, active_version: ModelVersion
) -> None:
    last = make_execution(user=alice, version=active_version, outputs=LOAN_OUTPUTS)
    sent = predict(as_alice, active_version, f0="60", after=str(last.pk))
    now = Execution.objects.exclude(pk=last.pk).get()
    assert sent.url == f"/predictions/{now.pk}/?after={last.pk}#result"
    waiting = as_alice.get(sent.url).content.decode()
    assert f"/predictions/{now.pk}/status/?n=1&amp;after={last.pk}" in waiting
    assert f"n=1&amp;after={last.pk}#result" in waiting  # without scripts
    Execution.objects.filter(pk=now.pk).update(
        status="succeeded",
        started_at=now.requested_at,
        finished_at=now.requested_at,
        outputs=LOAN_OUTPUTS
        | {
            "targets": [
                LOAN_OUTPUTS["targets"][0]  # type: ignore[index]
                | {
                    "confidence": 0.712,
                    "probabilities": [
                        {"value": 0, "probability": 0.712},
                        {"value": 1, "probability": 0.288},
                    ],
                }
            ]
        },
    )
    for address in (sent.url, f"/predictions/{now.pk}/status/?n=1&after={last.pk}"):
        page = as_alice.get(address).content.decode()
        assert "83.4 → 71.2 %" in page
        assert "−12.2 points" in page
        assert "Age 34 years → 60 years" in page
        assert 'class="ghost" y="22" width="83.4%"' in page


def test_nothing_is_compared_with_another_persons_prediction_nor_with_a_deleted_one(
    as_alice: Client, alice: User, bob: User, active_version: ModelVersion
) -> None:
    now = make_execution(user=alice, version=active_version, outputs=LOAN_OUTPUTS)
    foreign = make_execution(user=bob, version=active_version, outputs=LOAN_OUTPUTS)
    gone = make_execution(user=alice, version=active_version, outputs=LOAN_OUTPUTS)
    Execution.objects.filter(pk=gone.pk).update(deleted_at=gone.requested_at)
    for other in (foreign, gone):
        response = as_alice.get(f"/predictions/{now.pk}/?after={other.pk}")
        assert response.status_code == 200
        assert "With the same values as before" not in response.content.decode()
        refused = predict(as_alice, active_version, f0="230", after=str(other.pk))
        assert refused.status_code == 422
        assert str(other.pk) not in refused.content.decode()


def test_a_script_that_sends_the_form_gets_the_pane_of_the_answer_alone(
    as_alice: Client, alice: User, active_version: ModelVersion
) -> None:
    former = make_execution(user=alice, version=active_version, outputs=LOAN_OUTPUTS)
    answer = predict(as_alice, active_version, by_script=True, after=str(former.pk))
    pane = answer.content.decode()
    execution = Execution.objects.exclude(pk=former.pk).get()
    assert answer.status_code == 200
    assert "<html" not in pane
    assert 'id="predict"' not in pane
    assert f'data-address="/predictions/{execution.pk}/?after={former.pk}"' in pane
    assert f'hx-get="/predictions/{execution.pk}/status/?n=1&amp;after={former.pk}"' in pane
    made = re.search(r'data-made-with="(.*?)"', pane)
    assert made is not None
    assert json.loads(html.unescape(made[1]))["f0"] == ["34", "Age"]


def test_a_result_that_is_there_at_once_comes_with_the_answer_to_the_form(
    as_alice: Client, active_version: ModelVersion, settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    @contextmanager
    def end_of(pk: uuid.UUID) -> Iterator[Callable[[float], object]]:
        made = Execution.objects.filter(pk=pk)
        at = made.get().requested_at
        yield lambda _: made.update(
            status="succeeded", outputs=LOAN_OUTPUTS, started_at=at, finished_at=at
        )

    monkeypatch.setattr("executions.api.asking.end_of", end_of)
    settings.FORM_WAIT_SECONDS = 10.0
    pane = predict(as_alice, active_version, by_script=True).content.decode()
    assert '<h2 class="value">Repays' in pane
    assert "/status/" not in pane
    assert re.search(r'id="said" hx-swap-oob="innerHTML">\s*<span>Repays', pane)


def test_the_next_form_after_a_script_sent_one_is_another_one(
    as_alice: Client, alice: User, active_version: ModelVersion
) -> None:
    first = make_execution(user=alice, version=active_version, outputs=LOAN_OUTPUTS)
    pane = predict(as_alice, active_version, by_script=True, after=str(first.pk)).content.decode()
    token = re.search(r'id="id_form_token" value="(.*?)" hx-swap-oob="true"', pane)
    execution = Execution.objects.exclude(pk=first.pk).get()
    assert token is not None
    assert token[1] != str(execution.form_token)
    assert f'id="id_after" value="{execution.pk}" hx-swap-oob="true"' in pane
    assert f"?from={first.pk}&amp;after={execution.pk}" in pane  # the recent ones, too


def test_a_form_that_a_script_sent_and_that_is_refused_is_left_to_the_browser(
    as_alice: Client, active_version: ModelVersion
) -> None:
    answer = predict(as_alice, active_version, by_script=True, f0="230")
    assert (answer.status_code, answer.content) == (422, b"")
    assert not Execution.objects.exists()
