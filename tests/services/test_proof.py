"""Each event is counted exactly once, whatever is killed, down, slow or answers in part.

Each test ends with the same sum: what `publish` accepted, by COUNTER's rule, equals what is stored, and the totals.
"""

import json
import os
import random
import socket
import subprocess
import sys
import time
from collections import defaultdict
from contextlib import ExitStack, suppress
from datetime import datetime, timedelta, timezone
from itertools import cycle, islice
from pathlib import Path
from types import SimpleNamespace

import pytest

from invenio_stats.broker import queue_depth
from invenio_stats.broker.outbox import outbox
from invenio_stats.errors import EventsRefusedError
from invenio_stats.proxies import current_stats
from tests.services.conftest import kill
from tests.services.flaky_engine import FlakyEngine

ROOT = Path(__file__).parent.parent.parent
EVENT, AGGREGATION = "file-download", "file-download-agg"
LEASE = 3
"""Seconds after which a killed run's intervals are free again."""
START = datetime(2026, 11, 2, 23, 50, tzinfo=timezone.utc)
AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:126.0) Gecko/20100101 Firefox/126.0"

pytestmark = pytest.mark.timeout(900)


def clicks(seed: int, number: int, start: datetime = START) -> list[dict]:
    """Return clicks of people on files: double clicks, chains, across cells and midnight, in no order; some twice."""
    chance = random.Random(seed)
    events = []
    while len(events) < number:
        person, file = chance.randrange(40), chance.randrange(15)
        moment = start + timedelta(seconds=chance.randrange(1200))
        for _ in range(chance.choice([1, 1, 2, 3])):
            events.append(click(person, file, moment))
            moment += timedelta(seconds=chance.choice([1, 15, 29, 30, 31, 45]))
    chance.shuffle(events)
    return events


def click(person: int, file: int, moment: datetime) -> dict:
    """Return a raw download."""
    return {
        "timestamp": moment.replace(tzinfo=None).isoformat(),
        "bucket_id": "B",
        "file_id": f"F{file}",
        "file_key": "paper.pdf",
        "size": 1,
        "ip_address": f"198.51.100.{person}",
        "user_agent": AGENT,
    }


def counted(events: list[dict]) -> dict[tuple[str, str], int]:
    """Return how often each file counts on each day: clicks at most 30 seconds apart are one, the last."""
    streams = defaultdict(set)
    for event in events:
        streams[event["ip_address"], event["file_id"]].add(datetime.fromisoformat(event["timestamp"]))
    totals = defaultdict(int)
    for (_person, file), moments in streams.items():
        ordered = sorted(moments)
        for moment, following in zip(ordered, [*ordered[1:], None], strict=True):
            if following is None or (following - moment).total_seconds() > 30:
                totals[file, moment.date().isoformat()] += 1
    return dict(totals)


@pytest.fixture
def ready(app, rabbitmq_url, real_engine_url, queues, put_templates, refresh, search_client, index_prefix):
    """The services of this run, empty."""


@pytest.fixture
def results(refresh, search_client, index_prefix):
    """Return what is stored and what the totals say, by file and day."""

    def read():
        refresh()
        alias, found = f"{index_prefix}events-stats-{EVENT}", defaultdict(int)
        for hit in everything(search_client, alias):
            found[hit["file_id"], hit["timestamp"][:10]] += 1
        totals = {
            (hit["file_id"], hit["timestamp"][:10]): hit["count"]
            for hit in everything(search_client, f"{index_prefix}stats-{EVENT}")
        }
        return dict(found), totals

    return read


def everything(client, alias):
    """Yield every document behind an alias."""
    answer = client.search(index=alias, body={"size": 10000, "track_total_hits": True}, ignore_unavailable=True)
    assert answer["hits"]["total"]["value"] <= 10000
    return (hit["_source"] for hit in answer["hits"]["hits"])


