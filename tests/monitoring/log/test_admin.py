"""The execution log in Django admin: list, search and downloads."""

import json
import uuid
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from accounts.models import ActivityEvent, User
from executions.models import Execution
from executions.services import own_predictions
from models_registry.models import ModelVersion
from tests.factories import (
    LOAN_INPUTS,
    LOAN_OUTPUTS,
    make_execution,
    make_model,
    make_user,
    make_version,
)
from tests.fake_prefect import FakePrefect

LIST = "/admin/executions/execution/"


def page(client: Client, query: str = "") -> str:
    return client.get(f"{LIST}?{query}").content.decode()


def detail(client: Client, execution: Execution, query: str = "") -> str:
    return client.get(f"{LIST}{execution.pk}/change/?{query}").content.decode()


def taken(seconds: float) -> dict[str, Any]:
    now = timezone.now()
    return {"requested_at": now - timedelta(seconds=seconds), "outputs": LOAN_OUTPUTS}


def export(client: Client, query: str = "", **data: str) -> str:
    response = client.post(f"{LIST}export/?{query}", data)
    assert response.status_code == 200
    return b"".join(response.streaming_content).decode()  # type: ignore[attr-defined]


@pytest.fixture
def secret_version(db: None) -> ModelVersion:
    version = make_version(is_active=True)
    version.features.filter(name="income").update(is_sensitive=True)
    return version


def test_a_failed_row_has_a_mark_a_word_and_its_error_code(as_ada: Client, alice: User) -> None:
    make_execution(user=alice, error_code="MODEL", message="ValueError: no")
    shown = page(as_ada)
    assert '<tr class="failed">' in shown
    assert "Failed</span>" in shown
    assert "MODEL" in shown


@pytest.mark.parametrize("shape", ["P-{0:.12}", "{0:.6}", "p-{0:.8}", "{0}"])
def test_an_id_is_found_by_its_beginning(as_ada: Client, alice: User, shape: str) -> None:
    sought, other = make_execution(user=alice), make_execution(user=alice)
    shown = page(as_ada, f"q={shape.format(sought.pk.hex)}")
    assert sought.public_id in shown
    assert other.public_id not in shown


def test_a_person_is_found_by_a_part_of_their_address(
    as_ada: Client, alice: User, bob: User
) -> None:
    hers, his = make_execution(user=alice), make_execution(user=bob)
    shown = page(as_ada, "q=alice@")
    assert hers.public_id in shown
    assert his.public_id not in shown


@pytest.mark.parametrize("field", ["q", "person"])
@pytest.mark.parametrize("text", ["Alice Aoki", "aoki", "ALICE@example.com", "alice example.com"])
def test_a_person_is_found_by_name_and_by_address(
    as_ada: Client, alice: User, bob: User, field: str, text: str
) -> None:
    hers, his = make_execution(user=alice), make_execution(user=bob)
    shown = page(as_ada, urlencode({field: text}))
    assert hers.public_id in shown
    assert his.public_id not in shown


def test_a_whole_address_finds_that_person_alone(as_ada: Client, alice: User) -> None:
    namesake = make_execution(user=make_user("not-alice@example.com"))
    hers = make_execution(user=alice)
    shown = page(as_ada, "person=alice@example.com")
    assert hers.public_id in shown
    assert namesake.public_id not in shown


@pytest.mark.parametrize("text", ["P-a7a2", "p-", "a7a2e"])
def test_an_id_that_is_too_short_is_told_the_rule(as_ada: Client, alice: User, text: str) -> None:
    make_execution(user=alice)
    shown = page(as_ada, f"q={text}")
    assert f"Nothing matches “{text}”." in shown
    assert "first six or more characters" in shown


def test_a_row_shows_person_first_inputs_output_confidence_and_time(
    as_ada: Client, alice: User, active_version: ModelVersion
) -> None:
    make_execution(user=alice, version=active_version, **taken(0.5))
    shown = page(as_ada)
    for text in (
        ">Alice Aoki</a><span>alice@example.com</span>",
        "<b>Age</b> 34 years",
        "€ 41,500",
        ">+1</span>",
        "<b>Repays</b><span>83.4 %</span>",
        "0.5",
    ):
        assert text in shown


