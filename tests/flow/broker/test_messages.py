"""Events that are published together share messages, and each is counted as if it were alone."""

import json
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invenio_stats.broker import dead_letters, queue_depth
from invenio_stats.broker.consume import Inbox
from invenio_stats.broker.messages import EVENTS_PER_MESSAGE, MAX_SINGLE_MESSAGES
from invenio_stats.broker.outbox import outbox
from invenio_stats.broker.transports.drivers import deliver
from invenio_stats.broker.transports.outgoing import Outgoing
from invenio_stats.core.events import IdentifiedEvent
from invenio_stats.core.moments import parse
from invenio_stats.errors import EventsRefusedError
from invenio_stats.operations.runner import process_one
from invenio_stats.processors import EventsIndexer
from invenio_stats.proxies import current_stats
from tests.flow.test_processors import download
from tests.laws import examples

EVENT = "file-download"


@pytest.fixture
def queue(queues, put_templates):
    return queues[EVENT]


@pytest.fixture
def publish(queue):
    """Return `publish(sizes)`: events with the ids 0, 1, 2..., so many in each call; returns the ids."""

    def run(*sizes):
        ids = iter(range(sum(sizes)))
        for size in sizes:
            these = [str(number) for number in islice(ids, size)]
            current_stats.publish(
                EVENT, [IdentifiedEvent(download(file_id=f"F{event_id}"), event_id) for event_id in these]
            )
        return [str(number) for number in range(sum(sizes))]

    return run


def _drained(inbox):
    """Read all there is, batch by batch; return the ids of each batch."""
    batches = []
    while True:
        batches.append([event.event_id for event in inbox.consume()])
        inbox.acknowledge()
        if not inbox.has_more:
            inbox.release()
            return batches


def test_many_events_share_messages_and_few_do_not(publish, queue):
    publish(MAX_SINGLE_MESSAGES)
    assert queue_depth.depth(queue) == MAX_SINGLE_MESSAGES
    publish(4 * EVENTS_PER_MESSAGE)
    assert queue_depth.depth(queue) == MAX_SINGLE_MESSAGES + 4
    assert [event["file_id"] for event in current_stats.consume(EVENT)] == [
        *(f"F{number}" for number in range(MAX_SINGLE_MESSAGES)),
        *(f"F{number}" for number in range(4 * EVENTS_PER_MESSAGE)),
    ]


@examples(0.25)
@given(sizes=st.lists(st.integers(1, 90), min_size=1, max_size=8), most=st.integers(1, 60))
def test_every_event_is_handed_out_once_in_batches_that_are_not_much_too_large(publish, queue, sizes, most):
    sent = publish(*sizes)
    batches = _drained(Inbox(queue, size=most))
    assert sum(batches, []) == sent
    assert max(map(len, batches)) < most + EVENTS_PER_MESSAGE
    assert queue_depth.depth(queue) == 0


class Unreadable:
    """What no text can be made of."""

    def __str__(self):
        raise RuntimeError("the address is 192.0.2.1")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        pytest.param({"timestamp": "0001-01-01T00:00:00"}, "expired", id="year 1"),
        pytest.param({"timestamp": "9999-12-31T23:59:59"}, "in the future", id="year 9999"),
        pytest.param({"timestamp": "0001-01-01T00:00:00+14:00"}, "preprocessor: ValueError", id="before the calendar"),
        pytest.param({"timestamp": None}, "preprocessor: ValueError", id="no timestamp"),
        pytest.param({"user_id": Unreadable()}, "pseudonymization: RuntimeError", id="no text"),
    ],
)
@pytest.mark.expect_logged_errors
def test_an_event_that_cannot_be_computed_costs_itself_only(queue, changes, reason):
    events = [download(file_id=f"F{number}") for number in range(200)]
    events[150].update(changes)
    current_stats.publish(EVENT, events)
    assert process_one(EVENT) == (199, 1)
    (dead_letter,) = dead_letters.look(queue)
    assert dead_letter.reason == reason
    assert "192.0.2.1" not in str(dead_letter)


def test_what_was_read_ahead_goes_back_when_a_run_ends(publish, queue):
    sent = publish(90, 5, 40)
    inbox = Inbox(queue, size=30)
    first = [event.event_id for event in inbox.consume()]
    inbox.acknowledge()
    inbox.release()
    assert first == sent[: len(first)]
    assert sorted(sum(_drained(Inbox(queue)), []), key=int) == sent[len(first) :]


