"""Each aggregation has one bookmark that moves forward, beside those of older releases."""

from datetime import datetime, timedelta, timezone

import pytest

from invenio_stats.bookmark import SUPPORTED_INTERVALS, BookmarkAPI, format_range_dt
from invenio_stats.search.multi_get import read

NOON = datetime(2026, 3, 10, 12, tzinfo=timezone.utc)


@pytest.fixture
def bookmark(search_client):
    return BookmarkAPI(search_client, "record-view-agg", "day")


@pytest.fixture
def write_old(search_client, bookmark):
    """Write bookmarks as older releases did: a new document each time."""

    def write(*dates, aggregation="record-view-agg"):
        if not search_client.indices.exists(bookmark.bookmark_index):
            search_client.indices.create(index=bookmark.bookmark_index, body=BookmarkAPI.MAPPINGS)
        for date in dates:
            search_client.index(index=bookmark.bookmark_index, body={"date": date, "aggregation_type": aggregation})
        search_client.indices.refresh(index=bookmark.bookmark_index)

    return write


def test_without_a_bookmark_there_is_nowhere_to_resume(bookmark):
    assert bookmark.get_bookmark() is None
    assert bookmark.list_bookmarks() == []
    bookmark.rewind()


def test_resuming_goes_back_a_little(bookmark):
    bookmark.set_bookmark(NOON.isoformat())
    assert bookmark.get_bookmark() == NOON - timedelta(seconds=60)
    assert bookmark.get_bookmark(refresh_time=0) == NOON
    assert bookmark.get_bookmark().utcoffset() == timedelta(0)


def test_it_moves_forward_only(bookmark):
    bookmark.set_bookmark(NOON)
    bookmark.set_bookmark(NOON - timedelta(days=1))
    assert bookmark.get_bookmark(0) == NOON
    bookmark.set_bookmark("2026-03-11")
    assert bookmark.get_bookmark(0) == datetime(2026, 3, 11, tzinfo=timezone.utc)


def test_it_is_one_document(bookmark, search_client):
    for hours in range(3):
        bookmark.set_bookmark(NOON + timedelta(hours=hours))
    search_client.indices.refresh(index=bookmark.bookmark_index)
    assert search_client.count(index=bookmark.bookmark_index)["count"] == 1
    assert [listed.date for listed in bookmark.list_bookmarks()] == ["2026-03-10T14:00:00"]


def test_its_index_knows_two_fields_and_refuses_others(bookmark, search_client, index_prefix):
    bookmark.set_bookmark(NOON)
    assert bookmark.bookmark_index == f"{index_prefix}stats-bookmarks"
    mapping = search_client.indices.get_mapping(index=bookmark.bookmark_index)[bookmark.bookmark_index]["mappings"]
    assert mapping["dynamic"] == "strict"
    assert set(mapping["properties"]) == {"date", "aggregation_type"}


def test_its_index_asks_a_single_node_for_no_replica(bookmark, search_client):
    bookmark.set_bookmark(NOON.isoformat())
    settings = search_client.indices.get_settings(index=bookmark.bookmark_index)[bookmark.bookmark_index]["settings"]
    assert settings["index"]["auto_expand_replicas"] == "0-1"


def test_of_older_documents_the_newest_date_counts(bookmark, write_old):
    write_old("2026-03-09T00:00:00", "2026-03-11T00:00:00", "2026-03-10T00:00:00")
    write_old("2026-03-15T00:00:00", aggregation="another")
    assert bookmark.get_bookmark(0) == datetime(2026, 3, 11, tzinfo=timezone.utc)
    bookmark.set_bookmark("2026-03-10T23:00:00")
    assert bookmark.get_bookmark(0) == datetime(2026, 3, 11, tzinfo=timezone.utc)
    bookmark.set_bookmark("2026-03-12T00:00:00")
    assert bookmark.get_bookmark(0) == datetime(2026, 3, 12, tzinfo=timezone.utc)


