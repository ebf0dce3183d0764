"""Broker, engine and worker are killed, and no event is lost.

What is killed comes last among the fixtures, so that it is started again before the others tidy up.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from invenio_search.engine import search
from kombu import pools

from invenio_stats.errors import EngineUnavailableError
from invenio_stats.proxies import current_stats

ROOT = Path(__file__).parent.parent.parent
INDEXER = "invenio_stats.processors.EventsIndexer"
VIEWS = 20


def view(number: int) -> dict:
    """Return a view of a record of its own."""
    return {
        "timestamp": f"2026-11-02T10:00:{number % 60:02}",
        "record_id": f"R{number}",
        "pid_type": "recid",
        "pid_value": str(number),
        "referrer": None,
        "ip_address": "192.0.2.1",
        "user_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:126.0) Gecko/20100101 Firefox/126.0",
        "user_id": None,
        "session_id": None,
    }


def publish(first: int = 0):
    current_stats.publish("record-view", [view(number) for number in range(first, first + VIEWS)])


def forget_connections(queues):
    """Begin like a new worker: without the connections that the broker has closed."""
    pools.reset()
    for queue in queues.values():
        vars(queue).pop("connection_pool", None)


def process():
    definition = current_stats.events["record-view"]
    return definition.cls(**definition.params).run()


@pytest.fixture
def stored(search_client, put_templates, refresh, index_prefix):
    """Return a function that counts the stored views."""

    def count():
        refresh()
        return search_client.count(index=f"{index_prefix}events-stats-record-view")["count"]

    return count


def test_what_was_published_survives_a_restart_of_the_broker(queues, stored, rabbitmq):
    """Queues are durable and messages persistent."""
    publish()
    rabbitmq.restart()
    forget_connections(queues)
    assert process() == (VIEWS, 0)
    assert stored() == VIEWS


def test_publishing_goes_on_after_the_broker_crashed(queues, stored, rabbitmq):
    """The connection in the pool is dead then, and a new one is opened without anybody noticing.

    What had been acknowledged just before the crash may come again; it is stored once all the same.
    """
    publish()
    process()
    rabbitmq.crash()
    rabbitmq.start()
    publish(first=VIEWS)
    process()
    assert stored() == 2 * VIEWS


def test_a_worker_that_is_killed_gives_its_batch_back(rabbitmq_url, app_config, events_config, queues, stored):
    """Nothing is acknowledged before it is stored."""
    publish()
    plain = {key: value for key, value in app_config.items() if key in ("BROKER_URL", "SEARCH_HOSTS", "SECRET_KEY")}
    settings = json.dumps({**plain, "CACHE_TYPE": "SimpleCache", "STATS_EVENTS": {"record-view": {"cls": INDEXER}}})
    worker = subprocess.Popen(
        [sys.executable, "-m", "tests.services.reader"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    with worker:
        worker.stdin.write(settings)
        worker.stdin.close()
        assert worker.stdout.readline().strip() == str(VIEWS)
        worker.kill()
    assert process() == (VIEWS, 0)
    assert stored() == VIEWS


def test_events_wait_for_an_engine_that_crashed(rabbitmq_url, queues, stored, opensearch):
    """They stay on the queue, and are stored once it is back."""
    publish()
    opensearch.crash()
    with pytest.raises((EngineUnavailableError, search.exceptions.ConnectionError)):
        process()
    opensearch.start()
    assert process() == (VIEWS, 0)
    assert stored() == VIEWS
