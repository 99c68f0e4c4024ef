import re
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from accounts.models import User
from executions.models import Execution
from executions.results.pane import SOONEST_POLL_MS
from models_registry.inputs.feature_spec import FeatureSpec, Kind
from models_registry.models import ModelVersion
from models_registry.own_rehearsals import write_example
from models_registry.rehearsal_results import Example
from tests.factories import (
    LOAN_ANSWER,
    LOAN_INPUTS,
    LOAN_OUTPUTS,
    make_execution,
    make_version,
)

VALID = {"f0": "34", "f1": "41,500.0", "f2": "false", "f3": "self"}


def address(version: ModelVersion) -> str:
    return f"/models/{version.model.slug}/"


def post(client: Client, version: ModelVersion, **fields: Any) -> Any:
    return send(client, version, **VALID | fields)


def send(client: Client, version: ModelVersion, **fields: Any) -> Any:
    schema = version.features.as_schema().digest
    data = {"form_token": str(uuid.uuid4()), "schema": schema} | fields
    return client.post(address(version), data)


DOSE = FeatureSpec(
    "dose", "Dose 2.5", Kind.FLOAT, unit="mg", minimum=0.5, maximum=12_345.5, typical=2.5,
    soft_maximum=1_000.25,
)  # fmt: skip


@pytest.fixture
def comma(alice: User) -> None:
    User.objects.filter(pk=alice.pk).update(number_format=",")


@pytest.mark.usefixtures("comma")
def test_who_writes_commas_reads_them_in_hints_errors_and_corrections(as_alice: Client) -> None:
    version = make_version(features=(DOSE,), is_active=True)

    hint = as_alice.get(address(version)).content.decode()
    refused = send(as_alice, version, f0="12345,75").content.decode()

    assert "0,5 to 12.345,5, typical 2,5" in hint
    assert "12.345,75 is too high. Expected a value between 0,5 and 12.345,5 mg." in refused
    assert "Use 12345,5" in refused
    assert "Dose 2.5" in refused


@pytest.mark.usefixtures("comma")
def test_a_warning_is_stored_with_points_and_read_with_commas(as_alice: Client) -> None:
    version = make_version(features=(DOSE,), is_active=True)

    send(as_alice, version, f0="1000,75")

    execution = Execution.objects.get()
    says = "Dose 2.5: 1{1}000{0}75 is outside the range the model was trained on (–1{1}000{0}25)."
    assert execution.warnings == [says.format(".", ",")]
    lost = "Dose 2.5 = 1,000.75 became inf in step scaler. The model went on with that."
    at, warnings = execution.requested_at, [*execution.warnings, lost, "scikit-learn 1.5"]
    Execution.objects.update(
        status="succeeded", outputs=LOAN_OUTPUTS, started_at=at, finished_at=at, warnings=warnings
    )
    page = as_alice.get(f"/predictions/{execution.pk}/").content.decode()
    assert says.format(",", ".") in page
    assert "Dose 2.5 = 1.000,75 became inf" in page
    assert "scikit-learn 1.5" in page


def test_one_live_model_opens_straight_on_its_form(
    as_alice: Client, active_version: ModelVersion
) -> None:
    response = as_alice.get("/", follow=True)
    assert response.redirect_chain == [(address(active_version), 302)]
    assert active_version.model.name in response.content.decode()


def test_several_live_models_are_listed_with_what_they_return(as_alice: Client) -> None:
    versions = [make_version(is_active=True) for _ in range(2)]
    page = as_alice.get("/").content.decode()
    assert all(version.model.name in page for version in versions)
    assert "Repays · Defaults" in page


def test_without_a_live_model_the_page_says_to_check_back(as_alice: Client) -> None:
    assert "There is no model available right now" in as_alice.get("/").content.decode()


def test_a_valid_form_becomes_an_execution_and_leads_to_its_page(
    as_alice: Client, active_version: ModelVersion
) -> None:
    response = post(as_alice, active_version)
    execution = Execution.objects.get()
    assert response.url == f"/predictions/{execution.pk}/#result"
    assert execution.inputs == LOAN_INPUTS


