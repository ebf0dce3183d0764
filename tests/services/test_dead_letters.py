"""Dead letters on RabbitMQ: whoever is killed, each of them is in one place, or in two with the same id."""

import gc
import json
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from kombu import Queue as KombuQueue
from kombu.message import Message

from invenio_stats.broker import dead_letters, queue_depth
from invenio_stats.broker.dead_letters import DeadLetterFilter
from invenio_stats.broker.transports.channels import open_channel
from invenio_stats.broker.transports.drivers import failure_types
from invenio_stats.core.events import IdentifiedEvent
from invenio_stats.processors import EventsIndexer
from invenio_stats.proxies import current_stats
from tests.services.conftest import kill

ROOT = Path(__file__).parent.parent.parent
EVENT = "record-view"

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def queue(app, rabbitmq_url, queues):
    """The queue of views, without dead letters."""
    return queues[EVENT]


def dead_letters_of(first: int, count: int, reason: str = "preprocessor: ValueError"):
    """Return numbered views of nobody, each with the reason why it is dead."""
    event = {"timestamp": "2026-11-02T10:00:00", "pid_type": "recid"}
    return [
        (IdentifiedEvent({**event, "pid_value": str(number)}, f"id-{number}"), reason)
        for number in range(first, first + count)
    ]


def ids(queue, name: str) -> list[str]:
    """Return the ids of what is on a queue, in order, and leave it there."""
    found = []
    with open_channel(queue) as channel:
        bound = KombuQueue(name)(channel)
        while (message := bound.get(no_ack=False)) is not None:
            found.append(message.properties["message_id"])
    return found


@pytest.fixture
def replayer(app_config, queue):
    """A process that makes others which replay, to be killed."""
    kept = ("BROKER_URL", "SEARCH_HOSTS", "SEARCH_INDEX_PREFIX", "SECRET_KEY", "STATS_SPOOL_DIR", "CACHE_TYPE")
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "cwd": ROOT}
    process = subprocess.Popen([sys.executable, "-m", "tests.services.replayer"], **pipes)

    def ask(line):
        process.stdin.write(line + "\n")
        process.stdin.flush()
        return process.stdout.readline().strip()

    assert ask(json.dumps({key: app_config[key] for key in kept if key in app_config})) == "ready"
    yield ask
    process.kill()
    process.communicate()


def settled(queue, expected: set[str]) -> tuple[list[str], list[str]]:
    """Return the ids on both queues once the broker has noticed that who held some of them is dead."""
    end = time.monotonic() + 20
    while True:
        dead, alive = ids(queue, dead_letters.dead_name(queue)), ids(queue, queue.routing_key)
        if expected <= {*dead, *alive} or time.monotonic() > end:
            return dead, alive
        time.sleep(0.1)


def test_a_replay_that_is_killed_again_and_again_loses_none(queue, replayer, put_templates, search_client, refresh):
    """After the next one has done the rest, each event is stored once."""
    expected, killed, copies, chance = set(), 0, 0, random.Random(12)
    for _ in range(15):
        if queue_depth.dead(queue) < 3000:
            dead_letters.reject(queue, dead_letters_of(len(expected), 2000))
            expected |= {f"id-{len(expected) + number}" for number in range(2000)}
        pid = int(replayer("go"))
        time.sleep(chance.uniform(0.02, 0.4))
        killed += kill(pid)
        dead, alive = settled(queue, expected)
        assert {*dead, *alive} == expected
        assert len(dead) == len(set(dead))
        copies = len(dead) + len(alive) - len(expected)
    print(f"replay killed with -9  {killed} times  lost 0 of {len(expected)}  second copies, same id: {copies}")  # noqa: T201
    assert killed >= 8, "most of them died while they worked"
    replayer("go")
    replayer("wait")
    assert ids(queue, dead_letters.dead_name(queue)) == []
    assert set(ids(queue, queue.routing_key)) == expected
    outcome = EventsIndexer(queue).run()
    refresh()
    assert outcome.stored - outcome.duplicates == len(expected)
    assert search_client.count(index=EventsIndexer(queue).index)["count"] == len(expected)


def test_reading_leaves_them_in_their_order_and_is_complete_when_it_returns(queue):
    dead_letters.reject(queue, dead_letters_of(0, 3000))
    before = ids(queue, dead_letters.dead_name(queue))
    for _ in range(3):
        assert dead_letters.summary(dead_letters.look(queue))["preprocessor: ValueError"]["count"] == 3000
        assert queue_depth.dead(queue) == 3000
    assert next(dead_letters.look(queue)).message_id == "id-0"
    assert ids(queue, dead_letters.dead_name(queue)) == before
    assert dead_letters.replay(queue, DeadLetterFilter(limit=2999)) == 2999
    assert queue_depth.dead(queue) == 1


def test_of_many_dead_letters_few_are_in_memory(queue):
    """There may be a million of them; a worker and a command have room for a batch."""
    dead_letters.reject(queue, [*dead_letters_of(0, 3000), *dead_letters_of(3000, 10, "engine: x")])

    def held():
        return sum(issubclass(type(thing), Message) for thing in gc.get_objects())

    looking = [held() for number, _dead_letter in enumerate(dead_letters.look(queue)) if number % 500 == 0]
    assert max(looking) < 10
    replaying: list[int] = []
    assert dead_letters.replay(queue, DeadLetterFilter("pre"), on_batch=lambda count: replaying.append(held())) == 3000
    assert max(replaying) < 510
    assert dead_letters.purge(queue) == 10


def test_two_who_replay_at_once_share_them(queue, replayer):
    """Whoever has looked at as many as there were gives back what else it holds, perhaps when the other has gone."""
    dead_letters.reject(queue, dead_letters_of(0, 3000))
    replayer("go")
    replayer("go")
    replayer("wait")
    found, left = ids(queue, queue.routing_key), ids(queue, dead_letters.dead_name(queue))
    assert len({*found, *left}) == len(found) + len(left) == 3000
    assert len(left) < 3000
    assert dead_letters.replay(queue) == len(left)
    assert len(set(ids(queue, queue.routing_key))) == 3000


def test_a_broker_without_the_exchange_gets_it(queue):
    """A new broker gets the dead letters of an old one, say: nobody has published there yet."""
    dead_letters.reject(queue, dead_letters_of(0, 3))
    with open_channel(queue) as channel:
        queue.exchange(channel).delete()
    vars(queue).pop("declared_by", None)
    assert dead_letters.replay(queue) == 3
    assert sorted(ids(queue, queue.routing_key)) == ["id-0", "id-1", "id-2"]


def test_a_broker_that_dies_during_a_replay_keeps_them_all(queue, rabbitmq):
    dead_letters.reject(queue, dead_letters_of(0, 3000))
    batches = []

    def crash(count):
        batches.append(count)
        if len(batches) == 2:
            rabbitmq.crash()

    with pytest.raises(failure_types()):
        dead_letters.replay(queue, on_batch=crash)
    rabbitmq.start()
    dead, alive = settled(queue, {f"id-{number}" for number in range(3000)})
    assert {*dead, *alive} == {f"id-{number}" for number in range(3000)}
    assert len(dead) >= 2000
    assert dead_letters.replay(queue) == len(dead)
    assert queue_depth.dead(queue) == 0
    assert current_stats.events[EVENT].queue is queue
