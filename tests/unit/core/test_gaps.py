"""Days without events, and days of which too many are missing, make gaps."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invenio_stats.core.gaps import Gap, incomplete_days, join, read_gap, silent_days, within

MONDAY = date(2026, 3, 30)
WEEK = timedelta(weeks=1)


def mondays(*numbers):
    """Events of the Mondays before, the latest first."""
    return {MONDAY - week * WEEK: number for week, number in enumerate(numbers, 1)}


@pytest.mark.parametrize(
    ("before", "is_silent"),
    [
        pytest.param([20] * 8, True, id="at least 20"),
        pytest.param([19] * 8, False, id="fewer"),
        pytest.param([20] * 7, True, id="one of eight had none"),
        pytest.param([100] * 4, True, id="median of a young instance"),
        pytest.param([100] * 3, False, id="three of eight"),
        pytest.param([0, 0, 0, 0, 0, 90, 90, 90], False, id="silence of five weeks is usual"),
        pytest.param([0] * 8 + [500] * 20, False, id="older weeks are not looked at"),
    ],
)
def test_a_day_without_events_is_silent_where_its_weekday_has_some(before, is_silent):
    assert (MONDAY in silent_days(mondays(*before), MONDAY)) is is_silent


def test_a_single_event_ends_the_silence():
    assert silent_days({**mondays(*[20] * 8), MONDAY: 1}, MONDAY) == []


def test_other_weekdays_and_later_days_do_not_matter():
    events = {day + timedelta(days=1): 1000 for day in mondays(*[20] * 8)}
    assert silent_days(events, MONDAY) == []
    assert silent_days(mondays(*[20] * 8), MONDAY - timedelta(days=1)) == []


@given(st.dictionaries(st.dates(MONDAY - 30 * WEEK, MONDAY), st.integers(0, 60)))
def test_no_silent_day_has_events(events):
    silent = silent_days(events, MONDAY)
    assert silent == sorted(silent)
    assert not any(events.get(day) for day in silent)


@pytest.mark.parametrize(("missing", "is_gap"), [(1, False), (2, True), (0, False)])
def test_more_than_one_event_in_a_hundred(missing, is_gap):
    assert incomplete_days({MONDAY: 99}, {MONDAY: missing}) == [MONDAY] * is_gap


def test_all_events_of_a_day_may_be_missing():
    assert incomplete_days({}, {MONDAY: 1}) == [MONDAY]


def test_days_that_follow_each_other_are_one_gap():
    days = [date(2026, 3, day) for day in (1, 2, 4)]
    gaps = join(days, "x", "silent")
    assert gaps == [Gap(days[0], days[1], "x", "silent"), Gap(days[2], days[2], "x", "silent")]
    assert [read_gap(gap.as_dict()) for gap in gaps] == gaps


def test_a_range_cuts_gaps():
    gap = Gap(date(2026, 3, 1), date(2026, 3, 9), "x", "silent")
    assert within([gap], date(2026, 3, 5), date(2026, 3, 20)) == [gap._replace(first=date(2026, 3, 5))]
    assert within([gap], date(2026, 3, 10), date(2026, 3, 20)) == []
