"""The dashboard's page: its filters, links and words."""

import json
from datetime import datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client
from django.utils import timezone
from django.utils.html import escape
from pytest_django import Settings

from accounts.models import User
from config.text.numbers import percent_text, seconds_text
from executions.models import Execution
from models_registry.models import Deployment, ModelVersion, RegisteredModel
from monitoring.dashboard import rollup, statistics
from monitoring.dashboard.changes import of_counts, of_percents, of_seconds
from monitoring.dashboard.period import Bucket, day_text
from monitoring.log.filters import ExecutionFilterForm
from tests.factories import LOAN_OUTPUTS, make_execution, make_model, make_version


def test_each_number_leads_to_the_list_of_what_it_counts(
    as_ada: Client, ada: User, active_version: ModelVersion
) -> None:
    now = timezone.now()
    for status, count in (("succeeded", 3), ("failed", 2), ("canceled", 1)):
        for _ in range(count):
            make_execution(
                version=active_version,
                status=status,
                error_code="MODEL" if status == "failed" else "",
                outputs=LOAN_OUTPUTS if status == "succeeded" else None,
                started_at=now,
                finished_at=now,
            )
    make_execution(version=active_version, purpose="test", outputs=LOAN_OUTPUTS)
    page = as_ada.get("/monitoring/").context
    listed = {
        number.name: ExecutionFilterForm(_query(number.url), zone=ada.zone)
        .filter(Execution.objects.all())
        .count()
        for number in page["numbers"]
    }
    assert listed == {
        "Executions": 6,
        "Success rate": 3,
        "Average response": 3,
        "Error rate": 2,
    }
    for number in page["numbers"]:
        assert as_ada.get(number.url).status_code == 200


def _query(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


def test_the_slow_number_leads_to_as_many(
    as_ada: Client, ada: User, active_version: ModelVersion
) -> None:
    now = timezone.now()
    for seconds in (1, 4, 5):
        make_execution(
            version=active_version,
            outputs=LOAN_OUTPUTS,
            requested_at=now - timedelta(seconds=seconds),
            finished_at=now,
        )
    page = as_ada.get("/monitoring/").context
    form = ExecutionFilterForm(_query(page["found"].slow), zone=ada.zone)
    assert form.filter(Execution.objects.all()).count() == page["now"].cell.slow == 2


def test_without_executions_the_page_says_so_and_shows_dashes(as_ada: Client) -> None:
    response = as_ada.get("/monitoring/")
    assert "Nothing was run in this period" in response.content.decode()
    values = {number.name: number.value for number in response.context["numbers"]}
    assert values == {
        "Executions": "0",
        "Success rate": "–",
        "Average response": "–",
        "Error rate": "–",
    }


def test_a_filter_by_model_and_version_counts_theirs_alone(as_ada: Client) -> None:
    model = make_model()
    first, second = make_version(model=model), make_version(model=model, is_active=True)
    other = make_version(is_active=True)
    ModelVersion.objects.filter(pk=first.pk).update(activated_at=timezone.now())
    for version in (first, second, second, other):
        make_execution(version=version, outputs=LOAN_OUTPUTS)
    for query, expected in (
        ("", 4),
        (f"model={model.slug}", 3),
        (f"version={second.pk}", 2),
        (f"model={model.slug}&version={first.pk}", 1),
    ):
        assert as_ada.get(f"/monitoring/?{query}").context["now"].executions == expected


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("from=2026-03-02&to=2026-03-01", "The start date is after the end date."),
        ("from=1970-01-01&to=2026-03-01", "Expected at most 3,660 days."),
        ("from=yesterday", "From: write the day as"),
        ("from=1960-01-01", "Expected a day between 1970 and 2999."),
        ("model=nobody", "is not one of the choices"),
    ],
)
def test_a_filter_that_cannot_be_used_shows_nothing_but_the_rule(
    as_ada: Client, query: str, sentence: str
) -> None:
    response = as_ada.get(f"/monitoring/?{query}")
    assert response.status_code == 422
    assert escape(sentence) in response.content.decode()
    assert "numbers" not in response.context


