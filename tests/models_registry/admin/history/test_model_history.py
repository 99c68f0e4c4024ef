"""A model's page: the versions active over time, the list of versions, the deployments."""

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import ActivityEvent, User
from models_registry.models import Deployment, ModelVersion
from models_registry.timeline.periods import periods_of
from models_registry.timeline.version_bar import bar_of
from tests.factories import LOAN_OUTPUTS, make_execution, make_model, make_user, make_version

FEBRUARY = datetime(2026, 2, 9, 8, 15, tzinfo=UTC)
MARKUP = "<b>income</b> was read in thousands"


def address(model: Any, page: str = "change") -> str:
    return f"/admin/models_registry/registeredmodel/{model.pk}/{page}/"


def deployed(
    version: ModelVersion, start: datetime, end: datetime | None, by: User, **fields: Any
) -> Deployment:
    return Deployment.objects.create(
        model=version.model, version=version, started_at=start, ended_at=end, by=by,
        **{"action": "promotion", "text": f"{version.short_name} it is"} | fields,
    )  # fmt: skip


@pytest.fixture
def model(ada: User) -> Any:
    """v1 from 9 February, v2 from 2 April, none from 1 July, v1 again from 12 July 2026."""
    ada.timezone = "Europe/Berlin"
    ada.save()
    model = make_model(name="Loan repayment risk")
    one = make_version(model=model, status="archived", metrics={"ROC AUC": 0.859})
    two = make_version(model=model, status="archived", label="Spring")
    make_version(model=model, is_tested=False)
    april = datetime(2026, 4, 2, 10, 0, tzinfo=UTC)
    july = datetime(2026, 7, 1, 22, 30, tzinfo=UTC)  # 0:30 on 2 July in Berlin
    deployed(one, FEBRUARY, april, ada)
    deployed(two, april, july, ada, previous_version=one)
    deployed(two, july, july, ada, action="retirement", text=MARKUP)
    again = july + timedelta(days=10)
    ModelVersion.objects.filter(pk=one.pk).update(status="active", activated_at=FEBRUARY)
    deployed(one, again, None, ada, action="rollback", text="")
    return model


def text_of(response: Any) -> str:
    return " ".join(response.content.decode().split())


def test_a_day_names_every_version_of_it_clipped_to_the_admins_day(
    as_ada: Client, model: Any
) -> None:
    page = as_ada.get(address(model), {"on": "2026-04-02"})
    answer = page.context["history"].answer
    assert [period.version for period in answer.periods] == ["v1", "v2"]
    text = text_of(page)
    assert "from midnight to 12:00:00 CEST" in text
    assert "from 12:00:00 CEST to midnight" in text


def test_a_day_belongs_to_the_timezone_of_the_admin(as_ada: Client, model: Any) -> None:
    def versions(day: str) -> list[str]:
        answer = as_ada.get(address(model), {"on": day}).context["history"].answer
        return [period.version for period in answer.periods]

    assert versions("2026-07-01") == ["v2"]
    assert versions("2026-07-02") == ["v2", ""]
    assert versions("2026-07-05") == [""]


def test_a_gap_is_called_no_active_model_and_says_why(as_ada: Client, model: Any) -> None:
    text = text_of(as_ada.get(address(model), {"on": "2026-07-05"}))
    assert "<strong>No active model</strong> the whole day, CEST." in text
    assert "v2 was retired by Ada Admin on" in text
    assert "&lt;b&gt;income&lt;/b&gt; was read in thousands" in text


def test_a_time_asks_for_one_minute_of_the_day(as_ada: Client, model: Any) -> None:
    page = as_ada.get(address(model), {"on": "2026-04-02", "at": "11:59"})
    assert [period.version for period in page.context["history"].answer.periods] == ["v1"]


def test_a_day_to_come_has_no_answer_yet(as_ada: Client, model: Any) -> None:
    assert "This moment has not come yet." in text_of(
        as_ada.get(address(model), {"on": "2199-01-01"})
    )


