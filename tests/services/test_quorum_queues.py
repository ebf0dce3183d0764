"""Quorum queues of RabbitMQ, made by an operator: they drop a message that has come back too often."""

import time

import pytest
from kombu import Connection

from invenio_stats.broker import dead_letters, queue_depth
from invenio_stats.broker.dead_letters import DeadLetterFilter
from invenio_stats.broker.delivery import deliver_all
from invenio_stats.broker.messages import Batch
from invenio_stats.core.events import IdentifiedEvent
from invenio_stats.errors import EngineUnavailableError
from invenio_stats.proxies import current_stats
from invenio_stats.tasks import process_events
from tests.flow.test_tasks import VIEW

pytestmark = pytest.mark.timeout(200)

NAMES = ("stats-record-view", "stats-record-view-dead")
LIMIT = 12
"""Of the queues; with RabbitMQ 4 it would be 20 without anybody having set it."""
MORE_THAN_THE_LIMIT = 3 * LIMIT


def delete_queues(url):
    with Connection(url) as connection, connection.channel() as channel:
        for name in NAMES:
            channel.queue_delete(name)


@pytest.fixture
def queue(app, rabbitmq_url, put_templates):
    """The queue of views and that of its dead letters, which are quorum queues and not yet bound to an exchange."""
    app.extensions.pop("invenio-stats-outbox", None)
    queue = current_stats.events["record-view"].queue
    vars(queue).pop("declared_by", None)
    delete_queues(rabbitmq_url)
    arguments = {"x-queue-type": "quorum", "x-delivery-limit": LIMIT}
    with Connection(rabbitmq_url) as connection, connection.channel() as channel:
        for name in NAMES:
            channel.queue_declare(name, durable=True, auto_delete=False, arguments=arguments)
    yield queue
    vars(queue).pop("declared_by", None)
    delete_queues(rabbitmq_url)


def publish(queue, events):
    """Publish with time to spare: on a busy machine, what is confirmed late would be sent, and so counted, twice."""
    batch = Batch(queue.routing_key, lambda event: event, events)
    assert not deliver_all(queue.connection_pool, queue.exchange, batch, seconds=20)


def wait_for(count, ask):
    """Wait until `ask()` gives a number: a quorum queue counts what came back a moment later."""
    end = time.monotonic() + 10
    while (found := ask()) != count and time.monotonic() < end:
        time.sleep(0.05)
    assert found == count


def run_without_engine():
    definition = current_stats.events["record-view"]
    indexer = definition.cls(**definition.params)

    def store(clicks):
        raise EngineUnavailableError("away")

    indexer._store.store_clicks = store
    with pytest.raises(EngineUnavailableError):
        indexer.run()


@pytest.mark.expect_logged_errors
def test_queues_that_an_operator_has_made_are_used(queue):
    publish(queue, [VIEW, {**VIEW, "timestamp": "no time"}])
    wait_for(2, lambda: queue_depth.depth(queue))
    assert process_events(["record-view"]) == [("record-view", (1, 1))]
    wait_for(1, lambda: dead_letters.count(queue))


def test_while_the_engine_is_away_no_event_is_dropped(queue):
    publish(queue, [{**VIEW, "pid_value": str(number)} for number in range(3)])
    for _ in range(MORE_THAN_THE_LIMIT):
        wait_for(3, lambda: queue_depth.depth(queue))
        run_without_engine()
    wait_for(3, lambda: queue_depth.depth(queue))
    assert process_events(["record-view"]) == [("record-view", (3, 0))]
    assert queue_depth.depth(queue) == 0


def test_to_look_at_the_oldest_event_does_not_drop_it(queue):
    publish(queue, [VIEW])
    for _ in range(MORE_THAN_THE_LIMIT):
        wait_for(1, lambda: queue_depth.depth(queue))
        assert queue_depth.oldest(queue) is not None
    wait_for(1, lambda: queue_depth.depth(queue))


def test_to_look_at_dead_letters_does_not_drop_them(queue):
    events = [(IdentifiedEvent({"n": number}, f"id-{number}"), "preprocessor: KeyError") for number in range(3)]
    dead_letters.reject(queue, events)
    for _ in range(MORE_THAN_THE_LIMIT):
        wait_for(3, lambda: queue_depth.dead(queue))
        looked_at = {(found.message_id, found.reason) for found in dead_letters.look(queue)}
        assert looked_at == {(f"id-{number}", "preprocessor: KeyError") for number in range(3)}
    wait_for(3, lambda: queue_depth.dead(queue))
    assert dead_letters.purge(queue, DeadLetterFilter(reason="preprocessor")) == 3
