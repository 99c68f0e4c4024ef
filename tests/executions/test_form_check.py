"""The check of a form's fields as they are left, by the rules of a submit."""

import uuid
from typing import Any

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from executions.models import Execution
from models_registry.inputs.feature_spec import FeatureSpec, Kind, Requirement
from models_registry.inputs.input_rules import RuleKind
from models_registry.models import ModelVersion
from models_registry.models.input_rule import InputRule
from tests.factories import make_version

FEATURES = (
    FeatureSpec("age", "Age", Kind.FLOAT, unit="years", minimum=18, maximum=100, soft_maximum=80),
    FeatureSpec("low", "Low", Kind.FLOAT),
    FeatureSpec("high", "High", Kind.FLOAT),
    FeatureSpec("work", "Work", Kind.CHOICE, choices=(("a", "Office"), ("b", "Field"))),
)


@pytest.fixture
def version() -> ModelVersion:
    version = make_version(features=FEATURES, is_active=True)
    InputRule.objects.create(version=version, first="low", kind=RuleKind.BELOW, second="high")
    return version


def check(client: Client, version: ModelVersion, *left: str, **fields: str) -> Any:
    data = {
        "form_token": str(uuid.uuid4()),
        "schema": version.features.as_schema().digest,
        "left": list(left),
    }
    return client.post(f"/models/{version.model.slug}/check/", data | fields)


def lines(response: Any) -> list[str]:
    return [field.html_name for field in response.context["fields"]]


def test_a_field_that_is_left_says_the_error_and_the_correction_of_a_submit(
    as_alice: Client, version: ModelVersion
) -> None:
    answer = check(as_alice, version, "f0", f0="230")
    page = answer.content.decode()
    assert lines(answer) == ["f0"]
    assert '<div class="field-line" id="id_f0-line" hx-swap-oob="true">' in page
    assert "230 is too high. Expected a value between 18 and 100 years." in page
    assert 'value="f0=100"' in page
    assert not Execution.objects.exists()


def test_a_value_outside_the_trained_range_is_noted_where_it_was_typed(
    as_alice: Client, version: ModelVersion
) -> None:
    page = check(as_alice, version, "f0", f0="90").content.decode()
    assert 'class="notice-line"' in page
    assert ">90 is outside the range the model was trained on (–80).<" in page


def test_a_corrected_field_gets_its_help_back(as_alice: Client, version: ModelVersion) -> None:
    page = check(as_alice, version, "f0", f0="40").content.decode()
    assert 'class="help"' in page
    assert 'class="error"' not in page


def test_fields_that_nobody_has_left_say_nothing(as_alice: Client, version: ModelVersion) -> None:
    answer = check(as_alice, version, "f0", f0="40", f1="x")
    assert lines(answer) == ["f0"]
    assert "A value is needed" not in answer.content.decode()


def test_a_rule_between_two_fields_is_checked_when_either_is_left(
    as_alice: Client, version: ModelVersion
) -> None:
    for left in ("f1", "f2"):
        answer = check(as_alice, version, left, f1="5", f2="3")
        assert "f2" in lines(answer)
        assert "Low must be less than High." in answer.content.decode()
    assert lines(check(as_alice, version, "f1", f1="5")) == ["f1"]


def test_the_summary_of_a_refused_form_shrinks_with_each_correction(
    as_alice: Client, version: ModelVersion
) -> None:
    fields = {"f0": "40", "f1": "1", "f2": "2", "f3": "c", "summary": "1"}
    page = check(as_alice, version, "f0", **fields).content.decode()
    assert "1 value needs a correction. Nothing has been run." in " ".join(page.split())
    assert '<a href="#id_f3">Work: “c” is not a choice</a>' in page
    done = check(as_alice, version, "f3", **fields | {"f3": "a"}).content.decode()
    assert '<div id="errors" hx-swap-oob="true" hidden></div>' in done


def test_a_form_of_another_version_is_left_to_the_submit(
    as_alice: Client, version: ModelVersion
) -> None:
    assert check(as_alice, version, "f0", f0="230", schema="another").status_code == 204


def test_over_the_rate_a_check_answers_429_and_a_submit_still_works(
    as_alice: Client, version: ModelVersion, settings: Settings
) -> None:
    settings.FORM_CHECKS_PER_MINUTE = 1
    check(as_alice, version, "f0", f0="40")
    refused = check(as_alice, version, "f0", f0="40")
    assert refused.status_code == 429
    assert int(refused["Retry-After"]) >= 1


def test_a_pasted_row_is_checked_when_it_is_left(as_alice: Client) -> None:
    features = tuple(
        FeatureSpec(f"x{n}", f"X {n}", Kind.FLOAT, Requirement.MAY_BE_MISSING) for n in range(201)
    )
    wide = make_version(features=features, is_active=True)
    page = check(as_alice, wide, "row", row="x0,x1\n1,old").content.decode()
    assert "X 1: This is not a number." in page


def test_choices_that_can_be_seen_are_not_listed_again_below_them(
    as_alice: Client, version: ModelVersion
) -> None:
    page = check(as_alice, version, "f3", f3="pilot").content.decode()
    assert "“pilot” is not a choice." in page
    assert "Expected one of" not in page