@pytest.mark.parametrize("day", ["9999-12-31", "0001-01-01", "2026-02-30", "<script>"])
def test_what_is_no_day_is_said_to_be_none(as_ada: Client, model: Any, day: str) -> None:
    page = as_ada.get(address(model), {"on": day})
    assert page.status_code == 200
    assert page.context["history"].answer is None
    assert 'role="alert"' in page.content.decode()


def test_the_versions_say_when_they_were_active_and_who_did_it(as_ada: Client, model: Any) -> None:
    text = text_of(as_ada.get(address(model)))
    assert (
        "Active 2 Apr 2026, 12:00 CEST to 2 Jul 2026, 00:30 CEST, promoted by Ada Admin, retired by"
        in text
    )
    assert "to now, made active again by Ada Admin." in text
    assert "v2 · Spring" in text
    assert "No reason given" in text
    assert "ROC AUC 0.859" in text


def test_served_predictions_count_those_of_people_that_ended(as_ada: Client, model: Any) -> None:
    version, alice = model.versions.get(number=1), make_user()
    for fields in (
        {"outputs": LOAN_OUTPUTS},
        {"outputs": LOAN_OUTPUTS, "deleted_at": FEBRUARY},
        {"error_code": "MODEL"},
        {},
        {"purpose": "test", "error_code": "MODEL"},
        {"purpose": "replay", "outputs": LOAN_OUTPUTS},
    ):
        make_execution(version=version, user=alice, **fields)
    text = text_of(as_ada.get(address(model)))
    assert "<span>4 predictions</span><span>66.7 % success</span>" in text
    assert text.count("<span>never served</span>") == 2


def test_without_an_end_there_is_no_success_rate(db: None) -> None:
    version = make_version(is_active=True)
    make_execution(version=version)
    found = ModelVersion.objects.with_use().values_list("served", "success_percent")
    assert found.get(pk=version.pk) == (1, None)


def test_the_page_costs_the_same_when_its_versions_double(
    as_ada: Client, model: Any, ada: User
) -> None:
    counts = []
    for _ in range(2):
        as_ada.get(address(model))
        with CaptureQueriesContext(connection) as queries:
            as_ada.get(address(model), {"on": "2026-04-02"})
        counts.append(len(queries))
        for _ in range(4):
            version = make_version(model=model, status="archived", uploaded_by=make_user())
            start = FEBRUARY - timedelta(days=version.number)
            deployed(version, start, start + timedelta(hours=1), make_user())
    assert counts[0] == counts[1]


def test_the_periods_are_downloaded_in_the_admins_time_and_the_download_is_recorded(
    as_ada: Client, model: Any
) -> None:
    page = as_ada.post(address(model, "periods"))
    content = b"".join(page.streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]
    rows = list(csv.DictReader(io.StringIO(content, newline="")))
    assert [row["active"] for row in rows] == ["v1", "v2", "no active model", "v1"]
    assert rows[1]["from"] == "2026-04-02T12:00:00+02:00"
    assert (rows[1]["ended_by_action"], rows[1]["ended_by_text"]) == ("retired", MARKUP)
    assert rows[-1]["to"] == ""
    assert ActivityEvent.objects.filter(action="periods exported", target=model.name).exists()
    assert as_ada.get(address(model, "periods")).status_code == 405


def test_a_model_without_a_deployment_says_that_the_record_has_not_begun(as_ada: Client) -> None:
    text = text_of(as_ada.get(address(make_model())))
    assert "No version has been active yet." in text
    assert '<svg class="vbar"' not in text


def test_the_bar_leaves_a_gap_and_marks_the_day(model: Any) -> None:
    periods = periods_of(model.deployments.events())
    now = periods[-1].start + timedelta(days=30)
    bar = bar_of(periods, now=now, marked=periods[1].start)
    assert bar is not None
    assert [segment.tone for segment in bar.segments] == ["was", "was2", "gap", "now"]
    assert bar.mark == bar.segments[1].left
    assert sum(segment.width for segment in bar.segments) == pytest.approx(100)
    assert bar_of(periods, now=now, marked=FEBRUARY - timedelta(days=1)).mark == ""  # type: ignore[union-attr]
