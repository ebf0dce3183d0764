"""Totals stay as they are when somebody deletes the raw events of the oldest day, in whatever way."""

from datetime import timedelta, timezone

import pytest

from invenio_stats.broker import dead_letters
from invenio_stats.cli import stats
from invenio_stats.completeness.first_complete_day import FirstCompleteDay
from invenio_stats.core.first_complete_day import NOTHING_MISSING
from invenio_stats.operations.runner import aggregate_one, process_one
from invenio_stats.proxies import current_stats
from tests.flow.test_processors import TODAY, download

EVENT, NAME = "file-download", "file-download-agg"
NOON = TODAY.replace(hour=12, minute=0, second=0, microsecond=0)
DAYS = [NOON - timedelta(days=number) for number in (4, 3, 2)]
TOTALS = [3, 3, 3]


def publish(*events):
    current_stats.publish(EVENT, events)
    process_one(EVENT)


def three_downloads(day):
    """Three downloads of one file by three people."""
    return [download(day, ip_address=f"192.0.2.{number}") for number in range(3)]


@pytest.fixture
def values(counts):
    """Return the counts of the totals, oldest day first."""
    return lambda: [count for _, count in sorted(counts("stats-file-download").items())]


@pytest.fixture
def counted(queues, put_templates, refresh, values):
    """Totals of three days, counted by the task."""
    for day in DAYS:
        publish(*three_downloads(day))
    refresh()
    aggregate_one(NAME)
    assert values() == TOTALS


@pytest.fixture
def invoke(app):
    """Return `invoke(*args, code)`: what a command says."""

    def run(*args, code=0):
        result = app.test_cli_runner().invoke(stats, args)
        assert result.exit_code == code, result.output
        return result.output

    return run


def delete_index(client, prefix):
    client.indices.delete(index=f"{prefix}events-stats-{EVENT}-{DAYS[0]:%Y-%m-%d}")


def delete_by_query(client, prefix):
    """Leaves an empty index."""
    before = {"query": {"range": {"timestamp": {"lt": f"{DAYS[1]:%Y-%m-%d}"}}}}
    client.delete_by_query(index=f"{prefix}events-stats-{EVENT}-*", body=before, refresh=True)


@pytest.fixture(params=[delete_index, delete_by_query])
def deleted(counted, search_client, index_prefix, request, refresh):
    """The first of three days has lost its events."""
    request.param(search_client, index_prefix)
    refresh()


def test_its_totals_are_not_deleted(deleted, invoke, values):
    """They could never come back."""
    invoke("aggregations", "delete", NAME, "--yes", code=2)
    invoke("aggregations", "delete", NAME, "--yes", "--to", f"{DAYS[0]:%Y-%m-%d}", code=2)
    assert values() == TOTALS


def test_its_totals_are_not_rebuilt(deleted, invoke, values):
    dates = ("--from", f"{DAYS[0]:%Y-%m-%d}", "--to", f"{DAYS[2]:%Y-%m-%d}")
    invoke("aggregations", "rebuild", NAME, *dates, "--yes", code=2)
    assert values() == TOTALS


def test_its_totals_are_left_alone_by_a_range(deleted, invoke, values):
    dates = ("--from", f"{DAYS[0]:%Y-%m-%d}", "--to", f"{DAYS[2]:%Y-%m-%d}")
    invoke("aggregations", "process", NAME, *dates, "--eager")
    assert values() == TOTALS


@pytest.mark.parametrize("asked", [False, True], ids=["at once", "after another run"])
def test_a_late_event_for_it_is_rejected(deleted, queues, values, refresh, asked):
    if asked:
        publish(download(DAYS[2], file_id="other"))
        aggregate_one(NAME)
    publish(download(DAYS[0], file_id="F", ip_address="192.0.2.9"))
    assert [dead_letter.reason for dead_letter in dead_letters.look(queues[EVENT])] == ["expired"]
    refresh()
    aggregate_one(NAME)
    assert values()[0] == 3


def test_verify_skips_it_and_is_content(deleted, invoke):
    said = invoke("verify", NAME)
    assert "0 differences" in said
    assert "the first day with all raw events" in said


def test_the_next_day_is_complete_where_an_index_was_deleted(
    counted, search_client, index_prefix, queues, values, refresh
):
    """Of a day whose events were deleted by a query, nobody knows how far the query reached."""
    delete_index(search_client, index_prefix)
    publish(download(DAYS[0], ip_address="192.0.2.9"), download(DAYS[1], file_id="F", ip_address="192.0.2.9"))
    assert [dead_letter.reason for dead_letter in dead_letters.look(queues[EVENT])] == ["expired"]
    assert FirstCompleteDay(search_client, EVENT).get() == DAYS[1].replace(hour=0, tzinfo=timezone.utc)
    refresh()
    aggregate_one(NAME)
    assert values() == [3, 4, 3]


def test_a_second_deletion_is_noticed_too(deleted, search_client, index_prefix, queues, values, refresh):
    publish(download(DAYS[2], file_id="F", ip_address="192.0.2.9"))
    refresh()
    aggregate_one(NAME)
    assert values() == [3, 3, 4]
    search_client.indices.delete(index=f"{index_prefix}events-stats-{EVENT}-{DAYS[1]:%Y-%m-%d}")
    search_client.indices.delete(index=f"{index_prefix}events-stats-{EVENT}-{DAYS[2]:%Y-%m-%d}")
    publish(download(DAYS[2], file_id="F", ip_address="192.0.2.8"))
    aggregate_one(NAME)
    assert values() == [3, 3, 4]
    assert [dead_letter.reason for dead_letter in dead_letters.look(queues[EVENT])] == ["expired"]


