"""A broker that is away or refuses messages delays no request and no other queue, and no event is left behind."""

import socket
import sqlite3
import threading
import time
from contextlib import suppress

import pytest
from invenio_queues.queue import Queue
from kombu import Connection, Exchange
from kombu.exceptions import EncodeError

from invenio_stats.broker import queue_depth
from invenio_stats.broker.outbox import Outbox
from invenio_stats.broker.outbox import outbox as way_out
from invenio_stats.broker.transports.drivers import deliver, failure_types
from invenio_stats.broker.transports.outgoing import Outgoing
from invenio_stats.errors import EventsRefusedError, SpoolVersionError
from invenio_stats.proxies import current_stats

# py-amqp leaves the socket of a failed handshake to the garbage collector
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


def message(number=0, queue="stats-x"):
    return Outgoing(queue, str(number), "{}")


def wait_until(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come true"
        time.sleep(0.01)


@pytest.fixture
def hanging():
    """A queue of a broker that lets one connect and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        pool = Connection(f"amqp://127.0.0.1:{server.getsockname()[1]}//").Pool(limit=2)
        yield Queue(Exchange("events"), "stats-x", lambda: pool)
        pool.force_close_all()


@pytest.fixture
def box(app, tmp_path, monkeypatch):
    """Return `box(**config)`: a way out of its own, with a spool that is empty."""

    def make(**config):
        for key, value in {"STATS_SPOOL_DIR": str(tmp_path / "spool"), **config}.items():
            monkeypatch.setitem(app.config, key, value)
        return Outbox(app)

    return make


@pytest.mark.parametrize("megabytes", [0, 256])
def test_the_second_request_does_not_wait_for_a_broker_that_hangs(box, hanging, megabytes):
    """Also where the spool takes nothing: the circuit is no part of it."""
    outbox, times = box(STATS_SPOOL_MAX_MB=megabytes), []
    for number in range(3):
        begin = time.monotonic()
        try:
            outbox.send(hanging, [message(number)])
        except EventsRefusedError:
            assert megabytes == 0
        times.append(time.monotonic() - begin)
    assert outbox.is_open
    assert min(times[1:]) < 0.2  # the first one waits for seconds
    assert outbox.spool.count() == (3 if megabytes else 0)


def test_a_circuit_that_opens_while_the_thread_ends_is_closed_again(box, queues):
    """Who finds the thread at work relies on it: it must not be on its way out."""
    outbox, queue = box(), queues["record-view"]
    opened = threading.Event()
    send_on = outbox._send_on

    def last(*args, **kwargs):
        result = send_on(*args, **kwargs)
        if not opened.is_set() and outbox.spool.is_empty():
            opened.set()
            outbox._open(queue, OSError())
        return result

    outbox._send_on = last
    outbox.spool.put([message(queue=queue.routing_key)])
    outbox.send(queue, [message(1, queue.routing_key)])
    wait_until(opened.is_set)
    wait_until(lambda: not outbox.is_open)
    assert queue_depth.depth(queue) == 2


def test_a_circuit_without_a_thread_gets_one(box, queues):
    outbox, queue = box(), queues["record-view"]
    outbox._shut.add(queue.routing_key)  # no thread could be started when it opened
    outbox.send(queue, [message(1, queue.routing_key)])
    wait_until(lambda: not outbox.is_open and outbox.spool.is_empty())
    assert queue_depth.depth(queue) == 1


def test_what_an_unknown_error_has_stopped_is_kept_all_the_same(box, queues, monkeypatch):
    """Client libraries trip over broken connections in ways of their own; so does who is told to end."""
    outbox, queue = box(), queues["record-view"]
    with monkeypatch.context() as patch:
        patch.setattr(queue.connection_pool, "acquire", lambda **options: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            outbox.send(queue, [message(1, queue.routing_key)])
    assert outbox.spool.count() == 1
    assert outbox.send_spool(queue) == 1


def test_to_wait_for_a_connection_is_a_part_of_the_wait(hanging):
    """All connections of a process may be in the hands of others, who wait for the same broker."""
    pool = Connection(hanging.connection_pool.connection.as_uri(include_password=True)).Pool(limit=1)

    def wait(seconds):
        with suppress(*failure_types()):
            deliver(pool, hanging.exchange, [message()], seconds)

    other = threading.Thread(target=wait, args=(1.5,))
    other.start()
    time.sleep(0.2)
    begin = time.monotonic()
    wait(2.0)
    assert time.monotonic() - begin < 2.6
    other.join()
    pool.force_close_all()


@pytest.mark.expect_logged_errors
@pytest.mark.parametrize(
    "row",
    [
        pytest.param('["stats-record-view", "2", "{}", {}, 1, "a field of a newer release"]', id="newer"),
        pytest.param("[" * 20_000, id="deep"),
        pytest.param('["celery", "2", "{}", {}, 1]', id="queue of somebody else"),
        pytest.param('["stats-record-view", "2", "{}", {"number": NaN}, 1]', id="not a number"),
        pytest.param('["stats-record-view", "2", "{}", {"number": [1e999]}, 1]', id="infinity"),
    ],
)
def test_a_row_of_the_spool_that_cannot_be_read_stops_no_queue(box, queues, row):
    """It is rejected, and the messages of all queues go. RabbitMQ would close the connection that sends it infinity."""
    outbox = box()
    outbox.spool.put([message(1, queues["record-view"].routing_key)])
    with outbox.spool._file.writing() as database:
        database.execute("INSERT INTO waiting (since, message) VALUES (0, ?)", (row,))
    outbox.spool.put([message(3, queues["file-download"].routing_key)])
    assert outbox.send_spool(queues["record-view"]) == 2
    assert (outbox.spool.count(), outbox.spool.rejected()) == (0, 1)
    assert [queue_depth.depth(queues[name]) for name in ("record-view", "file-download")] == [1, 1]


@pytest.mark.expect_logged_errors
def test_a_spool_of_a_newer_release_leaves_publishing_alone(box, queues, tmp_path, hanging):
    """It is named when it would be needed; until then events go to the broker."""
    outbox, queue = box(), queues["record-view"]
    (tmp_path / "spool").mkdir()
    with sqlite3.connect(tmp_path / "spool" / "spool.sqlite") as database:
        database.execute("PRAGMA user_version = 7")
    database.close()
    outbox.send(queue, [message(1, queue.routing_key)])
    assert queue_depth.depth(queue) == 1
    with pytest.raises(EventsRefusedError, match="spool.sqlite is of a newer release"):
        outbox.send(hanging, [message(2)])
    with pytest.raises(SpoolVersionError):
        outbox.send_spool(queue)


@pytest.mark.parametrize("number", [1, 2760])
def test_an_event_that_is_not_json_is_said_and_costs_no_other_event(app, queues, number):
    """It is the caller's mistake: no circuit opens, and nothing goes to the spool."""
    events = [{"timestamp": "2026-11-02T10:00:00", "number": other} for other in range(2800)]
    events[number]["number"] = {1}
    with pytest.raises(EncodeError):
        current_stats.publish("record-view", events)
    assert len(list(current_stats.consume("record-view"))) == 2799
    assert not way_out().is_open
    assert way_out().spool.is_empty()