def test_sending_the_form_twice_leads_to_the_same_execution(
    as_alice: Client, active_version: ModelVersion
) -> None:
    token = str(uuid.uuid4())
    pages = {post(as_alice, active_version, form_token=token).url for _ in range(2)}
    assert len(pages) == 1


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"f0": "230"}, "230 is too high. Expected a value between 18 and 100 years."),
        ({"f0": "old"}, "This is not a number. Expected"),
        ({"f0": "old"}, "Age: This is not a number</a>"),
        ({"f0": ""}, "Age: A value is needed</a>"),
        ({"f0": "nan"}, "Age: This is not a number</a>"),
        ({"f0": "1e400"}, "Age: This number is too large</a>"),
        ({"f0": "½"}, "Age: This is not a number</a>"),
        ({"f0": "\x00"}, "Age: “\\x00” at character 1 cannot be stored: remove it</a>"),
        ({"f3": "Emploied"}, "Did you mean Employed?"),
        ({f"x{index}": "1" for index in range(2000)}, "2000 fields that this model does not have"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_bad_input_comes_back_with_values_and_messages_and_runs_nothing(
    as_alice: Client, active_version: ModelVersion, fields: dict[str, str], sentence: str
) -> None:
    response = post(as_alice, active_version, **fields)
    page = response.content.decode()
    assert response.status_code == 422
    assert sentence in page
    assert 'value="41,500.0"' in page
    assert not Execution.objects.exists()


def test_a_lone_surrogate_is_no_number_and_runs_nothing(
    as_alice: Client, active_version: ModelVersion
) -> None:
    digest = active_version.features.as_schema().digest
    body = f"form_token={uuid.uuid4()}&schema={digest}&f0=%ED%A0%80&f2=true&f3=emp"
    response = as_alice.post(
        address(active_version), body, content_type="application/x-www-form-urlencoded"
    )
    assert response.status_code == 422
    assert not Execution.objects.exists()


def test_a_correction_types_the_value_and_runs_nothing(
    as_alice: Client, active_version: ModelVersion
) -> None:
    response = post(as_alice, active_version, f0="230", fix="f0=100")
    assert response.status_code == 200
    assert 'value="100"' in response.content.decode()
    assert not Execution.objects.exists()


def test_a_form_opened_on_other_inputs_is_not_read_by_position(
    as_alice: Client, active_version: ModelVersion
) -> None:
    response = post(as_alice, active_version, schema="another")
    assert response.status_code == 422
    assert "inputs have changed since you opened this page" in response.content.decode()
    assert not Execution.objects.exists()


def test_over_the_rate_the_form_comes_back_with_the_seconds_to_wait(
    as_alice: Client, active_version: ModelVersion, settings: Settings
) -> None:
    settings.PREDICTIONS_PER_MINUTE = 1
    post(as_alice, active_version)
    response = post(as_alice, active_version)
    assert response.status_code == 429
    assert "Try again in" in response.content.decode()


def test_a_model_without_an_active_version_has_no_form(as_alice: Client) -> None:
    assert as_alice.get(address(make_version())).status_code == 404


def test_typical_values_and_earlier_inputs_fill_the_form_and_run_nothing(
    as_alice: Client, alice: User, active_version: ModelVersion
) -> None:
    earlier = make_execution(user=alice, version=active_version)
    assert 'value="42"' in as_alice.get(address(active_version) + "?typical=1").content.decode()
    page = as_alice.get(address(active_version) + f"?from={earlier.pk}").content.decode()
    assert 'value="34"' in page
    assert Execution.objects.count() == 1


def test_hostile_names_are_shown_as_text(as_alice: Client) -> None:
    script = "<script>alert(1)</script>"
    features = (FeatureSpec(script, script, Kind.FLOAT, help=script, unit=script[:40]),)
    page = as_alice.get(address(make_version(features=features, is_active=True)))
    assert script not in page.content.decode()
    assert "&lt;script&gt;alert(1)" in page.content.decode()


def test_a_finished_execution_shows_answer_confidence_classes_version_and_id(
    as_alice: Client, alice: User, active_version: ModelVersion
) -> None:
    execution = make_execution(user=alice, version=active_version, outputs=LOAN_OUTPUTS)
    page = as_alice.get(f"/predictions/{execution.pk}/").content.decode()
    for text in ("Repays", "83.4 %", "Defaults", "16.6 %", "v1", execution.public_id):
        assert text in page
    assert "/status/" not in page


@pytest.mark.parametrize("status", ["queued", "running"])
def test_an_unfinished_execution_asks_again_by_itself_with_and_without_scripts(
    as_alice: Client, alice: User, active_version: ModelVersion, status: str
) -> None:
    execution = make_execution(user=alice, version=active_version, status=status)
    page = as_alice.get(f"/predictions/{execution.pk}/").content.decode()
    assert f'hx-get="/predictions/{execution.pk}/status/?n=1"' in page
    assert re.search(
        r'<noscript>\s*<meta http-equiv="refresh" content="2;url=[^"]*\?n=1#result', page
    )


def test_the_result_is_asked_for_at_a_growing_interval(
    as_alice: Client, alice: User, active_version: ModelVersion
) -> None:
    execution = make_execution(user=alice, version=active_version)
    delays = []
    for asked in (1, 2, 3, 50):
        page = as_alice.get(f"/predictions/{execution.pk}/status/?n={asked}").content.decode()
        delays.append(int(page.split("load delay:")[1].split("ms")[0]))
    assert delays == sorted(set(delays))
    assert delays[-1] <= 2000


def pane_of(client: Client, execution: Execution) -> str:
    page = client.get(f"/predictions/{execution.pk}/").content.decode()
    return " ".join(
        re.sub(r"<[^>]+>", " ", page.split('id="result"')[1].split("Recent")[0]).split()
    )


def test_until_a_brief_run_is_over_the_last_answer_stays_in_place_and_is_called_so(
    as_alice: Client, alice: User, active_version: ModelVersion
) -> None:
    make_execution(user=alice, version=active_version, outputs=LOAN_OUTPUTS)
    pane = pane_of(as_alice, make_execution(user=alice, version=active_version))
    assert "Your last result, until yours is ready" in pane
    assert "Repays" in pane
    assert "83.4 %" in pane
    assert "Queued" not in pane


def test_the_example_stays_in_place_until_a_persons_first_run_is_over(
    as_alice: Client, alice: User
) -> None:
    version = make_version(is_active=True)
    typical = version.features.as_schema().typical_values()
    write_example(version, Example(typical, LOAN_ANSWER), None)
    pane = pane_of(as_alice, make_execution(user=alice, version=version))
    assert "Example result, until yours is ready" in pane
    assert "Repays" in pane


def test_another_persons_answer_never_stays_in_place(
    as_alice: Client, alice: User, bob: User, active_version: ModelVersion
) -> None:
    make_execution(user=bob, version=active_version, outputs=LOAN_OUTPUTS)
    pane = pane_of(as_alice, make_execution(user=alice, version=active_version))
    assert "83.4 %" not in pane
    assert "Working" in pane


def test_the_first_poll_comes_when_the_persons_last_run_and_its_explanation_took_so_long(
    as_alice: Client, alice: User, active_version: ModelVersion
) -> None:
    now = timezone.now()
    make_execution(
        user=alice,
        version=active_version,
        outputs=LOAN_OUTPUTS,
        requested_at=now - timedelta(seconds=60),
        finished_at=now - timedelta(seconds=59.3),
    )
    page = as_alice.get(f"/predictions/{make_execution(user=alice, version=active_version).pk}/")
    delay = int(page.content.decode().split("load delay:")[1].split("ms")[0])
    assert SOONEST_POLL_MS <= delay <= 950


@pytest.mark.parametrize(
    ("code", "message", "first"),
    [
        ("INPUT", "Age: it is too odd", "Change the values"),
        ("MODEL", "ValueError: no", "Change the values"),
        ("MEMORY", "", "Change the values"),
        ("TIMEOUT", "It took over 10 s.", "Try again with the same inputs"),
        ("CRASH", "The worker is gone", "Try again with the same inputs"),
        ("EXPIRED", "", "Try again with the same inputs"),
        ("LOAD", "", "Try again with the same inputs"),
    ],
)
def test_a_failure_offers_the_act_that_fits_its_cause_then_the_administrators_then_more(
    as_alice: Client,
    alice: User,
    active_version: ModelVersion,
    code: str,
    message: str,
    first: str,
) -> None:
    execution = make_execution(user=alice, version=active_version, error_code=code, message=message)
    page = as_alice.get(f"/predictions/{execution.pk}/").content.decode()
    acts, more = page.split('class="actions-row"')[1:3]
    shown = re.findall(r"btn[^>]*>(?:\s*<svg.*?</svg>)?\s*([A-Z][^<]+)<", acts, re.DOTALL)
    assert [text.strip() for text in shown] == [first, "Ask an administrator"]
    assert acts.count("btn-primary") == 1
    other = {"Change the values", "Try again with the same inputs"} - {first}
    for text in {*other, "New prediction", "Save as preset", "PDF", "Delete"}:
        assert text in more


def test_a_failure_by_a_value_says_which_and_leads_to_its_field(
    as_alice: Client, alice: User, active_version: ModelVersion
) -> None:
    execution = make_execution(
        user=alice, version=active_version, error_code="INPUT", message="Age: it is too odd"
    )
    page = as_alice.get(f"/predictions/{execution.pk}/").content.decode()
    assert "The model could not use the value of Age: it is too odd." in page
    assert "Age was 34 years." in page
    assert f"?from={execution.pk}#id_f0" in page


def test_a_result_begins_with_the_answer_on_a_phone_and_a_link_unfolds_the_form(
    as_alice: Client, alice: User, active_version: ModelVersion
) -> None:
    execution = make_execution(user=alice, version=active_version, outputs=LOAN_OUTPUTS)
    page = as_alice.get(f"/predictions/{execution.pk}/").content.decode()
    assert 'class="panes answered"' in page
    assert page.count('href="#predict"') == 1  # in the bar at the foot
    assert 'class="panes answered"' not in post(as_alice, active_version, f0="230").content.decode()


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("INPUT", "Could not use one of the values"),
        ("MODEL", "The model failed on these inputs. The administrators have been told."),
        ("LOAD", "The model could not be loaded. Nothing is wrong with your inputs."),
        ("STORAGE", "The model could not be loaded. Nothing is wrong with your inputs."),
        ("MEMORY", "The model needed too much memory and was stopped."),
        ("EXPIRED", "The system was busy; your prediction was not started."),
        ("CRASH", "The prediction was interrupted."),
    ],
)
def test_a_failed_execution_shows_its_sentence_and_code_and_never_a_traceback(
    as_alice: Client, alice: User, active_version: ModelVersion, code: str, sentence: str
) -> None:
    execution = make_execution(
        user=alice,
        version=active_version,
        error_code=code,
        message="Could not use one of the values",
        traceback="Traceback (most recent call last)",
    )
    page = as_alice.get(f"/predictions/{execution.pk}/").content.decode().replace("&#x27;", "'")
    assert sentence in page
    assert code in page
    assert "Traceback" not in page