def test_a_part_of_its_events_that_is_imported_makes_no_total_smaller(
    counted, invoke, values, tmp_path, search_client, index_prefix, refresh
):
    """The import brings three of its four events back; before it, the day is judged."""
    invoke("export", str(tmp_path / "export"))
    publish(download(DAYS[0], file_id="F", ip_address="192.0.2.9"))
    refresh()
    aggregate_one(NAME)
    assert values() == [4, 3, 3]
    delete_index(search_client, index_prefix)
    invoke("import", str(tmp_path / "export"))
    aggregate_one(NAME)
    dates = ("--from", f"{DAYS[0]:%Y-%m-%d}", "--to", f"{DAYS[2]:%Y-%m-%d}")
    invoke("aggregations", "process", NAME, *dates, "--eager")
    assert values() == [4, 3, 3]


def test_totals_that_are_imported_without_their_events_stay_as_they_are(
    counted, invoke, values, tmp_path, search_client, index_prefix, queues
):
    """Nobody knew of them when the day was judged."""
    invoke("export", str(tmp_path / "export"))
    for index in (f"events-stats-{EVENT}-*", f"stats-{EVENT}-*", "stats-completeness", "stats-bookmarks"):
        search_client.indices.delete(index=f"{index_prefix}{index}")
    publish(download(file_id="other"))  # judged: nothing is missing
    invoke("import", str(tmp_path / "export"))
    search_client.indices.delete(index=f"{index_prefix}events-stats-{EVENT}-{DAYS[0]:%Y-%m-%d}")
    publish(download(DAYS[0], file_id="F", ip_address="192.0.2.9"))
    aggregate_one(NAME)
    assert values()[0] == 3


def test_what_is_only_retracted_is_not_deleted(counted, search_client, index_prefix, refresh):
    """The oldest day that counts rises, and all events are there."""
    index = f"{index_prefix}events-stats-{EVENT}-{DAYS[0]:%Y-%m-%d}"
    for hit in search_client.search(index=index)["hits"]["hits"]:
        search_client.index(index=index, id=hit["_id"], body={**hit["_source"], "superseded": True}, refresh=True)
    kept = FirstCompleteDay(search_client, EVENT)
    day = kept.find(f"{index_prefix}events-stats-{EVENT}", f"{index_prefix}stats-{EVENT}", "day", NOON)
    assert day == NOTHING_MISSING


def test_a_closed_index_is_not_a_deleted_one(counted, search_client, index_prefix, queues, invoke, values):
    """Its events come back with it; until then its totals are not deleted."""
    index = f"{index_prefix}events-stats-{EVENT}-{DAYS[0]:%Y-%m-%d}"
    search_client.indices.close(index=index)
    try:
        assert "Open them" in invoke("aggregations", "delete", NAME, "--yes", code=1)
        aggregate_one(NAME)
    finally:
        search_client.indices.open(index=index)
    assert FirstCompleteDay(search_client, EVENT).get() == NOTHING_MISSING
    assert values() == TOTALS


def test_bookmarks_and_nothing_else_are_among_the_bookmarks(counted, search_client, index_prefix, refresh):
    """Programs count and list them."""
    refresh()
    found = search_client.search(index=f"{index_prefix}stats-bookmarks")["hits"]["hits"]
    assert {hit["_id"] for hit in found} == {NAME, f"{NAME}-automated"}


def delete_middle_index(client, prefix):
    client.indices.delete(index=f"{prefix}events-stats-{EVENT}-{DAYS[1]:%Y-%m-%d}")


def delete_middle_by_query(client, prefix):
    query = {"query": {"range": {"timestamp": {"gte": f"{DAYS[1]:%Y-%m-%d}", "lt": f"{DAYS[2]:%Y-%m-%d}"}}}}
    client.delete_by_query(index=f"{prefix}events-stats-{EVENT}-*", body=query, refresh=True)


@pytest.mark.parametrize("delete", [delete_middle_index, delete_middle_by_query])
def test_a_late_event_for_a_day_deleted_in_the_middle_makes_no_total_smaller(
    counted, search_client, index_prefix, delete, invoke, values, refresh, caplog
):
    """The oldest event does not show it. Totals of the same day that have their events are counted."""
    delete(search_client, index_prefix)
    publish(download(DAYS[1], file_id="F", ip_address="192.0.2.9"), download(DAYS[1], file_id="new"))
    refresh()
    aggregate_one(NAME)
    assert "Totals whose raw events were deleted are left as they are" in caplog.text
    assert sorted(values()) == [1, *TOTALS]
    dates = ("--from", f"{DAYS[0]:%Y-%m-%d}", "--to", f"{DAYS[2]:%Y-%m-%d}")
    invoke("aggregations", "process", NAME, *dates, "--eager")
    assert sorted(values()) == [1, *TOTALS]


def test_a_retracted_event_makes_a_total_smaller(counted, search_client, index_prefix, refresh, values):
    """Its document is there."""
    index = f"{index_prefix}events-stats-{EVENT}-{DAYS[1]:%Y-%m-%d}"
    hit = search_client.search(index=index)["hits"]["hits"][0]
    stamped = {"superseded": True, "updated_timestamp": f"{TODAY:%Y-%m-%dT%H:%M:%S}"}
    search_client.index(index=index, id=hit["_id"], body={**hit["_source"], **stamped}, refresh=True)
    aggregate_one(NAME)
    assert values() == [3, 2, 3]
