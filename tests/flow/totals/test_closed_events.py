"""What was stored in an index just before it was closed is counted when it is open again."""

import pytest

from invenio_stats.completeness.index import document_ref

INDEX = "events-stats-record-view-2026-02"


@pytest.fixture
def index(index_prefix, search_client):
    yield f"{index_prefix}{INDEX}"
    search_client.indices.open(index=f"{index_prefix}{INDEX}", ignore=[404])


@pytest.fixture
def close(search_client, index):
    return lambda: search_client.indices.close(index=index)


@pytest.fixture
def reopen(search_client, index):
    return lambda: search_client.indices.open(index=index)


@pytest.fixture
def notes(search_client):
    """Return the closed indices that are known."""

    def read():
        ref = document_ref("closed:record-view-agg")
        found = search_client.get(index=ref["_index"], id=ref["_id"], ignore=[404])
        return found.get("_source", {}).get("closed")

    return read


def test_events_that_were_not_counted_yet_are(raw, aggregator, counts, clock, close, reopen, notes, index):
    raw.put("2026-02-10", "recid_1")
    raw.put("2026-03-10", "recid_1")
    aggregator().run()
    clock.forward(hours=1)
    raw.put("2026-02-10", "recid_1")
    raw.put("2026-03-10", "recid_1")
    close()
    for _run in range(3):
        clock.forward(hours=1)
        aggregator().run()
    assert counts() == {"recid_1-2026-02-10": 1, "recid_1-2026-03-10": 2}
    assert list(notes()) == [index]
    reopen()
    aggregator().run()
    assert counts() == {"recid_1-2026-02-10": 2, "recid_1-2026-03-10": 2}
    assert notes() == {}
    bookmark = aggregator().bookmark_api.get_bookmark(refresh_time=0)
    aggregator().run()
    assert aggregator().bookmark_api.get_bookmark(refresh_time=0) == bookmark  # it does not go back each time


def test_so_are_those_of_an_index_that_was_closed_from_the_beginning(raw, aggregator, counts, clock, close, reopen):
    raw.put("2026-01-10", "recid_1")
    raw.put("2026-02-10", "recid_1")
    close()
    aggregator().run()
    clock.forward(hours=1)
    reopen()
    aggregator().run()
    assert counts() == {"recid_1-2026-01-10": 1, "recid_1-2026-02-10": 1}


def test_an_index_that_is_closed_and_deleted_is_forgotten(raw, aggregator, clock, close, notes, search_client, index):
    raw.put("2026-02-10", "recid_1")
    raw.put("2026-03-10", "recid_1")
    aggregator().run()
    close()
    aggregator().run()
    search_client.indices.delete(index=index)
    aggregator().run()
    assert notes() == {}


def test_a_run_that_cannot_write_its_totals_is_repeated(
    raw, aggregator, counts, clock, close, reopen, notes, monkeypatch
):
    """The bookmark has moved back, and stays there until a run comes to its end."""
    raw.put("2026-01-10", "recid_1")
    aggregator().run()
    raw.put("2026-02-10", "recid_1")
    close()
    clock.forward(hours=1)
    aggregator().run()
    reopen()
    failing = aggregator()
    with monkeypatch.context() as patched:
        patched.setattr(failing.client, "bulk", None)
        with pytest.raises(TypeError):
            failing.run()
    assert notes() == {}
    aggregator().run()
    assert counts() == {"recid_1-2026-01-10": 1, "recid_1-2026-02-10": 1}