def test_a_row_shows_the_interval_of_a_number(as_ada: Client, alice: User) -> None:
    interval = {"low": 372.0, "high": 452.0, "level": 0.9, "source": "model"}
    target = LOAN_OUTPUTS["targets"][0]  # type: ignore[index]
    number = target | {"value": 412.0, "interval": interval, "confidence": None}
    outputs = LOAN_OUTPUTS | {"task": "regression", "targets": [number | {"probabilities": []}]}
    make_execution(user=alice, outputs=outputs)
    assert "<b>412</b><span>372 to 452</span>" in page(as_ada)


def test_a_row_leads_to_its_execution_and_its_person(as_ada: Client, alice: User) -> None:
    execution = make_execution(user=alice, outputs=LOAN_OUTPUTS)
    shown = page(as_ada)
    assert f'class="l-open" href="{LIST}{execution.pk}/change/"' in shown
    assert 'href="?person=alice%40example.com"' in shown


def test_a_row_says_what_the_person_was_told_of_a_failure(as_ada: Client, alice: User) -> None:
    make_execution(user=alice, error_code="MEMORY", message="Killed by the limit")
    shown = page(as_ada)
    assert "The model needed too much memory and was stopped." in shown
    assert "MEMORY</span>" in shown


def test_each_filter_in_use_is_shown_and_can_be_removed_alone(as_ada: Client, alice: User) -> None:
    model = make_execution(user=alice, outputs=LOAN_OUTPUTS).version.model
    shown = page(as_ada, f"person=alice@example.com&status=succeeded&model={model.pk}&slow=on")
    for chip in ("Person: alice@example.com", "Status: Success", f"Model: {model.name}"):
        assert f">{chip}<svg" in shown
    assert f'href="?person=alice%40example.com&amp;model={model.pk}&amp;slow=on"' in shown


def test_the_persons_name_of_a_deleted_prediction_is_no_suggestion(
    as_ada: Client, alice: User
) -> None:
    kept = make_execution(user=alice, outputs=LOAN_OUTPUTS)
    assert '<option value="alice@example.com">Alice Aoki</option>' in page(as_ada)
    own_predictions.delete_executions(ids=[kept.pk], by=alice)
    assert "alice@example.com" not in page(as_ada)


def test_numbers_and_times_of_a_row_follow_the_admins_choice(
    as_ada: Client, ada: User, alice: User, active_version: ModelVersion
) -> None:
    User.objects.filter(pk=ada.pk).update(number_format=",", timezone="Asia/Tokyo")
    moment = timezone.now().replace(year=2026, month=3, day=1, hour=20, minute=5)
    make_execution(
        user=alice,
        version=active_version,
        outputs=LOAN_OUTPUTS,
        requested_at=moment,
        started_at=moment,
        finished_at=moment + timedelta(seconds=4.09),
    )
    shown = page(as_ada)
    for text in ("2 Mar 2026, 05:05 JST", "<span>83,4 %</span>", "4,09 s", "€ 41.500"):
        assert text in shown


def test_fifty_rows_take_as_many_queries_as_one(as_ada: Client, alice: User) -> None:
    make_execution(user=alice, outputs=LOAN_OUTPUTS)
    with CaptureQueriesContext(connection) as one:
        page(as_ada)
    for number in range(9):
        original = make_execution(user=make_user(), error_code="MODEL", message=f"no {number}")
        make_execution(purpose="replay", replay_of=original, outputs=LOAN_OUTPUTS)
    with CaptureQueriesContext(connection) as many:
        page(as_ada)
    assert len(many) <= len(one)


def test_each_filter_narrows_the_list(as_ada: Client, alice: User) -> None:
    version = make_version(is_active=True)
    failed = make_execution(user=alice, version=version, error_code="MEMORY", message="Too much")
    test = make_execution(user=alice, purpose="test", outputs=LOAN_OUTPUTS)
    for query in (
        "status=failed",
        f"model={version.model_id}",
        f"version={version.pk}",
        "purpose=prediction",
        "code=MEMORY",
        "review=open",
    ):
        shown = page(as_ada, query)
        assert failed.public_id in shown, query
        assert test.public_id not in shown, query


def test_days_count_in_the_admins_timezone_and_are_included(
    as_ada: Client, ada: User, alice: User
) -> None:
    User.objects.filter(pk=ada.pk).update(timezone="Asia/Tokyo")
    moment = timezone.now().replace(year=2026, month=3, day=1, hour=20)  # the 2nd in Tokyo
    execution = make_execution(user=alice, requested_at=moment)
    assert execution.public_id in page(as_ada, "start=2026-03-02&end=2026-03-02")
    assert execution.public_id not in page(as_ada, "start=2026-03-01&end=2026-03-01")


