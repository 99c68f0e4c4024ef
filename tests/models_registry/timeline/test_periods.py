from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models_registry.timeline.periods import Event, day_in, minute_in, periods_of, within

BERLIN = ZoneInfo("Europe/Berlin")
FIRST = datetime(2026, 2, 9, 8, 0, tzinfo=UTC)
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def event(day: float, version: int, *, is_retirement: bool = False) -> Event:
    at = FIRST + timedelta(days=day)
    return Event(at, version, f"v{version}", "promoted", "Ada", is_retirement=is_retirement)


HISTORY = periods_of(
    [event(0, 1), event(50, 2), event(140, 2, is_retirement=True), event(150, 3)]
)  # fmt: skip


def named(periods: tuple) -> list[str]:
    return [period.version or "none" for period in periods]


def test_a_retirement_leaves_a_gap_until_the_next_promotion() -> None:
    assert named(HISTORY) == ["v1", "v2", "none", "v3"]
    assert HISTORY[2].end == HISTORY[3].start
    assert HISTORY[-1].end is None
    assert HISTORY[1].ended == HISTORY[2].began


def test_a_day_of_change_names_both_versions_clipped_to_the_day() -> None:
    start, end = day_in(date(2026, 3, 31), BERLIN)
    found = within(HISTORY, start, end, now=NOW)
    assert named(found) == ["v1", "v2"]
    assert (found[0].start, found[0].end) == (start, FIRST + timedelta(days=50))
    assert (found[1].start, found[1].end) == (FIRST + timedelta(days=50), end)


def test_before_the_first_promotion_no_version_was_active() -> None:
    start, end = day_in(FIRST.date(), BERLIN)
    before = within(HISTORY, start, end, now=NOW)
    assert named(before) == ["none", "v1"]
    assert named(within((), start, end, now=NOW)) == ["none"]


def test_what_is_still_to_come_is_not_told() -> None:
    start, end = day_in(NOW.date(), BERLIN)
    assert within(HISTORY, start, end, now=NOW)[-1].end == NOW
    assert within(HISTORY, end, end + timedelta(days=1), now=NOW) == ()


def test_two_deployments_in_one_moment_leave_the_later() -> None:
    assert named(periods_of([event(0, 1), event(0, 2)])) == ["v2"]


@pytest.mark.parametrize(
    ("day", "hours"),
    [(date(2026, 3, 28), 24), (date(2026, 3, 29), 23), (date(2026, 10, 25), 25)],
)
def test_a_day_has_the_hours_that_its_clocks_gave_it(day: date, hours: int) -> None:
    start, end = day_in(day, BERLIN)
    assert end - start == timedelta(hours=hours)


def test_a_day_may_begin_at_one_where_midnight_did_not_exist() -> None:
    start, end = day_in(date(2026, 9, 6), ZoneInfo("America/Santiago"))
    assert start == datetime(2026, 9, 6, 4, 0, tzinfo=UTC)
    assert end - start == timedelta(hours=23)


def test_a_minute_that_came_twice_is_answered_from_the_first_to_the_second() -> None:
    start, end = minute_in(date(2026, 10, 25), time(2, 30), BERLIN)
    assert end - start == timedelta(hours=1, minutes=1)
    start, end = minute_in(date(2026, 10, 25), time(14, 5), BERLIN)
    assert end - start == timedelta(minutes=1)


@given(
    st.lists(st.tuples(st.floats(0, 300), st.booleans()), max_size=8),
    st.integers(-20, 320),
    st.sampled_from(["Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Pacific/Apia"]),
)
def test_the_answer_covers_the_day_without_a_hole_or_an_overlap(
    events: list[tuple[float, bool]], offset: int, zone: str
) -> None:
    history = periods_of(event(day, n, is_retirement=gone) for n, (day, gone) in enumerate(events))
    start, end = day_in(FIRST.date() + timedelta(days=offset), ZoneInfo(zone))
    answer = within(history, start, end, now=NOW)
    edges = [start, *(period.end for period in answer)]
    if start < NOW:
        assert [period.start for period in answer] == edges[:-1]
        assert edges[-1] == min(end, NOW)
