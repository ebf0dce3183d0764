"""The number of objections reaches the ingest counters: in batches, once, and with nothing of a visitor."""

import logging
from collections import Counter
from datetime import date, datetime, timezone

import pytest

from invenio_stats.broker import queue_depth
from invenio_stats.core import names
from invenio_stats.errors import EventsRefusedError
from invenio_stats.operations import runner
from invenio_stats.operations.monitoring import ingest_counters
from invenio_stats.operations.objections import count_objections
from invenio_stats.operations.quality.left_out import read_left_out
from invenio_stats.privacy import objection_counts
from invenio_stats.proxies import current_stats
from tests.fixtures.services import empty

TODAY = datetime.now(timezone.utc).date()


@pytest.fixture(autouse=True)
def _clean(app, queues, broker_url):
    """Nobody has objected before."""
    empty(broker_url, [current_stats.objections_queue])
    yield
    held = app.extensions.pop(objection_counts._KEY, None)
    if held is not None and held._timer is not None:
        held._timer.cancel()
    empty(broker_url, [current_stats.objections_queue])


@pytest.fixture
def counted(search_client, refresh):
    """Return the numbers of objections by event type."""

    def read():
        refresh()
        lines = ingest_counters.lines(search_client, date.min, TODAY)
        return {(line.event_type, line.day): line.count for line in lines if line.reason == "objection"}

    return read


def messages():
    return list(current_stats.objections_queue.consume())


def test_many_objections_are_one_message_for_each_day_and_type(app):
    for _ in range(500):
        objection_counts.note("file-download")
        objection_counts.note("record-view", 2)
    objection_counts.note("record-view", 0)
    assert not queue_depth.depth(current_stats.objections_queue), "nothing is sent before a minute is over"
    objection_counts.send()
    assert sorted(map(str, messages())) == [
        str({"date": TODAY.isoformat(), "event_type": name, "count": number})
        for name, number in (("file-download", 500), ("record-view", 1000))
    ]
    objection_counts.send()
    assert messages() == []


def test_a_run_of_the_worker_counts_them(app, counted, put_templates):
    """It is shown with the other reasons why clicks do not count."""
    for number in (3, 4):
        objection_counts.note("file-download", number)
        objection_counts.send()
    runner.process_all(["record-view"])
    assert counted() == {("file-download", TODAY): 7}
    runner.process_all(["record-view"])
    assert counted() == {("file-download", TODAY): 7}
    assert [(row.kind, row.clicks) for row in read_left_out(TODAY, TODAY).rows] == [("objections", 7)]
    assert ingest_counters.count_outcomes(app.extensions["invenio-search"].client)["file-download"] == {"objection": 7}


def test_after_a_minute_a_thread_sends_them(app, monkeypatch):
    monkeypatch.setattr(objection_counts, "SECONDS_HELD", 0.01)
    objection_counts.note("file-download")
    objection_counts._held()._timer.join(10)
    assert [message["count"] for message in messages()] == [1]


def test_where_threads_do_not_run_a_later_request_sends_them(app, monkeypatch):
    monkeypatch.setattr(objection_counts.HeldCounts, "_start_timer", lambda self: None)
    objection_counts.note("file-download")
    assert messages() == []
    monkeypatch.setattr(objection_counts, "SECONDS_HELD", -1)
    objection_counts.note("file-download")
    assert sum(message["count"] for message in messages()) == 2


def test_what_neither_broker_nor_spool_takes_is_kept(app, monkeypatch, caplog):
    """It is no event that was refused, and nothing is lost as long as the process lives."""

    def refuse(*args):
        raise EventsRefusedError(1, "the spool is full")

    objection_counts.note("file-download", 5)
    with monkeypatch.context() as patch, caplog.at_level(logging.WARNING):
        patch.setattr(objection_counts, "publish", refuse)
        objection_counts.send()
    assert "The number of objections could not be sent" in caplog.text
    assert messages() == []
    objection_counts.note("file-download", 2)
    objection_counts.send()
    assert [message["count"] for message in messages()] == [7]


def test_a_forked_process_begins_with_none(app):
    """Its parent sends what it has counted."""
    objection_counts.note("file-download", 5)
    held = objection_counts._held()
    held._timer.cancel()
    held._renew()
    objection_counts.send()
    assert messages() == []


def test_an_engine_that_is_away_leaves_them_on_the_queue(app, search_client, counted, monkeypatch):
    objection_counts.note("file-download", 5)
    objection_counts.send()
    with monkeypatch.context() as patch:
        patch.setattr(search_client.transport, "perform_request", lambda *args, **kwargs: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            count_objections(current_stats.objections_queue, search_client)
    before = counted().get(("file-download", TODAY), 0)
    assert count_objections(current_stats.objections_queue, search_client) == 5
    assert counted() == {("file-download", TODAY): before + 5}


@pytest.mark.parametrize(
    "entry",
    [
        "text",
        7,
        None,
        ["text"],
        {},
        {"date": "2026-01-31"},
        {"date": "never", "event_type": "file-download", "count": 1},
        {"date": None, "event_type": "file-download", "count": 1},
        {"date": "2026-01-31", "event_type": None, "count": 1},
        {"date": "2026-01-31", "event_type": "file-download", "count": -1},
        {"date": "2026-01-31", "event_type": "file-download", "count": True},
        {"date": "2026-01-31", "event_type": "file-download", "count": "1"},
        {"date": "2026-01-31", "event_type": "file-download", "count": 2**63 - 1},
        {"date": "2026-01-31", "event_type": "file-download", "count": 10**30},
        {"date": "2026-01-31", "event_type": "x" * 600, "count": 1},
        {"date": "2026-01-31", "event_type": "\ud800", "count": 1},
        {"date": "2026-01-31", "event_type": "", "count": 1},
    ],
)
def test_what_another_program_has_written_stops_nothing(app, search_client, counted, entry):
    before = Counter(counted())
    current_stats.objections_queue.publish([entry, {"date": "2026-01-31", "event_type": "file-download", "count": 1}])
    assert count_objections(current_stats.objections_queue, search_client) == 1
    assert Counter(counted()) - before == {("file-download", date(2026, 1, 31)): 1}


def test_the_queue_is_nobody_elses():
    assert names.is_own(names.OBJECTIONS)
