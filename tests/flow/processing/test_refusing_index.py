"""An index that refuses: its events are postponed and come back by themselves; the others do not wait for it."""

import time
from datetime import datetime, timedelta, timezone

import pytest
from invenio_search.engine import search

from invenio_stats.broker import dead_letters, queue_depth
from invenio_stats.broker.dead_letters import DeadLetterFilter
from invenio_stats.core import names, postponing
from invenio_stats.errors import EngineUnavailableError
from invenio_stats.processing.event_store import EventStore
from invenio_stats.proxies import current_stats
from invenio_stats.tasks import process_events
from tests.fixtures.clicks import MIDNIGHT, at, counted, kept_by_thing
from tests.flow.test_processors import TODAY, download

pytestmark = [pytest.mark.expect_logged_errors]

EVENT = "file-download"
LATE = TODAY.replace(hour=10, minute=0, second=0) - timedelta(days=3)
NOON = TODAY.replace(hour=12, minute=0, second=0) - timedelta(days=1)


def good_events() -> list[dict]:
    """Return sixty downloads of which fifty count: ten visitors click twice, twenty seconds apart."""
    once = [download(NOON, ip_address=f"192.0.2.{number}") for number in range(40)]
    twice = [
        download(NOON + timedelta(seconds=seconds), ip_address=f"198.51.100.{number}")
        for number in range(10)
        for seconds in (15, 35)  # in two cells
    ]
    return once + twice


@pytest.fixture
def queue(queues, put_templates, monkeypatch):
    """The queue of downloads; nobody waits for real."""
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    return queues[EVENT]


@pytest.fixture
def late_index(queue, index_prefix):
    """The index of a day that has an event already."""
    current_stats.publish(EVENT, [download(LATE, file_id="early")])
    assert run() == (1, 0)
    return f"{index_prefix}events-stats-{EVENT}-{LATE:%Y-%m-%d}"


@pytest.fixture
def count(search_client, refresh, index_prefix):
    """Return a function that counts the events that count."""

    def count_events():
        refresh()
        return search_client.count(index=f"{index_prefix}events-stats-{EVENT}")["count"]

    return count_events


def run():
    ((_name, result),) = process_events([EVENT])
    return result


def write_block(client, index):
    client.indices.put_settings(index=index, body={"index.blocks.write": True})
    return lambda: client.indices.put_settings(index=index, body={"index.blocks.write": None})


def read_only(client, index):
    client.indices.put_settings(index=index, body={"index.blocks.read_only": True})
    return lambda: client.indices.put_settings(index=index, body={"index.blocks.read_only": None})


def close(client, index):
    client.indices.close(index=index)
    return lambda: client.indices.open(index=index)


@pytest.mark.parametrize("refuse", [write_block, read_only, close])
def test_one_index_that_refuses_holds_up_no_other(queue, late_index, search_client, count, refuse):
    """All others are stored and acknowledged, and clicks counted once; the late event comes back."""
    lift = refuse(search_client, late_index)
    try:
        events = good_events()
        current_stats.publish(EVENT, [*events[:30], download(LATE, file_id="late"), *events[30:]])
        assert run() == (60, 1)
        assert queue_depth.depth(queue) == 0
        (dead_letter,) = dead_letters.look(queue)
        error = "index_closed_exception" if refuse is close else "cluster_block_exception"
        assert dead_letter.reason == f"postponed: events-stats-{EVENT}-{LATE:%Y-%m-%d}: {error}"
        assert (dead_letter.event["file_id"], dead_letter.postponed) == ("late", 1)
        assert run() == (0, 0)
    finally:
        lift()
    assert dead_letters.replay(queue, DeadLetterFilter("postponed")) == 1
    assert run() == (1, 0)
    assert queue_depth.dead(queue) == 0
    assert count() == 50 + 2


def test_postponed_events_come_back_by_themselves_and_wait_longer_each_time(queue, late_index, search_client, count):
    lift = write_block(search_client, late_index)
    try:
        current_stats.publish(EVENT, [download(LATE, file_id="late")])
        assert run() == (0, 1)
        soon, later, much_later = (datetime.now(timezone.utc) + timedelta(minutes=minutes) for minutes in (9, 11, 21))
        assert dead_letters.replay_due(queue, soon) == 0
        assert dead_letters.replay_due(queue, later) == 1
        assert run() == (0, 1)
        assert [dead_letter.postponed for dead_letter in dead_letters.look(queue)] == [2]
        assert dead_letters.replay_due(queue, later) == 0
        assert dead_letters.replay_due(queue, much_later) == 1
    finally:
        lift()
    assert run() == (1, 0)
    assert count() == 2


def test_a_run_puts_back_what_is_due_for_the_next_one(queue, late_index, search_client, count, monkeypatch):
    """And leaves other dead letters where they are."""
    dead_letters.reject(queue, [({"no": "event"}, "preprocessor: KeyError")])
    lift = write_block(search_client, late_index)
    try:
        current_stats.publish(EVENT, [download(LATE, file_id="late")])
        assert run() == (0, 1)
    finally:
        lift()
    assert run() == (0, 0)
    monkeypatch.setattr(postponing, "FIRST_WAIT", timedelta(0))
    assert run() == (0, 0)
    assert queue_depth.depth(queue) == 1
    assert run() == (1, 0)
    assert count() == 2
    assert queue_depth.dead(queue) == 1


