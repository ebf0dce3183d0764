"""Events that `publish` has accepted are on the broker or in the spool, whatever is killed; no request waits."""

import gc
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from invenio_queues.queue import Queue

from invenio_stats.broker import queue_depth
from invenio_stats.broker.consume import Inbox
from invenio_stats.broker.outbox import outbox
from invenio_stats.broker.transports.channels import open_channel
from invenio_stats.broker.transports.outgoing import Outgoing
from invenio_stats.errors import EventsRefusedError
from invenio_stats.proxies import current_stats

ROOT = Path(__file__).parent.parent.parent

# py-amqp leaves the socket of a failed handshake to the garbage collector
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


def events(first: int, count: int) -> list[dict]:
    """Return numbered events of nobody."""
    return [
        {"timestamp": "2026-11-02T10:00:00", "pid_type": "recid", "pid_value": str(n)}
        for n in range(first, first + count)
    ]


@pytest.fixture
def queue(app, rabbitmq_url, queues, tmp_path, monkeypatch):
    """The queue of views, with a circuit that is closed and a spool that is empty."""
    monkeypatch.setitem(app.config, "STATS_SPOOL_DIR", str(tmp_path / "spool"))
    app.extensions.pop("invenio-stats-outbox", None)
    yield queues["record-view"]
    app.extensions.pop("invenio-stats-outbox", None)
    gc.collect()


def arrived(queue: Queue) -> list[str]:
    """Return what is on the queue, taking it off."""
    inbox, found = Inbox(queue), []
    while True:
        found += [event["pid_value"] for event in inbox.consume()]
        inbox.acknowledge()
        if not inbox.has_more:
            return found


def wait_until(condition, seconds=30):
    """Wait until a condition holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come true"
        time.sleep(0.05)


def timed_publish(first, count=1):
    begin = time.monotonic()
    current_stats.publish("record-view", events(first, count))
    return time.monotonic() - begin


def assert_nobody_waited(times):
    """One request waits for the broker's time limit, the others not at all; numbers are the benchmark's affair."""
    assert max(times) < 3
    assert sorted(times)[len(times) // 2] < 0.1


def test_while_the_broker_is_away_events_wait_in_the_spool_and_then_are_sent(queue, rabbitmq):
    timed_publish(0, 5)
    rabbitmq.crash()
    times = [timed_publish(number) for number in range(5, 105)]
    assert_nobody_waited(times)
    assert outbox().spool.count() == 100
    rabbitmq.start()
    wait_until(lambda: outbox().spool.count() == 0 and not outbox().is_open, seconds=60)
    assert set(arrived(queue)) == {str(number) for number in range(105)}


def test_a_broker_that_hangs_holds_nobody(queue, rabbitmq):
    timed_publish(0)
    pid = rabbitmq.pid()
    os.kill(pid, signal.SIGSTOP)
    try:
        times = [timed_publish(number) for number in range(1, 101)]
    finally:
        os.kill(pid, signal.SIGCONT)
    assert_nobody_waited(times)
    wait_until(lambda: outbox().spool.count() == 0 and not outbox().is_open)
    assert set(arrived(queue)) == {str(number) for number in range(101)}


def test_a_queue_that_was_deleted_is_declared_again(queue):
    timed_publish(0)
    with open_channel(queue) as channel:
        channel.queue_delete(queue.routing_key)
    timed_publish(1, 10)
    assert arrived(queue) == [str(number) for number in range(1, 11)]
    assert outbox().spool.count() == 0


def test_an_exchange_that_is_not_there_is_declared(queue):
    """A broker that is new knows neither queue nor exchange."""
    timed_publish(0)
    with open_channel(queue) as channel:
        channel.queue_delete(queue.routing_key)
        channel.exchange_delete(queue.exchange.name)
    timed_publish(1, 10)
    assert outbox().spool.count() == 0
    assert not outbox().is_open
    assert arrived(queue) == [str(number) for number in range(1, 11)]


def test_a_queue_that_takes_no_more_stops_no_other(queue, queues):
    """A limit of the broker's, say; its own events wait in the spool, behind which the others must not."""
    other = queues["file-download"]
    full = {"x-max-length": 1, "x-overflow": "reject-publish"}
    with open_channel(queue) as channel:
        channel.queue_delete(queue.routing_key)
        channel.queue_declare(queue.routing_key, durable=True, auto_delete=False, arguments=full)
        channel.queue_bind(queue.routing_key, queue.exchange.name, queue.routing_key)
    timed_publish(0, 1)
    for number in range(1, 700):
        timed_publish(number, 1)
    outbox().spool.put([Outgoing(other.routing_key, "waiting", "{}")])
    current_stats.publish("file-download", events(0, 1))
    wait_until(lambda: queue_depth.depth(other) == 2)
    current_stats.publish("file-download", events(1, 1))
    assert queue_depth.depth(other) == 3
    assert outbox().is_open
    assert outbox().spool.count() == 699
    with open_channel(queue) as channel:
        channel.queue_delete(queue.routing_key)
    wait_until(lambda: not outbox().is_open, seconds=60)
    assert len(set(arrived(queue))) == 699


