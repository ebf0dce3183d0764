"""How much memory a worker takes, by backlog: `python benchmarks/backlog.py BROKER_URL SEARCH_URL [EVENTS...]`.

Publishes that many views, ten at a time, processes them in a process of its own, and prints the most memory that it
had, what it had before, how many events it stored a second, and how often and how long publishing waited for a broker
that had too much to do. Uses an index prefix and a spool of its own, and deletes both.
"""

import argparse
import multiprocessing
import resource
import tempfile
import time
import uuid
from datetime import datetime, timedelta
from typing import Any

from flask import Flask
from small_app import make_app

from invenio_stats.broker.outbox import outbox
from invenio_stats.proxies import current_stats

START = datetime.fromisoformat("2026-11-01T00:00:00")
AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:126.0) Gecko/20100101 Firefox/126.0"


def view(number: int) -> dict[str, Any]:
    """Return a view, one of some fifty thousand a day."""
    return {
        "timestamp": (START + timedelta(seconds=number * 1.7)).isoformat(timespec="seconds"),
        "record_id": "R",
        "pid_type": "recid",
        "pid_value": str(number % 5000),
        "referrer": None,
        "ip_address": f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}",
        "user_agent": AGENT,
    }


def publish(events: int, at_once: int) -> tuple[int, float]:
    """Put views of many people on the queue; return how often it waited for the broker, and how long."""
    times, waited = 0, 0.0
    for first in range(0, events, at_once):
        current_stats.publish("record-view", map(view, range(first, min(first + at_once, events))))
        if outbox().is_open:
            times += 1
            waited += wait_for_broker()
    waited += wait_for_broker()
    return times, waited


def wait_for_broker() -> float:
    """Return when the broker takes messages and has what is in the spool, and how many seconds that took.

    Without it all that follows goes to the spool too, which has room for some hundred thousand.
    """
    start = time.monotonic()
    while outbox().is_open or outbox().spool.count():
        time.sleep(0.05)
    return time.monotonic() - start


def megabytes() -> float:
    """Return the most memory that this process had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def process(folder: str, settings: dict, answer) -> None:
    """Process all that waits; send what that took."""
    app = make_app(folder, STATS_PROCESS_SECONDS=None, **settings)
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
    parser.add_argument("events", type=int, nargs="*", default=[10_000, 100_000])
    parser.add_argument("--at-once", type=int, default=10, help="Published in one call; more than 10 share messages.")
    arguments = parser.parse_args()
    titles = f"{'events':>10}{'idle MiB':>10}{'most MiB':>10}{'over':>8}{'stored/s':>10}{'sent/s':>10}"
    print(f"{titles}  waits for the broker", flush=True)
    for events in arguments.events:
        prefix = f"bench-{uuid.uuid4().hex[:8]}-"
        settings = {
            "BROKER_URL": arguments.broker_url,
            "SEARCH_HOSTS": [arguments.search_url],
            "SEARCH_INDEX_PREFIX": prefix,
        }
        with tempfile.TemporaryDirectory() as folder:
            app = make_app(folder, STATS_PROCESS_SECONDS=None, **settings)
            client = app.extensions["invenio-search"].client
            try:
                print(measure(app, folder, settings, events, arguments.at_once), flush=True)
                client.indices.refresh(index=f"{prefix}events-*")
                # Beside each click of a day's first seconds stands a superseded one, by the id of the day before.
                kept = {"query": {"bool": {"must_not": {"term": {"superseded": True}}}}}
                stored = client.count(index=f"{prefix}events-*", body=kept)["count"]
                assert stored == events, f"{stored} of {events} were stored"
            finally:
                client.indices.delete(index=f"{prefix}*", ignore=[404])


def measure(app: Flask, folder: str, settings: dict, events: int, at_once: int) -> str:
    """Publish, have another process store; return the line of the table."""
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe()
    worker = spawn.Process(target=process, args=(folder, settings, theirs))
    worker.start()
    idle = ours.recv()
    start = time.monotonic()
    with app.app_context():
        times, waited = publish(events, at_once)
    sent = events / (time.monotonic() - start)
    ours.send("go")
    stored, seconds, most = ours.recv()  # with those that came twice, as after a confirmation that was late
    worker.join()
    numbers = f"{events:>10}{idle:>10.0f}{most:>10.0f}{most - idle:>8.0f}{stored / seconds:>10.0f}{sent:>10.0f}"
    return f"{numbers}  {times}, {waited:.1f} s"


if __name__ == "__main__":
    main()
