"""Redis as the broker: whoever is killed, and while it is away itself, each event is counted exactly once."""

import json
import os
import random
import signal
import time
from contextlib import contextmanager

import pytest
from redis import Redis

from invenio_stats.broker import dead_letters, queue_depth
from invenio_stats.broker.consume import Inbox
from invenio_stats.broker.outbox import outbox
from invenio_stats.proxies import current_stats
from invenio_stats.tasks import process_events
from tests.flow.test_tasks import VIEW
from tests.services.conftest import Service, kill
from tests.services.test_proof import (  # noqa: F401 - fixtures of the proof
    EVENT,
    clicks,
    counted,
    nursery,
    publish,
    report,
    results,
    settle,
    wait_for_spool,
)

pytestmark = [pytest.mark.timeout(300), pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")]

PATIENCE = {"visibility_timeout": 2}


@pytest.fixture(scope="module")
def broker_url(redis_url):
    """A database of its own: the tests' caches are in another."""
    return redis_url.rpartition("/")[0] + "/7"


@pytest.fixture(scope="module")
def app_config(app_config):
    return {**app_config, "CELERY_BROKER_TRANSPORT_OPTIONS": PATIENCE}


@pytest.fixture
def redis():
    service = Service("redis", "CACHE_REDIS_URL")
    yield service
    service.start()


@pytest.fixture
def ready(app, redis, real_engine_url, queues, put_templates, refresh, search_client, index_prefix):
    """The services of this run, empty, with a circuit that is closed."""
    app.extensions.pop("invenio-stats-outbox", None)


def workers_of(make):
    return make(CELERY_BROKER_TRANSPORT_OPTIONS=PATIENCE)


def unacknowledged(queue) -> int:
    """Return how many messages somebody has taken and not acknowledged."""
    with queue.connection_pool.acquire() as connection, connection.channel() as channel:
        return channel.client.hlen(channel.unacked_key)


def settle_all(workers, queues):
    """Let workers run until nothing waits, nor comes back from those that died."""
    end = time.monotonic() + 60
    settle(workers, queues)
    while unacknowledged(queues[EVENT]):
        assert time.monotonic() < end, f"{unacknowledged(queues[EVENT])} events have not come back"
        time.sleep(0.5)
        settle(workers, queues)


def test_a_worker_killed_again_and_again(nursery, queues, results):  # noqa: F811
    """What it had comes back after the visibility time-out, and is stored once."""
    workers, chance, sent, killed = workers_of(nursery), random.Random(11), clicks(11, 6000), 0
    publish(sent[:2000])
    for turn in range(20):
        publish(sent[2000 + turn * 200 : 2200 + turn * 200])
        pid = workers.start()
        time.sleep(chance.uniform(0.02, 0.5))
        killed += kill(pid)
    settle_all(workers, queues)
    stored, totals = results()
    report("Redis: worker killed with -9", killed, counted(sent), stored, totals)
    assert stored == counted(sent)
    assert totals == stored
    assert killed >= 4, "many of them died while they worked"


def test_it_stops_and_starts_while_events_come_and_go(nursery, queues, results, redis):  # noqa: F811
    """It keeps what it had, since `scripts/services` lets it persist; otherwise that would be lost with it."""
    workers, sent = workers_of(nursery), clicks(12, 3000)
    for turn in range(3):
        publish(sent[turn * 1000 : turn * 1000 + 500])
        workers.start()
        time.sleep(0.3)
        redis.restart()
        publish(sent[turn * 1000 + 500 : turn * 1000 + 700])
        redis.crash() if turn == 2 else None
        publish(sent[turn * 1000 + 700 : (turn + 1) * 1000])
        redis.start()
        workers.wait()
    wait_for_spool()
    settle_all(workers, queues)
    stored, totals = results()
    report("Redis stopped and started", 4, counted(sent), stored, totals)
    assert stored == counted(sent)
    assert totals == stored


@pytest.mark.parametrize("fault", ["killed", "hanging"])
def test_nobody_waits_for_it(ready, queues, redis, fault):
    """Requests go on, and what they sent waits in the spool."""

    def timed(number):
        begin = time.monotonic()
        current_stats.publish("record-view", [{"timestamp": "2026-11-02T10:00:00", "pid_value": str(number)}])
        return time.monotonic() - begin

    timed(0)
    pid = redis.pid()
    redis.crash() if fault == "killed" else os.kill(pid, signal.SIGSTOP)
    try:
        times = [timed(number) for number in range(1, 101)]
    finally:
        redis.start() if fault == "killed" else os.kill(pid, signal.SIGCONT)
    assert max(times) < 3
    assert sorted(times)[50] < 0.1
    wait_for_spool()
    inbox = Inbox(queues["record-view"])
    found = {event["pid_value"] for event in inbox.consume()}
    inbox.acknowledge()
    assert found >= {str(number) for number in range(1, 101)}


def test_it_has_forgotten_its_queues(ready, queues, redis):
    """As a Redis that does not persist has when it was started anew."""
    event = {"timestamp": "2026-11-02T10:00:00", "pid_value": "1"}
    current_stats.publish("record-view", [event])
    with queues["record-view"].connection_pool.acquire() as connection, connection.channel() as channel:
        channel.client.flushdb()
    current_stats.publish("record-view", [event])
    assert outbox().spool.count() == 0
    assert queue_depth.depth(queues["record-view"]) == 1


def test_what_is_taken_is_given_back_by_time_alone(ready, queues):
    """Without any other consumer on the database; dead letters are looked at and stay."""
    queue = queues["record-view"]
    current_stats.publish("record-view", [{"timestamp": "2026-11-02T10:00:00", "pid_value": str(n)} for n in range(3)])
    dead_letters.reject(queue, [({"a": 1}, "x")] * 3)
    dying = Inbox(queue)
    assert len(list(dying.consume())) == 3
    assert unacknowledged(queue) == 3
    killed = dying._open.pop_all()  # nothing is said to anybody
    assert list(Inbox(queue).consume()) == []
    time.sleep(PATIENCE["visibility_timeout"] + 0.5)
    inbox = Inbox(queue)
    assert len(list(inbox.consume())) == 3
    assert inbox.acknowledge() == 3
    assert unacknowledged(queue) == 0
    assert len(list(dead_letters.look(queue))) == 3
    assert dead_letters.purge(queue) == 3
    assert unacknowledged(queue) == 0
    killed.close()
    assert queue_depth.depth(queue) == 0


TAG = "00000000-0000-4000-8000-000000000001"


def item(**changes) -> dict:
    """Return an item of a list as kombu writes it, with changes of another program."""
    about = {"delivery_tag": TAG, "delivery_info": {"exchange": "events", "routing_key": f"stats-{EVENT}"}}
    return {"body": "{}", "content-type": "application/json", "content-encoding": "utf-8", "headers": {}} | {
        "properties": about | changes.pop("properties", {}),
        **changes,
    }


@pytest.mark.expect_logged_errors
@pytest.mark.parametrize(
    "foreign",
    [
        pytest.param(item(properties={"delivery_tag": 5}), id="a number as tag"),
        pytest.param(item(properties={"delivery_tag": {"a": 1}}), id="an object as tag"),
        pytest.param(item(properties={"delivery_tag": None}), id="no tag"),
        pytest.param(item(properties={"delivery_info": "x"}), id="no address"),
        pytest.param(item(properties={"body_encoding": "base64"}, body="?"), id="not its encoding"),
        pytest.param(item(properties={"body_encoding": "unknown"}), id="an unknown encoding"),
        pytest.param(item(properties={"message_id": {"a": 1}}, body="[1]"), id="an object as id"),
        pytest.param(item(body=None), id="no body"),
        pytest.param(item(body={"a": 1}), id="an object as body"),
        pytest.param({"properties": {}}, id="no properties"),
        pytest.param("text", id="a text"),
        pytest.param(None, id="nothing"),
        pytest.param(b"\xff{", id="bytes"),
        pytest.param(item(headers={"a": "\ud800"}), id="half a character"),
        pytest.param(item(properties={"delivery_info": {"routing_key": float("inf")}}), id="infinity as address"),
        pytest.param(json.dumps(item(body=1)).replace("1", "0x1").encode(), id="a hexadecimal number"),
        pytest.param(json.dumps(item(body="?")).encode().replace(b"?", b"\xff"), id="no UTF-8"),
        pytest.param(json.dumps(item(body="?")).encode().replace(b'"?"', b"[" * 990 + b"]" * 990), id="deep"),
    ],
)
def test_what_another_program_has_put_there_is_rejected_and_stops_nothing(ready, queues, foreign):
    """Once, with its reason; the events before and after it are stored."""
    queue, raw = queues[EVENT], foreign if isinstance(foreign, bytes) else json.dumps(foreign)
    publish(clicks(1, 1)[:1])
    with queue.connection_pool.acquire() as connection, connection.channel() as channel:
        channel.client.lpush(queue.routing_key, raw)
    publish(clicks(2, 1)[:1])
    definition = current_stats.events[EVENT]
    assert definition.cls(**definition.params).run() == (2, 1)
    assert (queue_depth.depth(queue), queue_depth.dead(queue), unacknowledged(queue)) == (0, 1, 0)
    assert definition.cls(**definition.params).run() == (0, 0)


@pytest.fixture
def redis_client(redis_url):
    with Redis.from_url(redis_url) as client:
        yield client


@contextmanager
def memory_full(client):
    """Redis refuses whatever takes more memory."""
    client.config_set("maxmemory", 1)
    try:
        yield
    finally:
        client.config_set("maxmemory", 0)


def test_workers_empty_the_queues_that_have_filled_redis(app, queues, put_templates, redis_client):
    current_stats.publish("record-view", [{**VIEW, "pid_value": str(number)} for number in range(500)])
    with memory_full(redis_client):
        assert process_events(["record-view"]) == [("record-view", (500, 0))]
    assert queue_depth.depth(queues["record-view"]) == 0
    assert unacknowledged(queues["record-view"]) == 0