def test_a_day_that_is_none_is_said_and_filters_nothing(as_ada: Client, alice: User) -> None:
    execution = make_execution(user=alice)
    shown = page(as_ada, "start=yesterday")
    assert "write the day as" in shown
    assert execution.public_id in shown


def test_what_is_slow_is_what_its_own_model_calls_slow(as_ada: Client, alice: User) -> None:
    patient = make_version(model=make_model(slow_seconds=10.0), is_active=True)
    hasty = make_version(model=make_model(slow_seconds=1.0), is_active=True)
    fine = make_execution(user=alice, version=patient, **taken(5))
    slow = make_execution(user=alice, version=hasty, **taken(5))
    shown = page(as_ada, "slow=on")
    assert slow.public_id in shown
    assert "Slow</span>" in shown
    assert fine.public_id not in shown


def test_the_page_shows_inputs_output_log_traceback_and_version(
    as_ada: Client, alice: User, active_version: ModelVersion
) -> None:
    execution = make_execution(
        user=alice,
        version=active_version,
        error_code="MODEL",
        message="no",
        traceback="Trace of it",
    )
    execution.attempts.create(
        number=1, worker="worker-ann", outcome="failed", log="+0.012 s ERROR it broke"
    )
    shown = detail(as_ada, execution)
    for text in ("34", "Self-employed", "Trace of it", "worker-ann", "it broke", "+0.012 s"):
        assert text in shown
    assert active_version.sha256 in shown


def test_the_log_is_shown_and_taken_by_level(as_ada: Client, alice: User) -> None:
    execution = make_execution(user=alice, outputs=LOAN_OUTPUTS)
    log = "+0.001 s INFO began\n+0.002 s WARNING odd value"
    execution.attempts.create(number=1, log=log)
    assert "began" not in detail(as_ada, execution, "level=warning")
    file = as_ada.get(f"{LIST}{execution.pk}/log/?level=warning").content.decode()
    assert "odd value" in file
    assert "began" not in file
    assert "began" in as_ada.get(f"{LIST}{execution.pk}/log/").content.decode()


def test_the_flow_runs_states_are_asked_for_while_they_are_not_copied(
    as_ada: Client, alice: User, fake_prefect: FakePrefect
) -> None:
    run = fake_prefect.start_flow_run(
        flow="predict", deployment="x", name="loans-v1-P-1", parameters={}, idempotency_key="1"
    )
    fake_prefect.enter(run.id, "RUNNING")
    execution = make_execution(user=alice, outputs=LOAN_OUTPUTS)
    execution.attempts.create(number=1, flow_run_id=run.id)
    shown = detail(as_ada, execution)
    for text in ("loans-v1-P-1", str(run.id), "Running", f"/runs/flow-run/{run.id}"):
        assert text in shown
    fake_prefect.is_away = True
    assert "Prefect does not answer" in detail(as_ada, execution)


@pytest.mark.parametrize("auth_string", ["stack:not-to-be-shown", ""])
def test_the_page_says_where_the_password_of_prefects_own_pages_is_and_not_which_it_is(
    auth_string: str, root: User, fake_prefect: FakePrefect, settings: Settings
) -> None:
    settings.PREFECT_API_AUTH_STRING = auth_string
    execution = make_execution(user=root, outputs=LOAN_OUTPUTS)
    execution.attempts.create(number=1, flow_run_id=uuid.uuid4())
    client = Client()
    client.force_login(root)
    shown = detail(client, execution)
    assert (f"{settings.PREFECT_UI_URL}/login" in shown) == bool(auth_string)
    assert "not-to-be-shown" not in shown