@pytest.mark.parametrize(
    "query", ["from=2999-12-31", "to=1970-01-01", "from=1970-01-01&to=1970-01-02"]
)
def test_the_first_and_the_last_day_of_all_can_be_asked_for(as_ada: Client, query: str) -> None:
    assert as_ada.get(f"/monitoring/?{query}").status_code == 200


def test_a_persons_words_reach_the_page_as_text(as_ada: Client) -> None:
    version = make_version(model=make_model(name="<script>alert(1)</script>"), is_active=True)
    make_execution(version=version, outputs=LOAN_OUTPUTS)
    page = as_ada.get("/monitoring/").content.decode()
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_the_charts_read_their_numbers_from_tables(
    as_ada: Client, active_version: ModelVersion
) -> None:
    make_execution(version=active_version, outputs=LOAN_OUTPUTS)
    response = as_ada.get("/monitoring/")
    page = response.content.decode()
    for table in ("volume-table", "latency-table"):
        assert f'data-table="{table}"' in page
        assert f'id="{table}"' in page
    assert json.loads(response.context["markers"]) == {}
    assert 'data-threshold="3"' in page


def ended(version: ModelVersion, at: datetime) -> None:
    make_execution(
        version=version,
        outputs=LOAN_OUTPUTS,
        requested_at=at,
        started_at=at,
        finished_at=at + timedelta(seconds=2),
    )


def noon(days_ago: int = 1) -> datetime:
    midday = timezone.now().replace(hour=12, minute=0, second=0, microsecond=0)
    return midday - timedelta(days=days_ago)


def test_the_only_day_that_had_any_is_drawn_by_hours(
    as_ada: Client, active_version: ModelVersion
) -> None:
    for hour in (0, 3):
        ended(active_version, noon() + timedelta(hours=hour))
    response = as_ada.get("/monitoring/")
    assert response.context["chart"].unit.value == "hour"
    assert len(response.context["points"]) == 24
    page = response.content.decode()
    assert "Executions per hour" in page
    assert f"all on {day_text(noon().date(), shows_year=True)}<" in page


def test_the_only_hour_that_had_any_is_drawn_by_minutes(
    as_ada: Client, active_version: ModelVersion
) -> None:
    for minute in (5, 5, 40):
        ended(active_version, noon() + timedelta(minutes=minute))
    day = noon().date().isoformat()
    for query in ("", f"from={day}&to={day}"):
        response = as_ada.get(f"/monitoring/?{query}")
        points = {point.label: point for point in response.context["points"]}
        assert len(points) == 60
        assert points["12:05"].figures.cell.succeeded == 2
        assert points["12:40"].figures.p50 == pytest.approx(2, rel=0.02)
        assert "12:00 to 13:00" in response.content.decode()


def test_several_days_are_drawn_by_days(as_ada: Client, active_version: ModelVersion) -> None:
    for days_ago in (1, 2):
        ended(active_version, noon(days_ago))
    response = as_ada.get("/monitoring/")
    assert response.context["chart"].unit.value == "day"
    assert "all on" not in response.content.decode()


def test_without_scripts_the_tables_stand_open_in_place_of_the_charts(
    as_ada: Client, active_version: ModelVersion
) -> None:
    ended(active_version, noon())
    page = as_ada.get("/monitoring/").content.decode()
    assert page.count('<details class="fold chart-table" open>') == page.count("<canvas") == 2


def test_every_chart_of_every_page_has_such_a_table(settings: Settings) -> None:
    folder = settings.BASE_DIR / "templates"
    pages = [page.read_text() for page in folder.rglob("*.html")]
    charts = [(page.count("<canvas data-chart"), page) for page in pages if "<canvas" in page]
    assert charts
    for count, page in charts:
        assert page.count('<details class="fold chart-table" open>') == count