def test_the_list_shows_ours_then_older_ones(bookmark, write_old):
    write_old("2026-03-09", "2026-03-11", "2026-03-10")
    bookmark.set_bookmark("2026-03-12T01:00:00")
    dates = [listed.date for listed in bookmark.list_bookmarks()]
    assert dates == ["2026-03-12T01:00:00", "2026-03-11", "2026-03-10", "2026-03-09"]
    assert [listed.date for listed in bookmark.list_bookmarks(limit=2)] == dates[:2]
    assert [listed.date for listed in bookmark.list_bookmarks("2026-03-10", NOON + timedelta(days=1))] == dates[1:3]
    assert {listed["aggregation_type"] for listed in bookmark.list_bookmarks()} == {"record-view-agg"}


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        pytest.param("2026", datetime(2026, 1, 1, tzinfo=timezone.utc), id="year"),
        pytest.param("2026-03", datetime(2026, 3, 1, tzinfo=timezone.utc), id="month"),
        pytest.param("2026-03-10", datetime(2026, 3, 10, tzinfo=timezone.utc), id="day"),
        pytest.param("2026-03-10T12", NOON, id="hour"),
        pytest.param("2026-03-10T13:00:00+01:00", NOON, id="with a zone"),
    ],
)
def test_a_date_alone_is_the_start_of_its_interval(bookmark, write_old, written, moment):
    write_old(written)
    assert bookmark.get_bookmark(0) == moment


def test_what_is_no_date_is_a_value_error(bookmark):
    with pytest.raises(ValueError, match="'soon' is not a timestamp"):
        bookmark.set_bookmark("soon")


def test_rewinding_goes_back_past_older_documents(bookmark, write_old):
    write_old("2026-03-09T00:00:00", "2026-03-11T00:00:00")
    bookmark.set_bookmark("2026-03-12T00:00:00")
    bookmark.rewind(NOON)
    assert bookmark.get_bookmark(0) == NOON
    assert [listed.date for listed in bookmark.list_bookmarks()] == ["2026-03-10T12:00:00", "2026-03-09T00:00:00"]
    bookmark.rewind(NOON + timedelta(days=1))
    assert bookmark.get_bookmark(0) == NOON
    bookmark.rewind()
    assert bookmark.get_bookmark() is None
    bookmark.set_bookmark("2026-01-01")
    assert bookmark.get_bookmark(0) == datetime(2026, 1, 1, tzinfo=timezone.utc)


def read_own(bookmark):
    return read(bookmark.client, [bookmark.document_ref])[0]


def test_resuming_from_what_was_read_is_as_from_the_bookmark(bookmark, write_old):
    assert bookmark.resume(read_own(bookmark)) is None
    write_old("2026-03-09T00:00:00")
    assert bookmark.resume(read_own(bookmark)) == bookmark.get_bookmark()
    bookmark.set_bookmark(NOON)
    assert bookmark.resume(read_own(bookmark)) == bookmark.get_bookmark() == NOON - timedelta(seconds=60)


def test_what_an_older_release_did_after_ours_is_done_again(bookmark, write_old):
    """It did not count late events."""
    bookmark.set_bookmark(NOON)
    write_old("2026-03-11T00:00:00")
    assert bookmark.resume(read_own(bookmark), 0) == NOON


def test_a_bookmark_that_was_read_is_moved_in_one_request(bookmark, requests):
    bookmark.set_bookmark(NOON)
    bookmark.resume(read_own(bookmark))
    requests.clear()
    bookmark.set_bookmark(NOON + timedelta(hours=1))
    assert requests == {"bookmark": 1}
    assert bookmark.get_bookmark(0) == NOON + timedelta(hours=1)


@pytest.mark.parametrize(
    "hours", [pytest.param(-5, id="back"), pytest.param(2, id="on"), pytest.param(None, id="gone")]
)
def test_what_others_did_since_it_was_read_is_seen(bookmark, search_client, hours):
    bookmark.set_bookmark(NOON)
    bookmark.resume(read_own(bookmark))
    other = BookmarkAPI(search_client, "record-view-agg", "day")
    if hours is None or hours < 0:
        other.rewind(None if hours is None else NOON + timedelta(hours=hours))
    else:
        other.set_bookmark(NOON + timedelta(hours=hours))
    bookmark.set_bookmark(NOON + timedelta(hours=1))
    assert bookmark.get_bookmark(0) == NOON + timedelta(hours=max(1, hours or 0))


def test_dates_are_rounded_by_the_engine():
    assert list(SUPPORTED_INTERVALS) == ["hour", "day", "month", "year"]
    written = [format_range_dt(datetime(2026, 3, 10, 12, 30, 1, 5), interval) for interval in SUPPORTED_INTERVALS]  # noqa: DTZ001
    assert written == [f"2026-03-10T12:30:01||/{unit}" for unit in "hdMy"]