def test_what_a_person_deleted_shows_status_times_version_and_error_class_alone(
    as_ada: Client, alice: User, active_version: ModelVersion
) -> None:
    execution = make_execution(
        user=alice,
        version=active_version,
        error_code="MODEL",
        message="quotes 34",
        traceback="Trace",
        note="My own words",
    )
    execution.attempts.create(number=1, log="+0.001 s INFO began")
    own_predictions.delete_executions(ids=[execution.pk], by=alice)
    shown = detail(as_ada, execution)
    for text in ("quotes 34", "Self-employed", "Trace", "My own words", "began", alice.email):
        assert text not in shown
    assert "MODEL" in shown
    assert alice.email not in page(as_ada)
    assert execution.public_id not in page(as_ada, "q=alice@")
    assert "began" not in as_ada.get(f"{LIST}{execution.pk}/log/").content.decode()
    line = json.loads(export(as_ada, scope="all", format="jsonl"))
    assert line["error_code"] == "MODEL"
    assert not {"person", "message", "input.age", "note"} & line.keys()


def test_a_replay_of_what_was_deleted_is_withheld_as_well(
    as_ada: Client, ada: User, alice: User
) -> None:
    original = make_execution(user=alice, error_code="MODEL", message="no")
    replay = make_execution(
        user=ada, version=original.version, purpose="replay", replay_of=original,
        outputs=LOAN_OUTPUTS,
    )  # fmt: skip
    assert "Self-employed" in detail(as_ada, replay)
    own_predictions.delete_executions(ids=[original.pk], by=alice)
    assert "Self-employed" not in detail(as_ada, replay)


def test_sensitive_values_and_notes_reach_no_admin(
    as_ada: Client, alice: User, secret_version: ModelVersion
) -> None:
    execution = make_execution(
        user=alice,
        version=secret_version,
        inputs=LOAN_INPUTS | {"income": 41_517.0},
        error_code="MODEL",
        message="cannot use 41517.0",
        note="My own words",
    )
    shown = detail(as_ada, execution) + export(as_ada, scope="all", format="csv")
    shown += page(as_ada)
    assert "41517" not in shown
    assert "41,517" not in shown
    assert "My own words" not in shown
    assert "[hidden]" in shown


def test_a_models_warning_that_quotes_a_sensitive_value_shows_none_of_it(
    as_ada: Client, alice: User, secret_version: ModelVersion
) -> None:
    words = ["UserWarning: Found 41517.0 beyond the range of the training"]
    execution = make_execution(
        user=alice,
        version=secret_version,
        inputs=LOAN_INPUTS | {"income": 41_517.0},
        outputs=LOAN_OUTPUTS | {"warnings": words, "notes": words},
        warnings=words,
    )
    shown = detail(as_ada, execution)
    assert "beyond the range of the training" in shown
    assert "41517" not in shown


def test_this_view_or_all_is_exported_as_csv_or_json_lines(
    as_ada: Client, alice: User, active_version: ModelVersion
) -> None:
    for _ in range(2):
        make_execution(user=alice, version=active_version, outputs=LOAN_OUTPUTS)
    make_execution(user=alice, version=active_version, error_code="MODEL", message="=1+1")
    view = export(as_ada, "status=failed", scope="view", format="csv")
    assert len(view.splitlines()) == 2
    assert "'=1+1" in view
    lines = export(as_ada, "status=failed", scope="all", format="jsonl").splitlines()
    assert len(lines) == 3
    assert {json.loads(line)["person"] for line in lines} == {alice.email}
    assert any("probability.0" in json.loads(line) for line in lines)


def test_an_export_is_recorded_once_with_its_filter(as_ada: Client, ada: User) -> None:
    export(as_ada, "status=failed", scope="view", format="csv")
    event = ActivityEvent.objects.get(action="predictions exported")
    assert event.actor == ada
    assert event.after == {"rows": 0, "filter": "status=failed", "format": "csv"}


def test_the_eleventh_export_of_a_minute_waits(as_ada: Client) -> None:
    for _ in range(10):
        export(as_ada, scope="view", format="csv")
    assert as_ada.post(f"{LIST}export/").status_code == 429


def test_an_export_reads_page_after_page(
    as_ada: Client, alice: User, active_version: ModelVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monitoring.log.downloads.ROWS_AT_ONCE", 2)
    made = {
        make_execution(user=alice, version=active_version, outputs=LOAN_OUTPUTS).public_id
        for _ in range(5)
    }
    lines = export(as_ada, scope="all", format="jsonl").splitlines()
    assert {json.loads(line)["id"] for line in lines} == made
    assert len(lines) == 5


def test_an_unknown_execution_leads_back(as_ada: Client) -> None:
    for pk in (uuid.uuid4(), "nonsense"):
        assert as_ada.get(f"{LIST}{pk}/change/").status_code == 302