def test_an_index_that_cannot_be_made_holds_up_no_other(queue, search_client, count, monkeypatch):
    """The engine has as many shards as it may have, say: the indices that are there take events all the same."""
    current_stats.publish(EVENT, good_events()[:1])
    assert run() == (1, 0)
    with monkeypatch.context() as patch:
        patch.setattr(search_client.indices, "create", refuse_to_create)
        current_stats.publish(EVENT, [*good_events(), download(LATE)])
        assert run() == (60, 1)
    (dead_letter,) = dead_letters.look(queue)
    assert dead_letter.reason.endswith(f"{LATE:%Y-%m-%d}: validation_exception")
    dead_letters.replay(queue)
    assert run() == (1, 0)
    assert count() == 50 + 1


def refuse_to_create(index, body=None, **options):
    error = {"type": "validation_exception", "reason": "this cluster has the maximum of shards open"}
    raise search.exceptions.RequestError(400, error["type"], {"error": error, "status": 400})


@pytest.fixture
def store(queue, search_client, index_prefix):
    """Return a function that makes a store with a memory of its own."""
    alias = f"{index_prefix}events-stats-{EVENT}"
    clock = lambda: datetime.now(timezone.utc)  # noqa: E731
    return lambda: EventStore(search_client, alias, names.DAILY_SUFFIX, 30, None, clock)


def test_a_click_whose_neighbour_cannot_be_checked_waits_for_it(store, search_client, index_prefix, refresh):
    """Across midnight the day before is closed: the click is postponed, or both would count."""
    before, after = at(-10, 5, start=MIDNIGHT)
    alone = at(600, start=MIDNIGHT)
    assert store().store_clicks([before]).new == 1
    yesterday = f"{index_prefix}events-stats-{EVENT}-{before.moment:%Y-%m-%d}"
    search_client.indices.close(index=yesterday)
    try:
        result = store().store_clicks([after, *alone])
        assert (result.new, result.postponed) == (1, 1)
        ((event, reason),) = result.refused
        assert reason.endswith(f"{before.moment:%Y-%m-%d}: index_closed_exception")
        assert event["previous_visitor_id"] == after.previous_visitor_id
    finally:
        search_client.indices.open(index=yesterday, wait_for_active_shards="1")
    assert store().store_clicks([after]).postponed == 0
    refresh()
    hits = search_client.search(index=f"{index_prefix}events-stats-{EVENT}-*", size=10)["hits"]["hits"]
    assert counted(hit["_source"] for hit in hits) == kept_by_thing([before, after, *alone], 30)


def test_a_later_batch_of_the_run_does_not_wait_again(store, search_client, index_prefix, monkeypatch):
    event_store = store()
    event_store.store_clicks(at(5))
    lift = write_block(search_client, event_store.index_of(at(5)[0].moment))
    pauses = []
    monkeypatch.setattr(time, "sleep", pauses.append)
    try:
        assert event_store.store_clicks(at(100)).postponed == 1
        assert len(pauses) == 3
        assert event_store.store_clicks(at(200)).postponed == 1
        assert len(pauses) == 3
    finally:
        lift()


class OneShardLost:
    """A client that says of each document of some index that its shard is gone."""

    def __init__(self, client, index):
        self._client, self._index = client, index

    def __getattr__(self, name):
        return getattr(self._client, name)

    def bulk(self, **arguments):
        answer = self._client.bulk(**arguments)
        lost = {"status": 503, "error": {"type": "unavailable_shards_exception", "reason": "primary shard is gone"}}
        lines = arguments["body"].splitlines()[::2]
        items = [
            {"create": lost} if self._index.encode() in line else item
            for line, item in zip(lines, answer["items"], strict=True)
        ]
        return {"items": items}


def test_a_lost_shard_holds_up_no_other_index(store, search_client):
    """While others are stored it is a matter of that index; where nothing is stored it may be an outage."""
    event_store, gone = store(), store().index_of(at(5, start=MIDNIGHT)[0].moment)
    event_store._client = event_store._writer._engine._client = OneShardLost(search_client, gone)
    clicks = at(5, start=MIDNIGHT)
    with pytest.raises(EngineUnavailableError, match="none of 1 events.*unavailable_shards"):
        event_store.store_clicks(clicks)
    result = event_store.store_clicks([*clicks, *at(5)])
    assert (result.new, result.postponed) == (1, 1)


def test_a_search_that_an_index_spoils_leaves_the_first_complete_day_as_it_is_known(queue, late_index, monkeypatch):
    """A lost shard fails every search for the oldest event; events of other indices do not wait for it."""

    def spoiled(client, where, since):
        raise search.exceptions.TransportError(503, "search_phase_execution_exception", {})

    monkeypatch.setattr("invenio_stats.search.aliases.oldest", spoiled)
    current_stats.publish(EVENT, [download(NOON)])
    assert run() == (1, 0)


def test_before_the_first_complete_day_is_known_events_wait_for_that_search(queue, search_client, monkeypatch):
    """Otherwise events of deleted days would be stored."""

    def spoiled(client, where, since):
        raise search.exceptions.TransportError(503, "search_phase_execution_exception", {})

    monkeypatch.setattr("invenio_stats.search.aliases.oldest", spoiled)
    current_stats.publish(EVENT, [download(NOON)])
    assert run() == {"error": "TransportError"}
    assert queue_depth.depth(queue) == 1