def test_a_running_execution_can_be_canceled(
    as_alice: Client, alice: User, active_version: ModelVersion
) -> None:
    execution = make_execution(user=alice, version=active_version)
    as_alice.post(f"/predictions/{execution.pk}/cancel/")
    execution.refresh_from_db()
    assert execution.status == "canceled"


@pytest.mark.parametrize("page", ["", "status/"])
def test_another_persons_execution_does_not_exist(
    as_alice: Client, bob: User, active_version: ModelVersion, page: str
) -> None:
    execution = make_execution(user=bob, version=active_version, outputs=LOAN_OUTPUTS)
    assert as_alice.get(f"/predictions/{execution.pk}/{page}").status_code == 404
    assert as_alice.post(f"/predictions/{execution.pk}/cancel/").status_code == 404
    form = as_alice.get(address(active_version) + f"?from={execution.pk}")
    assert form.status_code == 404


def test_a_list_shows_only_the_persons_own_predictions_newest_first(
    as_alice: Client, alice: User, bob: User, ada: User, active_version: ModelVersion
) -> None:
    mine = [make_execution(user=alice, version=active_version) for _ in range(2)]
    others = [
        make_execution(user=bob, version=active_version),
        make_execution(user=alice, version=active_version, purpose="test"),
    ]
    page = as_alice.get("/history/").content.decode()
    assert page.index(str(mine[1].pk)) < page.index(str(mine[0].pk))
    assert not any(str(other.pk) in page for other in others)


def test_a_long_list_goes_on_page_by_page(
    as_alice: Client, alice: User, active_version: ModelVersion
) -> None:
    for _ in range(26):
        make_execution(user=alice, version=active_version, outputs=LOAN_OUTPUTS)
    first = as_alice.get("/history/")
    oldest = first.context["rows"][-1].execution
    assert len(first.context["rows"]) == 25
    second = as_alice.get(f"/history/?before={oldest.pk}")
    assert len(second.context["rows"]) == 1