class Nursery:
    """Workers to be killed."""

    def __init__(self, app_config, **changes):
        kept = ("BROKER_URL", "SEARCH_HOSTS", "SEARCH_INDEX_PREFIX", "SECRET_KEY", "STATS_SPOOL_DIR")
        kept += ("CACHE_TYPE", "CACHE_REDIS_URL", "CACHE_KEY_PREFIX")
        app = {key: value for key, value in app_config.items() if key in kept}
        app |= {"STATS_LEASE_SECONDS": LEASE, **changes}
        app["STATS_EVENTS"] = {EVENT: "tests.services.test_proof.event_entry"}
        app["STATS_AGGREGATIONS"] = {AGGREGATION: "tests.services.test_proof.aggregation_entry"}
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "cwd": ROOT}
        self.process = subprocess.Popen([sys.executable, "-m", "tests.services.nursery"], **pipes)
        self._tell(json.dumps({"app": app, "events": [EVENT], "aggregations": [AGGREGATION]}))
        assert self.process.stdout.readline() == "ready\n"

    def _tell(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def start(self) -> int:
        self._tell("go")
        return int(self.process.stdout.readline())

    def wait(self) -> None:
        self._tell("wait")
        assert self.process.stdout.readline() == "done\n"

    def close(self):
        self.process.kill()
        self.process.communicate()


def event_entry(app):
    """The shipped event type, as an entry by import string."""
    from invenio_stats.contrib.config import EVENTS_CONFIG

    return EVENTS_CONFIG[EVENT]


def aggregation_entry(app):
    """The shipped aggregation, as an entry by import string."""
    from invenio_stats.contrib.config import AGGREGATIONS_CONFIG

    return AGGREGATIONS_CONFIG[AGGREGATION]


@pytest.fixture
def nursery(app_config, ready):
    """A nursery of workers; closed at the end, whoever is left in it."""
    made = []

    def make(**changes):
        made.append(Nursery(app_config, **changes))
        return made[-1]

    yield make
    for created in made:
        created.close()


def publish(events):
    """Publish events as programs do: one alone, a few, and many at once, which share messages."""
    waiting, sizes = iter(events), cycle((1, 7, 150, 42))
    while part := list(islice(waiting, next(sizes))):
        current_stats.publish(EVENT, [dict(event) for event in part])


def settle(nursery_of_workers, queues, seconds=120):
    """Let workers run until nothing waits any more, and once more for what was on the way."""
    end = time.monotonic() + seconds
    while True:
        nursery_of_workers.start()
        nursery_of_workers.wait()
        if queue_depth.depth(queues[EVENT]) == 0:
            break
        assert time.monotonic() < end, f"{queue_depth.depth(queues[EVENT])} events still wait"
        time.sleep(1)
    time.sleep(LEASE)
    nursery_of_workers.start()
    nursery_of_workers.wait()


def wait_for_spool(seconds=100):
    """Wait until all that this process has kept is sent on."""
    end = time.monotonic() + seconds
    while outbox().spool.count() or outbox().is_open:
        assert time.monotonic() < end
        time.sleep(0.1)


def report(fault, times, expected, stored, totals):
    """Print a line of the table that a person reads with `-s`."""
    lost = sum(max(0, number - stored.get(pair, 0)) for pair, number in expected.items())
    doubled = sum(max(0, number - expected.get(pair, 0)) for pair, number in stored.items())
    wrong = sum(1 for pair in expected.keys() | totals.keys() if expected.get(pair) != totals.get(pair))
    print(f"{fault:44} {times:4} times  lost {lost}  doubled {doubled}  totals that differ {wrong}")  # noqa: T201


def test_a_worker_killed_fifty_times(nursery, queues, results):
    workers, chance = nursery(), random.Random(1)
    sent, killed = clicks(1, 12000), 0
    publish(sent[:3000])
    for turn in range(50):
        part = sent[3000 + turn * 180 : 3000 + (turn + 1) * 180]
        publish(part)
        pid = workers.start()
        time.sleep(chance.uniform(0.02, 0.7))
        killed += kill(pid)
    publish(sent[3000 + 50 * 180 :])
    settle(workers, queues)
    stored, totals = results()
    report("worker killed with -9", killed, counted(sent), stored, totals)
    assert stored == counted(sent)
    assert totals == stored
    assert killed >= 10, "many of them died while they worked"


def test_two_workers_at_once_one_of_them_killed_again_and_again(nursery, queues, results):
    first, second, chance = nursery(), nursery(), random.Random(2)
    sent = clicks(2, 6000)
    publish(sent)
    first.start()
    killed = 0
    for _ in range(10):
        pid = second.start()
        time.sleep(chance.uniform(0.05, 0.4))
        killed += kill(pid)
    first.wait()
    settle(first, queues)
    stored, totals = results()
    report("two workers, one killed with -9", killed, counted(sent), stored, totals)
    assert stored == counted(sent)
    assert totals == stored
    assert killed


def test_a_broker_that_stops_and_starts_while_events_come_and_go(nursery, queues, results, rabbitmq):
    workers, sent = nursery(), clicks(3, 4000)
    for turn in range(4):
        publish(sent[turn * 1000 : turn * 1000 + 500])
        workers.start()
        time.sleep(0.3)
        rabbitmq.crash() if turn % 2 else rabbitmq.restart()
        publish(sent[turn * 1000 + 500 : (turn + 1) * 1000])
        rabbitmq.start()
        workers.wait()
    wait_for_spool()
    publish(sent[4000:])
    settle(workers, queues)
    stored, totals = results()
    report("RabbitMQ stopped or killed", 4, counted(sent), stored, totals)
    assert stored == counted(sent)
    assert totals == stored


def test_a_spool_that_fills_up(nursery, queues, results, rabbitmq, monkeypatch):
    """What `publish` has refused is not there; all the rest is."""
    workers, sent = nursery(), clicks(10, 4000)
    monkeypatch.setattr(outbox().spool, "_max_bytes", 256 * 1024)
    accepted, refused = [], 0
    rabbitmq.crash()
    for first in range(0, len(sent), 20):
        part = sent[first : first + 20]
        try:
            current_stats.publish(EVENT, [dict(event) for event in part])
        except EventsRefusedError as error:
            refused += error.count
        else:
            accepted += part
    assert 0 < refused == len(sent) - len(accepted) < len(sent)
    rabbitmq.start()
    wait_for_spool()
    settle(workers, queues)
    stored, totals = results()
    report(f"spool full, {refused} events refused", 1, counted(accepted), stored, totals)
    assert stored == counted(accepted)
    assert totals == stored


def test_an_engine_that_is_killed_while_it_stores(nursery, queues, results, opensearch):
    workers, sent = nursery(), clicks(4, 4000)
    publish(sent)
    for pause in (0.3, 0.8):
        workers.start()
        time.sleep(pause)
        opensearch.crash()
        time.sleep(0.5)
        opensearch.start()
        workers.wait()
    settle(workers, queues)
    stored, totals = results()
    report("OpenSearch killed with -9", 2, counted(sent), stored, totals)
    assert stored == counted(sent)
    assert totals == stored


def test_an_engine_that_is_busy_answers_half_or_not_at_all(nursery, queues, results, real_engine_url):
    sent = clicks(5, 4000)
    with FlakyEngine(real_engine_url, seed=5) as engine:
        workers = nursery(SEARCH_HOSTS=[engine.url], SEARCH_CLIENT_CONFIG={"timeout": 5, "max_retries": 0})
        for first in range(0, len(sent), 200):
            publish(sent[first : first + 200])
            workers.start()
            workers.wait()
        engine.calm()
        settle(workers, queues)
    stored, totals = results()
    report("engine: 429, 503, lost and half answers", engine.faults, counted(sent), stored, totals)
    assert stored == counted(sent)
    assert totals == stored
    assert engine.faults > 20


def test_a_minute_of_load_with_two_workers(nursery, queues, results, opensearch):
    """The soak run: STATS_SOAK_SECONDS=600 makes it ten minutes. Both process and aggregate; the engine dies once."""
    seconds = int(os.environ.get("STATS_SOAK_SECONDS", 60))
    first, second, chance, sent, kills = nursery(), nursery(), random.Random(6), [], 0
    end, crash = time.monotonic() + seconds, time.monotonic() + seconds / 2
    while time.monotonic() < end:
        part = clicks(chance.randrange(1 << 30), 400)
        sent += part
        publish(part)
        first.start()
        pid = second.start()
        if time.monotonic() > crash:
            opensearch.crash()
            opensearch.start()
            crash = end + 1
        if chance.random() < 0.3:
            time.sleep(chance.uniform(0.1, 0.5))
            kills += kill(pid)
        first.wait()
        second.wait()
    settle(first, queues)
    stored, totals = results()
    report(f"{seconds} s of load, {len(sent)} events, kills", kills, counted(sent), stored, totals)
    assert stored == counted(sent)
    assert totals == stored


def free_ports(nodes: int) -> int:
    """Return a port at which nobody listens, nor at those after it and the hundredth ones: below those of clients."""
    for first in random.Random(os.getpid()).sample(range(10_000, 30_000), 100):
        with ExitStack() as stack, suppress(OSError):
            for port in (first + step + number for step in (0, 100) for number in range(nodes)):
                stack.enter_context(socket.socket()).bind(("127.0.0.1", port))
            return first
    raise AssertionError("100 times, some port was taken")


@pytest.fixture
def cluster(tmp_path_factory):
    """Three nodes of the real engine, of this test's own."""
    folder = tmp_path_factory.mktemp("cluster")
    environment = {**os.environ, "OPENSEARCH_NODE_DIR": str(folder)}

    def node(*arguments):
        done = subprocess.run(
            [ROOT / "scripts/engine/opensearch-node", *arguments], env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip().splitlines()[-1] if done.stdout.strip() else ""

    first = free_ports(3)
    node("start", "--nodes", "3", "--heap", "512m", "--quick", "--port", str(first))
    yield SimpleNamespace(run=node, hosts=[f"http://127.0.0.1:{first + number}" for number in range(3)])
    node("stop", "--purge")


def test_a_cluster_that_loses_a_node(nursery, queues, cluster, app, index_prefix):
    """With a replica everything that was acknowledged is still there."""
    from opensearchpy import OpenSearch

    client = OpenSearch(cluster.hosts, timeout=30, max_retries=5, retry_on_timeout=True)
    client.indices.put_template(
        f"{index_prefix}replicas",
        {
            "index_patterns": [f"{index_prefix}*"],
            "order": 10,
            "settings": {"index": {"auto_expand_replicas": "1-1", "number_of_replicas": 1}},
        },
    )
    put_templates_on(app, client)
    workers, sent = nursery(SEARCH_HOSTS=cluster.hosts), clicks(7, 4000)
    publish(sent[:500])
    workers.start()
    workers.wait()
    # An index that was made a moment ago may have its only copy on the node that dies.
    client.cluster.health(index=f"{index_prefix}*", wait_for_status="green", timeout="60s", request_timeout=90)
    publish(sent[500:2000])
    workers.start()
    time.sleep(0.4)
    cluster.run("kill", "n2")
    publish(sent[2000:])
    workers.wait()
    settle(workers, queues)
    client.indices.refresh(f"{index_prefix}*")
    stored, totals = defaultdict(int), {}
    for hit in everything(client, f"{index_prefix}events-stats-{EVENT}"):
        stored[hit["file_id"], hit["timestamp"][:10]] += 1
    for hit in everything(client, f"{index_prefix}stats-{EVENT}"):
        totals[hit["file_id"], hit["timestamp"][:10]] = hit["count"]
    client.close()
    report("a node of three killed with -9", 1, counted(sent), stored, totals)
    assert dict(stored) == counted(sent)
    assert totals == dict(stored)


def put_templates_on(app, client):
    """Place the templates of the application on another engine."""
    state = app.extensions["invenio-search"]
    before, state._client = state._client, client
    try:
        assert list(state.put_templates())
    finally:
        state._client = before
