"""One thing that is refused, on real services: all else is counted, once, and it is too when the cause is gone."""

import json
import time
from datetime import datetime, timedelta, timezone

import pytest
from kombu import Producer

from invenio_stats.broker import dead_letters, queue_depth
from invenio_stats.broker.dead_letters import DeadLetterFilter
from invenio_stats.broker.outbox import outbox
from invenio_stats.broker.transports import amqp_publisher
from invenio_stats.broker.transports.channels import open_channel
from invenio_stats.broker.transports.drivers import deliver
from invenio_stats.broker.transports.outgoing import MessageRefusedError, Outgoing
from invenio_stats.core.events import IdentifiedEvent
from invenio_stats.proxies import current_stats
from invenio_stats.tasks import aggregate_events, process_events
from tests.flow.test_processors import TODAY, download

EVENT, AGGREGATION = "file-download", "file-download-agg"
LATE = TODAY.replace(hour=10, minute=0, second=0) - timedelta(days=3)
NOON = TODAY.replace(hour=12, minute=0, second=0) - timedelta(days=1)
LATER = datetime.now(timezone.utc) + timedelta(days=1)
TOO_LARGE = "x" * 3_000_000
"""The broker of `scripts/services` takes messages of up to 2,000,000 bytes."""

pytestmark = [pytest.mark.timeout(300), pytest.mark.expect_logged_errors]


@pytest.fixture
def queue(app, rabbitmq_url, real_engine_url, queues, put_templates, tmp_path, monkeypatch):
    """The queue of downloads on RabbitMQ, with a spool that is empty."""
    monkeypatch.setitem(app.config, "STATS_SPOOL_DIR", str(tmp_path / "spool"))
    app.extensions.pop("invenio-stats-outbox", None)
    yield queues[EVENT]
    app.extensions.pop("invenio-stats-outbox", None)


@pytest.fixture
def total(search_client, refresh, index_prefix):
    """Return a function that aggregates and returns the sum of all totals."""

    def aggregate():
        refresh()
        aggregate_events([AGGREGATION])
        refresh()
        body = {"size": 0, "aggs": {"all": {"sum": {"field": "count"}}}}
        answer = search_client.search(index=f"{index_prefix}stats-{EVENT}", body=body)
        return answer["aggregations"]["all"]["value"]

    return aggregate


def run():
    ((_name, result),) = process_events([EVENT])
    return result


def good_events() -> list[dict]:
    """Return sixty downloads of which fifty count: ten visitors click twice, twenty seconds apart, across cells."""
    once = [download(NOON, ip_address=f"192.0.2.{number}") for number in range(40)]
    seconds = (15, 35)
    return once + [
        download(NOON + timedelta(seconds=second), ip_address=f"198.51.100.{number}")
        for number in range(10)
        for second in seconds
    ]


def write_block(client, index):
    client.indices.put_settings(index=index, body={"index.blocks.write": True})
    return lambda: client.indices.put_settings(index=index, body={"index.blocks.write": None})


def close(client, index):
    client.indices.close(index=index)
    return lambda: client.indices.open(index=index)


@pytest.mark.parametrize("refuse", [write_block, close])
def test_one_index_that_refuses_holds_up_no_other(queue, search_client, index_prefix, total, refuse):
    current_stats.publish(EVENT, [download(LATE, file_id="early")])
    assert run() == (1, 0)
    index = f"{index_prefix}events-stats-{EVENT}-{LATE:%Y-%m-%d}"
    lift = refuse(search_client, index)
    try:
        store_all_but_the_late_one(queue)
    finally:
        lift()
    search_client.cluster.health(index=index, wait_for_status="yellow")
    assert dead_letters.replay_due(queue, LATER) == 1
    assert run() == (1, 0)
    assert queue_depth.dead(queue) == 0
    assert total() == 50 + 2


def test_one_index_without_its_shard_holds_up_no_other(queue, search_client, index_prefix, total):
    """The engine waits for the shard, and must not do so for longer than the client waits for the engine."""
    index = f"{index_prefix}events-stats-{EVENT}-{LATE:%Y-%m-%d}"
    allocation = "index.routing.allocation.enable"
    current_stats.publish(EVENT, [download(NOON, file_id="before")])
    assert run() == (1, 0)  # the first complete day is known since then
    search_client.indices.create(
        index=index, body={"settings": {allocation: "none"}}, params={"wait_for_active_shards": 0}
    )
    store_all_but_the_late_one(queue)
    search_client.indices.put_settings(index=index, body={allocation: "all"})
    search_client.cluster.health(index=index, wait_for_status="yellow")
    assert dead_letters.replay_due(queue, LATER) == 1
    assert run() == (1, 0)
    assert total() == 50 + 2


def store_all_but_the_late_one(queue):
    events = good_events()
    current_stats.publish(EVENT, [*events[:30], download(LATE, file_id="late"), *events[30:]])
    assert run() == (60, 1)
    assert queue_depth.depth(queue) == 0
    assert queue_depth.postponed(queue) == 1


