"""Intervals divide the calendar in UTC without gaps or overlaps."""

from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invenio_stats.core import intervals

MOMENTS = st.datetimes(min_value=datetime(1990, 1, 1), max_value=datetime(2100, 1, 1), timezones=st.just(timezone.utc))
INTERVALS = st.sampled_from(intervals.INTERVALS)


@given(MOMENTS, INTERVALS)
def test_every_moment_lies_in_its_interval(moment, interval):
    start = intervals.floor(moment, interval)
    assert start <= moment < intervals.after(start, interval)


@given(MOMENTS, INTERVALS)
def test_a_start_is_its_own_floor(moment, interval):
    following = intervals.after(intervals.floor(moment, interval), interval)
    assert intervals.floor(following, interval) == following


@given(MOMENTS, INTERVALS)
def test_moments_share_a_label_exactly_when_they_share_an_interval(moment, interval):
    start = intervals.floor(moment, interval)
    assert intervals.label(moment, interval) == intervals.label(start, interval)
    assert intervals.label(intervals.after(start, interval), interval) != intervals.label(start, interval)


def test_the_starts_of_a_range_include_both_ends():
    first, last = datetime(2025, 12, 31, 23, 59, tzinfo=timezone.utc), datetime(2026, 2, 1, tzinfo=timezone.utc)
    labels = [intervals.label(start, "month") for start in intervals.starts(first, last, "month")]
    assert labels == ["2025-12", "2026-01", "2026-02"]


def test_a_range_that_ends_before_it_begins_has_no_intervals():
    first, last = datetime(2026, 2, 1, tzinfo=timezone.utc), datetime(2026, 1, 1, tzinfo=timezone.utc)
    assert list(intervals.starts(first, last, "day")) == []


@pytest.mark.parametrize("interval", intervals.INTERVALS)
def test_the_last_interval_of_the_calendar_ends_with_it(interval):
    last = datetime(9999, 12, 31, 23, 59, 59, tzinfo=timezone.utc)
    assert intervals.after(last, interval) > last
    assert list(intervals.starts(last, last, interval)) == [intervals.floor(last, interval)]


def test_lengths_compare():
    assert intervals.is_longer("year", "month")
    assert not intervals.is_longer("day", "day")


def test_an_unknown_interval_is_named_with_the_known_ones():
    with pytest.raises(ValueError, match="'week' is not an interval. Use one of: hour, day, month, year"):
        intervals.check_interval("week")
