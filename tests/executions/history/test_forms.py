"""The date filter: From and To are calendar days in the person's timezone, both inclusive."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import User
from executions.history.forms import HistoryFilterForm, common_periods, day_begins
from executions.models import Execution
from models_registry.models import ModelVersion
from tests.factories import make_execution

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = sorted(name for name in available_timezones() if "/" in name and "posix" not in name)


def filter_form(user: User, data: dict[str, str]) -> HistoryFilterForm:
    return HistoryFilterForm(data, base=Execution.objects.visible_to(user), zone=BERLIN)


def at(text: str, zone: ZoneInfo = BERLIN) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone)


def made(user: User, version: ModelVersion, *moments: datetime) -> list[Execution]:
    return [make_execution(user=user, version=version, requested_at=moment) for moment in moments]


@pytest.mark.parametrize(
    ("day", "zone", "hours"),
    [
        (date(2026, 3, 28), "Europe/Berlin", 24),
        (date(2026, 3, 29), "Europe/Berlin", 23),
        (date(2026, 10, 25), "Europe/Berlin", 25),
        (date(2026, 3, 8), "America/New_York", 23),
        (date(2026, 11, 1), "America/New_York", 25),
        (date(2018, 11, 4), "America/Sao_Paulo", 23),  # midnight itself was skipped
        (date(2026, 10, 4), "Australia/Lord_Howe", 23.5),
        (date(2026, 6, 1), "Asia/Kathmandu", 24),
        (date(2011, 12, 29), "Pacific/Apia", 24),  # the 30th never was
    ],
)
def test_a_day_is_as_long_as_it_was_there(day: date, zone: str, hours: float) -> None:
    begins, ends = (
        day_begins(each, ZoneInfo(zone)).astimezone(UTC) for each in (day, day + timedelta(days=1))
    )
    assert ends - begins == timedelta(hours=hours)


@given(
    st.sampled_from(ZONES),
    st.datetimes(datetime(1980, 1, 1), datetime(2036, 1, 1), timezones=st.just(UTC)),
)
def test_every_moment_lies_in_the_day_that_its_clock_shows(name: str, moment: datetime) -> None:
    zone = ZoneInfo(name)
    day = moment.astimezone(zone).date()
    begins = day_begins(day, zone).astimezone(UTC)
    ends = day_begins(day + timedelta(days=1), zone).astimezone(UTC)
    assert begins <= moment < ends


@given(st.sampled_from(ZONES), st.dates(date(1980, 1, 1), date(2036, 1, 1)))
def test_days_follow_each_other_without_gap_or_overlap(name: str, day: date) -> None:
    zone = ZoneInfo(name)
    begins = day_begins(day, zone).astimezone(UTC)
    ends = day_begins(day + timedelta(days=1), zone).astimezone(UTC)
    assert begins <= ends <= begins + timedelta(hours=49)


def test_both_days_are_included_in_the_persons_own_timezone(
    alice: User, active_version: ModelVersion
) -> None:
    made(alice, active_version, at("2026-02-28T23:59:59.999999"), at("2026-04-01T00:00:00"))
    inside = made(
        alice,
        active_version,
        at("2026-03-01T00:00:00"),
        at("2026-03-15T12:00:00"),
        at("2026-03-31T23:59:59.999999"),
    )
    form = filter_form(alice, {"from": "2026-03-01", "to": "2026-03-31"})
    assert set(form.filter(Execution.objects.all())) == set(inside)


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25)])
def test_a_day_on_which_the_clocks_change_has_all_its_hours(
    alice: User, active_version: ModelVersion, day: str, hours: int
) -> None:
    begins = at(f"{day}T00:00:00").astimezone(UTC)
    made(alice, active_version, *(begins + timedelta(hours=hour) for hour in range(-2, hours + 2)))
    form = filter_form(alice, {"from": day, "to": day})
    assert form.filter(Execution.objects.all()).count() == hours


@pytest.mark.parametrize(
    ("data", "count"), [({"from": "2026-03-02"}, 2), ({"to": "2026-03-02"}, 2), ({}, 3)]
)
def test_either_day_may_be_empty(
    alice: User, active_version: ModelVersion, data: dict[str, str], count: int
) -> None:
    made(alice, active_version, *(at(f"2026-03-0{day}T12:00:00") for day in (1, 2, 3)))
    assert filter_form(alice, data).filter(Execution.objects.all()).count() == count


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ({"from": "2026-03-02", "to": "2026-03-01"}, "The start date is after the end date."),
        ({"from": "1 March"}, "From: write the day as 1970-01-01."),
        ({"to": "9999-12-31"}, "Expected a day between 1970 and 2999."),
        ({"from": "0001-01-01"}, "Expected a day between 1970 and 2999."),
    ],
)
def test_days_that_mean_nothing_are_said_and_nothing_is_swapped(
    alice: User, active_version: ModelVersion, data: dict[str, str], sentence: str
) -> None:
    made(alice, active_version, at("2026-03-01T12:00:00"))
    form = filter_form(alice, data)
    assert not form.filter(Execution.objects.all()).exists()
    assert sentence in str(form.errors)


@pytest.mark.parametrize(
    ("label", "first", "last"),
    [
        ("Today", date(2026, 3, 5), date(2026, 3, 5)),
        ("7 days", date(2026, 2, 27), date(2026, 3, 5)),
        ("30 days", date(2026, 2, 4), date(2026, 3, 5)),
        ("This month", date(2026, 3, 1), date(2026, 3, 5)),
        ("Last month", date(2026, 2, 1), date(2026, 2, 28)),
    ],
)
def test_the_common_periods_end_today_or_with_last_month(
    label: str, first: date, last: date
) -> None:
    assert common_periods(date(2026, 3, 5))[label] == (first, last)
