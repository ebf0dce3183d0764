"""Contract, bookmarks: how far an aggregation has come, and how far a program of somebody else has."""

from datetime import datetime, timedelta, timezone

import pytest

from invenio_stats.aggregations import INTERVAL_DELTAS, INTERVAL_ROUNDING
from invenio_stats.bookmark import SUPPORTED_INTERVALS, BookmarkAPI, format_range_dt

from .samples import naive, on


@pytest.fixture
def bookmark(search_client):
    """A general bookmark, as the task that reindexes InvenioRDM's records has one."""
    return BookmarkAPI(search_client, "stats_reindex", "day")


def test_there_is_no_bookmark_before_the_first(bookmark):
    assert bookmark.get_bookmark() is None
    assert list(bookmark.list_bookmarks()) == []


def test_a_bookmark_is_read_as_aware_utc_a_minute_before_it(bookmark):
    bookmark.set_bookmark("2026-01-31T10:00:00")
    assert bookmark.get_bookmark() == datetime(2026, 1, 31, 9, 59, tzinfo=timezone.utc)
    assert bookmark.get_bookmark(refresh_time=10) == datetime(2026, 1, 31, 9, 59, 50, tzinfo=timezone.utc)
    assert bookmark.get_bookmark().utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    "value", ["2026-01-31T10:00:00+00:00", "2026-01-31T10:00:00.000000", "2026-01-31T11:00:00+01:00"]
)
def test_a_bookmark_is_set_as_programs_write_dates(bookmark, value):
    bookmark.set_bookmark(value)
    assert bookmark.get_bookmark(refresh_time=0) == datetime(2026, 1, 31, 10, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("interval", "written", "moment"),
    [
        ("hour", "2026-02-03T10", datetime(2026, 2, 3, 10, tzinfo=timezone.utc)),
        ("day", "2026-02-03", datetime(2026, 2, 3, tzinfo=timezone.utc)),
        ("month", "2026-02", datetime(2026, 2, 1, tzinfo=timezone.utc)),
        ("year", "2026", datetime(2026, 1, 1, tzinfo=timezone.utc)),
    ],
)
def test_a_date_without_time_is_read_by_its_interval(search_client, interval, written, moment):
    bookmark = BookmarkAPI(search_client, "some", interval)
    bookmark.set_bookmark(written)
    assert bookmark.get_bookmark(refresh_time=0) == moment


def test_bookmarks_of_different_programs_do_not_mix(search_client, bookmark):
    bookmark.set_bookmark(naive(on(3)))
    BookmarkAPI(search_client, "file-download-agg", "day").set_bookmark(naive(on(7)))
    assert bookmark.get_bookmark(refresh_time=0) == on(3)


def test_bookmarks_are_listed_between_dates_up_to_a_limit(search_client, bookmark, refresh, index_prefix):
    bookmark.set_bookmark(naive(on(5)))
    for day in (1, 2, 3):
        document = {"date": naive(on(day)), "aggregation_type": "stats_reindex"}
        search_client.index(index=f"{index_prefix}stats-bookmarks", body=document)
    refresh()

    def days(*args):
        return [datetime.fromisoformat(stored.date).day for stored in bookmark.list_bookmarks(*args)]

    assert days() == [5, 3, 2, 1]
    assert days(None, None, 2) == [5, 3]
    assert days(on(2, 0), on(3, 23), None) == [3, 2]


def test_the_index_and_its_mapping_are_attributes(bookmark, index_prefix):
    assert bookmark.bookmark_index == f"{index_prefix}stats-bookmarks"
    assert bookmark.MAPPINGS["mappings"]["dynamic"] == "strict"
    assert set(bookmark.MAPPINGS["mappings"]["properties"]) == {"date", "aggregation_type"}


def test_intervals_have_their_forms_roundings_and_lengths():
    assert list(SUPPORTED_INTERVALS) == ["hour", "day", "month", "year"]
    assert dict(SUPPORTED_INTERVALS) == {"hour": "%Y-%m-%dT%H", "day": "%Y-%m-%d", "month": "%Y-%m", "year": "%Y"}
    assert dict(INTERVAL_ROUNDING) == {"hour": "h", "day": "d", "month": "M", "year": "y"}
    start = datetime(2026, 1, 31)
    assert [str(start + INTERVAL_DELTAS[interval])[:13] for interval in SUPPORTED_INTERVALS] == [
        "2026-01-31 01", "2026-02-01 00", "2026-02-28 00", "2027-01-31 00",
    ]  # fmt: skip


@pytest.mark.parametrize(("interval", "unit"), [("hour", "h"), ("day", "d"), ("month", "M"), ("year", "y")])
def test_a_date_of_a_range_is_rounded_by_the_engine(interval, unit):
    assert format_range_dt(datetime(2026, 1, 31, 10, 0, 0, 5), interval) == f"2026-01-31T10:00:00||/{unit}"