def test_a_reader_that_stops_in_a_message_has_not_had_it(publish, queue):
    publish(2 * EVENTS_PER_MESSAGE)
    inbox = Inbox(queue)
    assert len(list(islice(inbox.consume(), EVENTS_PER_MESSAGE + 5))) == EVENTS_PER_MESSAGE + 5
    assert not inbox.has_more
    inbox.acknowledge()
    inbox.release()
    assert sum(_drained(Inbox(queue)), []) == [
        str(number) for number in range(EVENTS_PER_MESSAGE, 2 * EVENTS_PER_MESSAGE)
    ]


@pytest.mark.expect_logged_errors
def test_an_event_that_cannot_be_stored_takes_no_other_with_it(queue):
    events = [IdentifiedEvent(download(file_id=f"F{number}"), f"id-{number}") for number in range(40)]
    events[7]["timestamp"] = "yesterday"
    current_stats.publish(EVENT, events)
    assert process_one(EVENT) == (39, 1)
    (dead_letter,) = dead_letters.look(queue)
    assert (dead_letter.message_id, dead_letter.event["file_id"]) == ("id-7", "F7")
    dead_letters.replay(queue)
    ((replayed,),) = _drained(Inbox(queue))
    assert replayed == "id-7"


def test_a_message_that_comes_again_counts_once(queue, search_client, index_prefix, refresh):
    current_stats.publish(EVENT, [download(file_id=f"F{number}") for number in range(30)])
    messages = list(current_stats.consume(EVENT, payload=False))
    again = [Outgoing(queue.routing_key, message.properties["message_id"], _text(message.body)) for message in messages]
    for _ in range(2):
        deliver(queue.connection_pool, queue.exchange, again)
    assert process_one(EVENT) == (60, 0)
    refresh()
    assert search_client.count(index=f"{index_prefix}events-stats-{EVENT}")["count"] == 30


def _text(body):
    return body if isinstance(body, str) else bytes(body).decode()


@pytest.mark.parametrize("body", ["[]", '[["id"]]', '[["id", {}], ["id"]]', '[[1, {"a": 1}]]', '[{"a": 1}]'])
def test_a_list_that_holds_something_else_is_no_message_of_several(queue, body):
    deliver(queue.connection_pool, queue.exchange, [Outgoing(queue.routing_key, "m1", body)])
    assert process_one(EVENT) == (0, 1)
    (dead_letter,) = dead_letters.look(queue)
    assert (dead_letter.message_id, dead_letter.reason, dead_letter.event) == (
        "m1",
        "not an object of fields",
        json.loads(body),
    )


def test_the_oldest_event_is_the_first_of_its_message(queue, broker_url):
    if not broker_url.startswith("amqp"):
        pytest.skip("only AMQP lets one look")
    events = [download(file_id=f"F{number}") for number in range(30)]
    current_stats.publish(EVENT, events)
    assert queue_depth.oldest(queue) == parse(events[0]["timestamp"])


def test_a_run_of_somebodys_own_gets_them_one_by_one(publish, queue):
    class Own(EventsIndexer):
        def run(self):
            return len(list(self.actionsiter())), 0

    publish(60, 3)
    indexer = Own(queue)
    indexer.queue = Inbox(queue, size=20)
    assert indexer.run() == (63, 0)
    assert queue_depth.depth(queue) == 0


def test_events_that_are_refused_are_counted_one_by_one(queue, monkeypatch):
    box = outbox()
    monkeypatch.setattr(box, "_shut", {queue.routing_key})
    monkeypatch.setattr(box, "_ensure_thread", lambda queue: None)
    monkeypatch.setattr(box.spool, "_max_bytes", 0)
    with pytest.raises(EventsRefusedError, match="60 events"):
        current_stats.publish(EVENT, [download() for _ in range(60)])
    assert box.spool.refused() == 60


def test_events_in_the_spool_share_messages_too(queue, monkeypatch):
    box = outbox()
    with monkeypatch.context() as patch:
        patch.setattr(box, "_shut", {queue.routing_key})
        patch.setattr(box, "_ensure_thread", lambda queue: None)
        current_stats.publish(EVENT, [download(file_id=f"F{number}") for number in range(60)])
    assert box.spool.count() == 3
    assert box.send_spool(queue) == 3
    assert process_one(EVENT) == (60, 0)


def test_batches_are_full_whatever_the_messages_hold(publish, queue):
    """How many events a message has is known only once it is there."""
    publish(*[10] * 10)
    assert list(map(len, _drained(Inbox(queue, size=40)))) == [40, 40, 20]
    publish(100)
    assert list(map(len, _drained(Inbox(queue, size=50)))) == [50, 50, 0]
    publish(*[10] * 10, 100)
    assert list(map(len, _drained(Inbox(queue, size=50))))[:2] == [50, 50]