@pytest.mark.parametrize("number", [1, 7, 60])
def test_one_event_that_the_broker_never_takes_is_rejected_and_all_others_go(queue, total, number):
    """Alone, among messages of one event, and within a message of several."""
    events = good_events()[:number]
    events[number // 2]["file_key"] = TOO_LARGE
    current_stats.publish(EVENT, events)
    assert not outbox().is_open
    assert outbox().spool.is_empty()
    (dead_letter,) = dead_letters.look(queue)
    assert dead_letter.reason == "broker: PreconditionFailed"
    assert dead_letter.event["fields"]["file_key"] > 2_900_000
    assert "xxx" not in json.dumps(dead_letter.event)
    current_stats.publish(EVENT, [download(NOON, file_id="after")])
    stored, failed = run()
    assert stored >= number  # some came twice, with the same ids: before the broker refused the one, and after that
    assert failed == 0
    assert total() == {1: 1, 7: 7, 60: 50}[number]


def test_events_that_are_too_large_together_go_one_by_one(queue, total):
    events = [download(NOON, file_id=f"F{n}", labels=["z" * 30_000] * 3) for n in range(50)]
    current_stats.publish(EVENT, events)
    assert not outbox().is_open
    assert queue_depth.dead(queue) == 0
    assert run() == (50, 0)


def test_a_message_of_the_spool_that_the_broker_never_takes_stops_no_other(queue, queues, total):
    name, other = queue.routing_key, queues["record-view"]
    body = json.dumps({**download(NOON), "file_key": TOO_LARGE})
    outbox().spool.put([Outgoing(name, "first", body), *(message(number) for number in range(5))])
    outbox().spool.put([Outgoing(other.routing_key, "other", "{}")])
    assert outbox().send_spool(queue) == 7
    assert (outbox().spool.count(), outbox().spool.rejected()) == (0, 0)
    assert [dead_letter.message_id for dead_letter in dead_letters.look(queue)] == ["first"]
    assert queue_depth.depth(other) == 1
    assert run() == (5, 0)
    assert total() == 5


def message(number: int) -> Outgoing:
    return Outgoing(f"stats-{EVENT}", str(number), json.dumps(download(NOON, file_id=f"F{number}")))


def publish_foreign(queue, body, **options):
    with open_channel(queue) as channel:
        producer = Producer(channel, exchange=queue.exchange, routing_key=queue.routing_key)
        producer.publish(body, serializer=None, content_type="application/json", content_encoding="utf-8", **options)


LONG = "i" * 300
HALF = "\\ud800"


@pytest.mark.parametrize("event_id", [LONG, HALF], ids=["too long", "no text"])
def test_an_event_with_an_id_that_no_message_can_have_is_rejected_alone(queue, total, event_id):
    """A foreign writer's, inside a message of several; confirms are counted rightly afterwards."""
    bad = {**download(NOON), "timestamp": "never"}
    pairs = [["a", download(NOON, file_id="A")], ["BAD", bad], ["c", download(NOON, file_id="C")]]
    publish_foreign(queue, json.dumps(pairs).replace("BAD", event_id))
    assert run() == (2, 1)
    (dead_letter,) = dead_letters.look(queue)
    assert dead_letter.reason.startswith("preprocessor: ")
    assert len(dead_letter.message_id) == 64
    begin = time.monotonic()
    current_stats.publish(EVENT, [download(NOON, file_id="D")])
    assert time.monotonic() - begin < 0.4
    assert not outbox().is_open
    assert run() == (1, 0)
    assert total() == 3


def test_our_own_event_with_a_long_id_is_counted_once(queue, total):
    """As an importer gives one, however often it comes."""
    for _ in range(2):
        current_stats.publish(EVENT, [IdentifiedEvent(download(NOON), LONG)])
    current_stats.publish(EVENT, [IdentifiedEvent(download(NOON), LONG) for _ in range(20)])
    assert run() == (22, 0)
    assert total() == 1


def test_a_dead_letter_that_grows_beyond_the_limit_has_a_stand_in_with_its_reason(queue, total):
    """Half a message in UTF-8 becomes three times as long in ASCII."""
    bad = {**download(NOON), "timestamp": "never", "file_key": "ü" * 700_000}
    publish_foreign(queue, json.dumps(bad, ensure_ascii=False), message_id="large")
    current_stats.publish(EVENT, [download(NOON)])
    assert run() == (1, 1)
    (dead_letter,) = dead_letters.look(queue)
    assert (dead_letter.message_id, dead_letter.reason) == ("large", "preprocessor: ValueError")
    assert dead_letter.event["bytes"] > 2_000_000
    assert run() == (0, 0)
    assert total() == 1


def test_replay_leaves_a_dead_letter_that_the_broker_does_not_take_where_it_is(queue):
    dead_letters.reject(queue, [(IdentifiedEvent({}, "a"), "x"), (IdentifiedEvent({}, "b"), "x")])
    assert dead_letters.replay(queue, DeadLetterFilter("x")) == 2
    assert queue_depth.depth(queue) == 2


def test_confirms_are_counted_rightly_after_a_message_that_could_not_be_written(queue):
    """A wrong count would have each later batch wait for confirms that never come."""
    pool, name = queue.connection_pool, queue.routing_key
    deliver(pool, queue.exchange, [message(0)], seconds=5.0)
    with pool.acquire() as connection:
        channel = amqp_publisher._channels[connection.connection]
        with pytest.raises(MessageRefusedError, match="ValueError"):
            channel.publish(queue.exchange, [Outgoing(name, LONG, "{}")], time.monotonic() + 5)
        assert channel.publish(queue.exchange, [message(1), message(2)], time.monotonic() + 5) == set()
    assert queue_depth.depth(queue) == 3
