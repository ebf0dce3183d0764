"""How much memory a worker takes, by backlog: `python benchmarks/backlog.py BROKER_URL SEARCH_URL [MESSAGES...]`.

Publishes that many views, processes them in a process of its own, and prints the most memory that it had, what it had
before, and how many events it stored a second. Uses an index prefix of its own and deletes its indices.
"""

import argparse
import multiprocessing
import resource
import time
import uuid
from datetime import datetime, timedelta

from flask import Flask
from invenio_cache import InvenioCache
from invenio_queues import InvenioQueues
from invenio_search import InvenioSearch

from invenio_stats import InvenioStats
from invenio_stats.contrib.config import EVENTS_CONFIG
from invenio_stats.proxies import current_stats

START = datetime.fromisoformat("2026-11-01T00:00:00")
AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:126.0) Gecko/20100101 Firefox/126.0"


def make_app(settings: dict) -> Flask:
    """Return an application that can publish and process."""
    app = Flask("bench")
    app.config.update(CACHE_TYPE="SimpleCache", STATS_EVENTS=EVENTS_CONFIG, STATS_PROCESS_SECONDS=None, **settings)
    for extension in (InvenioCache, InvenioQueues, InvenioSearch, InvenioStats):
        extension(app)
    return app


def publish(messages: int) -> None:
    """Put views of many people on the queue."""
    for first in range(0, messages, 1000):
        current_stats.publish(
            "record-view",
            [
                {
                    "timestamp": (START + timedelta(seconds=number * 1.7)).isoformat(timespec="seconds"),
                    "record_id": "R",
                    "pid_type": "recid",
                    "pid_value": str(number % 5000),
                    "referrer": None,
                    "ip_address": f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}",
                    "user_agent": AGENT,
                }
                for number in range(first, first + 1000)
            ],
        )


def megabytes() -> float:
    """Return the most memory that this process had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def process(settings: dict, answer) -> None:
    """Process all that waits; send what that took."""
    app = make_app(settings)
    with app.app_context():
        definition = current_stats.events["record-view"]
        definition.cls(**definition.params).run()  # nothing, or what is left: the worker is warm
        answer.send(megabytes())
        answer.recv()
        start = time.monotonic()
        outcome = definition.cls(**definition.params).run()
        answer.send((outcome.stored, time.monotonic() - start, megabytes()))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("broker_url")
    parser.add_argument("search_url")
    parser.add_argument("messages", type=int, nargs="*", default=[10_000, 100_000])
    arguments = parser.parse_args()
    prefix = f"bench-{uuid.uuid4().hex[:8]}-"
    settings = {
        "BROKER_URL": arguments.broker_url,
        "SEARCH_HOSTS": [arguments.search_url],
        "SEARCH_INDEX_PREFIX": prefix,
    }
    app = make_app(settings)
    spawn = multiprocessing.get_context("spawn")
    print(f"{'messages':>10}{'idle MiB':>10}{'most MiB':>10}{'over':>8}{'events/s':>10}")
    try:
        for messages in arguments.messages:
            ours, theirs = spawn.Pipe()
            worker = spawn.Process(target=process, args=(settings, theirs))
            worker.start()
            idle = ours.recv()
            with app.app_context():
                publish(messages)
            ours.send("go")
            stored, seconds, most = ours.recv()
            worker.join()
            assert stored == messages, f"{stored} of {messages} were stored"
            rate = stored / seconds
            print(f"{messages:>10}{idle:>10.0f}{most:>10.0f}{most - idle:>8.0f}{rate:>10.0f}", flush=True)
    finally:
        with app.app_context():
            client = app.extensions["invenio-search"].client
            client.indices.delete(index=f"{prefix}*", ignore=[404])


if __name__ == "__main__":
    main()