def test_a_batch_costs_one_wait(queue):
    """Five thousand confirms one after the other would take seconds."""
    timed_publish(0)
    assert timed_publish(1, 5000) < 20
    assert len(arrived(queue)) == 5001


def test_threads_share_the_way_out(queue):
    threads = [threading.Thread(target=in_context, args=(current_stats.app, number * 50)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(arrived(queue))) == 400


def in_context(app, first):
    with app.app_context():
        for number in range(first, first + 50):
            current_stats.publish("record-view", events(number, 1))


@pytest.mark.expect_logged_errors
@pytest.mark.parametrize("trouble", ["full", "off", "not a folder"])
def test_what_nobody_can_take_is_refused_and_said(queue, app, rabbitmq, tmp_path, monkeypatch, caplog, trouble):
    if trouble == "not a folder":
        (tmp_path / "file").write_text("")
        monkeypatch.setitem(app.config, "STATS_SPOOL_DIR", str(tmp_path / "file" / "spool"))
    else:
        monkeypatch.setitem(app.config, "STATS_SPOOL_MAX_MB", {"full": 0.1, "off": 0}[trouble])
    app.extensions.pop("invenio-stats-outbox", None)
    rabbitmq.crash()
    accepted = 0
    for number in range(600):
        try:
            current_stats.publish("record-view", events(number, 1))
        except EventsRefusedError:
            continue
        accepted += 1
    assert (accepted > 0) is (trouble == "full")
    assert accepted < 600
    assert outbox().spool.refused() == (0 if trouble == "not a folder" else 600 - accepted)
    assert caplog.text.count("Events are refused") == 1, "once a minute, not for each"
    rabbitmq.start()
    if accepted:
        wait_until(lambda: outbox().spool.count() == 0, seconds=60)
    assert len(set(arrived(queue))) == accepted


@pytest.mark.parametrize("seed", range(5))
def test_a_publisher_that_is_killed_has_lost_nothing_that_was_accepted(queue, app_config, rabbitmq, seed, tmp_path):
    """It says each number once `publish` has returned; the broker comes and goes meanwhile."""
    chance = random.Random(seed)
    plain = {key: value for key, value in app_config.items() if key in ("BROKER_URL", "SEARCH_HOSTS", "SECRET_KEY")}
    spool = str(tmp_path / "killed")
    settings = {**plain, "CACHE_TYPE": "SimpleCache", "STATS_SPOOL_DIR": spool}
    publisher = subprocess.Popen(
        [sys.executable, "-m", "tests.services.publisher"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    with publisher:
        publisher.stdin.write(json.dumps(settings) + "\n")
        publisher.stdin.flush()
        assert publisher.stdout.readline() == "ready\n"
        if seed % 2:
            time.sleep(chance.uniform(0, 0.3))
            rabbitmq.crash()
        time.sleep(chance.uniform(0.05, 0.6))
        publisher.kill()
        accepted = {line.strip() for line in publisher.stdout}
    rabbitmq.start()
    box = outbox()
    box.spool = type(box.spool)(spool, 1 << 28)
    box.spool.take(0)
    box.send_spool(queue)
    assert accepted
    assert accepted <= set(arrived(queue))
