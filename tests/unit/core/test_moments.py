"""Moments that the engine can store are parsed, always as aware UTC."""

from datetime import date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invenio_stats.core import moments

NOON = datetime(2026, 1, 31, 12, 0, 0, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("2026-01-31T12:00:00", id="no zone is UTC"),
        pytest.param("2026-01-31T12:00:00Z", id="Z"),
        pytest.param("2026-01-31T12:00:00+00:00", id="zero offset"),
        pytest.param("2026-01-31T13:30:00+01:30", id="offset"),
        pytest.param("2026-01-31T13:00:00+01", id="offset of hours alone"),
        pytest.param("2026-01-31T12:00:00.000", id="milliseconds"),
        pytest.param("2026-01-31T12:00:00.000000000Z", id="nanoseconds"),
        pytest.param("2026-01-31 12:00:00", id="blank"),
        pytest.param("2026-01-31T12:00", id="no seconds"),
        pytest.param("2026-01-31T12", id="hour alone"),
        pytest.param("2026-01-31T13:00+01", id="offset, as long as seconds without one"),
    ],
)
def test_a_timestamp_is_read_whatever_way_it_is_written(text):
    assert moments.parse(text) == NOON
    assert moments.parse(text).tzinfo is timezone.utc


@pytest.mark.parametrize("text", ["2016-12-31T23:59:60", "2016-12-31T23:59:60Z", "2016-12-31T23:59:60.5Z"])
def test_a_leap_second_counts_in_its_minute(text):
    """RFC 3339 allows it, and the engine cannot store it."""
    assert moments.to_second(moments.parse(text)) == datetime(2016, 12, 31, 23, 59, 59, tzinfo=timezone.utc)
    assert not moments.is_iso(text)


@pytest.mark.parametrize(("day", "hours"), [(date.min, 14), (date.max, -14)])
def test_a_moment_outside_of_the_calendar_in_utc_is_refused_like_a_text(day, hours):
    moment = datetime(day.year, day.month, day.day, 12, tzinfo=timezone(timedelta(hours=hours)))
    with pytest.raises(ValueError, match="is not a timestamp"):
        moments.parse(moment)


@pytest.mark.parametrize(
    "text",
    ["2016-12-31T23:59:61", "", "yesterday", "2026-13-01", "2026-01-31T25:00:00", "2026-01-31T10:00+99:00", "12"],
)
def test_what_is_no_timestamp_is_named(text):
    with pytest.raises(ValueError, match="is not a timestamp"):
        moments.parse(text)


@pytest.mark.parametrize("value", [None, 7, 1.5, ["2026"]])
def test_what_is_no_text_is_refused(value):
    with pytest.raises(ValueError, match="is not a timestamp"):
        moments.parse(value)


def test_a_year_or_month_alone_means_its_first_day():
    assert moments.parse_calendar("2026") == datetime(2026, 1, 1, tzinfo=timezone.utc)
    assert moments.parse_calendar("2026-03") == datetime(2026, 3, 1, tzinfo=timezone.utc)
    assert moments.parse_calendar(date(2026, 3, 4)) == datetime(2026, 3, 4, tzinfo=timezone.utc)


@given(st.datetimes(min_value=datetime(1, 1, 2), max_value=datetime(9999, 12, 30)), st.integers(-14 * 60, 14 * 60))
def test_a_moment_survives_being_written_in_any_zone(naive, minutes):
    moment = naive.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    assert moments.parse(moments.iso(moment)) == moment
    assert moments.parse(moments.iso_zoned(moment)) == moment


@given(st.datetimes())
def test_what_iso_writes_is_known_as_such(naive):
    whole = naive.replace(microsecond=0)
    assert moments.is_iso(moments.iso(whole))
    assert moments.is_iso(moments.iso(naive)) == (naive == whole)


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-31 12:00:00",
        "2026-W05-6T12:00:00",
        "2026-01-31T13:00+01",
        "20260131T1300+01:00",
        "2026-01-31T1\N{ARABIC-INDIC DIGIT ZERO}:00:00",
        "2026-01-31T24:00:00",
    ],
)
def test_other_ways_to_write_a_moment_are_not_what_iso_writes(text):
    assert not moments.is_iso(text)
