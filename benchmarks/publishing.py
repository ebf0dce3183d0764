"""How long a request waits for `publish`: `python benchmarks/publishing.py BROKER_URL`.

With the broker up; hanging (SIGSTOP), where --pid names its process; and down (nothing listens). Prints p50, p99
and the longest in milliseconds, and what became of the events: on the broker and in the spool.
"""

import argparse
import os
import signal
import socket
import statistics
import tempfile
import time

from flask import Flask
from invenio_cache import InvenioCache
from invenio_queues import InvenioQueues

from invenio_stats import InvenioStats
from invenio_stats.broker import queue_depth
from invenio_stats.broker.outbox import outbox
from invenio_stats.contrib.config import EVENTS_CONFIG
from invenio_stats.proxies import current_stats

AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:126.0) Gecko/20100101 Firefox/126.0"


def view(number: int) -> dict:
    """Return a raw view."""
    return {
        "timestamp": "2026-11-02T10:00:00",
        "record_id": "R",
        "pid_type": "recid",
        "pid_value": str(number),
        "ip_address": f"198.51.100.{number % 250}",
        "user_agent": AGENT,
    }


def run(name: str, requests: int) -> None:
    """Publish one event for each request, and print how long that took."""
    times = []
    for number in range(requests):
        start = time.perf_counter()
        current_stats.publish("record-view", [view(number)])
        times.append((time.perf_counter() - start) * 1000)
        time.sleep(0.001)
    times.sort()
    p50, p99 = statistics.median(times), times[int(len(times) * 0.99)]
    print(f"{name:10} {requests:6} requests   p50 {p50:7.2f}   p99 {p99:7.2f}   max {times[-1]:7.2f} ms", flush=True)


def measure(name: str, broker_url: str, requests: int, pid: int | None = None) -> None:
    """Publish with an application of its own; where a process is given, also while that one hangs."""
    with tempfile.TemporaryDirectory() as folder:
        app = Flask("bench", instance_path=folder)
        app.config.update(CACHE_TYPE="SimpleCache", BROKER_URL=broker_url, STATS_EVENTS=EVENTS_CONFIG)
        for extension in (InvenioCache, InvenioQueues, InvenioStats):
            extension(app)
        with app.app_context():
            run(name, requests)
            if name == "down":
                print(f"{outbox().spool.count()} events are in the spool")
                return
            if pid:
                hang(pid, requests)
            queue = current_stats.events["record-view"].queue
            print(f"{queue_depth.depth(queue)} events are on the broker, {outbox().spool.count()} in the spool")
            queue.queue.purge()


def hang(pid: int, requests: int) -> None:
    """Publish while the broker hangs, and wait until it has got what was kept meanwhile."""
    os.kill(pid, signal.SIGSTOP)
    try:
        run("hanging", requests)
    finally:
        os.kill(pid, signal.SIGCONT)
    waited = time.monotonic()
    while outbox().is_open or outbox().spool.count():
        time.sleep(0.1)
    print(f"the spool was empty {time.monotonic() - waited:.1f} s after the broker went on")


def nowhere(broker_url: str) -> str:
    """Return the address of a broker that is not there."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return f"{broker_url.partition('://')[0]}://127.0.0.1:{unused.getsockname()[1]}//"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("broker_url")
    parser.add_argument("--pid", type=int, help="the broker's process, to let it hang")
    parser.add_argument("--requests", type=int, default=2000)
    arguments = parser.parse_args()
    measure("warm-up", arguments.broker_url, 50)
    measure("up", arguments.broker_url, arguments.requests, arguments.pid)
    measure("down", nowhere(arguments.broker_url), arguments.requests)


if __name__ == "__main__":
    main()