def test_every_bar_leads_to_its_executions(as_ada: Client, active_version: ModelVersion) -> None:
    for days_ago in (1, 2):
        ended(active_version, noon(days_ago))
    point = as_ada.get("/monitoring/").context["points"][-2]
    day = noon().date().isoformat()
    for url in (point.url, point.succeeded_url, point.slow_url):
        assert _query(url)["start"] == _query(url)["end"] == day
        assert as_ada.get(url).status_code == 200


def test_the_fields_show_the_days_that_rule(as_ada: Client, ada: User) -> None:
    today = timezone.localdate(timezone=ada.zone)
    page = as_ada.get("/monitoring/").content.decode()
    assert f'value="{today - timedelta(days=29)}"' in page
    assert f'value="{today}"' in page
    page = as_ada.get("/monitoring/?to=2026-03-30").content.decode()
    assert 'value="2026-03-01"' in page


def test_all_models_show_the_combinations_of_each_and_ask_for_one(as_ada: Client) -> None:
    versions = [make_version(is_active=True) for _ in range(2)]
    for version in (*versions, *versions):
        make_execution(version=version, outputs=LOAN_OUTPUTS)
    page = as_ada.get("/monitoring/")
    assert {one.version for one in page.context["all_combinations"]} == set(versions)
    assert "Choose a model" in page.content.decode()
    one = as_ada.get(f"/monitoring/?model={versions[0].model.slug}")
    assert one.context["use"].version == versions[0]
    assert one.context["all_combinations"] is None


def test_a_deployment_is_named_with_its_model_where_there_are_several() -> None:
    bucket = Bucket("1 Mar", noon(), noon() + timedelta(days=1))
    first, second = (
        Deployment(
            model=RegisteredModel(pk=number, name=f"Loan {number}"),
            model_id=number,
            version=ModelVersion(model=RegisteredModel(pk=number, name=f"L{number}"), number=3),
            started_at=noon(),
        )
        for number in (1, 2)
    )
    assert statistics.markers([bucket], [first]) == {"1 Mar": "v3"}
    assert statistics.markers([bucket], [first, second]) == {"1 Mar": "L1 v3, L2 v3"}
    many = [
        Deployment(model_id=1, version=ModelVersion(number=number), started_at=noon())
        for number in range(10, 20)
    ]
    assert statistics.markers([bucket], many) == {"1 Mar": "10 deployments"}


def test_changes_are_told_in_an_arrow_and_words() -> None:
    assert of_counts(3721, 3445).size == "8 %"
    assert (of_counts(5, 10).direction, of_counts(5, 10).size) == ("down", "50 %")
    assert of_counts(5, 0).rest == "none in the period before"
    assert of_counts(5, 5).direction == ""
    assert of_counts(0, 0).rest == ""
    assert (of_percents(98.4, 99.2).direction, of_percents(98.4, 99.2).size) == (
        "down",
        "0.8 points",
    )
    assert of_percents(88.3, 100.0).rest == "from 100 %"
    assert of_percents(98.41, 98.42).direction == ""
    assert of_percents(None, 98.4).rest == ""
    assert of_seconds(0.16, 0.12).size == "0.040 s"
    assert of_seconds(0.16, None).rest == "none in the period before"


def test_rates_are_never_rounded_to_all_or_nothing() -> None:
    texts = [percent_text(p) for p in (None, 0.0, 0.01, 12.34, 99.99, 100.0)]
    assert texts == ["–", "0", "< 0.1", "12.3", "> 99.9", "100"]
    assert [seconds_text(s) for s in (None, 0.0421, 0.16, 4.2, 31.04)] == [
        "–",
        "0.042",
        "0.16",
        "4.20",
        "31.0",
    ]


def test_a_timezone_whose_days_are_not_counted_yet_says_so_where_there_is_much_to_count(
    as_ada: Client, active_version: ModelVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        make_execution(version=active_version, outputs=LOAN_OUTPUTS)
    monkeypatch.setattr(statistics, "COUNTED_LIVE", 2)
    response = as_ada.get("/monitoring/")
    assert "The days of your timezone are being counted" in response.content.decode()
    assert "numbers" not in response.context
    rollup.keep_up()
    assert as_ada.get("/monitoring/").context["now"].executions == 3
