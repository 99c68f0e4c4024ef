"""The days of a dashboard, and the buckets of its charts."""

import math
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.dashboard.histogram import SMALLEST, WIDTH, added, dense, percentile, seconds_of
from monitoring.dashboard.period import Period, Unit

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = sorted(name for name in available_timezones() if "/" in name and "posix" not in name)


def test_both_ends_of_a_period_belong_to_it() -> None:
    period = Period(date(2026, 3, 1), date(2026, 3, 30), BERLIN)
    assert period.length == 30
    assert period.begins == datetime(2026, 2, 28, 23, tzinfo=UTC)
    assert period.ends == datetime(2026, 3, 30, 22, tzinfo=UTC)


def test_the_period_before_is_as_long_and_ends_the_day_before() -> None:
    before = Period(date(2026, 3, 1), date(2026, 3, 30), BERLIN).before
    assert (before.first, before.last) == (date(2026, 1, 30), date(2026, 2, 28))
    assert before.ends == Period(date(2026, 3, 1), date(2026, 3, 30), BERLIN).begins


@pytest.mark.parametrize(
    ("days", "unit"),
    [(1, Unit.HOUR), (2, Unit.HOUR), (3, Unit.DAY), (92, Unit.DAY), (93, Unit.WEEK)],
)
def test_bars_are_hours_up_to_two_days_and_days_up_to_92(days: int, unit: Unit) -> None:
    first = date(2026, 5, 1)
    assert Period(first, first + timedelta(days=days - 1), BERLIN).unit is unit


@pytest.mark.parametrize(
    ("day", "hours"),
    [(date(2026, 3, 29), 23), (date(2026, 3, 30), 24), (date(2026, 10, 25), 25)],
)
def test_a_day_has_as_many_bars_as_hours(day: date, hours: int) -> None:
    assert len(Period(day, day, BERLIN).buckets) == hours


def test_an_hour_that_comes_twice_is_told_apart() -> None:
    day = date(2026, 10, 25)
    labels = [bucket.label for bucket in Period(day, day, BERLIN).buckets]
    assert labels[1:5] == ["01:00", "02:00 CEST", "02:00 CET", "03:00"]


def test_weeks_begin_on_monday_and_the_first_and_last_may_be_short() -> None:
    buckets = Period(date(2026, 1, 1), date(2026, 4, 5), BERLIN).buckets
    assert [bucket.label for bucket in buckets[:3]] == ["1 Jan", "5 Jan", "12 Jan"]
    assert buckets[-1].label == "30 Mar"


@given(st.sampled_from(ZONES), st.dates(date(1990, 1, 1), date(2036, 1, 1)), st.integers(0, 120))
def test_buckets_fill_the_period_without_gap_and_have_names_of_their_own(
    name: str, first: date, more: int
) -> None:
    period = Period(first, first + timedelta(days=more), ZoneInfo(name))
    buckets = period.buckets
    assert buckets[0].begins == period.begins
    assert buckets[-1].ends == period.ends
    assert all(one.ends == following.begins for one, following in pairwise(buckets))
    assert all(bucket.begins <= bucket.ends for bucket in buckets)
    assert len({bucket.label for bucket in buckets}) == len(buckets)


def bin_of(seconds: float) -> int:
    return math.ceil(math.log(seconds / SMALLEST) / math.log(WIDTH))


@given(st.floats(min_value=SMALLEST * 1.001, max_value=100_000))
def test_a_time_is_told_within_one_percent(seconds: float) -> None:
    assert seconds_of(bin_of(seconds)) == pytest.approx(seconds, rel=0.01)


@given(
    st.lists(st.floats(min_value=0.002, max_value=1000), min_size=1),
    st.sampled_from([0.5, 0.95]),
)
def test_a_percentile_is_that_of_the_times_themselves(times: list[float], share: float) -> None:
    counts = added(dense({bin_of(seconds): 1}) for seconds in times)
    exact = next(t for t in sorted(times) if sum(one <= t for one in times) >= share * len(times))
    assert percentile(counts, share) == pytest.approx(exact, rel=0.0101)


def test_nothing_has_no_percentile() -> None:
    assert percentile(added([]), 0.5) is None
