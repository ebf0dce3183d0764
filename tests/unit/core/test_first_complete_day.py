"""The first complete day: what the oldest event and the oldest total tell."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invenio_stats.core.first_complete_day import NOTHING_MISSING, has_risen, judge
from invenio_stats.core.intervals import INTERVALS, floor
from invenio_stats.core.moments import UTC, parse

NOW = parse("2026-04-01T12:00:00")
moments = st.datetimes(parse("2020-01-01").replace(tzinfo=None), NOW.replace(tzinfo=None), timezones=st.just(UTC))


def moment(text):
    return None if text is None else parse(text)


@pytest.mark.parametrize(
    ("before", "oldest_event", "oldest_total", "interval", "day"),
    [
        pytest.param(None, None, None, "day", None, id="fresh instance"),
        pytest.param(None, "2026-03-10T10:00:00", "2026-03-10", "day", None, id="as far back as the totals"),
        pytest.param(None, "2026-03-10T10:00:00", "2026-03-01", "month", None, id="month that begins earlier"),
        pytest.param(None, "2026-03-10T10:00:00", "2026-03-09", "day", "2026-03-11", id="totals reach further back"),
        pytest.param("2026-03-09T10:00:00", "2026-03-10T10:00:00", "2026-03-01", "month", "2026-03-11", id="risen"),
        pytest.param("2026-03-10T10:00:01", "2026-03-10T10:00:31", "2026-03-10", "day", None, id="double click"),
        pytest.param("2026-03-10T10:00:00", "2026-03-10T13:00:00", "2026-03-10", "day", "2026-03-11", id="same day"),
        pytest.param("2026-03-09T10:00:00", "2026-03-10T10:00:00", None, "day", None, id="no totals to shrink"),
        pytest.param("2026-03-09T10:00:00", None, "2026-03-09", "day", "2026-04-01", id="no events left"),
        pytest.param("2026-03-09T10:00:00", "2026-04-01T09:00:00", "2026-03-09", "day", "2026-04-01", id="today"),
        pytest.param("2026-03-09T10:00:00", "2999-01-01T09:00:00", "2026-03-09", "day", "2026-04-01", id="future"),
    ],
)
def test_the_day_is_judged(before, oldest_event, oldest_total, interval, day):
    judged = judge(moment(before), moment(oldest_event), moment(oldest_total), interval, NOW)
    assert judged == (NOTHING_MISSING if day is None else parse(day))


def test_the_oldest_day_is_complete_where_whole_days_before_it_are_gone():
    before, oldest = parse("2026-03-09T10:00:00"), parse("2026-03-10T10:00:00")
    assert judge(before, oldest, before, "day", NOW, lost_whole_days=True) == parse("2026-03-10")


@given(moments, moments, moments, st.sampled_from(INTERVALS))
def test_todays_events_are_never_too_old(before, oldest_event, oldest_total, interval):
    assert judge(before, oldest_event, oldest_total, interval, NOW) <= floor(NOW, "day")


@given(moments, moments, moments, st.sampled_from(INTERVALS))
def test_no_total_that_lost_events_is_counted_anew(before, oldest_event, oldest_total, interval):
    """A deletion that is noticed puts every day before the oldest event's out of reach."""
    oldest_total = min(oldest_total, before)
    if has_risen(before, oldest_event):
        assert judge(before, oldest_event, oldest_total, interval, NOW) >= floor(oldest_event, "day")
